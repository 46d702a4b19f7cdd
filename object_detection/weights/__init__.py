"""Trained weights from elsewhere, read into arrays under the Object Detection API's names, whatever file they are in.

| file | reader |
|---|---|
| TensorFlow checkpoint of the Object Detection API or of slim's classifier (`model.ckpt*`, or their folder) | `checkpoint` |
| that of TensorFlow 2 (`ckpt-0*`, a folder with `checkpoint/` or `variables/`) | `object_graph` |
| frozen graph (`*.pb`) | `frozen_graph` |
| quantised or float TFLite model (`*.tflite`) | `tflite` |
| MobileNet of keras.applications, for the body (`*.h5`, `*.keras`) | `keras_file` |

Names are brought to one form: without the width of the extra layers, with the body's scope once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError

if TYPE_CHECKING:
    import numpy as np

BODY, BODY_V2 = "FeatureExtractor/MobilenetV1", "FeatureExtractor/MobilenetV2"
WIDTH_OF = {BODY: ("Conv2d_0/weights", 32), BODY_V2: ("expanded_conv_16/project/weights", 320)}  # channels at width 1
EPSILON = 0.001  # of every batch normalisation
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
WITHOUT_VARIABLES = (
    "It holds no variables by name, as an exported model does not. Give the checkpoint that it was made from: of a run of labline, "
    "the folder of its Model, which `labline show` names. A pushed detector is asked with `labline detect --model "
    "served_models/NAME`, or served and asked with `labline predict`."
)


@dataclass(frozen=True)
class Weights:
    """Arrays of a trained SSD-MobileNet, or of its body alone.

    Attributes:
        arrays: by the Object Detection API's name; kernels as [height, width, in, out], those of depthwise convolutions as
            [height, width, channels, 1].
        folded: batch normalisation was folded into the convolutions, so its statistics say nothing: it must not be trained
            as it stands.
        background: the logits of class 0 were trained; quantised models with focal loss leave them as they began.
        origin: where they were read from.
    """

    arrays: dict[str, np.ndarray]
    folded: bool
    background: bool
    origin: str

    @property
    def width(self) -> float:
        """Factor on the number of channels of the body."""
        return body_of(self.arrays)[1]

    @property
    def classes(self) -> int | None:
        """Number of classes, background not counted; None where there are no predictors."""
        for name, array in self.arrays.items():
            if name == "BoxPredictor_0/ClassPredictor/biases":
                return len(array) // 3 - 1
        return None


def read_weights(path: Path, moving_averages: bool = False) -> Weights:
    """Read trained weights from a file, or from a folder that holds a checkpoint or a frozen graph.

    Args:
        path: a checkpoint (its index, its data file, or their common beginning), `*.pb`, `*.tflite`, `*.h5`, `*.keras`, or a
            folder.
        moving_averages: take the exponential moving averages of a checkpoint, where it has them.

    Raises:
        UserError: there are no such weights, or they are not an SSD-MobileNet's.
    """
    from object_detection.weights import checkpoint, frozen_graph, keras_file, tflite

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
            "Give a checkpoint (model.ckpt.index, ckpt-0.index), a frozen graph (.pb), a TFLite model (.tflite), a MobileNet of "
            "keras.applications (.h5, .keras), or a folder with one of them.",
        )
    if not body_of(found.arrays)[0]:
        raise UserError(
            "These are not the weights of an SSD-MobileNet: there is no `MobilenetV1/Conv2d_0`, nor the like of a MobilenetV2.",
            found.origin,
            f"It has {', '.join(sorted(found.arrays)[:3])} ..." if found.arrays else WITHOUT_VARIABLES,
        )
    return found


def body_of(variables: Mapping[str, Any]) -> tuple[str, float]:
    """Return the scope of the body that variables belong to, and the factor on its number of channels; empty and 0 if to none."""
    for body, (name, channels) in WIDTH_OF.items():
        if f"{body}/{name}" in variables:
            return body, variables[f"{body}/{name}"].shape[-1] / channels
    return "", 0.0


def find_file(path: Path, *suffixes: str) -> Path | None:
    """Return the file itself, or the one such file of a folder (a frozen graph before a SavedModel's)."""
    if path.is_file():
        return path if path.suffix in suffixes else None
    files = sorted(
        (file for suffix in suffixes for file in path.rglob(f"*{suffix}")),
        key=lambda file: (len(file.parts), not file.name.startswith("frozen"), file),
    )
    return files[0] if files else None


def plain_name(name: str) -> str:
    """Return a variable's name in the one form that all files are brought to."""
    name = re.sub(r"^(FeatureExtractor/)?(MobilenetV[12]/)+", r"FeatureExtractor/\2", name)
    return re.sub(r"(_Conv2d_\d_(?:1x1|3x3_s2))_\d+", r"\1", name)


def unfold(name: str, bias: np.ndarray) -> dict[str, np.ndarray]:
    """Return the batch normalisation that does what a folded convolution's bias does."""
    import numpy as np

    norm = {
        "gamma": np.ones_like(bias),
        "beta": bias,
        "moving_mean": np.zeros_like(bias),
        "moving_variance": np.full_like(bias, 1 - EPSILON),  # its root, with epsilon added, is 1
    }
    return {f"{name}/BatchNorm/{variable}": norm[variable] for variable in NORM}
