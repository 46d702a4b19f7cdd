"""Plots of an evaluation as files, and with its metrics in the run's TensorBoard logs."""

from __future__ import annotations

import shutil
from pathlib import Path

import tensorflow as tf

LOGS = "test"  # beside the trainer's `train` and `validation`


def write_plots(plots: dict[str, bytes], folder: Path) -> None:
    """Write each plot as a PNG file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in plots.items():
        (folder / f"{name}.png").write_bytes(png)


def write_logs(plots: dict[str, bytes], values: dict[str, float], logs: Path, step: int) -> None:
    """Write metrics as scalars, under the names that the report gives them, and plots as images for TensorBoard."""
    folder = logs / LOGS
    shutil.rmtree(folder, ignore_errors=True)  # what a killed evaluation of the same run has left
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=step):
        for name, value in values.items():
            tf.summary.scalar(name, value)
        for name, png in plots.items():
            tf.summary.image(name, tf.io.decode_png(png, channels=3)[tf.newaxis])
    writer.close()
