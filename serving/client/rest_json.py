"""Requests and answers of the REST API as JSON."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import orjson

from data.tfrecord import decode_example
from serving.client.request import Example, Request


def encode_request(request: Request) -> tuple[str, bytes]:
    """Return the URL path and the body of a request."""
    body: dict[str, Any] = {"signature_name": request.signature} if request.signature else {}
    if request.kind == "predict":
        body |= {"inputs": request.inputs} if request.instances is None else {"instances": request.instances}
    else:
        body |= {"context": json_features(request.context)} if request.context else {}
        body["examples"] = [json_features(example) for example in request.examples]
    return f"{model_path(*request.model)}:{request.kind}", encode(body)


def decode_answer(request: Request, answer: dict[str, Any]) -> Any:
    """Return what an answer says."""
    if request.kind == "predict":
        return answer["outputs" if request.instances is None else "predictions"]
    results = answer["results"]
    return [[(text, score) for text, score in row] for row in results] if request.kind == "classify" else results


def model_path(name: str, version: int | None = None, label: str = "") -> str:
    """Return the URL path of a model."""
    chosen = f"/versions/{version}" if version is not None else f"/labels/{quote(label, safe='')}" if label else ""
    return f"/v1/models/{quote(name, safe='')}{chosen}"


def encode(body: dict[str, Any]) -> bytes:
    """Return a body as JSON."""
    try:
        text = orjson.dumps(body, default=to_json, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # such as an integer beyond 64 bits, or a text with lone surrogates
        text = b"null"
    # orjson writes NaN as null; the protocol has a token for it, which python's own writer knows
    return text if b"null" not in text else json.dumps(body, default=to_json).encode()


def to_json(value: Any) -> Any:
    """Translate what JSON has no form for: arrays, numpy numbers and bytes."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def json_features(example: Example) -> dict[str, Any]:
    """Return the features of a tf.Example as JSON values; a list of one value is that value."""
    features = decode_example(example) if isinstance(example, bytes) else example
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in features.items()}


def read_json(content: bytes) -> Any:
    """Return the value of an answer; None if it is no JSON."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        # the protocol allows strings that are not UTF-8, and NaN and Infinity, which python's parser knows
        return json.loads(content.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
