"""The page at `/` for a person: what is served, and a place to ask it; its parts, and the list of models it reads.

Everything lies in memory before the first request: no path from a request reaches the file system. The page loads
nothing from elsewhere, and its policy lets no script run but its own.
"""

from __future__ import annotations

import json
import logging
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from weakref import WeakKeyDictionary

from data.series.resolving import reading_of
from pipeline.pages import STYLES
from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.models.saved_model import Servable, type_name
from serving.server.rest.json_writer import write_error
from serving.server.rest.page_examples import read_examples
from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response
from serving.signatures import DEFAULT_SIGNATURE

log = logging.getLogger("serving")
MODELS_PATH, EXAMPLE_PATH = "/labline/models", "/labline/example"
MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
MOST_ASSET_BYTES = 2**20  # of class names or facts about a series; larger ones are some other program's files
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
UNCACHED = tuple({**HEADERS, "Cache-Control": "no-store"}.items())
NOT_FOUND_PAGE = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


def answer_page(context: RequestContext) -> Response:
    """Answer a target outside /v1/."""
    request = context.request
    try:
        found = respond(context.core, request.method, request.target)
    except Exception:
        log.exception("%s %s failed", request.method, request.target)
        return Response(500, write_error("The server failed; its log says how."))
    return found or Response(404, NOT_FOUND_PAGE, "text/html")


def respond(core: Core, method: str, path: str) -> Response | None:
    """Answer a target outside /v1/, or return None where there is nothing.

    Reads a version's small assets when it is asked about for the first time: not for the event loop's own thread.

    Args:
        path: as the client sent it, with its query.
    """
    if method not in ("GET", "HEAD"):
        return None
    wanted, _, query = path.partition("?")
    if wanted == MODELS_PATH:
        return answer_json(200, {"models": list_models(core)})
    if wanted == EXAMPLE_PATH:
        return answer_example(core, query)
    if (part := PARTS.get(wanted)) is None:
        return None
    media_type, content = part
    return Response(200, content, f"{media_type}; charset=utf-8", tuple(HEADERS.items()))


def read_parts() -> dict[str, tuple[str, bytes]]:
    """Return the page's files by the path that asks for them."""
    parts = {}
    for file in resources.files(__package__).joinpath("page_files").iterdir():
        if media_type := MEDIA_TYPES.get(file.name.rpartition(".")[2]):
            path = "/" if file.name == "index.html" else f"/page/{file.name}"
            parts[path] = (media_type, file.read_bytes())
    parts["/page/charts.css"] = ("text/css", (STYLES / "charts.css").read_bytes())
    return parts


def answer_json(status: int, value: Any) -> Response:
    """Return a value as JSON that nobody keeps."""
    return Response(status, json.dumps(value).encode(), headers=UNCACHED)


def answer_example(core: Core, query: str) -> Response:
    """Answer with a body made of the model's own warm-up file; the query names model, version and signature."""
    asked = dict(parse_qsl(query))
    number = asked.get("version", "")
    try:
        handle = core.manager.lend(
            asked.get("model", ""), int(number) if number.isdecimal() and len(number) < 20 else None
        )
    except RequestError as error:
        return answer_json(error.http_status, {"error": error.message})
    with handle:
        example = find_facts(handle.servable).examples.get(asked.get("signature", ""))
    if example is None:
        return answer_json(404, {"error": "This version brings no example of this signature."})
    return Response(200, example, headers=UNCACHED)


PARTS = read_parts()


def list_models(core: Core) -> list[dict[str, Any]]:
    """Return what is served, by name: versions, the newest first; states, labels and, where loaded, what they take."""
    return [describe_model(core, name) for name in sorted(core.manager.models)]


def describe_model(core: Core, name: str) -> dict[str, Any]:
    """Return a model's versions; none where it has just gone, or nothing of it is on disk."""
    model = core.manager.models.get(name)
    labels = dict(model.config.labels) if model else {}
    try:
        versions = core.manager.status(name, None)
    except RequestError:
        versions = []
    rows = []
    for version in versions:
        row = {
            "version": str(version.number),
            "state": version.state,
            "error": version.error_message,
            "labels": sorted(label for label, number in labels.items() if number == version.number),
        }
        if version.state == "AVAILABLE":
            row |= describe_version(core, name, version.number)
        rows.append(row)
    return {"name": name, "labels": {label: str(number) for label, number in labels.items()}, "versions": rows}


class Facts(NamedTuple):
    """What is worth telling of a version.

    Attributes:
        shown: goes into the list of models.
        examples: signature -> JSON of a request.
    """

    shown: dict[str, Any]
    examples: dict[str, bytes]


KNOWN: WeakKeyDictionary[Servable, Facts] = WeakKeyDictionary()


def describe_version(core: Core, name: str, number: int) -> dict[str, Any]:
    """Return signatures, class names and facts of a loaded version; nothing where it is just being unloaded."""
    try:
        with core.manager.lend(name, number) as handle:
            return find_facts(handle.servable).shown
    except RequestError:
        return {}


def find_facts(servable: Servable) -> Facts:
    """Return the facts of a version; they are looked up once."""
    if (known := KNOWN.get(servable)) is None:
        known = KNOWN[servable] = describe_servable(servable)
    return known


def describe_servable(servable: Servable) -> Facts:
    """Look up what a SavedModel takes, what its assets tell of the answers, and examples."""
    signatures = {
        name: describe_signature(definition)
        for name, definition in sorted(servable.meta_graph.signature_def.items(), key=by_importance)
        if not name.startswith("__saved_model")  # TensorFlow's own, of no use to a client
    }
    labels = read_asset(servable, "labels.txt").splitlines()
    examples = read_examples(servable)
    shown = {
        "signatures": signatures,
        "class_names": labels,
        "series": read_series(servable),
        "examples": list(examples),
    }
    return Facts(shown, examples)


def by_importance(item: tuple[str, Any]) -> tuple[bool, str]:
    """Put the signature that is meant when none is named first."""
    return (item[0] != DEFAULT_SIGNATURE, item[0])


def describe_signature(definition: Any) -> dict[str, Any]:
    """Return types and shapes of a signature, and what a person can give it."""
    inputs = {name: describe_tensor(info) for name, info in sorted(definition.inputs.items())}
    outputs = {name: describe_tensor(info) for name, info in sorted(definition.outputs.items())}
    method = definition.method_name.rpartition("/")[2]
    return {
        "takes": what_it_takes(inputs),
        "method": method if method in ("classify", "regress") else "predict",
        "inputs": inputs,
        "outputs": outputs,
    }


def describe_tensor(info: Any) -> dict[str, Any]:
    """Return a tensor's type and shape; None for an unknown size, and for a shape of unknown rank."""
    unknown = info.tensor_shape.unknown_rank
    sizes = [dim.size if dim.size >= 0 else None for dim in info.tensor_shape.dim]
    return {"type": type_name(info.dtype), "shape": None if unknown else sizes}


def what_it_takes(inputs: dict[str, dict[str, Any]]) -> str:
    """Say what a person can give: a `picture`, a `history`, a few `numbers`, or whatever it is as `json`."""
    if list(inputs) == ["image_bytes"] and inputs["image_bytes"]["type"] == "string":
        return "picture"
    if "history" in inputs and set(inputs) <= {"history", "times", "covariates"}:
        return "history"
    only = next(iter(inputs.values())) if len(inputs) == 1 else None
    if only and only["type"] not in ("string", "bool") and only["shape"] is not None and 1 <= len(only["shape"]) <= 2:
        return "numbers"
    return "json"


def read_series(servable: Servable) -> dict[str, Any] | None:
    """Return what a forecaster tells of its data; None for other models."""
    try:
        facts = json.loads(read_asset(servable, "series.json") or "null")
    except ValueError:
        return None
    if not isinstance(facts, dict) or not {"reading", "csv"} & facts.keys():
        return None
    return {**facts, "reading": reading_of(facts)}


def read_asset(servable: Servable, name: str) -> str:
    """Return a text of the SavedModel's assets; empty where there is none, or it is none of ours."""
    file = servable.folder / "assets" / name
    try:
        return file.read_text("utf-8") if file.stat().st_size <= MOST_ASSET_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""
