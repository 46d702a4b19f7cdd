"""What networks are told of their data when they are built; networks import it from `components.networks`."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_TIME = -(2**62)  # stands for the time of a history that came without one


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the training split's pixel values, as fractions of 255."""

    mean: float
    std: float
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]


@dataclass(frozen=True)
class WindowShape:
    """What a forecasting network is given and asked for.

    Attributes:
        history: rows it sees.
        horizon: rows it forecasts.
        values: columns that are forecast.
        covariates: columns known in advance.
        season: rows a season; 1 without one.
        times: whether the data have times.
        step_seconds: mean seconds between two rows; None without times.
    """

    history: int
    horizon: int
    values: int
    covariates: int
    season: int
    times: bool
    step_seconds: float | None


@dataclass(frozen=True)
class SeriesStatistics:
    """Constants of the training part for each value column, in its own units.

    Attributes:
        mean: mean value.
        std: standard deviation.
        change: standard deviation of the change from row to row.
        seasonal_change: standard deviation of the change over a season.
        scale: mean absolute seasonal change, by which losses are divided.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    change: tuple[float, ...]
    seasonal_change: tuple[float, ...]
    scale: tuple[float, ...]

    @property
    def deviation(self) -> tuple[float, ...]:
        """What `std` was called when networks of one's own were first written."""
        return self.std
