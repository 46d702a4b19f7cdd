"""Pictures of what a forecaster sees, answers and remembers: windows with forecasts, and each LSTM's traces."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.plots import random_state
from components.plots.drawing import DOTS_PER_INCH, plain_axes, png, save
from components.tasks.forecasting.windows import forecasts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tensorflow as tf


WINDOWS = 256  # read; of these so many are drawn:
DRAWN = 6
LAYERS = 4  # LSTMs whose traces are drawn
UNITS = 32  # of an LSTM that are drawn
TRACES = ("input gate", "forget gate", "output gate", "candidate", "cell state", "hidden state")


def write_images(
    network: keras.Model,
    inputs: dict[str, NDArray[Any]],
    targets: dict[str, NDArray[Any]],
    columns: list[str],
    folder: Path,
    writer: tf.summary.SummaryWriter | None,
    step: int,
) -> None:
    """Write `windows` and `traces_<layer>` as PNG and as image summaries.

    The network is left as it was, random states included.

    Args:
        inputs: of some windows, `history` [n, H, V] among them.
        targets: `values` [n, P, V].
        columns: names of the value columns.
        folder: where the PNG files go.
        writer: a TensorBoard writer, or none.
        step: the training step the pictures belong to.
    """
    chosen = np.linspace(0, len(inputs["history"]) - 1, min(DRAWN, len(inputs["history"]))).astype(int)
    shown = {name: values[chosen] for name, values in inputs.items()}
    with random_state.kept(network):
        made = forecasts(network(shown, training=False), shown["history"], None)
        drawn = {name: value.numpy() for name, value in made.items()}
        images = {"windows": draw_windows(shown["history"], targets["values"][chosen], drawn, columns[0])}
        one = {name: values[-1:] for name, values in shown.items()}
        for name, (layer, sequence) in sequences(network, one).items():
            images[f"traces_{name}"] = draw_traces(traces(layer, sequence), name, one["history"][0, :, 0])
    save(images, folder, writer, step)


def draw_windows(
    history: NDArray[np.float32], truth: NDArray[np.float32], made: dict[str, NDArray[np.float32]], column: str
) -> bytes:
    """Draw the first column of windows [n, H, V], what came [n, P, V], and the network's forecasts with bounds."""
    count, rows, horizon = len(history), history.shape[1], truth.shape[1]
    figure = Figure(figsize=(9, 1.7 * -(-count // 2)), dpi=DOTS_PER_INCH, layout="constrained")
    panels = figure.subplots(-(-count // 2), 2, squeeze=False).ravel()
    ahead = np.arange(1, horizon + 1)
    for panel, number in zip(panels, range(count), strict=False):
        panel.plot(np.arange(1 - rows, 1), history[number, :, 0], color="#667", linewidth=0.9)
        panel.plot(ahead, truth[number, :, 0], color="#111", linewidth=0.9, marker="o", markersize=2.5, label="truth")
        panel.fill_between(
            ahead, made["lower"][number, :, 0], made["upper"][number, :, 0], color="#1f77b4", alpha=0.25, linewidth=0
        )
        panel.plot(ahead, made["forecast"][number, :, 0], color="#1f77b4", marker="x", markersize=4, label="forecast")
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=7)
    for panel in panels[count:]:
        panel.set_axis_off()
    panels[0].legend(fontsize=7, frameon=False)
    figure.suptitle(
        f"Training windows of {column}: history, truth and forecast, by rows from the last known one", fontsize=9
    )
    return png(figure)


def sequences(network: keras.Model, inputs: dict[str, NDArray[Any]]) -> dict[str, tuple[keras.Layer, NDArray[Any]]]:
    """Return the first LSTM layers, nested ones too, by name with what each is given for one window, [T, F]."""
    found = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.LSTM)][:LAYERS]
    seen: dict[int, NDArray[np.float32]] = {}
    with recorded(found, seen):
        network(inputs, training=False)
    names = [layer.name for layer in found]
    return {
        name if names.count(name) == 1 else f"{name}_{number}": (layer, seen[number])
        for number, (name, layer) in enumerate(zip(names, found, strict=True))
        if number in seen
    }


@contextmanager
def recorded(layers: list[Any], seen: dict[int, NDArray[np.float32]]) -> Iterator[None]:
    """Note what each layer is called with, by its place in the list, while the block runs."""

    def recorder(number: int, call: Any) -> Any:
        def record(sequences: Any, *arguments: Any, **keywords: Any) -> Any:
            seen.setdefault(number, np.asarray(sequences)[0])
            return call(sequences, *arguments, **keywords)

        return record

    for number, layer in enumerate(layers):
        layer.call = recorder(number, layer.call)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call  # the class's own shows again


def traces(layer: Any, sequence: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Work out an LSTM's gates and states over a sequence [T, F], each [T, units].

    They are those of Hochreiter and Schmidhuber (1997), with forget gates. Keras keeps the weights of input gate,
    forget gate, candidate and output gate side by side in this order.
    """
    cell = layer.cell
    kernel, recurrent = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
    bias = np.asarray(cell.bias) if cell.use_bias else 0.0
    hidden = state = np.zeros(cell.units, np.float32)
    rows: list[list[NDArray[np.float32]]] = []
    for values in sequence[::-1] if layer.go_backwards else sequence:
        parts = np.split(values @ kernel + hidden @ recurrent + bias, 4)
        entry, forget, exit_ = (np.asarray(cell.recurrent_activation(parts[place])) for place in (0, 1, 3))
        candidate = np.asarray(cell.activation(parts[2]))
        state = forget * state + entry * candidate
        hidden = exit_ * np.asarray(cell.activation(state))
        rows.append([entry, forget, exit_, candidate, state, hidden])
    return dict(zip(TRACES, np.asarray(rows).transpose(1, 0, 2), strict=True))


def draw_traces(found: dict[str, NDArray[np.float32]], name: str, window: NDArray[np.float32]) -> bytes:
    """Draw the window [H] above each trace [T, units] as a map of units over time.

    Gates go from 0 to 1; states are red where positive, blue where negative.
    """
    figure = Figure(figsize=(9, 6.4), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.08, 0.84, 0.84, 0.10)
    axes.plot(np.arange(1 - len(window), 1), window, color="#111", linewidth=1)
    axes.set_title(
        f"`{name}` over one window (above): gates and states, one row a unit, time to the right", fontsize=9, loc="left"
    )
    for place, (title, values) in enumerate(found.items()):
        row, column = divmod(place, 2)
        panel = figure.add_axes((0.08 + 0.45 * column, 0.57 - 0.25 * row, 0.37, 0.18))
        shown = values[:, :UNITS].T
        gate = title.endswith("gate")
        limit = 1.0 if gate else max(float(np.abs(shown).max()), 1e-9)
        image = panel.imshow(
            shown,
            aspect="auto",
            interpolation="nearest",
            cmap="Greys" if gate else "RdBu_r",
            vmin=0 if gate else -limit,
            vmax=limit,
        )
        panel.set_title(title, fontsize=8)
        panel.tick_params(labelsize=6)
        bar = figure.colorbar(image, cax=figure.add_axes((0.455 + 0.45 * column, 0.57 - 0.25 * row, 0.008, 0.18)))
        bar.ax.tick_params(labelsize=6)
    return png(figure)
