"""The gRPC API: a running server that answers tensorflow.serving.PredictionService and ModelService.

Calls are received by an event loop in a thread of its own. Messages come as bytes: small ones are read where they
arrive, large ones and everything that waits in a pool of threads, so that one client's large image holds up nobody
else.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import hmac
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from pipeline.errors import UserError
from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.models.saved_model import import_tensorflow
from serving.server_config_files import SSLConfig

log = logging.getLogger("serving")
LARGEST_MESSAGE = 2**31 - 1  # bytes
LONGEST_ERROR = 1024  # bytes; gRPC carries messages in headers, which must be small
HEALTH_SERVICES = ("", "ModelService", "PredictionService")

# answers one call: its message's bytes and what gRPC knows about it -> bytes of the answer
Method = Callable[[bytes, "grpc.aio.ServicerContext"], Coroutine[Any, Any, bytes]]


@dataclass(frozen=True)
class GrpcOptions:
    """How the gRPC API listens, and what a client may ask of it.

    Attributes:
        port: -1 takes a free one; so does 0, unless `socket_path` is given: then there is no port.
        socket_path: a UNIX socket to listen on as well.
        max_threads: calls that wait or convert large messages at a time.
        channel_arguments: gRPC's own settings, as `read_channel_arguments` reads them.
        healthcheck: answer the standard health service, too.
        tensor_content: write answers' arrays as `tensor_content` instead of typed values.
        bearer_token: what a client must send as `authorization: Bearer TOKEN`; None asks for nothing.
        max_in_flight: calls answered at a time; one more is refused with UNAVAILABLE.
        max_message_bytes: of one request.
    """

    bind_address: str = "127.0.0.1"
    port: int = -1
    socket_path: str = ""
    max_threads: int = 8
    ssl: SSLConfig | None = None
    channel_arguments: tuple[tuple[str, str | int], ...] = ()
    healthcheck: bool = False
    tensor_content: bool = False
    bearer_token: str | None = None
    max_in_flight: int = 1024
    max_message_bytes: int = LARGEST_MESSAGE


class GrpcServer:
    """A running gRPC server.

    Attributes:
        port: the port it listens on; None with a socket path only.
    """

    def __init__(
        self,
        port: int | None,
        loop: asyncio.AbstractEventLoop,
        thread: threading.Thread,
        end: Callable[[float], Awaitable[None]],
    ) -> None:
        self.port, self.loop, self.thread, self.end = port, loop, thread, end

    def stop(self, grace: float) -> None:
        """Accept no more calls, give those that run up to `grace` seconds, and end; a second time does nothing."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self.finish(grace), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def finish(self, grace: float) -> None:
        await self.end(grace)


def start(core: Core, options: GrpcOptions) -> GrpcServer:
    """Start to answer calls in threads of their own.

    Raises:
        UserError: the address, the key or the certificate cannot be used.
    """
    import_tensorflow()  # before the messages, which would load Keras with it
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=run_forever, args=(loop,), name="grpc", daemon=True)
    thread.start()
    try:
        port, end = asyncio.run_coroutine_threadsafe(listen(core, options), loop).result()
    except BaseException:
        loop.call_soon_threadsafe(loop.stop)
        raise
    return GrpcServer(port, loop, thread, end)


def run_forever(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


async def listen(core: Core, options: GrpcOptions) -> tuple[int | None, Callable[[float], Awaitable[None]]]:
    """Make the server in the running loop; return its port and what ends it."""
    settings: dict[str, str | int] = {
        "grpc.max_receive_message_length": options.max_message_bytes,
        "grpc.max_send_message_length": -1,
        "grpc.so_reuseport": 0,  # or two servers would share a port, each getting some of the calls
        **dict(options.channel_arguments),
    }
    server = grpc.aio.server(options=list(settings.items()))
    pools = [
        concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix=f"grpc {name}")
        for name, threads in (("call", options.max_threads), ("status", 2), ("reload", 4))
    ]
    add_services(server, core, options, pools)
    health = await add_health(server) if options.healthcheck else None
    port = bind(server, options)
    await server.start()

    async def end(grace: float) -> None:
        if health is not None:
            await health.enter_graceful_shutdown()
        await server.stop(grace)
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)

    return port, end


def add_services(server: Any, core: Core, options: GrpcOptions, pools: list[Any]) -> None:
    """Give the server the methods of both services."""
    from serving.server.grpc_api.model_service import ModelService  # these two load TensorFlow
    from serving.server.grpc_api.prediction_service import PredictionService

    call_threads, status_threads, reload_threads = pools
    guard = Guard(options)
    for service in (
        PredictionService(core, options.tensor_content, call_threads, status_threads),
        ModelService(core, status_threads, reload_threads),
    ):
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(guard.wrap(method)) for name, method in service.methods().items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.name, handlers),))


class Guard:
    """What stands before every method: the token, the number of calls in flight, and one form of errors."""

    def __init__(self, options: GrpcOptions) -> None:
        self.options = options
        self.in_flight = 0
        self.running: set[asyncio.Task[bytes]] = set()

    def wrap(self, method: Method) -> Method:
        """Return a method that ends calls with a status code in place of an exception."""

        async def answer(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
            try:
                self.check(context)
                return await self.finish(method(body, context))
            except RequestError as error:
                code, message = error.code, error.message
            except Exception as error:
                log.exception("a gRPC call failed")
                code, message = "INTERNAL", f"{type(error).__name__}: {error}"
            await context.abort(status_code(code), cut(message))
            raise AssertionError("unreachable")

        return answer

    async def finish(self, call: Coroutine[Any, Any, bytes]) -> bytes:
        """Return a call's answer; a call whose client has gone ends, and counts, when the model is through with it."""
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(call)
        self.running.add(task)  # the loop itself keeps no hold of its tasks
        task.add_done_callback(self.end)
        return await asyncio.shield(task)

    def end(self, task: asyncio.Task[bytes]) -> None:
        self.in_flight -= 1
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if nobody waits for it

    def check(self, context: grpc.aio.ServicerContext) -> None:
        """Refuse a call without the token, and one too many."""
        if self.options.bearer_token is not None:
            sent = dict(context.invocation_metadata() or ()).get("authorization", "")
            given = sent.encode() if isinstance(sent, str) else sent
            if not hmac.compare_digest(given, f"Bearer {self.options.bearer_token}".encode()):
                raise RequestError("UNAUTHENTICATED", "This server wants the metadata `authorization: Bearer TOKEN`.")
        if self.in_flight >= self.options.max_in_flight:
            raise RequestError("UNAVAILABLE", f"The server answers {self.in_flight} calls already; try again later.")


def status_code(name: str) -> grpc.StatusCode:
    """Return gRPC's object for the name of a status code."""
    return getattr(grpc.StatusCode, name, grpc.StatusCode.UNKNOWN)


def cut(message: str) -> str:
    """Return an error's message, shortened to what a header may carry."""
    encoded = message.encode("utf-8", "replace")
    if len(encoded) <= LONGEST_ERROR:
        return encoded.decode()
    return encoded[:LONGEST_ERROR].decode("utf-8", "ignore") + "...TRUNCATED"


async def add_health(server: Any) -> Any:
    """Give the server the standard health service; every service is healthy as long as the server takes calls."""
    servicer = health.aio.HealthServicer()
    for name in HEALTH_SERVICES:
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


def bind(server: Any, options: GrpcOptions) -> int | None:
    """Listen on the port and the socket; return the port.

    Raises:
        UserError: the address cannot be used.
    """
    if options.socket_path:
        add_address(server, f"unix:{options.socket_path}", options)
    if options.port == 0 and options.socket_path:
        return None
    host = f"[{options.bind_address}]" if ":" in options.bind_address else options.bind_address
    return add_address(server, f"{host}:{max(options.port, 0)}", options)


def add_address(server: Any, address: str, options: GrpcOptions) -> int:
    """Listen on one address, encrypted if there is a certificate; return its port."""
    credentials = read_credentials(options.ssl) if options.ssl else None
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError:
        port = 0
    if port:
        return int(port)
    fix = "Choose another port with --port (-1 takes a free one), or stop what uses it."
    if credentials is not None:
        fix += (
            " If it is free, the key and the certificate of the SSL config do not fit each other or are no PEM texts."
        )
    raise UserError("The gRPC API cannot listen.", address, fix)


def read_credentials(ssl: SSLConfig) -> grpc.ServerCredentials:
    """Return the certificate and what clients must show."""
    if ssl.client_verify and not ssl.custom_ca:
        raise UserError(
            "`client_verify` is on, but there is no `custom_ca` to verify clients with.",
            "SSL config",
            "Give the PEM text of the authority that signed the clients' certificates, or switch `client_verify` off.",
        )
    return grpc.ssl_server_credentials(
        [(ssl.server_key.encode(), ssl.server_cert.encode())],
        root_certificates=ssl.custom_ca.encode() or None,
        require_client_auth=ssl.client_verify,
    )


def read_channel_arguments(text: str) -> tuple[tuple[str, str | int], ...]:
    """Return gRPC's settings from `name=value,name=value`; whole numbers become numbers.

    Raises:
        UserError: a part has no name or no value.
    """
    settings: list[tuple[str, str | int]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise UserError(f"`{part}` is no NAME=VALUE.", "--grpc_channel_arguments", "Write NAME=VALUE,NAME=VALUE.")
        settings.append((name, int(value) if value.lstrip("-").isdigit() else value))
    return tuple(settings)
