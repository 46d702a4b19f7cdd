"""Records of labelled photos are what the Object Detection API's tools and Model Garden read."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from data.detection.boxes import Box
from data.detection.records import encode_detection
from data.tfrecord import decode_example

BOXES = [
    Box("cat", 0.1, 0.2, 0.5, 0.8, "a.xml, line 3", difficult=True),
    Box("café", 0.0, 0.0, 1.0, 0.25, "a.xml, line 9", crowd=True),
]


@pytest.fixture
def image() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def encode(image: bytes, boxes: list[Box]) -> bytes:
    return encode_detection(image, b"png", b"cats/1.png", 17, (8, 12, 3), 0.25, boxes, {"cat": 1, "café": 300})


def test_a_record_has_the_object_detection_apis_keys(image: bytes) -> None:
    found = decode_example(encode(image, BOXES))
    assert found["image/encoded"] == [image]
    assert found["image/key/sha256"] == [hashlib.sha256(image).hexdigest().encode()]
    assert [found[f"image/{name}"] for name in ("height", "width", "format", "filename")] == [
        [8],
        [12],
        [b"png"],
        [b"cats/1.png"],
    ]
    assert found["image/object/bbox/ymin"] == pytest.approx([0.1, 0.0])
    assert found["image/object/bbox/xmax"] == pytest.approx([0.8, 0.25])
    assert found["image/object/class/label"] == [1, 300]
    assert found["image/object/class/text"] == [b"cat", "café".encode()]
    assert [found[f"image/object/{name}"] for name in ("difficult", "truncated", "is_crowd")] == [
        [1, 0],
        [0, 0],
        [0, 1],
    ]
    assert found["image/boxes"] == [2]
    assert found["image/box/smallest"] == pytest.approx([0.24])
    assert found["image/box/largest"] == pytest.approx([0.25])


def test_the_bytes_are_those_that_tensorflow_writes(image: bytes) -> None:
    import tensorflow as tf

    for boxes in (BOXES, []):
        data = encode(image, boxes)
        example = tf.train.Example.FromString(data)
        assert dict(example.features.feature)["image/boxes"].int64_list.value == [len(boxes)]
        assert tf.train.Example.FromString(example.SerializeToString()) == example
        assert encode(image, boxes) == data


@pytest.mark.parametrize("number", [2, 0])
def test_model_gardens_decoder_reads_the_records_as_they_are(image: bytes, number: int) -> None:
    from official.vision.dataloaders.tf_example_decoder import TfExampleDecoder

    found = TfExampleDecoder().decode(encode(image, BOXES[:number]))
    assert found["image"].shape == (8, 12, 3)
    assert found["source_id"].numpy() == b"17"
    np.testing.assert_allclose(
        found["groundtruth_boxes"], [box[1:5] for box in BOXES[:number]] or np.zeros((0, 4)), rtol=1e-6
    )
    assert found["groundtruth_classes"].numpy().tolist() == [1, 300][:number]
    assert found["groundtruth_is_crowd"].numpy().tolist() == [False, True][:number]
