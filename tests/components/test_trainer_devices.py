"""Training on several devices: two logical CPUs stand for two GPUs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.artifacts import Examples

PROGRAM = """
import json, sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from components.trainer import trainer
from components.tasks.image_classification.training import ImageTrainerConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context

examples, folder = Examples.open(Path(sys.argv[1])), Path(sys.argv[2])
pixels = {"mean": 0.3, "std": 0.2, "channel_mean": [0.3], "channel_std": [0.2]}
statistics = {"task": "image_classification", "splits": ["train"], "labels": examples.labels, "pixels": pixels}
found = {}
for network, options, distribute in (
    ("dense", {"layers": [8]}, "none"),
    ("dense", {"layers": [8]}, "mirrored"),
    ("distorted_cnn", {"crop": 8}, "mirrored"),
):
    place = folder / f"{network}-{distribute}"
    model = Model.create(place / "model")
    settings = {"network": network, "options": options, "distribute": distribute, "seed": 3, "histograms": False}
    # 120 examples in batches of 17: the last batch holds one, too few for two devices
    trainer(
        examples=examples,
        statistics=Statistics(place, statistics),
        checked=Anomalies(place),
        model=model,
        config=ImageTrainerConfig(epochs=2, batch_size=17, **settings),
        context=Context.standalone(place),
    )
    found[f"{network} {distribute}"] = {"steps": model.properties["steps"], **model.properties["metrics"]}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_two_devices_train_together_and_agree_with_one(tiny_examples: Examples, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tiny_examples.path), str(tmp_path)]
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=Path(__file__).parents[2]
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    one, two = found["dense none"], found["dense mirrored"]
    assert (one["steps"], two["steps"]) == (16, 14)
    assert abs(one["validation/loss"] - two["validation/loss"]) < 0.1
    assert 0 < found["distorted_cnn mirrored"]["validation/loss"] < 3
