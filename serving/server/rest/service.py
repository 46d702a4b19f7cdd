"""The REST server: a listening socket, an event loop on a thread of its own, and an end that loses no request."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time

from pipeline.errors import UserError
from serving.server.core import Core
from serving.server.rest.app import Limits, RestApi
from serving.server.rest.protocol import Connection, look_over
from serving.server.rest.server_state import Site

log = logging.getLogger("serving")
BACKLOG = 2048


class RestServer:
    """A running REST server; `host` and `port` are what it listens on.

    Raises:
        UserError: somebody else listens there by now.
    """

    def __init__(self, core: Core, limits: Limits, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        import uvloop

        self.host, self.port = listener.getsockname()[:2]
        self.listener, self.tls = listener, tls
        self.loop = uvloop.new_event_loop()
        self.api = RestApi(core, limits, self.loop)
        self.site = Site(self.api.handle, self.api.refuse, self.api.forbids, limits.connection, set())
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
        self.looking.cancel()
        self.loop.run_until_complete(asyncio.gather(self.looking, return_exceptions=True))
        self.loop.close()

    async def listen(self) -> asyncio.AbstractServer:
        server = await self.loop.create_server(
            lambda: Connection(self.site), sock=self.listener, ssl=self.tls, backlog=BACKLOG
        )
        self.looking = self.loop.create_task(look_over(self.site))
        return server

    def stop(self, grace: float) -> bool:
        """Accept nothing new, finish what is being answered, and end; False if that took longer than `grace` seconds."""
        if self.loop.is_closed():
            return True
        self.loop.call_soon_threadsafe(self.begin_to_stop)
        deadline = time.monotonic() + grace
        while (self.site.pending or self.site.connections) and time.monotonic() < deadline:
            time.sleep(0.01)
        finished = not self.site.pending
        if not finished:
            log.warning("%d requests were not answered within %.0f s", self.site.pending, grace)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.api.close()
        return finished

    def begin_to_stop(self) -> None:
        self.site.stopping = True
        self.server.close()
        for connection in list(self.site.connections):
            connection.check(time.monotonic())


def start(core: Core, limits: Limits, listener: socket.socket, tls: ssl.SSLContext | None = None) -> RestServer:
    """Answer requests on a bound socket.

    Args:
        tls: speaks HTTPS with this certificate; plain HTTP without.
    """
    return RestServer(core, limits, listener, tls)
