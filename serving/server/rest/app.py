"""The REST API: one ASGI application that answers predict, status and metadata requests.

Everything a model or a large body can make slow runs in a pool of threads; the event loop only moves bytes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.server.errors import RequestError
from serving.server.models.versions import Lent, Manager
from serving.server.rest import routes
from serving.server.rest.json_codec import read_predict, write_error, write_predict

log = logging.getLogger("serving")
MOST_INFLATED = 100 * 2**20
NOT_FOUND_PAGE = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server."""

    threads: int
    body_bytes: int
    cors: bool = False


def make_app(manager: Manager, limits: Limits) -> Callable[..., Awaitable[None]]:
    """Return the ASGI application."""
    pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="request")
    looking = ThreadPoolExecutor(2, thread_name_prefix="look")  # so that status is answered while every model is busy
    headers = CORS if limits.cors else {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        target = target_of(scope)
        if not target.lower().startswith("/v1/"):
            await Response(NOT_FOUND_PAGE, 404, media_type="text/html")(scope, receive, send)
            return
        if request.method == "OPTIONS":
            await Response(status_code=200 if allowed_origin(request) else 400, headers=headers)(scope, receive, send)
            return
        try:
            body = await read_body(request, limits.body_bytes)
        except ClientDisconnect:
            return
        if body is None:
            refusal = write_error(f"The request's body is larger than {limits.body_bytes} bytes, this server's limit.")
            await Response(refusal, 413, {**headers, "Connection": "close"}, "application/json")(scope, receive, send)
            return
        gzip = "gzip" in request.headers.get("content-encoding", "")
        threads = pool if request.method == "POST" else looking
        status, content = await asyncio.get_running_loop().run_in_executor(
            threads, answer, manager, request.method, target, body, gzip
        )
        await Response(content, status, headers, "application/json")(scope, receive, send)

    return application


def target_of(scope: Any) -> str:
    """Return path and query as the client sent them, still percent-encoded."""
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    return (raw + b"?" + query if query else raw).decode("utf-8", "replace")


def allowed_origin(request: Request) -> bool:
    origin = request.headers.get("origin", "")
    return "http://" in origin or "https://" in origin


async def read_body(request: Request, most: int) -> bytes | None:
    """Return the body, or None as soon as it is known to be larger than `most` bytes."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most:
        return None
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def answer(manager: Manager, method: str, target: str, body: bytes, gzip: bool) -> tuple[int, bytes]:
    """Return HTTP status and body of the response; every error has the one shape that clients know."""
    try:
        route = routes.match(method, target)
        if route.action == "status":
            return 200, status(manager, route)
        if route.action == "metadata":
            return 200, metadata(manager, route)
        if route.action == "predict":
            return 200, predict(manager, route, inflate(body) if gzip else body)
        raise RequestError("UNIMPLEMENTED", f"This server does not answer :{route.action} yet; use :predict.")
    except RequestError as error:
        return error.http_status, write_error(error.message) if error.body else b""
    except Exception as error:
        log.exception("%s %s failed", method, target)
        return 500, write_error(f"{type(error).__name__}: {error}")


def inflate(body: bytes) -> bytes:
    """Unpack a gzip body; one that cannot be unpacked, or is too large unpacked, acts as an empty one."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MOST_INFLATED)
    except zlib.error:
        return b""
    return content if unpacker.eof else b""


def predict(manager: Manager, route: routes.Route, body: bytes) -> bytes:
    """Answer `:predict`."""
    lent: list[Lent] = []

    def inputs_of(name: str) -> dict[str, str]:
        lent.append(manager.lend(route.model, route.version, route.label))
        found = lent[0].servable.signature(name)
        if found is None:
            raise RequestError("INVALID_ARGUMENT", f'Serving signature name: "{name}" not found in signature def')
        return found.inputs

    try:
        name, arrays, rows = read_predict(body, inputs_of)
        servable = lent[0].servable
        signature = servable.signature(name)
        assert signature is not None
        return write_predict(servable.run(signature, arrays), signature.outputs, rows)
    finally:
        for item in lent:
            item.give_back()


def status(manager: Manager, route: routes.Route) -> bytes:
    """Answer a status request; a label is not resolved and lists all versions."""
    versions = [
        {
            "version": str(version.number),
            "state": version.state,
            "status": {"error_code": version.error_code, "error_message": version.error_message},
        }
        for version in manager.status(route.model, route.version)
    ]
    return json.dumps({"model_version_status": versions}, indent=1).encode() + b"\n"


def metadata(manager: Manager, route: routes.Route) -> bytes:
    """Answer a metadata request: the signatures of a version."""
    from google.protobuf import json_format

    with manager.lend(route.model, route.version, route.label) as lent:
        signatures = {
            name: json_format.MessageToDict(
                definition, including_default_value_fields=True, preserving_proto_field_name=True
            )
            for name, definition in lent.servable.meta_graph.signature_def.items()
        }
    value = {
        "model_spec": {"name": route.model, "signature_name": "", "version": str(lent.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }
    return json.dumps(value, indent=1).encode() + b"\n"
