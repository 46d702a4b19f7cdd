"""Draws what a detector learns from and has learnt.

Changed training images with the anchors that matched, and truth beside prediction.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from components.tasks.object_detection import image_pairs, matching, metrics
from components.tasks.object_detection.metrics import Floats
from components.tasks.object_detection.predictions import encoded_of, one_image, read_split, read_truth
from data.tfrecord import read_records
from object_detection.augmentation_steps import Written
from object_detection.postprocessing import detect_bytes
from object_detection.ssd import BOX_SCALES
from object_detection.training.input_pipeline import preparer
from pipeline.artifacts import Examples, Model

if TYPE_CHECKING:
    from components.training.tensorboard import TensorBoard
    from object_detection.training.network import DetectorInTraining


SHOWN_IMAGES = 6
COLUMNS = 3
SHOWN = 0.5  # score from which on a box is drawn
SIDE = 300  # pixels of a drawn training image
ANCHOR, BOX = (255, 190, 30), (60, 200, 110)


def draw(
    model: Model,
    network: DetectorInTraining,
    step: int,
    examples: Examples,
    logs: TensorBoard,
    augmentation: tuple[Written, ...],
) -> None:
    """Write `pictures/*.png` and the same as images in the logs."""
    split = "validation" if examples.splits.get("validation") else "train"
    sheets = {
        "matched_anchors": draw_matches(network, examples, augmentation),
        "truth_beside_prediction": draw_predictions(network, examples, split),
    }
    model.file("pictures").mkdir(exist_ok=True)
    for name, sheet in sheets.items():
        content = image_pairs.encode(sheet, "PNG")
        model.file("pictures", f"{name}.png").write_bytes(content)
        with logs.train.as_default():
            tf.summary.image(name, tf.io.decode_png(content, channels=3)[tf.newaxis], step)


def draw_matches(network: DetectorInTraining, examples: Examples, augmentation: tuple[Written, ...]) -> Image.Image:
    """Return training images as the network sees them, changed at random, with the anchors that belong to a box."""
    anchors = np.concatenate([boxes.reshape(-1, 4) for boxes in network.detector.config.make_anchors()])
    prepare = preparer(network.detector, augmentation)
    records = read_records(*examples.shards("train"))
    drawn = []
    for number, record in enumerate(islice(records, SHOWN_IMAGES)):
        pixels, targets = prepare(tf.constant(record), tf.constant([0, number]))
        positive = targets.classes.numpy() > 0
        decoded = decode_boxes(anchors[positive], targets.boxes.numpy()[positive])
        image = ((pixels.numpy() + 1) * 127.5).clip(0, 255).astype("uint8")
        drawn.append(draw_anchors(image, anchors[positive], decoded))
    return image_pairs.sheet_of(drawn, COLUMNS)


def decode_boxes(anchors: Floats, codes: Floats) -> Floats:
    """Return the boxes [n, 4] that codes mean at anchors; the inverse of SSD's box code."""
    size = anchors[:, 2:] - anchors[:, :2]
    middle = (anchors[:, 2:] + anchors[:, :2]) / 2 + codes[:, :2] / BOX_SCALES[0] * size
    half = np.exp(codes[:, 2:] / BOX_SCALES[2]) * size / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def draw_anchors(pixels: NDArray[np.uint8], anchors: Floats, boxes: Floats) -> Image.Image:
    """Return an image with anchors, yellow and dashed, and the boxes they belong to, green."""
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(image)
    for rows, colour, dash in ((anchors, ANCHOR, 5), (boxes, BOX, 0)):
        for row in rows:
            top, left, bottom, right = (round(float(edge) * SIDE) for edge in row)
            image_pairs.draw_frame(pen, (left, top, max(right, left + 1), max(bottom, top + 1)), colour, dash)
    return image


def draw_predictions(network: DetectorInTraining, examples: Examples, split: str) -> Image.Image:
    """Return images of a split with what is there beside what is found."""
    rows = list(islice(read_split(examples, split), SHOWN_IMAGES))
    images, truths = [encoded_of(row) for row in rows], [read_truth(row) for row in rows]
    found = {name: value.numpy() for name, value in detect_bytes(network.detector, tf.constant(images)).items()}
    numbers = np.arange(len(examples.labels) + 1)  # the network was made for these examples
    detections = [one_image(found, place, numbers) for place in range(len(images))]
    matches = metrics.evaluate(truths, detections, examples.labels).matches
    told = zip(images, truths, detections, matching.outcomes(truths, detections, matches, SHOWN), strict=True)
    pairs = [image_pairs.draw_pair(*facts, examples.labels) for facts in told]
    return image_pairs.sheet_of(pairs)
