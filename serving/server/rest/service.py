"""The REST server: a listening socket, an event loop on a thread of its own, and an end that loses no request."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time

import uvloop

from pipeline.errors import UserError
from serving.server.core import Core
from serving.server.rest.app import RestApi
from serving.server.rest.limits import Limits
from serving.server.rest.protocol import Connection, check_connections
from serving.server.rest.server_state import ServerState

log = logging.getLogger("serving")
BACKLOG = 2048


class RestServer:
    """A running REST server; `host` and `port` are what it listens on.

    Raises:
        UserError: somebody else listens there by now.
    """

    def __init__(self, core: Core, limits: Limits, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self.host, self.port = listener.getsockname()[:2]
        self.listener, self.tls = listener, tls
        self.loop = uvloop.new_event_loop()
        self.api = RestApi(core, limits, self.loop)
        self.state = ServerState(self.api.handle, self.api.refuse, self.api.is_unauthorized, limits.connection, set())
        try:
            listener.listen(BACKLOG)
        except OSError as error:
            raise UserError(
                f"Cannot listen: {error.strerror}.",
                f"{self.host}:{self.port}",
                "Choose another port, or stop what uses it.",
            ) from None
        self.started = threading.Event()
        self.problem: Exception | None = None
        self.thread = threading.Thread(target=self.run, name="rest", daemon=True)
        self.thread.start()
        self.started.wait()
        if self.problem is not None:
            raise self.problem

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.server = self.loop.run_until_complete(self.listen())
        except Exception as error:
            self.problem = error
            return
        finally:
            self.started.set()
        self.loop.run_forever()
        self.checking.cancel()
        self.loop.run_until_complete(asyncio.gather(self.checking, return_exceptions=True))
        self.loop.close()

    async def listen(self) -> asyncio.AbstractServer:
        server = await self.loop.create_server(
            lambda: Connection(self.state), sock=self.listener, ssl=self.tls, backlog=BACKLOG
        )
        self.checking = self.loop.create_task(check_connections(self.state))
        return server

    def stop(self, grace: float) -> bool:
        """Accept nothing new, finish what is being answered, and end; False if `grace` seconds were too few."""
        if self.loop.is_closed():
            return True
        self.loop.call_soon_threadsafe(self.begin_to_stop)
        deadline = time.monotonic() + grace
        while (self.state.pending or self.state.connections) and time.monotonic() < deadline:
            time.sleep(0.01)
        finished = not self.state.pending
        if not finished:
            log.warning("%d requests were not answered within %.0f s", self.state.pending, grace)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.api.close()
        return finished

    def begin_to_stop(self) -> None:
        self.state.stopping = True
        self.server.close()
        for connection in list(self.state.connections):
            connection.check(time.monotonic())


def start(core: Core, limits: Limits, listener: socket.socket, tls: ssl.SSLContext | None = None) -> RestServer:
    """Answer requests on a bound socket.

    Args:
        tls: speaks HTTPS with this certificate; plain HTTP without.
    """
    return RestServer(core, limits, listener, tls)
