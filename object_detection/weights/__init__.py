"""Trained weights from elsewhere, read into arrays under the Object Detection API's names, whatever file they are in.

| file | reader |
|---|---|
| TensorFlow checkpoint of the Object Detection API or of slim's classifier (`model.ckpt*`) | `checkpoint` |
| that of TensorFlow 2 (`ckpt-0*`, a folder with `checkpoint/` or `variables/`) | `object_graph` |
| frozen graph (`*.pb`) | `frozen_graph` |
| quantised or float TFLite model (`*.tflite`) | `tflite` |
| MobileNet of keras.applications, for the body (`*.h5`, `*.keras`) | `keras_file` |
"""

from __future__ import annotations

from pathlib import Path

from object_detection.weights import checkpoint, frozen_graph, keras_file, tflite
from object_detection.weights.arrays import Weights, body_of
from pipeline.errors import UserError

WITHOUT_VARIABLES = (
    "It holds no variables by name, as an exported model does not. Give the checkpoint that it was made from: "
    "of a run of labline, the folder of its Model, which `labline show` names. A pushed detector is asked with "
    "`labline detect --model served_models/NAME`, or served and asked with `labline predict`."
)


def read_weights(path: Path, moving_averages: bool = False) -> Weights:
    """Read trained weights from a file, or from a folder that holds a checkpoint or a frozen graph.

    Args:
        path: a checkpoint (its index, its data file, or their common beginning), `*.pb`, `*.tflite`, `*.h5`, `*.keras`,
            or a folder.
        moving_averages: take the exponential moving averages of a checkpoint, where it has them.

    Raises:
        UserError: there are no such weights, or they are not an SSD-MobileNet's.
    """
    prefix = checkpoint.find(path)
    if prefix is not None:
        found = checkpoint.read(prefix, moving_averages)
    elif (file := find_file(path, ".pb")) is not None:
        found = frozen_graph.read(file)
    elif (file := find_file(path, ".tflite")) is not None:
        found = tflite.read(file)
    elif (file := find_file(path, *keras_file.SUFFIXES)) is not None:
        found = keras_file.read(file)
    elif not path.exists():
        raise UserError("There is no such file or folder.", str(path), "Check `trainer.warm_start`.")
    else:
        raise UserError(
            "Here are no weights that can be read.",
            str(path),
            "Give a checkpoint (model.ckpt.index, ckpt-0.index), a frozen graph (.pb), a TFLite model (.tflite), "
            "a MobileNet of keras.applications (.h5, .keras), or a folder with one of them.",
        )
    if not body_of(found.arrays)[0]:
        raise UserError(
            "These are not the weights of an SSD-MobileNet: there is no `MobilenetV1/Conv2d_0`, "
            "nor the like of a MobilenetV2.",
            found.origin,
            f"It has {', '.join(sorted(found.arrays)[:3])} ..." if found.arrays else WITHOUT_VARIABLES,
        )
    return found


def find_file(path: Path, *suffixes: str) -> Path | None:
    """Return the file itself, or the one such file of a folder (a frozen graph before a SavedModel's)."""
    if path.is_file():
        return path if path.suffix in suffixes else None
    files = sorted(
        (file for suffix in suffixes for file in path.rglob(f"*{suffix}")),
        key=lambda file: (len(file.parts), not file.name.startswith("frozen"), file),
    )
    return files[0] if files else None
