"""The REST API: which request is answered by what, on which thread, and in what form errors reach the client.

The event loop only moves bytes and reads small bodies. What a model or a large body can make slow runs elsewhere, and its answer
comes back through the outbox, which wakes the loop once for all answers of a batch.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TextIO

from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.rest import page, routes
from serving.server.rest.access_log import AccessLog, identify
from serving.server.rest.example_json import answer_examples
from serving.server.rest.json_writer import write_error
from serving.server.rest.model_status import metadata, status
from serving.server.rest.predict import Predict, inflate
from serving.server.rest.response_queue import Outbox, Reply
from serving.server.rest.server_state import ConnectionLimits, Headers, Request

log = logging.getLogger("serving")
SMALL_BODY = 16 * 2**10  # is read on the event loop: handing it to a thread would cost more
UNLOGGED = b"x-labline-unlogged"  # `1` keeps a request out of the request log
NOT_FOUND_PAGE = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
CORS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST, GET"),
    ("Access-Control-Allow-Headers", "Content-Type"),
)
REFUSALS = {
    400: "This is no HTTP request.",
    408: "The request did not come in time.",
    413: "The request's body is larger than {body_bytes} bytes, this server's limit.",
    431: "The request's headers are longer than {header_bytes} bytes, this server's limit.",
    500: "The server failed; its log says how.",
    503: "The server works on as many requests as it may ({in_flight}, of {held_bytes} bytes together); try again.",
}


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server.

    Attributes:
        threads: large bodies and requests without batching that are worked on at a time.
        inflated_bytes: largest body after a gzip encoding was taken off.
        cors: let scripts of other web pages ask.
        bearer_token: what an `Authorization` header must hold; None asks for none.
        access_log: gets a line of JSON for each answer.
        metrics_path: where metrics are told; None tells them nowhere.
    """

    threads: int
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)
    inflated_bytes: int = 100 * 2**20
    cors: bool = False
    bearer_token: str | None = None
    access_log: TextIO | None = None
    metrics_path: str | None = None


class RestApi:
    """Answers requests; `handle` and `refuse` are called on the event loop's thread."""

    def __init__(self, core: Core, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self.core, self.limits = core, limits
        self.outbox = Outbox(loop, self.finish)
        self.readers = ThreadPoolExecutor(limits.threads, thread_name_prefix="read")
        self.lookers = ThreadPoolExecutor(2, thread_name_prefix="look")  # status is told while every model is busy
        self.access_log = AccessLog(limits.access_log) if limits.access_log else None
        self.cors = CORS if limits.cors else ()
        self.token = f"Bearer {limits.bearer_token}".encode() if limits.bearer_token else None

    def handle(self, request: Request) -> None:
        """Begin to answer a request."""
        target = request.target
        if not target.lower().startswith("/v1/") or target == self.limits.metrics_path:
            self.answer_elsewhere(request, target)
        elif request.method == "OPTIONS":
            origin = request.header(b"origin")
            self.finish(request, 200 if "http://" in origin or "https://" in origin else 400, b"")
        elif self.is_refused(request):
            return
        else:
            try:
                route = routes.match(request.method, target)
            except RequestError as error:
                self.fail(request, error)
                return
            self.follow(request, route)

    def follow(self, request: Request, route: routes.Route) -> None:
        """Answer what a route asks for, on the thread that suits it."""
        if route.action == "status":
            self.lookers.submit(self.attempt, request, route.model, lambda: status(self.core.manager, route))
        elif route.action == "metadata":
            self.lookers.submit(self.attempt, request, route.model, lambda: metadata(self.core.manager, route))
        elif route.action == "predict":
            reply = Reply(self.outbox, request, route.model)
            predict = Predict(self.core, route, request.started, reply, is_loggable(request))
            if request.size <= SMALL_BODY and not is_gzip(request):
                predict.begin(request.body())
            else:
                self.readers.submit(self.read_large, predict, request)
        else:
            deadline = self.core.rest_deadline()
            self.readers.submit(
                self.attempt, request, route.model,
                lambda: answer_examples(self.core, route, self.plain_body(request), deadline, is_loggable(request)),
            )  # fmt: skip

    def read_large(self, predict: Predict, request: Request) -> None:
        try:
            body = self.plain_body(request)
        except Exception as error:
            log.exception("a body could not be read")
            predict.fail(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))
        else:
            predict.begin(body)

    def plain_body(self, request: Request) -> bytes:
        """Return a body as it was before it was packed; one that cannot be unpacked acts as an empty one."""
        body = request.body()
        return inflate(body, self.limits.inflated_bytes) if is_gzip(request) else body

    def attempt(self, request: Request, model: str, work: Callable[[], bytes]) -> None:
        """Answer with what `work` returns, or with the error it ends in."""
        reply = Reply(self.outbox, request, model)
        try:
            reply.send(200, work())
        except RequestError as error:
            reply.send(error.http_status, write_error(error.message) if error.body else b"")
        except Exception as error:
            log.exception("%s %s failed", request.method, request.target)
            reply.send(500, write_error(f"{type(error).__name__}: {error}"))

    def answer_elsewhere(self, request: Request, target: str) -> None:
        """Answer what is outside the API: the metrics and the page for people."""
        path = re.split("[?#]", target, maxsplit=1)[0]
        if path == self.limits.metrics_path:
            if not self.is_refused(request):
                self.tell_metrics(request, target)
            return
        if path.startswith("/labline/") and self.is_refused(request):
            return
        if path.startswith("/labline/"):  # may take a while when a model is looked at for the first time
            self.lookers.submit(self.answer_page, request, target)
            return
        self.send_page(request, page.respond(self.core, request.method, target))

    def tell_metrics(self, request: Request, target: str) -> None:
        """Answer with the metrics, whatever the method; a query makes it another page, which is not there."""
        if target == self.limits.metrics_path:
            self.finish(request, 200, self.core.metrics.text(), "text/plain")
        else:
            text = f"Unexpected path: {target}. Should be {self.limits.metrics_path}"
            self.finish(request, 400, text.encode(), "text/plain")

    def answer_page(self, request: Request, target: str) -> None:
        """Answer what the page asks for, from a thread."""
        try:
            found = page.respond(self.core, request.method, target)
        except Exception:
            log.exception("%s %s failed", request.method, target)
            self.outbox.call(request, lambda: self.refuse(request, 500))
        else:
            self.outbox.call(request, lambda: self.send_page(request, found))

    def send_page(self, request: Request, found: page.Answer | None) -> None:
        if found is None:
            self.finish(request, 404, NOT_FOUND_PAGE, "text/html")
        else:
            media_type = found.media_type if "json" in found.media_type else f"{found.media_type}; charset=utf-8"
            self.finish(request, found.status, found.content, media_type, tuple(found.headers.items()))

    def forbids(self, request: Request) -> bool:
        """Say whether a token is asked for and this request has not got it."""
        given = request.headers.get(b"authorization", b"")
        return self.token is not None and not hmac.compare_digest(given, self.token)

    def is_refused(self, request: Request) -> bool:
        """Answer with 401 where a request is forbidden."""
        if not self.forbids(request):
            return False
        given = request.headers.get(b"authorization", b"")
        message = "This server asks for a bearer token." if not given else "The bearer token is not this server's."
        self.finish(request, 401, write_error(message), headers=(("WWW-Authenticate", "Bearer"),))
        return True

    def refuse(self, request: Request, status: int) -> None:
        """Answer a request that a limit of its connection forbids."""
        if status == 401:
            self.is_refused(request)
            return
        limits = self.limits.connection
        message = REFUSALS[status].format(**vars(limits))
        self.finish(request, status, write_error(message), headers=(("Retry-After", "1"),) if status == 503 else ())

    def fail(self, request: Request, error: RequestError) -> None:
        self.finish(request, error.http_status, write_error(error.message) if error.body else b"")

    def finish(
        self, request: Request, status: int, body: bytes, media_type: str = "application/json", headers: Headers = (),
        model: str = "",
    ) -> None:  # fmt: skip
        """Send an answer, on the event loop's thread."""
        if self.cors:
            headers += self.cors
        name = identify(request) if self.access_log is not None or b"x-request-id" in request.headers else ""
        if name:
            headers += (("X-Request-Id", name),)
        request.respond(status, body, media_type, headers)
        if self.access_log is not None:
            self.access_log.write(request, name, status, len(body), model)

    def close(self) -> None:
        for pool in (self.readers, self.lookers):
            pool.shutdown(wait=False, cancel_futures=True)
        if self.access_log is not None:
            self.access_log.flush()


def is_gzip(request: Request) -> bool:
    return b"gzip" in request.headers.get(b"content-encoding", b"")


def is_loggable(request: Request) -> bool:
    """Say whether a request may be logged: one that only tests the server asks not to be, as it is not what people send."""
    return request.headers.get(UNLOGGED) != b"1"
