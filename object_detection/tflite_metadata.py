"""Names, order, metadata and labels of a converted detector, as TensorFlow Lite's task library and MediaPipe want them.

The metadata is a flatbuffer of its own in the model's buffer `TFLITE_METADATA`; the labels are a zip archive at the end
of the file. Numbers of fields are those of the schema, tensorflow_lite_support/metadata/metadata_schema.fbs, version
1.0.0.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

METADATA, IDENTIFIER, PARSER_VERSION = "TFLITE_METADATA", b"M001", "1.0.0"
LABELS = "labels.txt"
INPUT, OPERATION = "normalized_input_image_tensor", "TFLite_Detection_PostProcess"
OLD_NAMES = (INPUT, OPERATION, *(f"{OPERATION}:{number}" for number in (1, 2, 3)))
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip archive's earliest time: the same model gives the same bytes

# values of the schema's enumerations and unions
RGB, BOUNDARIES, VALUE_LABELS = 1, 1, 3
FEATURE, IMAGE, BOUNDING_BOX = 1, 2, 3
NORMALIZATION = 1


def finish(content: bytes, labels: list[str]) -> bytes:
    """Return the file with the old names, the outputs in their old order, metadata and labels.

    Args:
        content: as the converter gives it; its signature names the outputs, of which the alphabetical order is the old
            one.
        labels: class names in the order of their numbers.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph, outputs = model.subgraphs[0], {item.name: item.tensorIndex for item in model.signatureDefs[0].outputs}
    graph.outputs = [outputs[name] for name in sorted(outputs)]
    for index, name in zip([*graph.inputs, *graph.outputs], OLD_NAMES, strict=True):
        graph.tensors[index].name = name.encode()
    add_buffer(model, METADATA, serialize(describe()))
    stream = io.BytesIO(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS, EPOCH), "".join(f"{label}\n" for label in labels))
    return stream.getvalue()


def add_buffer(model: Any, name: str, content: bytes) -> None:
    """Put a named buffer into a model."""
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]


@dataclass(frozen=True)
class Byte:
    """A value of one byte: an enumeration's, or the kind of a union."""

    value: int


@dataclass(frozen=True)
class Floats:
    """A vector of float32."""

    values: tuple[float, ...]


# number of a field -> text, whole number (32 bits), Byte, Floats, table, or list of tables or of whole numbers
Table = dict[int, Any]


def describe() -> Table:
    """Return the schema's ModelMetadata of a detector, with the names that the task library and MediaPipe look for."""
    image: Table = {
        0: "image",
        1: "Photo, its proportions not kept.",
        3: {0: Byte(IMAGE), 1: {0: Byte(RGB)}},
        4: [{0: Byte(NORMALIZATION), 1: {0: Floats((127.5,)), 1: Floats((127.5,))}}],
        5: {0: Floats((255.0,)), 1: Floats((0.0,))},
    }
    # the index says that ymin comes first: the schema counts left, top, right, bottom
    corners: Table = {0: Byte(BOUNDING_BOX), 1: {0: [1, 0, 3, 2], 1: Byte(BOUNDARIES)}, 2: {0: 2, 1: 2}}
    feature: Table = {0: Byte(FEATURE), 1: {}, 2: {0: 2, 1: 2}}
    names: Table = {0: LABELS, 1: "Labels for categories that the model can recognize.", 2: Byte(VALUE_LABELS)}
    outputs: list[Table] = [
        {0: "location", 1: "The locations of the detected boxes.", 3: corners},
        {0: "category", 1: "The categories of the detected boxes.", 3: feature, 6: [names]},
        {0: "score", 1: "The scores of the detected boxes.", 3: feature},
        {0: "number of detections", 1: "The number of the detected boxes.", 3: {0: Byte(FEATURE), 1: {}}},
    ]
    return {
        0: "ObjectDetector",
        1: "An SSD-MobileNet, retrained with labline.",
        3: [{2: [image], 3: outputs}],
        7: PARSER_VERSION,
    }


def serialize(table: Table) -> bytes:
    """Return a table as a flatbuffer with the metadata's identifier."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(write_table(builder, table), IDENTIFIER)
    return bytes(builder.Output())


def write_table(builder: Any, table: Table) -> int:
    """Write a table and return its offset; what it refers to must lie in the buffer before it begins."""
    offsets = {
        field: write_value(builder, value) for field, value in table.items() if not isinstance(value, Byte | int)
    }
    builder.StartObject(max(table, default=-1) + 1)
    for field, value in table.items():
        if isinstance(value, Byte):
            builder.PrependInt8Slot(field, value.value, 0)
        elif isinstance(value, int):
            builder.PrependInt32Slot(field, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(field, offsets[field], 0)
    offset: int = builder.EndObject()
    return offset


def write_value(builder: Any, value: Any) -> int:
    """Write what a table refers to, and return its offset."""
    if isinstance(value, dict):
        return write_table(builder, value)
    offset: int
    if isinstance(value, str):
        offset = builder.CreateString(value)
    elif isinstance(value, Floats):
        offset = builder.CreateNumpyVector(np.array(value.values, np.float32))
    elif all(isinstance(item, int) for item in value):
        offset = builder.CreateNumpyVector(np.array(value, np.uint32))
    else:
        offset = write_tables(builder, value)
    return offset


def write_tables(builder: Any, tables: list[Table]) -> int:
    """Write a vector of tables, and return its offset."""
    offsets = [write_table(builder, table) for table in tables]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    vector: int = builder.EndVector()
    return vector
