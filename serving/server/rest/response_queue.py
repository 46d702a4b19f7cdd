"""Outbox: answers on their way from the threads that make them to the event loop, which sends them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from serving.server.rest.server_state import Request

log = logging.getLogger("serving")
Written = tuple[int, bytes]  # HTTP status and body


class Outbox:
    """Brings answers from other threads to the event loop, which is woken once for as many as have gathered."""

    def __init__(self, loop: asyncio.AbstractEventLoop, finish: Callable[..., None]) -> None:
        self.loop, self.finish = loop, finish
        self.waiting: deque[tuple[Request, Callable[[], None]]] = deque()
        self.woken = False

    def call(self, request: Request, send: Callable[[], None]) -> None:
        """Have an answer to a request sent by `send`, on the loop's thread, soon."""
        self.waiting.append((request, send))
        if not self.woken:
            self.woken = True
            with suppress(RuntimeError):  # the loop has ended, and with it the connection
                self.loop.call_soon_threadsafe(self.empty)

    def empty(self) -> None:
        self.woken = False  # before the first is taken: one put from now on wakes the loop again
        while self.waiting:
            request, send = self.waiting.popleft()
            try:
                send()
            except Exception:
                log.exception("an answer could not be sent")
                request.connection.abandon(request)


class Reply:
    """Answers one request, from any thread: one of `send` and `send_written` is called, once.

    Args:
        model: that the answer comes from, as the access log tells it.
    """

    __slots__ = ("model", "outbox", "request")

    def __init__(self, outbox: Outbox, request: Request, model: str) -> None:
        self.outbox, self.request, self.model = outbox, request, model

    def send(self, status: int, body: bytes) -> None:
        """Send an answer that is written."""
        self.send_written(lambda: (status, body))

    def send_written(self, write: Callable[[], Written]) -> None:
        """Have an answer written and sent on the event loop's thread; `write` must be quick and raise nothing."""
        self.outbox.call(self.request, partial(self.finish, write))

    def finish(self, write: Callable[[], Written]) -> None:
        status, body = write()
        self.outbox.finish(self.request, status, body, model=self.model)
