"""Reads the Object Detection API's records for Model Garden's input pipeline: the network's input, and what to find.

Its own decoder stops at `image/source_id`s that are file names, and its parser normalises by ImageNet's mean and knows
one number of anchors for all feature maps.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from official.vision.dataloaders import decoder, parser
from official.vision.dataloaders.utils import pad_groundtruths_to_fixed_size

from data.detection.records import EDGES
from object_detection.augmentation import Labelled, augment
from object_detection.detector_config import DetectorConfig
from object_detection.preprocessing import decode, to_network
from object_detection.targets import Matcher
from object_detection.training.input_pipeline import FEATURES

BUCKETS = 2**53  # for numbers that stand for images: two of 100,000 are alike with a chance of one in a million


class RecordDecoder(decoder.Decoder):
    """Takes a serialized record apart."""

    def decode(self, serialized_example: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return `source_id` (a number), `image`, and of its boxes `boxes` (normalized), `classes` and `is_crowd`."""
        parsed = tf.io.parse_single_example(serialized_example, FEATURES)
        classes, crowds = parsed["image/object/class/label"].values, parsed["image/object/is_crowd"].values
        return {
            "source_id": tf.strings.to_hash_bucket_fast(serialized_example, BUCKETS),
            "image": decode(parsed["image/encoded"]),
            "boxes": tf.stack([parsed[f"image/object/bbox/{edge}"].values for edge in EDGES], axis=-1),
            "classes": classes,
            "is_crowd": tf.cond(tf.size(crowds) > 0, lambda: crowds, lambda: tf.zeros_like(classes)),
        }


class DetectionParser(parser.Parser):
    """Makes the network's input and targets of what the decoder gives.

    Args:
        config: of the network.
        augmentation: names out of `AUGMENTATIONS`, for training.
        most_boxes: boxes of an image that evaluation counts.
    """

    def __init__(self, config: DetectorConfig, augmentation: list[str], most_boxes: int) -> None:
        self.size, self.augmentation, self.most_boxes = config.size, tuple(augmentation), most_boxes
        self.matcher = Matcher(config.make_anchors())

    def _parse_train_data(self, decoded_tensors: dict[str, tf.Tensor]) -> Any:
        seed = tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
        return self.prepare(augment(labelled(decoded_tensors), seed, self.augmentation))

    def _parse_eval_data(self, decoded_tensors: dict[str, tf.Tensor]) -> Any:
        pixels, labels = self.prepare(labelled(decoded_tensors))
        return pixels, {**labels, "groundtruths": self.ground_truth(decoded_tensors)}

    def prepare(self, image: Labelled) -> tuple[tf.Tensor, dict[str, Any]]:
        """Return pixels [size, size, 3] in -1..1, and the targets of the anchors."""
        pixels = tf.ensure_shape(to_network(image.pixels, self.size), [self.size, self.size, 3])
        return pixels, {"targets": self.matcher(image.boxes, image.labels, image.weights)}

    def ground_truth(self, decoded: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return what Model Garden's COCO evaluator compares with; boxes in the image's own pixels."""
        height, width = tf.unstack(tf.shape(decoded["image"])[:2])
        sides = tf.cast(tf.stack([height, width, height, width]), tf.float32)
        boxes = decoded["boxes"] * sides
        ground_truth = {
            "source_id": decoded["source_id"],
            "height": height,
            "width": width,
            "num_detections": tf.minimum(tf.size(decoded["classes"]), self.most_boxes),
            "boxes": boxes,
            "classes": decoded["classes"],
            "areas": tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], axis=1),
            "is_crowds": tf.cast(decoded["is_crowd"], tf.int32),
        }
        padded: dict[str, tf.Tensor] = pad_groundtruths_to_fixed_size(ground_truth, self.most_boxes)
        return padded


def labelled(decoded: dict[str, tf.Tensor]) -> Labelled:
    """Return the image with the boxes that are learnt from: not those around crowds."""
    alone = tf.equal(decoded["is_crowd"], 0)
    boxes, classes = decoded["boxes"][alone], decoded["classes"][alone]
    return Labelled(decoded["image"], boxes, classes, tf.ones_like(boxes[:, 0]))
