"""A trained detector in a folder, in the form that the Object Detection API gave its own: a checkpoint and a label map.

| file | holds |
|---|---|
| `model.ckpt.index`, `model.ckpt.data-00000-of-00001` | the variables under the Object Detection API's names |
| `label_map.pbtxt` | the classes |
| `ssd.json` | the network's family and what it is built from |
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from data.detection.label_map import LABEL_MAP, read_label_map, write_label_map
from object_detection.detector_config import DetectorConfig
from object_detection.families import FAMILIES, Family, family_of
from object_detection.warm_start import warm_start
from object_detection.weights import read_weights
from pipeline.errors import UserError

CHECKPOINT, SETTINGS = "model.ckpt", "ssd.json"


@dataclass(frozen=True)
class SavedDetector:
    """A detector as it is written and read; in memory it may be new as well.

    Attributes:
        model: as its family builds it.
        config: what it is built from.
        labels: class names in the order of their numbers, which count from 1.
    """

    model: Any
    config: DetectorConfig
    labels: list[str]

    @property
    def family(self) -> Family:
        """The kind of detectors that it is of."""
        return family_of(self.config)

    @property
    def named(self) -> dict[str, Any]:
        """Every variable by its lasting name."""
        return self.family.name_variables(self.model)


def write_detector(detector: SavedDetector, folder: Path) -> None:
    """Write a detector; the same weights give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    stored_name = detector.family.stored_name
    arrays = {stored_name(name, detector.config): variable for name, variable in detector.named.items()}
    write_checkpoint(arrays, folder / CHECKPOINT)
    write_label_map(folder / LABEL_MAP, dict(enumerate(detector.labels, 1)))
    settings = {"family": detector.config.family, **asdict(detector.config)}
    settings["most"] = settings.pop("max_detections")  # as the file has always called it
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", "utf-8")


def write_checkpoint(arrays: dict[str, Any], prefix: Path) -> None:
    """Write a TensorFlow checkpoint of named arrays, as TensorFlow 1 wrote them."""
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(arrays[name]) for name in names],
    )


def read_detector(folder: Path) -> SavedDetector:
    """Read a detector and build its network.

    Raises:
        UserError: the folder holds none, or variables are missing.
    """
    if not (folder / SETTINGS).is_file():
        raise UserError("Here is no trained detector.", str(folder / SETTINGS), "Give the folder of a Model artifact.")
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    settings["max_detections"] = settings.pop("most")
    family = FAMILIES[settings.pop("family")]
    config = family.read_config(settings)
    detector = SavedDetector(family.build(config), config, list(read_label_map(folder / LABEL_MAP).values()))
    loaded = warm_start(detector.named, read_weights(folder / CHECKPOINT), "all")
    if loaded.missing or loaded.mismatched:
        raise UserError("Weights are missing.", str(folder), str(loaded))
    return detector
