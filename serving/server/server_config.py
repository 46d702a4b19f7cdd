"""Server config: what the flags name, read and checked before the slow part, so that a mistake is told at once."""

from __future__ import annotations

import socket
import ssl
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.errors import UserError, explain_os_error
from serving.model_config import ModelConfig, local_path, read_models
from serving.server.flags import Flags
from serving.server.grpc_api.service import read_channel_arguments
from serving.server.models.loading import LoadOptions
from serving.server.models.session_config import make_session_config
from serving.server_config_files import (
    BatchingParameters,
    MonitoringConfig,
    SSLConfig,
    read_batching,
    read_monitoring,
    read_ssl,
)


@dataclass(frozen=True)
class ServerConfig:
    """What a server will do.

    Attributes:
        batching: None means that every request is computed alone.
        listener: the REST API's bound socket; None without a REST API.
        tls: the certificate of the gRPC API.
        rest_tls: that of the REST API; None means plain HTTP.
    """

    flags: Flags
    models: list[ModelConfig]
    batching: BatchingParameters | None
    monitoring: MonitoringConfig
    tls: SSLConfig | None
    rest_tls: ssl.SSLContext | None
    bearer_token: str | None
    access_log: TextIO | None
    channel_arguments: tuple[tuple[str, str | int], ...]
    listener: socket.socket | None

    def load_options(self) -> LoadOptions:
        """Return how versions are loaded; TensorFlow must have been imported.

        Raises:
            UserError: the session's settings cannot be read.
        """
        flags = self.flags
        return LoadOptions(
            tags=tuple(flags.saved_model_tags.split(",")),
            warmup=flags.enable_model_warmup,
            retries=flags.max_num_load_retries,
            retry_seconds=flags.load_retry_interval_micros / 1e6,
            timeout_ms=flags.rest_api_timeout_in_ms,
            warmup_iterations=max(flags.num_request_iterations_for_warmup, 1),
            threads=max(flags.num_load_threads, 1),
            own_batching=flags.enable_per_model_batching_parameters,
            batches_in_one_thread=flags.enable_batching and leaves_threads_open(flags),
            session_config=make_session_config(flags),
            early_labels=flags.allow_version_labels_for_unavailable_models,
        )


def make_config(flags: Flags) -> ServerConfig:
    """Read every file that the flags name, and bind the REST API's port.

    Raises:
        UserError: something is missing, wrong or taken.
    """
    tls = read_ssl(Path(flags.ssl_config_file)) if flags.ssl_config_file else None
    models = read_model_configs(flags)
    monitoring = (
        read_monitoring(Path(flags.monitoring_config_file)) if flags.monitoring_config_file else MonitoringConfig()
    )
    return ServerConfig(
        flags,
        models,
        read_batching_flags(flags),
        monitoring,
        tls,
        tls_context(tls, Path(flags.ssl_config_file)) if tls is not None and flags.rest_api_enable_tls else None,
        read_token(Path(flags.bearer_token_file)) if flags.bearer_token_file else None,
        open_access_log(flags.access_log) if flags.access_log else None,
        read_channel_arguments(flags.grpc_channel_arguments),
        listen(flags.bind_address, flags.rest_api_port) if has_rest(flags) else None,
    )


def leaves_threads_open(flags: Flags) -> bool:
    """Say whether nothing is demanded about how many operations of a model are computed at a time."""
    return not (
        flags.tensorflow_inter_op_parallelism
        or flags.tensorflow_session_parallelism
        or flags.tensorflow_session_config_file
    )


def has_rest(flags: Flags) -> bool:
    """Say whether there will be a REST API: not on the port of the gRPC API."""
    return flags.rest_api_port != 0 and (flags.rest_api_port == -1 or flags.rest_api_port != flags.port)


def read_model_configs(flags: Flags) -> list[ModelConfig]:
    """Return the models that the flags name."""
    if flags.model_config_file:
        return read_models(Path(flags.model_config_file))
    return [ModelConfig(flags.model_name, str(Path(local_path(flags.model_base_path)).absolute()))]


def read_batching_flags(flags: Flags) -> BatchingParameters | None:
    if not flags.enable_batching:
        return None
    if not flags.batching_parameters_file:
        return BatchingParameters()
    return read_batching(Path(flags.batching_parameters_file))


def read_token(file: Path) -> str:
    """Return the token of a file; space around it does not count."""
    try:
        token = file.read_text("ascii").strip()
    except OSError as error:
        raise explain_os_error(error, file) from None
    except UnicodeDecodeError:
        token = ""
    if not token or any(letter.isspace() for letter in token):
        raise UserError(
            "The file holds no token.",
            str(file),
            "Write one word of ASCII letters and digits, such as `openssl rand -hex 32`.",
        )
    return token


def open_access_log(name: str) -> TextIO:
    if name == "-":
        return sys.stdout
    try:
        return Path(name).open("a", encoding="utf-8")
    except OSError as error:
        raise explain_os_error(error, name) from None


def tls_context(config: SSLConfig, where: Path) -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        with tempfile.NamedTemporaryFile() as file:  # readable by its owner only; there is no other way in than a file
            file.write(f"{config.server_cert}\n{config.server_key}\n".encode())
            file.flush()
            context.load_cert_chain(file.name)
        if config.custom_ca:
            context.load_verify_locations(cadata=config.custom_ca)
    except ssl.SSLError as error:
        raise UserError(
            f"The key and the certificate cannot be used: {error.reason or error}.",
            str(where),
            "Give a PEM key and the certificate that was made for it.",
        ) from None
    if config.client_verify:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def listen(host: str, port: int) -> socket.socket:
    """Bind a port, so that one in use is told at once; nobody is answered until the models are there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, max(port, 0)))
    except OSError as error:
        listener.close()
        raise UserError(
            f"Cannot listen: {error.strerror}.",
            f"{host}:{port}",
            "Choose another port with --rest_api_port (-1 takes a free one), or stop what uses it.",
        ) from None
    return listener
