"""Endpoints: a server's gRPC and REST API, opened when its models are there and closed when what runs is finished."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from serving.server.core import Core
from serving.server.grpc_api import service as grpc_service
from serving.server.rest import service as rest_service
from serving.server.rest.limits import ConnectionLimits, Limits
from serving.server.server_config import ServerConfig
from serving.tensorflow_serving import READY

GRACE_SECONDS = 30.0  # for requests that are being answered when the server is told to stop


@dataclass(frozen=True)
class Endpoints:
    """What answers clients; `ready_line` says where."""

    grpc: grpc_service.GrpcServer
    rest: rest_service.RestServer | None
    ready_line: str

    def close(self) -> None:
        """Accept no more requests, and wait for those that run."""
        closing = [threading.Thread(target=self.grpc.stop, args=(GRACE_SECONDS,), daemon=True)]
        if self.rest is not None:
            closing.append(threading.Thread(target=self.rest.stop, args=(GRACE_SECONDS,), daemon=True))
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(GRACE_SECONDS + 5)


def open_endpoints(core: Core, config: ServerConfig) -> Endpoints:
    """Start both APIs.

    Raises:
        UserError: the gRPC API cannot listen.
    """
    grpc = grpc_service.start(core, grpc_options(config))
    rest = (
        rest_service.start(core, limits(config), config.listener, config.rest_tls)
        if config.listener is not None
        else None
    )
    return Endpoints(grpc, rest, ready_line(config, grpc, rest))


def grpc_options(config: ServerConfig) -> grpc_service.GrpcOptions:
    flags = config.flags
    return grpc_service.GrpcOptions(
        bind_address=flags.bind_address,
        port=flags.port,
        socket_path=flags.grpc_socket_path,
        max_threads=flags.grpc_max_threads,
        ssl=config.tls,
        channel_arguments=config.channel_arguments,
        healthcheck=flags.enable_grpc_healthcheck_service,
        tensor_content=flags.enable_serialization_as_tensor_content,
        bearer_token=config.bearer_token,
        max_in_flight=flags.rest_api_max_in_flight,
    )


def limits(config: ServerConfig) -> Limits:
    flags = config.flags
    return Limits(
        flags.rest_api_num_threads,
        ConnectionLimits(body_bytes=flags.rest_api_max_body_mb * 2**20, in_flight=flags.rest_api_max_in_flight),
        inflated_bytes=flags.max_inflated_mb * 2**20,
        cors=flags.rest_api_enable_cors_support,
        bearer_token=config.bearer_token,
        access_log=config.access_log,
        metrics_path=config.monitoring.path if config.monitoring.enable else None,
    )


def ready_line(config: ServerConfig, grpc: grpc_service.GrpcServer, rest: rest_service.RestServer | None) -> str:
    """Say where the APIs are: `http://127.0.0.1:8501 grpc 127.0.0.1:8500`."""
    address = config.flags.bind_address
    host = f"[{address}]" if ":" in address else address
    places = []
    if rest is not None:
        places.append(f"{'https' if config.rest_tls else 'http'}://{host}:{rest.port}")
    places.append(f"grpc {f'{host}:{grpc.port}' if grpc.port else f'unix:{config.flags.grpc_socket_path}'}")
    return f"{READY}{' '.join(places)}"
