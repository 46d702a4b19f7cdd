"""Flags: the command line of `labline-model-server`, which is tensorflow_model_server's, and what of it is missing."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from pipeline.errors import UsageError
from pipeline.settings import Settings

PROGRAM = "labline-model-server"
FOUR_EACH_CPU = 4 * (os.cpu_count() or 1)


class Flags(Settings):
    """Every flag that counts here; those up to `version` are tensorflow_model_server's, with its defaults."""

    port: int = Field(
        8500,
        description="port of the gRPC API; 0 and -1 take a free one, told in the ready line, but 0 "
        "with a socket path means no port",
    )
    grpc_socket_path: str = Field("", description="UNIX socket of the gRPC API")
    rest_api_port: int = Field(
        0, description="port of the REST API; 0: no REST API, -1: a free one, told in the ready line; not --port's"
    )
    rest_api_num_threads: int = Field(FOUR_EACH_CPU, gt=0, description="REST requests worked on at a time")
    grpc_max_threads: int = Field(FOUR_EACH_CPU, gt=0, description="gRPC requests worked on at a time")
    rest_api_timeout_in_ms: int = Field(30_000, ge=0, description="time for the model's computation; 0: no limit")
    rest_api_enable_cors_support: bool = Field(False, description="let the scripts of other web pages ask")
    model_name: str = Field("default", min_length=1, description="name of the single model")
    model_base_path: str = Field("", description="folder of the single model's version folders")
    model_config_file: str = Field(
        "", description="text-format ModelServerConfig; the two flags above are ignored with it"
    )
    model_config_file_poll_wait_seconds: float = Field(0, description="read the file again that often; 0: never")
    file_system_poll_wait_seconds: float = Field(
        1, description="look for versions that often; 0: once, negative: never"
    )
    allow_version_labels_for_unavailable_models: bool = Field(
        False, description="labels that are new may point to versions that are not available, as they must at the start"
    )
    max_num_load_retries: int = Field(5, ge=0, description="attempts after the first failed one")
    load_retry_interval_micros: int = Field(60_000_000, ge=0, description="time between two attempts")
    num_load_threads: int = Field(
        0,
        ge=0,
        description="versions loaded at a time, over all models; 0: one, and never one that waits to be tried "
        "again, which would hold up all others",
    )
    num_unload_threads: int = Field(0, ge=0, description="no effect: unloading never waits and holds up nothing")
    enable_batching: bool = Field(False, description="merge requests into batches")
    batching_parameters_file: str = Field("", description="text-format BatchingParameters; needs --enable_batching")
    enable_per_model_batching_parameters: bool = Field(
        False, description="only versions with batching_params.pbtxt beside saved_model.pb are batched, as it says"
    )
    enable_model_warmup: bool = Field(True, description="replay assets.extra/tf_serving_warmup_requests before serving")
    num_request_iterations_for_warmup: int = Field(0, ge=0, description="how often each is replayed; 0: once")
    monitoring_config_file: str = Field("", description="text-format MonitoringConfig; metrics are told over REST")
    ssl_config_file: str = Field("", description="text-format SSLConfig: TLS for the gRPC API")
    saved_model_tags: str = Field("serve", description="tags of the graph to load, with commas")
    tensorflow_session_parallelism: int = Field(
        0, ge=0, description="value of the next two where they are 0; 0: TensorFlow decides"
    )
    tensorflow_intra_op_parallelism: int = Field(0, ge=0, description="threads of one operation")
    tensorflow_inter_op_parallelism: int = Field(
        0,
        ge=-1,
        description="operations of one session at a time; -1 computes each call in one thread, as 0 does for batches",
    )
    tensorflow_session_config_file: str = Field("", description="text-format ConfigProto of all sessions")
    per_process_gpu_memory_fraction: float = Field(
        0, ge=0, le=1, description="share of a GPU's memory to take at the start; 0: TensorFlow decides"
    )
    mixed_precision: str = Field("", pattern="^(bfloat16)?$", description="`bfloat16`: compute in it where it is safe")
    grpc_channel_arguments: str = Field("", description="arguments of the gRPC server: name=value,name=value")
    enable_grpc_healthcheck_service: bool = Field(False, description="answer grpc.health.v1")
    enable_signature_method_name_check: bool = Field(
        False, description="classify and regress only signatures whose method name says so"
    )
    enable_serialization_as_tensor_content: bool = Field(False, description="gRPC answers as raw tensor contents")
    flush_filesystem_caches: bool = Field(True, description="no effect: nothing is cached")
    remove_unused_fields_from_bundle_metagraph: bool = Field(True, description="no effect: nothing unused is kept")
    xla_cpu_compilation_enabled: bool = Field(False, description="no effect: jit-compiled models always run")
    xla_gpu_compilation_enabled: bool = Field(False, description="no effect: jit-compiled models always run")
    version: bool = Field(False, description="print versions and end")
    bind_address: str = Field("127.0.0.1", description="address of both APIs; this machine only by default")
    rest_api_enable_tls: bool = Field(False, description="TLS of --ssl_config_file for the REST API, too")
    rest_api_max_body_mb: int = Field(256, gt=0, description="largest REST request; a larger one is answered with 413")
    max_inflated_mb: int = Field(100, gt=0, description="largest gzip body after it is unpacked")
    rest_api_max_in_flight: int = Field(
        1024, gt=0, description="requests worked on or waiting; more are answered with 503 and Retry-After"
    )
    bearer_token_file: str = Field("", description="file of a token; requests without it are refused with 401")
    access_log: str = Field("", description="file to which a line of JSON is added for each request; `-`: stdout")
    request_log_max_mb: int = Field(
        1024, ge=0, description="what is kept of a model's request log: beyond it the oldest files are deleted; 0: all"
    )
    exit_with_parent: int = Field(0, ge=0, description="process that started this one; stop when it is gone; 0: go on")


# What tensorflow_model_server can do and this server cannot; who asks for it is told, and the server goes on.
UNSUPPORTED = {
    "platform_config_file": "only SavedModels on TensorFlow are served, with the settings of the other flags",
    "thread_pool_factory_config_file": "TensorFlow's own threads compute",
    "enable_profiler": "there is no profiler service",
    "prefer_tflite_model": "saved_model.pb is served, not model.tflite",
    "num_tflite_pools": "saved_model.pb is served, not model.tflite",
    "num_tflite_interpreters_per_pool": "saved_model.pb is served, not model.tflite",
    "skip_initialize_tpu": "there is no TPU support",
}
CLOSE = 0.75  # names less alike than this are not suggested for each other
OFF = ("", "0", "false")  # such a flag with one of these asks for nothing


@dataclass(frozen=True)
class CommandLine:
    """A command line taken apart.

    Attributes:
        unknown: arguments that are no flag of either server.
        unsupported: a sentence for each flag that only the other server has.
    """

    flags: Flags
    unknown: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()


def read_flags(arguments: Sequence[str]) -> CommandLine:
    """Take a command line apart; of a flag that is given twice, the last counts.

    Raises:
        UsageError: a flag's value is missing or not one that it can have.
    """
    values: dict[str, str] = {}
    unknown: list[str] = []
    unsupported: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in Flags.model_fields.keys() | UNSUPPORTED.keys():
            unknown.append(argument)
            continue
        if not equals:
            value = take_value(name, rest)
        if name in Flags.model_fields:
            values[name] = value
        elif value.lower() not in OFF:
            unsupported.append(f"--{name} is not supported and has no effect: {UNSUPPORTED[name]}")
    try:
        return CommandLine(Flags.model_validate(values), tuple(unknown), tuple(unsupported))
    except ValidationError as error:
        raise UsageError(*explain(error, values)) from None


def take_value(name: str, rest: list[str]) -> str:
    """Return the value of a flag without `=`: `true` for a switch, else the next argument."""
    if name not in Flags.model_fields or Flags.model_fields[name].annotation is bool:
        return "true"
    if rest and not rest[0].startswith("--"):
        return rest.pop(0)
    raise UsageError(f"--{name} has no value.", "command line", f"Write --{name}=VALUE.")


def explain(error: ValidationError, values: dict[str, str]) -> tuple[str, str, str]:
    """Say what is wrong with the first wrong value, where, and what it may be."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = Flags.model_fields[name]
    message = first["msg"].removeprefix("Input ").removeprefix("String ")
    return f"--{name}={values[name]}: the value {message}.", "command line", f"--{name}: {field.description}."


def check_together(flags: Flags) -> None:
    """Look for flags that contradict each other.

    Raises:
        UsageError: two flags do not go together, or one that is needed is missing.
    """
    parallelism = (
        flags.tensorflow_session_parallelism,
        flags.tensorflow_intra_op_parallelism,
        flags.tensorflow_inter_op_parallelism,
    )
    problems: list[tuple[Any, str, str]] = [
        (
            not flags.model_config_file and not flags.model_base_path,
            "Neither --model_base_path nor --model_config_file is given.",
            "Give one of them.",
        ),
        (
            flags.batching_parameters_file and not flags.enable_batching,
            "--batching_parameters_file is given without --enable_batching.",
            "Add --enable_batching.",
        ),
        (
            flags.enable_per_model_batching_parameters and not flags.enable_batching,
            "--enable_per_model_batching_parameters is given without --enable_batching.",
            "Add --enable_batching.",
        ),
        (
            flags.rest_api_enable_tls and not flags.ssl_config_file,
            "--rest_api_enable_tls is given without --ssl_config_file.",
            "Name the file of the key and certificate.",
        ),
        (
            all(parallelism),
            "--tensorflow_session_parallelism is given together with --tensorflow_intra_op_parallelism and "
            "--tensorflow_inter_op_parallelism.",
            "Give the first, or the two others.",
        ),
        (
            flags.port > 65535 or flags.rest_api_port > 65535 or min(flags.port, flags.rest_api_port) < -1,
            "A port is a number from -1 to 65535.",
            "Choose another port; -1 takes a free one.",
        ),
    ]
    for is_wrong, what, fix in problems:
        if is_wrong:
            raise UsageError(what, "command line", fix)


def describe_unknown(arguments: Sequence[str]) -> str:
    """Return a line for each argument that is no flag."""
    lines = []
    for argument in arguments:
        name = argument.partition("=")[0].lstrip("-")
        near = difflib.get_close_matches(name, Flags.model_fields, n=1, cutoff=CLOSE)
        lines.append(f"unknown argument: {argument}" + (f"   Did you mean `--{near[0]}`?" if near else ""))
    return "\n".join(lines)


def usage() -> str:
    """Return all flags with their defaults and meanings."""
    lines = [f"usage: {PROGRAM} --model_base_path=FOLDER --rest_api_port=8501 [--flag=value ...]", "Flags:"]
    for name, field in Flags.model_fields.items():
        kind = {"int": "int", "str": "string", "float": "float", "bool": "bool"}[field.annotation.__name__]  # type: ignore[union-attr]
        default = f"{field.default}".lower() if kind == "bool" else f"{field.default}"
        lines.append(f"\t{f'--{name}={default}':<50}\t{kind}\t{field.description}")
    lines.append(f"Not supported: {', '.join(f'--{name}' for name in UNSUPPORTED)}")
    return "\n".join(lines)
