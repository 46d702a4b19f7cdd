"""Layers that free a history of level, unit, trend and season, and that forecast by learned mixtures of naive forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("labline")
class Scale(keras.layers.Layer):
    """Mean absolute change from row to row of each history, kept from 0 by a tenth of the usual change: [n, H, V] to [n, 1, V]."""

    def __init__(self, usual: Sequence[float], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.usual = tuple(usual)

    def call(self, history: Any) -> Any:
        usual = ops.convert_to_tensor(np.asarray(self.usual, np.float32))
        change = ops.mean(ops.abs(history[:, 1:] - history[:, :-1]), axis=1, keepdims=True)
        return 0.9 * change + 0.1 * usual

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "usual": self.usual}


@keras.saving.register_keras_serializable("labline")
class RowFeatures(keras.layers.Layer):
    """Value, change and seasonal change of each row, side by side: [n, H, V] to [n, H, 2 V] or, with a season, [n, H, 3 V]."""

    def __init__(self, season: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.season = season

    def call(self, history: Any) -> Any:
        features = [history / 5.0, since(history, 1)]
        if 1 < self.season < history.shape[1]:
            features.append(since(history, self.season) / 3.0)
        return ops.concatenate(features, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "season": self.season}


@keras.saving.register_keras_serializable("labline")
class NaiveMixture(keras.layers.Layer):
    """Learned mixture of the naive forecasts, as distance from the last value: [n, H, V] to [n, P, V].

    What it weighs for each forecast row are the changes from this season's place to that row's in each past season (weighing them alike is
    the seasonal naive forecast with the last change, averaged over the seasons; it starts so), and how far the last value, and
    the last seasonal change, lie from exponentially weighted means of those before, which is what exponential smoothing and the moving
    averages of ARIMA live on.
    """

    def __init__(self, season: int, horizon: int, memories: Sequence[float], penalty: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.season, self.horizon, self.memories, self.penalty = season, horizon, tuple(memories), penalty

    def build(self, history_shape: Any) -> None:
        _, rows, values = history_shape
        self.seasons = (rows - 1) // self.season if self.season > 1 else 0
        deviations = len(self.memories) * (2 if self.seasons else 1) + (1 if self.seasons else 0)
        regularizer = keras.regularizers.L2(self.penalty) if self.penalty else None
        self.seasonal = self.add_weight(
            shape=(self.horizon, self.seasons, values), initializer="zeros", regularizer=regularizer, name="seasonal"
        )
        self.deviating = self.add_weight(
            shape=(self.horizon, deviations, values), initializer="zeros", regularizer=regularizer, name="deviating"
        )

    def call(self, history: Any) -> Any:
        offsets = ops.einsum("nfv,pfv->npv", self.deviations(history), self.deviating)
        if not self.seasons:
            return offsets
        return offsets + ops.einsum("npkv,pkv->npv", self.seasonal_changes(history), self.seasonal + 1 / self.seasons)

    def seasonal_changes(self, history: Any) -> Any:
        """Return, for each forecast row and past season, the change from this place of the season to that row's, [n, P, K, V]."""
        last = history.shape[1] - 1
        rows = []
        for step in range(self.horizon):
            ahead = step % self.season + 1
            origins = [last - number * self.season for number in range(1, self.seasons + 1)]
            rows.append(ops.stack([history[:, row + ahead] - history[:, row] for row in origins], axis=1))
        return ops.stack(rows, axis=1)

    def deviations(self, history: Any) -> Any:
        """Return the distances of the last value and the last seasonal change from their weighted means, [n, F, V]."""
        found = self.from_means(history)
        if self.seasons:
            seasonal = since(history, self.season)[:, self.season :]
            found += [*self.from_means(seasonal), seasonal[:, -1]]
        return ops.stack(found, axis=1)

    def from_means(self, rows: Any) -> list[Any]:
        """Return the last row less each exponentially weighted mean of the rows before it."""
        found = []
        for memory in self.memories:
            weights = np.power(memory, np.arange(rows.shape[1] - 1)[::-1], dtype=np.float64)
            weights = ops.convert_to_tensor((weights / weights.sum()).astype(np.float32))
            found.append(rows[:, -1] - ops.einsum("nhv,h->nv", rows[:, :-1], weights))
        return found

    def get_config(self) -> dict[str, Any]:
        own = {"season": self.season, "horizon": self.horizon, "memories": self.memories, "penalty": self.penalty}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("labline")
class WithBounds(keras.layers.Layer):
    """Forecast and, on either side of it, its bounds: distances [n, P, V] and widths [n, P, 2 V] to [n, P, V, 3].

    The bounds' loss does not move the forecast.
    """

    def call(self, forecast: Any, widths: Any) -> Any:
        below, above = ops.split(ops.softplus(widths), 2, axis=-1)
        centre = ops.stop_gradient(forecast)
        return ops.stack([forecast, centre - below, centre + above], axis=-1)


def since(history: Any, rows: int) -> Any:
    """Return the change of each row since `rows` rows before, 0 where there is none, [n, H, V]."""
    return ops.pad(history[:, rows:] - history[:, :-rows], ((0, 0), (rows, 0), (0, 0)))
