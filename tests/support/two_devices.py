"""Prints the losses of a short training on one device and on two: python two_devices.py EXAMPLES FOLDER."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2]))

import tensorflow as tf

from pipeline.artifacts import Examples


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from tests.support.detection_training import LABELS, train

    folder = Path(sys.argv[1])
    counts = {"train": 10, "validation": 5, "test": 3}
    examples = Examples(folder, {"task": "object_detection", "splits": counts, "labels": LABELS})
    losses = []
    for name in ("none", "mirrored"):
        # frozen statistics: those of a batch differ where it is shared out
        model = train(examples, Path(sys.argv[2]) / name, distribute=name, batch_norm="frozen", steps=3)
        losses.append([point[1] for point in json.loads(model.file("history.json").read_text("utf-8"))["steps"]])
    print(json.dumps(losses))


main()
