"""A detector for TensorFlow Lite finds what the network finds, and its file says what phones and old clients want."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from flatbuffers.table import Table
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema

from components.tasks.object_detection.parity import agreement, compare
from object_detection.detector import Detector
from object_detection.postprocessing import detect_prepared
from object_detection.preprocessing import prepare_bytes
from object_detection.saved_detector import SavedDetector
from object_detection.tflite_export import MIN_SCORE, Precision, TfliteDetector, convert
from object_detection.tflite_metadata import METADATA, describe, serialize
from tests.support.small_detector import LABELS, draw_image


@pytest.fixture(scope="module")
def trained(small_ssd: Any, small_config: Any) -> SavedDetector:
    return SavedDetector(small_ssd, small_config, LABELS)


@pytest.fixture(scope="module")
def images(trained: SavedDetector) -> NDArray[np.float32]:
    encoded = tf.constant([draw_image(number)[0] for number in range(6)])
    return np.asarray(prepare_bytes(encoded, trained.config.size), np.float32)


@pytest.fixture(scope="module")
def expected(trained: SavedDetector, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    return {name: value.numpy() for name, value in detect_prepared(trained, images).items()}


@pytest.fixture(scope="module")
def content(trained: SavedDetector, images: NDArray[np.float32]) -> bytes:
    return convert(trained, "float32", images)


def test_all_detections_are_those_of_the_network(content: bytes, images: NDArray[np.float32], expected: Any) -> None:
    found = TfliteDetector(content).detect(images)
    assert compare(found, expected).max_difference < 2e-5
    assert agreement(found, expected, 0.3).matched == (expected["detection_scores"] >= 0.3).sum()


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "size", "share"), [("float16", 0.52, 0.95), ("int8", 0.3, 0.8)])
def test_files_of_fewer_digits_are_smaller_and_find_most_of_it(
    real_data: Path, precision: Precision, size: float, share: float
) -> None:
    folder = real_data / "weights" / "tflite-support"
    coco = Detector.read(next(folder.glob("coco_ssd*.tflite")), {})
    trained = coco.saved
    files = [(folder / name).read_bytes() for name in ("cats_and_dogs.jpg", "burger.jpg")]
    images = prepare_bytes(tf.constant(files), 300).numpy()
    expected = {name: value.numpy() for name, value in detect_prepared(trained, images).items()}
    content = convert(trained, precision, images)
    assert len(content) < 4 * sum(variable.shape.num_elements() for variable in trained.model.variables) * size
    found = agreement(TfliteDetector(content).detect(images), expected, MIN_SCORE)
    assert found.detections > 10
    assert found.matched >= share * (found.detections + found.extra)


def test_the_file_has_the_names_and_the_order_of_the_object_detection_api(content: bytes) -> None:
    interpreter = tf.lite.Interpreter(model_content=content)
    assert [item["name"] for item in interpreter.get_input_details()] == ["normalized_input_image_tensor"]
    outputs = interpreter.get_output_details()
    assert [item["name"] for item in outputs] == [
        "TFLite_Detection_PostProcess",
        "TFLite_Detection_PostProcess:1",
        "TFLite_Detection_PostProcess:2",
        "TFLite_Detection_PostProcess:3",
    ]
    interpreter.allocate_tensors()
    interpreter.invoke()
    shapes = [interpreter.get_tensor(item["index"]).shape for item in outputs]
    assert shapes == [(1, 100, 4), (1, 100), (1, 100), (1,)]


def test_the_labels_are_packed_into_the_file(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("labels.txt").decode().splitlines() == LABELS


def test_the_metadata_name_the_outputs_that_the_task_library_looks_for(content: bytes) -> None:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content), 0))
    places = {entry.name.decode(): entry.buffer for entry in model.metadata}
    metadata = bytes(model.buffers[places[METADATA]].data)
    assert metadata == serialize(describe())
    assert metadata[4:8] == b"M001"
    root = Reader.root(metadata)
    graph = root.tables(3)[0]
    image, outputs = graph.tables(2), graph.tables(3)
    assert [table.text(0) for table in (*image, *outputs)] == [
        "image",
        "location",
        "category",
        "score",
        "number of detections",
    ]
    options = image[0].tables(4)[0].table(1)
    assert (options.floats(0), options.floats(1)) == ([127.5], [127.5])
    assert outputs[0].table(3).table(1).whole(0) == [1, 0, 3, 2]
    labels = outputs[1].tables(6)[0]
    assert (labels.text(0), labels.byte(2)) == ("labels.txt", 3)
    assert root.text(7) == "1.0.0"


class Reader:
    """Reads tables of a flatbuffer by the numbers of their fields, as generated code does."""

    def __init__(self, content: bytes, position: int) -> None:
        self.source = Table(content, position)

    @classmethod
    def root(cls, content: bytes) -> Reader:
        return cls(content, int.from_bytes(content[:4], "little"))

    def offset(self, field: int) -> int:
        return int(self.source.Offset(4 + 2 * field))

    def text(self, field: int) -> str:
        text: bytes = self.source.String(self.source.Pos + self.offset(field))
        return text.decode()

    def byte(self, field: int) -> int:
        return int(self.source.Bytes[self.source.Pos + self.offset(field)])

    def table(self, field: int) -> Reader:
        return Reader(self.source.Bytes, self.source.Indirect(self.source.Pos + self.offset(field)))

    def tables(self, field: int) -> list[Reader]:
        return [Reader(self.source.Bytes, self.source.Indirect(place)) for place in self.places(field)]

    def floats(self, field: int) -> list[float]:
        return [float(np.frombuffer(self.source.Bytes, "<f4", 1, place)[0]) for place in self.places(field)]

    def whole(self, field: int) -> list[int]:
        return [int(np.frombuffer(self.source.Bytes, "<u4", 1, place)[0]) for place in self.places(field)]

    def places(self, field: int) -> list[int]:
        start = self.source.Vector(self.offset(field))
        return [start + 4 * number for number in range(self.source.VectorLen(self.offset(field)))]
