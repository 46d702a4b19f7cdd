"""Trains detectors on labelled photos and prints COCO's metrics on the test split beside the bar and a constant box's.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/detectors.py NAME [--seeds N ...] [--folder DIR] [trainer.key=value ...]
NAME: shapes, raccoon, raccoon_frozen, raccoon_scratch, bccd, frog_crops, raccoon_long, bccd_long, frog_crops_long
DIR holds detection/*.zip (Pascal VOC) and weights/tflite-support/ (COCO's weights as a quantised TFLite file). Seconds
count from the start of the process to the trained detector, ingest left out; every seed is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from components.example_gen import example_gen
from components.networks import network_config, preset
from components.tasks.object_detection.config import DetectionTrainerConfig
from components.trainer import trainer
from data.config import BeamConfig
from data.detection.config import DetectionDataConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics, write_manifest
from pipeline.component import Context
from pipeline.layers import Layer, merge
from pipeline.progress import Progress

STARTED = time.monotonic()  # before TensorFlow is imported
COCO = "weights/tflite-support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"


@dataclass(frozen=True)
class Detector:
    """A training.

    Attributes:
        data: below LABLINE_TEST_DATA/detection, or `shapes`.
        bars: metric -> least value.
        seconds: most.
        settings: `trainer` settings beyond the network's preset.
        start: begin with COCO's weights.
        held_out: share of the training photos to judge the training by, where the data name none for that.
    """

    data: str
    bars: dict[str, float]
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)
    start: bool = True
    held_out: float = 0.1


DETECTORS = {
    "shapes": Detector("shapes", {"mAP50": 0.72}, 150, {"network": "ssd_mobilenet_v1_025_160"}, False),
    "raccoon": Detector("raccoon", {"mAP": 0.58, "mAP50": 0.94}, 300),
    "raccoon_frozen": Detector(
        "raccoon", {"mAP": 0.48}, 60, {"trained": "extras", "steps": 100, "optimizer": {"learning_rate": 0.001}}
    ),
    "raccoon_scratch": Detector("raccoon", {}, 300, {"optimizer": {"learning_rate": 0.001}}, False),
    "bccd": Detector(
        "bccd", {"mAP": 0.54, "mAP50": 0.87}, 600, {"steps": 1000, "optimizer": {"learning_rate": 0.0005}}
    ),
    "frog_crops": Detector(
        "frog_crops", {"mAP": 0.48, "mAP50": 0.90}, 300, {"validation_split": "none"}, held_out=0.0
    ),  # 81 photos in all
    "raccoon_long": Detector("raccoon", {"mAP": 0.58, "mAP50": 0.94}, 3600, {"steps": 1200}),
    "bccd_long": Detector(
        "bccd", {"mAP": 0.54, "mAP50": 0.87}, 3600, {"steps": 3000, "optimizer": {"learning_rate": 0.0005}}
    ),
    "frog_crops_long": Detector(
        "frog_crops", {"mAP": 0.48, "mAP50": 0.90}, 3600, {"steps": 1200, "validation_split": "none"}, held_out=0.0
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(DETECTORS))
    parser.add_argument("overrides", nargs="*", help="trainer settings, such as trainer.steps=800")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7])
    parser.add_argument("--folder", type=Path, default=Path("build/detectors"))
    arguments = parser.parse_intermixed_args()
    if len(arguments.seeds) == 1:
        print(json.dumps(run(arguments.name, arguments.seeds[0], arguments.overrides, arguments.folder), indent=1))
        return
    results = [json.loads(in_a_process(arguments, seed)) for seed in arguments.seeds]
    for metric in DETECTORS[arguments.name].bars or ("mAP", "mAP50"):
        values = [result["test"][metric] for result in results]
        bar = DETECTORS[arguments.name].bars.get(metric)
        print(f"{arguments.name} {metric}: {values}, median {statistics.median(values)}, bar {bar}")
    print(f"seconds: {[result['seconds'] for result in results]}, bar {DETECTORS[arguments.name].seconds:g}")


def in_a_process(arguments: argparse.Namespace, seed: int) -> str:
    """Return what one seed's training prints as JSON."""
    command = [sys.executable, __file__, arguments.name, "--seeds", str(seed), "--folder", str(arguments.folder)]
    done = subprocess.run([*command, *arguments.overrides], stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, flush=True)
    return done.stdout[done.stdout.index("{") :]


def run(name: str, seed: int, overrides: list[str], folder: Path) -> dict[str, Any]:
    """Train one detector and score it."""
    from components.tasks.object_detection.baselines import TRAINING, constant_box, read_all_truth
    from components.tasks.object_detection.metrics import coco_metrics
    from components.tasks.object_detection.predictions import predict

    detector = DETECTORS[name]
    before = time.monotonic()
    examples = prepare(detector.data, folder / "data", detector.held_out)
    ingest = time.monotonic() - before
    context = Context.standalone(folder / f"{name}-{seed}-{os.getpid()}")
    context.progress = Progress()
    model = Model.create(context.scratch / "model")
    config = settings(detector, seed, overrides)
    trainer(
        examples=examples,
        statistics=Statistics(folder),
        checked=Anomalies(folder),
        model=model,
        config=config,
        context=context,
    )
    seconds = time.monotonic() - STARTED - ingest
    predicted = predict(model, examples, "test", 8, context.progress)
    truth, labels = predicted.truth, examples.labels
    baseline = constant_box(read_all_truth(examples, TRAINING), labels).on_each(truth)
    return {
        "detector": name,
        "seed": seed,
        "bars": detector.bars,
        "photos": examples.splits,
        "steps": model.properties["steps"],
        "seconds": round(seconds),
        "most seconds": detector.seconds,
        "test": rounded(coco_metrics(truth, predicted.detections, labels)),
        "constant box": rounded(coco_metrics(truth, baseline, labels)),
    }


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in values.items()}


def prepare(name: str, folder: Path, held_out: float = 0.1) -> Examples:
    """Ingest the photos once."""
    place = folder / f"{name}-{held_out}"
    if not (place / "examples" / "manifest.json").exists():
        path = name if name == "shapes" else str(Path(os.environ["LABLINE_TEST_DATA"]) / "detection" / f"{name}.zip")
        examples = Examples.create(place / "examples")
        context = Context.standalone(place)
        example_gen(
            examples=examples,
            config=DetectionDataConfig(path=path, validation_fraction=held_out),
            beam=BeamConfig(),
            context=context,
        )
        write_manifest(examples, 0.0)
    return Examples.open(place / "examples")


def settings(detector: Detector, seed: int, overrides: list[str]) -> DetectionTrainerConfig:
    """Return the preset's settings with the training's own and the command line's on top."""
    network = str(detector.settings.get("network", "ssd_mobilenet_v1"))
    start = {"warm_start": str(Path(os.environ["LABLINE_TEST_DATA"]) / COCO)} if detector.start else {}
    layers = [preset(network), {"trainer": {"network": network, "seed": seed, **start, **detector.settings}}]
    for item in overrides:
        key, _, text = item.partition("=")
        value: Any = yaml.safe_load(text)
        for part in reversed(key.split(".")):
            value = {part: value}
        layers.append(value)
    values = merge([Layer(layer, lambda key: "") for layer in layers])["trainer"]
    config = DetectionTrainerConfig.model_validate(values)
    options = network_config(config.network, config.options)
    return config.model_copy(update={"options": options.model_dump(mode="json")})


if __name__ == "__main__":
    main()
