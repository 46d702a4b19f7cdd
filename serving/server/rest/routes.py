"""Routes: what a method and URL ask for, matched exactly as TensorFlow Serving matches them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from serving.model_config import LARGEST_VERSION
from serving.server.errors import RequestError, invalid

# One string of path and query is matched as a whole, so that a query on `:predict` is malformed and one on a status
# URL becomes part of the model's name.
VERB = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?:(classify|regress|predict)", re.IGNORECASE
)
STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/([0-9]+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE)


@dataclass(frozen=True)
class Route:
    """A request's wish.

    Attributes:
        action: `predict`, `classify`, `regress`, `status` or `metadata`.
        version: the version asked for, None for the highest available one.
        label: the version label asked for.
    """

    action: str
    model: str
    version: int | None = None
    label: str | None = None


@lru_cache(512)  # clients ask for the same again and again, and there is a limit to what a target can be long
def match(method: str, target: str) -> Route:
    """Return what `method` on `target` (path and query, still percent-encoded) asks for.

    Raises:
        RequestError: it asks for nothing the server knows; always 400, never 405.
    """
    if method == "POST" and (found := VERB.fullmatch(target)):
        name, version, label, verb = found.groups()
        # compared with case after a match without it: `:PREDICT` is malformed
        if verb in ("predict", "classify", "regress"):
            return Route(verb, unquote(name), read_version(version), unquote(label) if label else None)
    elif method == "GET" and (found := STATUS.fullmatch(target)):
        name, version, label, metadata = found.groups()
        if not name:
            raise invalid("Missing model name in request.")
        action = "metadata" if metadata == "metadata" else "status"
        return Route(action, unquote(name), read_version(version), unquote(label) if label else None)
    raise invalid(f"Malformed request: {method} {target}")


def read_version(digits: str | None) -> int | None:
    """Return a version number; leading zeros are fine."""
    if not digits:
        return None
    version = int(digits.lstrip("0") or "0") if len(digits.lstrip("0")) < 20 else LARGEST_VERSION + 1
    if version > LARGEST_VERSION:
        raise RequestError("INVALID_ARGUMENT", f"Failed to convert version: {digits} to numeric.", body=False)
    return version
