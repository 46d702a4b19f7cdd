"""The body's weights of a `keras.applications.MobileNet`, from any file that Keras wrote: `*_no_top.h5`, `.keras`.

It is the same network, trained on the same images of -1..1 with the same epsilon; only, where a map's size is odd,
Keras pads a convolution of stride 2 at one side, and this one at both. Keras itself is not loaded.

| file | a layer's name in it |
|---|---|
| `.h5` of weights, or of a whole model (Keras 1 and 2) | `conv_dw_1/conv_dw_1/depthwise_kernel:0` |
| `.weights.h5`, `.keras` (Keras 3, tf-keras), counted by class | `layers/depthwise_conv2d/vars/0` |
| the same, by name | `layers/conv_dw_1/vars/0` |
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from object_detection.weights.arrays import NORM, Weights
from object_detection.weights.mobilenet import V1, V2, Place, name_body
from pipeline.errors import UserError

SUFFIXES = (".h5", ".hdf5", ".keras")
NORM_NAME = re.compile(r"(?:bn_(Conv1)|(\w+?)_(?:bn|BN))$")
FIRST = {"conv1": 0, "Conv1": 0, "Conv_1": len(V2) - 1, "expanded_conv_depthwise": 1, "expanded_conv_project": 2}
BLOCK = re.compile(r"conv_(dw|pw)_(\d+)|block_(\d+)_(expand|depthwise|project)")
COUNTED = re.compile(r"(conv2d|depthwise_conv2d|batch_normalization)(?:_(\d+))?")


def read(path: Path) -> Weights:
    """Read the variables of a file.

    Raises:
        UserError: it is none of Keras', or another network's.
    """
    try:
        content: Any = path
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content, "r") as file:
            stored = read_arrays(file)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"This is no file of Keras' weights: {error}", str(path), "Copy or download it again."
        ) from None
    deep = sum("depthwise" in name.split("/")[-3] for name in stored if name.count("/") >= 2 and "/vars/" in name)
    layers = V2 if deep > sum("depthwise" in layer for layer in V1) else V1
    places = {name: place_of(name.split("/"), layers) for name in stored}
    body = {place: stored[name] for name, place in places.items() if place is not None}
    others = {name: stored[name] for name, place in places.items() if place is None}
    return Weights(name_body(body, str(path)) | others, False, True, str(path))


def read_arrays(file: Any) -> dict[str, NDArray[Any]]:
    """Return every array of a file by its path, but for those of an optimiser."""
    found: dict[str, NDArray[Any]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer") and item.shape != ():
            found[name] = np.asarray(item)

    file.visititems(visit)
    return found


def place_of(parts: list[str], layers: tuple[str, ...]) -> Place | None:
    """Return the place of the variable at a path, by its layer's name or count; None for what is not the body's."""
    for part in reversed(parts[:-1]):
        match = NORM_NAME.match(part)
        layer = (match[1] or match[2]) if match else part
        if (number := number_of(layer)) is not None:
            return 2 * number + bool(match), variable_of(parts[-1], bool(match), layer)
        if (match := COUNTED.fullmatch(part)) and "vars" in parts:
            norm = match[1] == "batch_normalization"
            alike = [
                number for number, name in enumerate(layers) if norm or ("depthwise" in name) == ("depthwise" in part)
            ]
            count = int(match[2] or 0)
            return (2 * alike[count] + norm, variable_of(parts[-1], norm, part)) if count < len(alike) else None
    return None


def number_of(layer: str) -> int | None:
    """Return a convolution's number by its name in `keras.applications`."""
    if layer in FIRST:
        return FIRST[layer]
    match = BLOCK.fullmatch(layer)
    if match is None:
        return None
    if match[1]:
        return 2 * int(match[2]) - (match[1] == "dw")
    return 3 * int(match[3]) + ("expand", "depthwise", "project").index(match[4])


def variable_of(last: str, norm: bool, layer: str) -> str:
    """Return a variable's name in Keras 2; newer files number those of a layer, or call every kernel so."""
    name = last.partition(":")[0]
    if norm:
        return NORM[int(name)] if name.isdigit() and int(name) < len(NORM) else name
    deep = "depthwise" in layer or "_dw_" in layer
    if name in ("0", "kernel"):
        return "depthwise_kernel" if deep else "kernel"
    return name
