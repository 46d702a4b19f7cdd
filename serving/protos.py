"""Protos of TensorFlow Serving's gRPC API and of its request logs, without TensorFlow.

The generated code of `tensorflow-serving-api` imports all of TensorFlow, which a client need not have. So the few
messages that one needs are described here, field numbers and all, and built in a pool of their own, where they can
clash with no others. What is not described is skipped on reading. A serialized tf.Example stands as bytes: on the wire
that is the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

PACKAGE = "labline.wire"

# From tensorflow/core/framework/{tensor,tensor_shape}.proto, tensorflow/core/example/{feature,example}.proto,
# tensorflow/core/protobuf/{meta_graph,saved_model}.proto, google/protobuf/{any,wrappers}.proto and
# tensorflow_serving/apis/*.proto.
# Enumerations are written as int32, which is the same on the wire.
MESSAGES = {
    "Dim": "int64 size = 1; string name = 2",
    "TensorShape": "repeated Dim dim = 2; bool unknown_rank = 3",
    "Tensor": "int32 dtype = 1; TensorShape tensor_shape = 2; int32 version_number = 3; bytes tensor_content = 4;"
    "repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7;"
    "repeated bytes string_val = 8;"
    "repeated float scomplex_val = 9; repeated int64 int64_val = 10; repeated bool bool_val = 11;"
    "repeated double dcomplex_val = 12; repeated int32 half_val = 13; repeated uint32 uint32_val = 16;"
    "repeated uint64 uint64_val = 17",
    "BytesList": "repeated bytes value = 1",
    "FloatList": "repeated float value = 1",
    "Int64List": "repeated int64 value = 1",
    "Feature": "BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3",
    "Features": "map Feature feature = 1",
    "Example": "Features features = 1",
    "TensorInfo": "string name = 1; int32 dtype = 2; TensorShape tensor_shape = 3",
    "SignatureDef": "map TensorInfo inputs = 1; map TensorInfo outputs = 2; string method_name = 3",
    "MetaGraph": "map SignatureDef signature_def = 5",
    "SavedModel": "repeated MetaGraph meta_graphs = 2",
    "SignatureDefMap": "map SignatureDef signature_def = 1",
    "Any": "string type_url = 1; bytes value = 2",
    "Int64Value": "int64 value = 1",
    "ModelSpec": "string name = 1; Int64Value version = 2; string signature_name = 3; string version_label = 4",
    "PredictRequest": "ModelSpec model_spec = 1; map Tensor inputs = 2; repeated string output_filter = 3",
    "PredictResponse": "map Tensor outputs = 1; ModelSpec model_spec = 2",
    "ExampleList": "repeated bytes examples = 1",
    "ExampleListWithContext": "repeated bytes examples = 1; bytes context = 2",
    "Input": "ExampleList example_list = 1; ExampleListWithContext example_list_with_context = 2",
    "Class": "string label = 1; float score = 2",
    "Classifications": "repeated Class classes = 1",
    "ClassificationResult": "repeated Classifications classifications = 1",
    "ClassificationRequest": "ModelSpec model_spec = 1; Input input = 2",
    "ClassificationResponse": "ClassificationResult result = 1; ModelSpec model_spec = 2",
    "Regression": "float value = 1",
    "RegressionResult": "repeated Regression regressions = 1",
    "RegressionRequest": "ModelSpec model_spec = 1; Input input = 2",
    "RegressionResponse": "RegressionResult result = 1; ModelSpec model_spec = 2",
    "GetModelMetadataRequest": "ModelSpec model_spec = 1; repeated string metadata_field = 2",
    "GetModelMetadataResponse": "ModelSpec model_spec = 1; map Any metadata = 2",
    "GetModelStatusRequest": "ModelSpec model_spec = 1",
    "Status": "int32 error_code = 1; string error_message = 2",
    "ModelVersionStatus": "int64 version = 1; int32 state = 2; Status status = 3",
    "GetModelStatusResponse": "repeated ModelVersionStatus model_version_status = 1",
    "PredictLog": "PredictRequest request = 1; PredictResponse response = 2",
    "LogMetadata": "ModelSpec model_spec = 1; int64 timestamp_secs = 4",
    "PredictionLog": "LogMetadata log_metadata = 1; PredictLog predict_log = 6",
}


def new(message: str, /, **values: Any) -> Any:
    """Return a message of `MESSAGES`."""
    return message_class(message)(**values)


def read(name: str, data: bytes) -> Any:
    """Return a message that was serialized.

    Raises:
        ValueError: these are no bytes of such a message.
    """
    try:
        return message_class(name).FromString(data)
    except DecodeError as error:
        raise ValueError(f"no {name}: {error}") from None


def message_class(name: str) -> Any:
    """Return the class of a message."""
    return classes()[name]


@cache
def classes() -> dict[str, Any]:
    """Build the classes of all messages."""
    file = descriptor_pb2.FileDescriptorProto(name="labline_wire.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: class_of(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"), pool) for name in MESSAGES}


def class_of(descriptor: Any, pool: Any) -> Any:
    """Return the class of a message that was described in a pool."""
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # protobuf 3, which Python 3.10 gets


def describe(message: Any, fields: str) -> None:
    """Describe a message's fields, such as `repeated int64 value = 1`; a `map` has names for keys."""
    for field in fields.split(";"):
        *words, _, number = field.split()
        label, kind, name = ["", *words][-3:]
        if label == "map":
            entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            describe(entry, f"string key = 1; {kind} value = 2")
            label, kind = "repeated", f"{message.name}.{entry.name}"
        target = message.field.add(name=name, number=int(number))
        target.label = target.LABEL_REPEATED if label == "repeated" else target.LABEL_OPTIONAL
        if kind[0].isupper():
            target.type, target.type_name = target.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
        else:
            target.type = target.Type.Value(f"TYPE_{kind.upper()}")
