"""Small SavedModels that answer as labline's do, without any training: a classifier, a detector, a forecaster."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from components.export.saved_model import write_saved_model
from serving.warmup import write_warmup

CLASSES = ["tall", "wide", "<b>square</b>"]
HISTORY, HORIZON = 4, 3
FACTS = {
    "values": ["milk"],
    "covariates": [],
    "history": HISTORY,
    "horizon": HORIZON,
    "level": 0.8,
    "season": 12,
    "times": True,
    "frequency": {"unit": "month", "count": 1},
    "csv": {
        "time_column": "Month",
        "value_columns": ["milk"],
        "series_column": None,
        "delimiter": ",",
        "decimal": ".",
        "time_format": "%Y-%m",
    },
}


def write_models(root: Path, half_plus_two: Path, models: Path) -> Path:
    """Write a model for each form of the page, and their models.config; `shapes` has a label and a broken version.

    Args:
        half_plus_two, models: where small models of the other tests lie.
    """
    save_classifier(root / "shapes" / "1")
    shutil.copytree(root / "shapes" / "1", root / "shapes" / "2")
    (root / "shapes" / "3").mkdir()
    save_detector(root / "animals" / "1")
    save_forecaster(root / "milk it's" / "1")
    shutil.copytree(half_plus_two, root / "half_plus_two" / "1")
    for name in ("sum", "matrix", "int64"):
        shutil.copytree(models / name / "1", root / name / "1")
    write_example(root / "milk it's" / "1", {"history": np.array([[[1], [2], [3], [4]]], np.float32)})
    write_example(root / "matrix" / "1", {"x": np.array([[1, 2]], np.float32)})
    write_example(root / "sum" / "1", {"a": np.array([1], np.float32), "b": np.array([2], np.float32)})
    labels = "version_labels { key: 'stable' value: 1 }"
    entries = "".join(
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" '
        "model_version_policy { all {} } "
        f"{labels if path.name == 'shapes' else ''} }}\n"
        for path in sorted(root.iterdir())
    )
    (root / "models.config").write_text(f"model_config_list {{\n{entries}}}\n")
    return root


def save_classifier(folder: Path) -> None:
    """A picture is `tall`, `wide` or square, by the pixels that the file's own bytes decode to."""

    def shape_of(content: Any) -> Any:
        size = tf.shape(tf.io.decode_image(content, channels=3, expand_animations=False))
        return tf.stack([size[0] > size[1], size[1] > size[0], size[0] == size[1]])

    def classify(image_bytes: Any) -> dict[str, Any]:
        which = tf.map_fn(shape_of, image_bytes, fn_output_signature=tf.bool)
        probabilities = tf.where(which, 0.9, 0.05)
        class_id = tf.argmax(probabilities, -1)
        return {
            "probabilities": probabilities,
            "class_id": class_id,
            "label": tf.gather(tf.constant(CLASSES), class_id),
        }

    signature = tf.function(classify, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    save(folder, {"serving_default": signature}, {"labels.txt": "".join(f"{name}\n" for name in CLASSES)})
    write_example(folder, {"image_bytes": np.array([image((6, 3))], object)})


def save_detector(folder: Path) -> None:
    """There is a cat in the upper left quarter of every photo, and perhaps a dog in the lower right one."""

    def detect(image_bytes: Any) -> dict[str, Any]:
        count = tf.size(image_bytes)

        def each(value: Any) -> Any:
            return tf.tile(tf.constant([value]), [count] + [1] * np.ndim(value))

        return {
            "detection_boxes": each([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]),
            "detection_scores": each([0.9, 0.3, 0.0]),
            "detection_classes": each([1.0, 2.0, 1.0]),
            "detection_labels": each(["cat", "dog", ""]),
            "num_detections": each(2.0),
        }

    signature = tf.function(detect, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    save(folder, {"serving_default": signature}, {})


def save_forecaster(folder: Path) -> None:
    """What comes is the mean of the last rows, one more a step, give or take 5; with times, a hundred more."""
    steps = tf.reshape(tf.range(1.0, HORIZON + 1), [1, HORIZON, 1])
    history_spec = tf.TensorSpec([None, None, 1], tf.float32, name="history")

    def forecast(history: Any, more: float) -> dict[str, Any]:
        made = tf.reduce_mean(history[:, -HISTORY:], axis=1, keepdims=True) + steps + more
        return {"forecast": made, "lower": made - 5.0, "upper": made + 5.0}

    plain = tf.function(lambda history: forecast(history, 0.0), input_signature=[history_spec])
    timed = tf.function(
        lambda history, times: forecast(history + 0.0 * tf.cast(times, tf.float32)[..., tf.newaxis], 100.0),
        input_signature=[history_spec, tf.TensorSpec([None, None], tf.int64, name="times")],
    )
    save(folder, {"serving_default": plain, "with_times": timed}, {"series.json": json.dumps(FACTS)})


def save(folder: Path, functions: dict[str, Any], assets: dict[str, str]) -> None:
    """Write a SavedModel."""
    write_saved_model(None, functions, assets, "model", folder)


def write_example(folder: Path, arrays: dict[str, Any]) -> None:
    """Write a warm-up file of one request."""
    write_warmup(folder, [("serving_default", arrays)])


def image(size: tuple[int, int], kind: str = "PNG", orientation: int = 1, mode: str = "RGB") -> bytes:
    """Return a picture file; size is (height, width)."""
    stream = io.BytesIO()
    image = Image.new(mode, (size[1], size[0]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(stream, kind, **({"exif": exif} if orientation > 1 else {}))
    return stream.getvalue()


# text -> contrast (WCAG 2) with the nearest ground that is not transparent
CONTRASTS = """() => {
    const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => numbers(text).slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return numbers(colour)[3] === 0 && node.parentElement ? ground(node.parentElement) : colour;
    };
    const found = {};
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const [words, node] = [walker.currentNode.textContent.trim(), walker.currentNode.parentElement];
        if (!words || !node.checkVisibility() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.tagName)) continue;
        const [low, high] = [light(getComputedStyle(node).color), light(ground(node))].sort((a, b) => a - b);
        found[words] = (high + 0.05) / (low + 0.05);
    }
    return found;
}"""
