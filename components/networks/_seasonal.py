"""Layers that free a history of level, unit, trend and season, and that mix naive forecasts by learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

DAMPING = 0.5  # share of the trend that a forecast starts with (damped trends: Gardner and McKenzie 1985)


@keras.saving.register_keras_serializable("labline")
class Scales(keras.layers.Layer):
    """What each history is measured in: [n, H, V] to two of [n, 1, V].

    The first is the size of its changes from row to row (mean absolute), the second that of its surprises: of the
    changes or, where that is smaller, of the changes of the seasonal changes. A hundredth of the training part's usual
    change keeps both from 0.
    """

    def __init__(self, season: int, usual: Sequence[float], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.season, self.usual = season, tuple(usual)

    def call(self, history: Any) -> tuple[Any, Any]:
        min_change = 0.01 * constant(self.usual)
        if history.shape[1] == 1:
            usual_size = ops.zeros_like(history) + 100 * min_change
            return usual_size, usual_size
        changes = history[:, 1:] - history[:, :-1]
        size = surprise = mean_size(changes)
        if past_seasons(history, self.season):
            surprise = ops.minimum(size, mean_size(changes[:, self.season :] - changes[:, : -self.season]))
        return size + min_change, surprise + min_change

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "season": self.season, "usual": self.usual}


@keras.saving.register_keras_serializable("labline")
class RowFeatures(keras.layers.Layer):
    """Each row's distance from the last one, change and, with a season, seasonal change.

    [n, H, V] to [n, rows, 2 V or 3 V]: only the last `rows` rows are given.
    """

    def __init__(self, season: int, rows: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.season, self.rows = season, rows

    def call(self, relative: Any, size: Any, surprise: Any) -> Any:
        features = [relative / (5.0 * size), since(relative, 1) / size]
        if past_seasons(relative, self.season):
            features.append(since(relative, self.season) / (3.0 * surprise))
        return ops.concatenate(features, axis=-1)[:, -self.rows :]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "season": self.season, "rows": self.rows}


@keras.saving.register_keras_serializable("labline")
class NaiveMixture(keras.layers.Layer):
    """Learned mixture of naive forecasts, as distance from the last value: [n, H, V] to [n, P, V].

    It starts as the last value or, where `seasonal` says so, as the last value, the change from this season's place to
    the forecast row's, averaged over the past seasons and freed of trend, and DAMPING times that trend. What is learnt
    is weights for each past season's change, for the growth over a season, and for how far the last value, and the last
    seasonal change, lie from exponentially weighted means of those before: what exponential smoothing and the moving
    averages of ARIMA live on.
    """

    def __init__(
        self,
        season: int,
        horizon: int,
        seasonal: Sequence[bool],
        memories: Sequence[float],
        penalty: float,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.season, self.horizon, self.seasonal = season, horizon, tuple(seasonal)
        self.memories, self.penalty = tuple(memories), penalty

    def build(self, relative_shape: Any, *others: Any) -> None:
        _, rows, values = relative_shape
        self.seasons = count_seasons(rows, self.season)
        deviations = len(self.memories) if rows > 1 else 0
        features = 2 * deviations + 2 + self.seasons if self.seasons else deviations
        self.mix = self.add_weight(
            shape=(self.horizon, features, values),
            initializer="zeros",
            regularizer=keras.regularizers.L2(self.penalty) if self.penalty else None,
            name="mix",
        )

    def call(self, relative: Any, size: Any, surprise: Any) -> Any:
        deviations = self.from_means(relative) / size
        if not self.seasons:
            return surprise * ops.einsum("nfv,pfv->npv", deviations, self.mix)
        seasonal = since(relative, self.season)[:, self.season :]
        growth = ops.mean(seasonal[:, -1 :: -self.season], axis=1, keepdims=True)
        shared = ops.concatenate(
            [deviations, self.from_means(seasonal) / surprise, seasonal[:, -1:] / size, growth / size], axis=1
        )
        changes = self.seasonal_changes(relative)
        learnt = ops.einsum("nfv,pfv->npv", shared, self.mix[:, self.seasons :]) + ops.einsum(
            "npkv,pkv->npv", changes / size[:, None], self.mix[:, : self.seasons]
        )
        start = ops.mean(changes, axis=2) + growth * self.trend()
        return start * constant(self.seasonal) + surprise * learnt

    def trend(self) -> Any:
        """Return the share of a season's growth that mends each forecast row's mean seasonal change, [1, P, 1]."""
        steps = np.arange(1, self.horizon + 1)
        within = (steps - 1) % self.season + 1  # rows over which the seasonal change holds a trend already
        return constant((DAMPING * steps - within) / self.season)[None, :, None]

    def seasonal_changes(self, relative: Any) -> Any:
        """Return, for each forecast row, the change from this place of each past season to that row's, [n, P, K, V]."""
        last = relative.shape[1] - 1
        origins = [last - number * self.season for number in range(1, self.seasons + 1)]
        rows = []
        for step in range(self.horizon):
            ahead = step % self.season + 1
            rows.append(ops.stack([relative[:, row + ahead] - relative[:, row] for row in origins], axis=1))
        return ops.stack(rows, axis=1)

    def from_means(self, rows: Any) -> Any:
        """Return the last row less each exponentially weighted mean of those before, [n, memories, V]; of one, none."""
        number = rows.shape[1] - 1
        if not number:
            return rows[:, :0]
        weights = np.power(np.asarray(self.memories)[:, None], np.arange(number)[::-1][None])
        means = ops.einsum("nhv,fh->nfv", rows[:, :-1], constant(weights / weights.sum(axis=1, keepdims=True)))
        return rows[:, -1:] - means

    def get_config(self) -> dict[str, Any]:
        own = {"season": self.season, "horizon": self.horizon, "seasonal": self.seasonal, "memories": self.memories}
        return {**super().get_config(), **own, "penalty": self.penalty}


@keras.saving.register_keras_serializable("labline")
class WithBounds(keras.layers.Layer):
    """Forecast and, on either side of it, its bounds: [n, P, V] and widths [n, P, 2 V] to [n, P, V, 3].

    Widths are in units [n, 1, V]; softplus makes them positive. The bounds' loss does not move the forecast.
    """

    def call(self, forecast: Any, widths: Any, unit: Any) -> Any:
        below, above = ops.split(ops.softplus(widths), 2, axis=-1)
        below, above = below * unit, above * unit
        centre = ops.stop_gradient(forecast)
        return ops.stack([forecast, centre - below, centre + above], axis=-1)


def mean_size(rows: Any) -> Any:
    """Return the mean absolute value of the rows, [n, 1, V]."""
    return ops.mean(ops.abs(rows), axis=1, keepdims=True)


def past_seasons(history: Any, season: int) -> int:
    """Return how many whole seasons lie before a history's last row."""
    return count_seasons(history.shape[1], season)


def count_seasons(rows: int, season: int) -> int:
    """Return how many whole seasons lie before the last of these rows; none if not two seasonal changes can be told."""
    return (rows - 1) // season if 1 < season < rows - 1 else 0


def constant(values: Any) -> Any:
    """Return numbers as a float32 tensor."""
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def since(history: Any, rows: int) -> Any:
    """Return the change of each row since `rows` rows before, 0 where there is none, [n, H, V]."""
    return ops.pad(history[:, rows:] - history[:, :-rows], ((0, 0), (rows, 0), (0, 0)))
