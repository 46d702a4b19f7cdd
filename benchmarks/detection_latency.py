"""Prints the ratio of the time from a picture to boxes, through the SavedModel, to that of the bare forward pass.

    python benchmarks/detection_latency.py [--classes 3] [--rounds 200] [--size 300] [--width 1.0]

Bar: at most 1.15. The picture is a JPEG of 640 x 480 pixels, sent to `serving_default` as `image_bytes`, one at a
time; on the way are the decoding, the resizing, the forward pass, the decoding of the boxes and their suppression, and
the labels. The bare forward pass is the same network in a tf.function, given the resized picture, up to the raw
outputs, its weights being variables as in training; those of the SavedModel are constants, and the same forward pass
with constants is timed too. All take turns in one process, each call timed by itself, and the ratio is that of the
medians; the parts in between say where the time goes. The weights are not trained: suppression then has the most to
do, since no box is unlikely.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from components.export.saved_model import write_saved_model
from components.tasks.object_detection.export import make_signatures
from object_detection.postprocessing import detect_prepared
from object_detection.preprocessing import prepare_bytes
from object_detection.saved_detector import SavedDetector
from object_detection.ssd import SsdConfig, build_ssd

BAR = 1.15
WARM_UP = 10  # calls before any is timed


def main() -> None:
    """Build, export, load, and let all take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--width", type=float, default=1.0)
    arguments = parser.parse_args()
    jobs = make_jobs(arguments.classes, arguments.size, arguments.width)
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(WARM_UP + arguments.rounds):
        for name in list(jobs) if number % 2 else reversed(list(jobs)):
            started = time.perf_counter()
            jobs[name]()
            if number >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    report(times, arguments.classes)


def make_jobs(classes: int, size: int, width: float) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name: the whole, the bare forward pass, and what lies between."""
    labels = [f"class {number}" for number in range(1, classes + 1)]
    config = SsdConfig(classes=classes, size=size, width=width)
    trained = SavedDetector(build_ssd(config), config, labels)
    model = trained.model
    encoded = tf.constant([draw_image()])

    def run_network(prepared: tf.Tensor) -> Any:
        return model.head(model.decoder(model.backbone(prepared, training=False), training=False), training=False)

    forward = tf.function(run_network, autograph=False)
    prepare = tf.function(lambda files: prepare_bytes(files, size), autograph=False)
    answer = tf.function(lambda prepared: detect_prepared(trained, prepared), autograph=False)
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(None, make_signatures(trained, "image_bytes"), {}, "detector", Path(folder, "model"))
        loaded = tf.saved_model.load(str(Path(folder, "model")))
    served = loaded.signatures["serving_default"]
    prepared = prepare(encoded)
    frozen = convert_variables_to_constants_v2(forward.get_concrete_function(prepared))
    return {
        "picture to boxes": lambda: (loaded, served(image_bytes=encoded)["detection_boxes"].numpy()),
        "bare forward pass": lambda: forward(prepared)[0]["4"].numpy(),
        "forward pass with constants": lambda: frozen(prepared)[0].numpy(),
        "forward pass and suppression": lambda: answer(prepared)["detection_boxes"].numpy(),
        "decoding and resizing": lambda: prepare(encoded).numpy(),
    }


def draw_image() -> bytes:
    """Return a JPEG of 640 x 480 pixels with as much detail as a photo has: about 60 kB."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    noise = random.normal(0, 6, (480, 640, 1))
    stream = io.BytesIO()
    Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def report(times: dict[str, list[float]], classes: int) -> None:
    """Print medians and the ratio."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:30} {seconds * 1000:7.1f} ms   ({classes} classes, median of {len(times[name])})")
    ratio = medians["picture to boxes"] / medians["bare forward pass"]
    print(f"ratio {ratio:.3f}, bar {BAR}: {'met' if ratio <= BAR else 'missed'}")


if __name__ == "__main__":
    main()
