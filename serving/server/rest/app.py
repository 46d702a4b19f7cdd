"""The REST API: each request handed to its route's handler on the thread that suits it, and the answer sent.

The event loop only moves bytes and reads small bodies. What a model or a large body can make slow runs elsewhere, and
its answer comes back through the response queue, which wakes the loop once for all answers of a batch.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.rest.access_log import AccessLog, identify
from serving.server.rest.cors import CORS_HEADERS
from serving.server.rest.json_writer import write_error
from serving.server.rest.limits import Limits
from serving.server.rest.request_context import Handler, RequestContext, is_gzip
from serving.server.rest.response_queue import Response, ResponseQueue, error_response
from serving.server.rest.routes import make_routes, match
from serving.server.rest.server_state import Request

log = logging.getLogger("serving")
SMALL_BODY = 16 * 2**10  # is read on the event loop: handing it to a thread would cost more
KNOWN_TARGETS = 512  # clients ask for the same again and again, and there is a limit to what a target can be long
REFUSALS = {
    400: "This is no HTTP request.",
    408: "The request did not come in time.",
    413: "The request's body is larger than {body_bytes} bytes, this server's limit.",
    431: "The request's headers are longer than {header_bytes} bytes, this server's limit.",
    503: "The server works on as many requests as it may ({in_flight}, of {held_bytes} bytes together); try again.",
}


class RestApi:
    """Answers requests; `handle` and `refuse` are called on the event loop's thread."""

    def __init__(self, core: Core, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self.core, self.limits = core, limits
        self.match = lru_cache(KNOWN_TARGETS)(partial(match, routes=make_routes(limits.metrics_path)))
        self.response_queue = ResponseQueue(loop, self.finish)
        self.readers = ThreadPoolExecutor(limits.threads, thread_name_prefix="read")
        self.status_threads = ThreadPoolExecutor(2, thread_name_prefix="status")  # answer while every model is busy
        self.access_log = AccessLog(limits.access_log) if limits.access_log else None
        self.cors = CORS_HEADERS if limits.cors else ()
        self.token = f"Bearer {limits.bearer_token}".encode() if limits.bearer_token else None

    def handle(self, request: Request) -> None:
        """Begin to answer a request."""
        try:
            route, target = self.match(request.method, request.target)
        except RequestError as error:
            if not self.refuse_unauthorized(request):
                self.finish(request, error_response(error))
            return
        if route.needs_token and self.refuse_unauthorized(request):
            return
        deadline = self.core.rest_deadline()
        context = RequestContext(self.core, self.limits, request, target, self.response_queue, deadline)
        where = route.runs_on
        if where == "loop if small":
            where = "loop" if request.size <= SMALL_BODY and not is_gzip(request) else "readers"
        if where == "loop":
            if (response := run_handler(route.handler, context)) is not None:
                self.finish(request, response, target.model)
        else:
            pool = self.readers if where == "readers" else self.status_threads
            pool.submit(run_and_send, route.handler, context)

    def is_unauthorized(self, request: Request) -> bool:
        """Say whether a token is asked for and this request has not got it."""
        given = request.headers.get(b"authorization", b"")
        return self.token is not None and not hmac.compare_digest(given, self.token)

    def refuse_unauthorized(self, request: Request) -> bool:
        """Answer with 401 where a request is forbidden; return whether it is."""
        if self.token is None or not self.is_unauthorized(request):
            return False
        given = request.headers.get(b"authorization", b"")
        message = "This server asks for a bearer token." if not given else "The bearer token is not this server's."
        self.finish(request, Response(401, write_error(message), headers=(("WWW-Authenticate", "Bearer"),)))
        return True

    def refuse(self, request: Request, status: int) -> None:
        """Answer a request that a limit of its connection forbids."""
        if status == 401:
            self.refuse_unauthorized(request)
            return
        message = REFUSALS[status].format(**vars(self.limits.connection))
        headers = (("Retry-After", "1"),) if status == 503 else ()
        self.finish(request, Response(status, write_error(message), headers=headers))

    def finish(self, request: Request, response: Response, model: str = "") -> None:
        """Send an answer, on the event loop's thread."""
        status, body, media_type, headers = response
        if self.cors:
            headers += self.cors
        name = identify(request) if self.access_log is not None or b"x-request-id" in request.headers else ""
        if name:
            headers += (("X-Request-Id", name),)
        request.respond(status, body, media_type, headers)
        if self.access_log is not None:
            self.access_log.write(request, name, status, len(body), model)

    def close(self) -> None:
        for pool in (self.readers, self.status_threads):
            pool.shutdown(wait=False, cancel_futures=True)
        if self.access_log is not None:
            self.access_log.flush()


def run_and_send(handler: Handler, context: RequestContext) -> None:
    """Run a handler in a thread of its own, and have its answer sent by the loop."""
    if (response := run_handler(handler, context)) is not None:
        context.send(response)


def run_handler(handler: Handler, context: RequestContext) -> Response | None:
    """Return a handler's answer, or the error that it ends in."""
    try:
        return handler(context)
    except RequestError as error:
        return error_response(error)
    except Exception as error:
        log.exception("%s %s failed", context.request.method, context.request.target)
        return Response(500, write_error(f"{type(error).__name__}: {error}"))
