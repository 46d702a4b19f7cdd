"""Routes: the table of what the REST API answers, by what and on which thread; matched as TensorFlow Serving does.

To add an endpoint, write a handler and give it a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from serving.model_config import LARGEST_VERSION
from serving.server.errors import RequestError, invalid
from serving.server.rest.cors import answer_preflight
from serving.server.rest.example_json import answer_classify, answer_regress
from serving.server.rest.metrics_page import answer_metrics
from serving.server.rest.model_status import answer_metadata, answer_status
from serving.server.rest.page import answer_page
from serving.server.rest.page_pictures import answer_picture
from serving.server.rest.page_series import answer_series
from serving.server.rest.predict import answer_predict
from serving.server.rest.request_context import Handler, ModelTarget

Threads = Literal["loop", "loop if small", "readers", "status threads"]

# One string of path and query is matched as a whole, so that a query on `:predict` is malformed and one on a status
# URL becomes part of the model's name. A verb is compared with case, all else without: `:PREDICT` is malformed.
API = r"(?i:/v1/)"
PLACE = r"(?:/versions/([0-9]+)|/labels/([^/:]+))?"
MODEL = rf"(?i:/v1/models/([^/:]+){PLACE})"
MODEL_OR_NONE = rf"(?i:/v1/models(?:/([^/:]+))?{PLACE}(?:/metadata)?)"
ANY_METHOD = ""
NO_MODEL = ModelTarget("")


@dataclass(frozen=True)
class Route:
    """A row of the table.

    Attributes:
        pattern: of path and query, still percent-encoded; its groups, if any, are a model's name, version and label.
        runs_on: `loop`: the event loop, for what is quick; `loop if small`: there if the request's body is small,
            else as `readers`: threads for large bodies and for what waits for a model; `status threads`: answer while
            every model is busy.
        needs_token: is refused without the bearer token, where the server asks for one.
    """

    pattern: str
    method: str
    handler: Handler
    runs_on: Threads = "loop"
    needs_token: bool = True


ROUTES = (
    Route(API + ".*", "OPTIONS", answer_preflight, needs_token=False),
    Route(MODEL + ":predict", "POST", answer_predict, "loop if small"),
    Route(MODEL + ":classify", "POST", answer_classify, "readers"),
    Route(MODEL + ":regress", "POST", answer_regress, "readers"),
    Route(MODEL + "/metadata", "GET", answer_metadata, "status threads"),
    Route(MODEL_OR_NONE, "GET", answer_status, "status threads"),
    Route("/labline/series(?:[?#].*)?", "POST", answer_series, "readers"),
    Route("/labline/picture", "POST", answer_picture, "readers"),
    Route("/labline/.*", ANY_METHOD, answer_page, "status threads"),  # may read a version's files
    Route(f"(?!{API}).*", ANY_METHOD, answer_page, needs_token=False),
)


def make_routes(metrics_path: str | None) -> tuple[Route, ...]:
    """Return the table of a server that tells its metrics at a path of its own, or nowhere."""
    if metrics_path is None:
        return ROUTES
    query = "" if re.match(API, metrics_path) else "(?:[?#].*)?"
    return (Route(re.escape(metrics_path) + query, ANY_METHOD, answer_metrics), *ROUTES)


def match(method: str, target: str, routes: tuple[Route, ...] = ROUTES) -> tuple[Route, ModelTarget]:
    """Return the first route for `method` on `target` (path and query, still percent-encoded), and the model named.

    Raises:
        RequestError: it asks for nothing the server knows; always 400, never 405.
    """
    for route in routes:
        if route.method in (method, ANY_METHOD) and (found := re.fullmatch(route.pattern, target, re.DOTALL)):
            return route, read_target(*found.groups()) if found.groups() else NO_MODEL
    raise invalid(f"Malformed request: {method} {target}")


def read_target(name: str | None, version: str | None, label: str | None) -> ModelTarget:
    """Return the model that the parts of a URL name."""
    if not name:
        raise invalid("Missing model name in request.")
    return ModelTarget(unquote(name), read_version(version), unquote(label) if label else None)


def read_version(digits: str | None) -> int | None:
    """Return a version number; leading zeros are fine."""
    if not digits:
        return None
    version = int(digits.lstrip("0") or "0") if len(digits.lstrip("0")) < 20 else LARGEST_VERSION + 1
    if version > LARGEST_VERSION:
        raise RequestError("INVALID_ARGUMENT", f"Failed to convert version: {digits} to numeric.", body=False)
    return version
