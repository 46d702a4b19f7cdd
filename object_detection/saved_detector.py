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
from typing import TYPE_CHECKING, Any

from data.detection.label_map import read_label_map, write_label_map
from object_detection.families import FAMILIES, Family, family_of
from pipeline.errors import UserError

if TYPE_CHECKING:
    from object_detection.families import DetectorConfig

CHECKPOINT, LABEL_MAP, SETTINGS = "model.ckpt", "label_map.pbtxt", "ssd.json"


@dataclass(frozen=True)
class Trained:
    """A detector.

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


def write_trained(trained: Trained, folder: Path) -> None:
    """Write a detector; the same weights give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    stored_name = trained.family.stored_name
    arrays = {stored_name(name, trained.config): variable for name, variable in trained.named.items()}
    write_checkpoint(arrays, folder / CHECKPOINT)
    write_label_map(folder / LABEL_MAP, dict(enumerate(trained.labels, 1)))
    settings = {"family": trained.config.family, **asdict(trained.config)}
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", "utf-8")


def write_checkpoint(arrays: dict[str, Any], prefix: Path) -> None:
    """Write a TensorFlow checkpoint of named arrays, as TensorFlow 1 wrote them."""
    import tensorflow as tf

    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(arrays[name]) for name in names],
    )


def read_trained(folder: Path) -> Trained:
    """Read a detector and build its network.

    Raises:
        UserError: the folder holds none, or variables are missing.
    """
    from object_detection.warm_start import warm_start
    from object_detection.weights import read_weights

    if not (folder / SETTINGS).is_file():
        raise UserError("Here is no trained detector.", str(folder / SETTINGS), "Give the folder of a Model artifact.")
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    family = FAMILIES[settings.pop("family")]()
    config = family.read_config(settings)
    trained = Trained(family.build(config), config, list(read_label_map(folder / LABEL_MAP).values()))
    loaded = warm_start(trained.named, read_weights(folder / CHECKPOINT), "all")
    if loaded.missing or loaded.mismatched:
        raise UserError("Weights are missing.", str(folder), str(loaded))
    return trained
