"""Layers that turn the time of a history's last row into calendar features and lengths of months."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from components.networks import UNKNOWN_TIME

DAY = 86_400
YEAR = 365.2425 * DAY
MONTH = YEAR / 12
MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
HARMONICS = 2  # waves of each period: a sine and a cosine of its length, and of half of it
EXPONENT_GAIN = 20.0  # makes the exponent learn faster than other weights: short series train for few steps
DAYS_TO_1970 = 719_468  # from 0000-03-01, the origin of Hinnant's calendar


def is_monthly(step_seconds: float) -> bool:
    """Say whether rows of this distance are months."""
    return abs(step_seconds / MONTH - 1) < 0.02


def periods(step_seconds: float) -> tuple[float, ...]:
    """Return the calendar's periods, in seconds, that rows of this distance can tell apart."""
    resolved = ((DAY, 0.5 * DAY), (7 * DAY, DAY), (YEAR, 1.02 * MONTH))
    return tuple(float(period) for period, coarsest in resolved if step_seconds <= coarsest)


@keras.saving.register_keras_serializable("labline")
class Calendar(keras.layers.Layer):
    """Waves of each row's place in the day, the week, the year: time [n] to [n, H, 2 * HARMONICS * periods].

    All are 0 where the time is unknown. The year is taken as 365.2425 days from 1970-01-01, right to a day.
    """

    def __init__(self, rows: int, step_seconds: float, periods: Sequence[float], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.rows, self.step_seconds, self.periods = rows, step_seconds, tuple(periods)

    def call(self, time: Any) -> Any:
        known = is_known(time)
        time = ops.where(known, time, ops.zeros_like(time))
        rows_back = ops.cast(ops.arange(1 - self.rows, 1), "float32")
        waves = []
        for period in self.periods:
            # the remainder is taken in whole seconds: float32 cannot hold seconds since 1970
            last = ops.cast(ops.mod(time, int(period)), "float32") / period
            angle = 2 * math.pi * (last[:, None] + rows_back[None] * (self.step_seconds / period))
            for harmonic in range(1, HARMONICS + 1):
                waves += [ops.sin(harmonic * angle), ops.cos(harmonic * angle)]
        return ops.where(known[:, None, None], ops.stack(waves, axis=-1), 0.0)

    def get_config(self) -> dict[str, Any]:
        own = {"rows": self.rows, "step_seconds": self.step_seconds, "periods": self.periods}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("labline")
class MonthLengths(keras.layers.Layer):
    """Weight of each month by its length, `(days / mean days) ** exponent`: time [n] to [n, H + P, 1].

    Monthly sums, such as milk a month, are larger in longer months, and in leap years' Februaries; with the exponent
    learnt, near 1 for sums and near 0 for means, values divided by the weight are freed of it. It is 1 where the time
    is unknown.
    """

    def __init__(self, history: int, horizon: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.history, self.horizon = history, horizon

    def build(self, time_shape: Any) -> None:
        self.beyond_half = self.add_weight(shape=(), initializer="zeros", name="beyond_half")

    def call(self, time: Any) -> Any:
        known = is_known(time)
        last = months_since_year_0(ops.where(known, time, ops.zeros_like(time)))
        months = last[:, None] + ops.arange(1 - self.history, self.horizon + 1, dtype="int64")[None]
        logarithm = ops.log(days_of(months) / (MONTH / DAY))
        exponent = 0.5 + EXPONENT_GAIN * self.beyond_half
        return ops.exp(exponent * ops.where(known[:, None], logarithm, 0.0))[..., None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "history": self.history, "horizon": self.horizon}


def is_known(time: Any) -> Any:
    """Return which times are no stand-in for an unknown one."""
    return ops.greater(time, UNKNOWN_TIME // 2)


def months_since_year_0(time: Any) -> Any:
    """Return 12 * year + month - 1 of unix seconds (Hinnant, chrono-compatible date algorithms, civil_from_days)."""
    days = ops.floor_divide(time, DAY) + DAYS_TO_1970
    era = ops.floor_divide(days, 146_097)
    day = days - era * 146_097
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    return (year + era * 400) * 12 + month_from_march + 2


def days_of(months: Any) -> Any:
    """Return the days of months counted from year 0."""
    year, month = months // 12, ops.cast(ops.mod(months, 12), "int32")
    leap = ops.logical_and(year % 4 == 0, ops.logical_or(year % 100 != 0, year % 400 == 0))
    leap_day = ops.cast(ops.logical_and(leap, month == 1), "float32")
    return ops.take(ops.convert_to_tensor(np.asarray(MONTH_LENGTHS, np.float32)), month) + leap_day
