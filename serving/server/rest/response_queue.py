"""Response queue: answers on their way from the threads that make them to the event loop, which sends them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from serving.server.errors import RequestError
from serving.server.rest.json_writer import write_error
from serving.server.rest.server_state import Headers, Request

log = logging.getLogger("serving")


class Response(NamedTuple):
    """An answer to a request."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Headers = ()


def error_response(error: RequestError) -> Response:
    """Return the answer that tells of an error."""
    return Response(error.http_status, write_error(error.message) if error.body else b"")


class ResponseQueue:
    """Brings answers from other threads to the event loop, which is woken once for as many as have gathered.

    Args:
        finish: sends the answer to a request, on the loop's thread; its last argument is the model that it comes from.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, finish: Callable[[Request, Response, str], None]) -> None:
        self.loop, self.finish = loop, finish
        self.waiting: deque[tuple[Request, Callable[[], None]]] = deque()
        self.woken = False

    def call(self, request: Request, send: Callable[[], None]) -> None:
        """Have an answer to a request sent by `send`, on the loop's thread, soon."""
        self.waiting.append((request, send))
        if not self.woken:
            self.woken = True
            with suppress(RuntimeError):  # the loop has ended, and with it the connection
                self.loop.call_soon_threadsafe(self.send_all)

    def send_all(self) -> None:
        self.woken = False  # before the first is taken: one put from now on wakes the loop again
        while self.waiting:
            request, send = self.waiting.popleft()
            try:
                send()
            except Exception:
                log.exception("an answer could not be sent")
                request.connection.abandon(request)
