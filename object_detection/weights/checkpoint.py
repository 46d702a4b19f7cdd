"""Variables of a TensorFlow checkpoint of the Object Detection API, or of slim's or Keras' MobileNet classifier."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf

from object_detection.weights import object_graph
from object_detection.weights.arrays import Weights, plain_name
from pipeline.errors import UserError

AVERAGE = "/ExponentialMovingAverage"
OPTIMIZER = re.compile(r"/(RMSProp|Momentum|Adam)(_\d+)?$|^(global_step|beta\d_power)$")


def find(path: Path) -> Path | None:
    """Return the common beginning of a checkpoint's files: from it, from one of its files, or from their folder.

    What was trained with TensorFlow 2 has it in `checkpoint`, a SavedModel in `variables`.
    """
    if path.is_dir():
        for folder in (path, path / "checkpoint", path / "variables"):
            indices = sorted(folder.glob("*.index"), key=lambda file: (file.stat().st_mtime, file.name))
            if indices:
                return indices[-1].with_suffix("")
        return None
    prefix = path.with_name(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name))
    return prefix if prefix.with_name(prefix.name + ".index").is_file() else None


def read(prefix: Path, moving_averages: bool) -> Weights:
    """Read the variables; those of the optimiser are left.

    Raises:
        UserError: the files are damaged, or moving averages are asked for and there are none.
    """
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        names = reader.get_variable_to_shape_map()
        stored = {name: reader.get_tensor(name) for name in names if not OPTIMIZER.search(name)}
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        raise UserError(
            f"The checkpoint cannot be read: {error}", str(prefix), "Copy or download all its files again."
        ) from error
    if object_graph.GRAPH in stored:
        return object_graph.rename(stored, moving_averages, str(prefix))
    averages = {name.removesuffix(AVERAGE): value for name, value in stored.items() if name.endswith(AVERAGE)}
    if moving_averages and not averages:
        raise UserError(
            "The checkpoint has no moving averages.", str(prefix), "Set `trainer.warm_start_averages=false`."
        )
    arrays = {name: value for name, value in stored.items() if not name.endswith(AVERAGE)}
    arrays |= averages if moving_averages else {}
    return Weights({plain_name(name): value for name, value in arrays.items()}, False, True, str(prefix))
