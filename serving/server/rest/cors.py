"""CORS: the headers that let the scripts of other web pages ask, and the request by which a browser finds out."""

from __future__ import annotations

from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response
from serving.server.rest.server_state import Headers

CORS_HEADERS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST, GET"),
    ("Access-Control-Allow-Headers", "Content-Type"),
)


def answer_preflight(context: RequestContext) -> Response:
    """Answer OPTIONS; the server's settings decide whether the answer carries the headers."""
    origin = context.request.header(b"origin")
    return Response(200 if "http://" in origin or "https://" in origin else 400, b"")
