"""Text protos: batching, monitoring and TLS settings, read and written in TensorFlow Serving's text format.

`tensorflow-serving-api` carries no code for these three messages, so they are described here, field numbers and all,
and built when they are first needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, text_format, wrappers_pb2

from pipeline.errors import UserError
from serving.protos import class_of

BATCHING_FILE = "batching_params.pbtxt"  # beside a version's saved_model.pb
METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class BatchingParameters:
    """How small requests are merged into large ones; the defaults are TensorFlow Serving's.

    Attributes:
        max_batch_size: most rows that a request and its batch may have.
        batch_timeout_micros: time that an incomplete batch waits for more requests.
        max_enqueued_batches: batches of one model version that may wait; a request beyond them is refused.
        num_batch_threads: batches that are computed at a time, over all models; 0 means one for each CPU.
        allowed_batch_sizes: sizes that batches are padded up to, in increasing order; empty means every size.
        pad_variable_length_inputs: pad requests whose inner dimensions differ, so that they can share a batch.
        enable_large_batch_splitting: spread a large request over several batches.
        max_execution_batch_size: with splitting, the most rows of a batch; 0 means `max_batch_size`.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 0
    thread_pool_name: str = ""
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    @property
    def execution_size(self) -> int:
        """The most rows that one call of the model gets."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    @property
    def threads(self) -> int:
        return self.num_batch_threads or os.cpu_count() or 1


@dataclass(frozen=True)
class MonitoringConfig:
    """Whether and under which path metrics are told in Prometheus' format."""

    enable: bool = False
    path: str = METRICS_PATH


@dataclass(frozen=True)
class SSLConfig:
    """A server's key and certificate as PEM texts; with `client_verify`, clients need a certificate of `custom_ca`."""

    server_key: str
    server_cert: str
    custom_ca: str = ""
    client_verify: bool = False


def read_batching(file: Path) -> BatchingParameters:
    """Return the batching settings of a file.

    Raises:
        UserError: the file is missing, not in the format, or its values do not go together.
    """
    message = parse(file, "BatchingParameters")
    values = {name: getattr(message, name).value for name in wrapped_fields() if message.HasField(name)}
    parameters = BatchingParameters(
        **values,
        allowed_batch_sizes=tuple(message.allowed_batch_sizes),
        pad_variable_length_inputs=message.pad_variable_length_inputs,
    )
    check_batching(parameters, file, values)
    return parameters


def check_batching(parameters: BatchingParameters, where: Path, given: dict[str, Any]) -> None:
    """Raise UserError for values that cannot mean anything, or that contradict each other."""
    positive = ("max_batch_size", "max_enqueued_batches", "num_batch_threads", "max_execution_batch_size")
    for name in positive:
        if name in given and given[name] <= 0:
            raise UserError(f"`{name}` must be positive; it is {given[name]}.", str(where))
    if parameters.batch_timeout_micros < 0:
        raise UserError(f"`batch_timeout_micros` is {parameters.batch_timeout_micros}.", str(where), "Use 0 or more.")
    if parameters.execution_size > parameters.max_batch_size:
        raise UserError(
            f"`max_execution_batch_size` ({parameters.execution_size}) is larger than `max_batch_size` "
            f"({parameters.max_batch_size}).",
            str(where),
            "Lower the first or raise the second.",
        )
    sizes = parameters.allowed_batch_sizes
    if sizes and (min(sizes) <= 0 or list(sizes) != sorted(set(sizes))):
        raise UserError("`allowed_batch_sizes` must increase.", str(where), f"Write them as: {sorted({*sizes} - {0})}.")
    if sizes and sizes[-1] != parameters.execution_size:
        limit = "max_execution_batch_size" if parameters.enable_large_batch_splitting else "max_batch_size"
        raise UserError(
            f"The last of `allowed_batch_sizes` is {sizes[-1]}, and `{limit}` is {parameters.execution_size}.",
            str(where),
            "They must be equal, or larger batches would have no size.",
        )


def read_monitoring(file: Path) -> MonitoringConfig:
    """Return the monitoring settings of a file.

    Raises:
        UserError: the file is missing or not in the format.
    """
    prometheus = parse(file, "MonitoringConfig").prometheus_config
    path = prometheus.path or METRICS_PATH
    if not path.startswith("/"):
        raise UserError(f"The path of the metrics is `{path}`.", str(file), f"Start it with a slash: `/{path}`.")
    return MonitoringConfig(prometheus.enable, path)


def read_ssl(file: Path) -> SSLConfig:
    """Return the TLS settings of a file.

    Raises:
        UserError: the file is missing or not in the format, or the key, the certificate or the authority is missing.
    """
    message = parse(file, "SSLConfig")
    config = SSLConfig(message.server_key, message.server_cert, message.custom_ca, message.client_verify)
    for name, text in (("server_key", config.server_key), ("server_cert", config.server_cert)):
        if "-----BEGIN" not in text:
            raise UserError(
                f"`{name}` holds no PEM text.", str(file), f'Write the text itself: {name}: "-----BEGIN ...\\n...".'
            )
    if config.client_verify and not config.custom_ca:
        raise UserError(
            "`client_verify` is on, and there is no `custom_ca` to verify clients by.", str(file), "Add `custom_ca`."
        )
    return config


def parse(file: Path, name: str) -> Any:
    """Return a file as the message `tensorflow.serving.NAME`."""
    try:
        return text_format.Parse(file.read_text("utf-8"), message_class(name)())
    except OSError as error:
        raise UserError(f"Cannot read the {name}: {error.strerror}.", str(file)) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"Error parsing text-format tensorflow.serving.{name}: {error}", str(file)) from None


def write_batching(file: Path, parameters: BatchingParameters) -> None:
    """Write batching settings for `--batching_parameters_file`, or for a version's own file beside its saved_model.pb.

    Raises:
        UserError: their values do not go together.
    """
    given = {name: getattr(parameters, name) for name in wrapped_fields()}
    optional = ("num_batch_threads", "thread_pool_name", "enable_large_batch_splitting", "max_execution_batch_size")
    given = {name: value for name, value in given.items() if value or name not in optional}
    check_batching(parameters, file, given)
    message = message_class("BatchingParameters")()
    for name, value in given.items():
        getattr(message, name).value = value
    message.allowed_batch_sizes.extend(parameters.allowed_batch_sizes)
    message.pad_variable_length_inputs = parameters.pad_variable_length_inputs
    write(file, message)


def write_monitoring(file: Path, config: MonitoringConfig) -> None:
    """Write monitoring settings for `--monitoring_config_file`."""
    message = message_class("MonitoringConfig")()
    message.prometheus_config.enable, message.prometheus_config.path = config.enable, config.path
    write(file, message)


def write_ssl(file: Path, config: SSLConfig) -> None:
    """Write TLS settings for `--ssl_config_file`, readable by its owner only, because the key is in it."""
    file.touch(0o600)
    file.chmod(0o600)
    write(file, message_class("SSLConfig")(**vars(config)))


def write(file: Path, message: Any) -> None:
    file.write_text(text_format.MessageToString(message), "utf-8")


# Field numbers and types of tensorflow_serving/config/{ssl_config,monitoring_config}.proto and of
# tensorflow_serving/servables/tensorflow/session_bundle_config.proto. A type that starts with a dot is a message.
MESSAGES = {
    "SSLConfig": [
        ("server_key", "string", 1),
        ("server_cert", "string", 2),
        ("custom_ca", "string", 3),
        ("client_verify", "bool", 4),
    ],
    "PrometheusConfig": [("enable", "bool", 1), ("path", "string", 2)],
    "MonitoringConfig": [("prometheus_config", ".tensorflow.serving.PrometheusConfig", 1)],
    "BatchingParameters": [
        ("max_batch_size", ".google.protobuf.Int64Value", 1),
        ("batch_timeout_micros", ".google.protobuf.Int64Value", 2),
        ("max_enqueued_batches", ".google.protobuf.Int64Value", 3),
        ("num_batch_threads", ".google.protobuf.Int64Value", 4),
        ("thread_pool_name", ".google.protobuf.StringValue", 5),
        ("allowed_batch_sizes", "repeated int64", 6),
        ("pad_variable_length_inputs", "bool", 7),
        ("enable_large_batch_splitting", ".google.protobuf.BoolValue", 8),
        ("max_execution_batch_size", ".google.protobuf.Int64Value", 9),
    ],
}


def wrapped_fields() -> list[str]:
    """List the batching settings that tell whether they were given: they are messages around a value."""
    return [name for name, kind, _ in MESSAGES["BatchingParameters"] if kind.startswith(".google.protobuf.")]


@cache
def message_class(name: str) -> Any:
    """Return the class of a message of `MESSAGES`, made in a pool of its own so that it can clash with no other."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="labline_text_protos.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message, fields in MESSAGES.items():
        target = file.message_type.add(name=message)
        for field, kind, number in fields:
            word = kind.removeprefix("repeated ")
            label = kinds.LABEL_REPEATED if kind.startswith("repeated ") else kinds.LABEL_OPTIONAL
            if word.startswith("."):
                target.field.add(name=field, number=number, label=label, type=kinds.TYPE_MESSAGE, type_name=word)
            else:
                target.field.add(name=field, number=number, label=label, type=kinds.Type.Value(f"TYPE_{word.upper()}"))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return class_of(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"), pool)
