"""Request context: what the handler of a route gets of a request, and how it answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from serving.server.core import Core
from serving.server.rest.limits import Limits
from serving.server.rest.response_queue import Response, ResponseQueue
from serving.server.rest.server_state import Request

UNLOGGED = b"x-labline-unlogged"  # `1` keeps a request out of the request log


@dataclass(frozen=True)
class ModelTarget:
    """The model that a URL names; an empty name where a route has none.

    Attributes:
        version: the version asked for, None for the highest available one.
        label: the version label asked for.
    """

    model: str
    version: int | None = None
    label: str | None = None


class RequestContext(NamedTuple):
    """One request, and all that answers it: its handler returns the answer, or calls a `send` method later, once.

    Attributes:
        deadline: of the model's computation, on `time.monotonic()`.
    """

    core: Core
    limits: Limits
    request: Request
    target: ModelTarget
    response_queue: ResponseQueue
    deadline: float

    def body(self) -> bytes:
        """Return a body as it was before it was packed; one that cannot be unpacked acts as an empty one."""
        request = self.request
        return inflate(request.body(), self.limits.inflated_bytes) if is_gzip(request) else request.body()

    def is_loggable(self) -> bool:
        """Say whether the request log may keep it: one that only tests the server is not what people send."""
        return self.request.headers.get(UNLOGGED) != b"1"

    def send(self, response: Response) -> None:
        """Send the answer, from any thread."""
        self.send_written(lambda: response)

    def send_written(self, write: Callable[[], Response]) -> None:
        """Have the answer written and sent on the event loop's thread; `write` must be quick and raise nothing."""
        self.response_queue.call(self.request, partial(self.finish, write))

    def finish(self, write: Callable[[], Response]) -> None:
        self.response_queue.finish(self.request, write(), self.target.model)


# returns the answer, or None if it is sent later
Handler = Callable[[RequestContext], Response | None]


def is_gzip(request: Request) -> bool:
    encoding = request.headers.get(b"content-encoding")
    return encoding is not None and b"gzip" in encoding


def inflate(body: bytes, most: int) -> bytes:
    """Unpack a gzip body; one that cannot be unpacked, or is too large unpacked, acts as an empty one."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, most)
    except zlib.error:
        return b""
    return content if unpacker.eof else b""
