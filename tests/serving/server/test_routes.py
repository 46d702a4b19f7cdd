"""URLs are matched exactly as TensorFlow Serving matches them."""

from __future__ import annotations

import pytest

from serving.server.errors import RequestError
from serving.server.rest.routes import Route, match


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [
        ("GET", "/v1/models/m", Route("status", "m")),
        ("GET", "/v1/models/m/versions/3", Route("status", "m", 3)),
        ("GET", "/v1/models/m/versions/0123", Route("status", "m", 123)),
        ("GET", "/v1/models/m/labels/stable", Route("status", "m", None, "stable")),
        ("GET", "/v1/models/m/metadata", Route("metadata", "m")),
        ("GET", "/v1/models/m/versions/3/metadata", Route("metadata", "m", 3)),
        ("GET", "/v1/models/m/labels/a/metadata", Route("metadata", "m", None, "a")),
        ("GET", "/V1/MODELS/M/METADATA", Route("status", "M")),
        ("GET", "/v1/models/m?x=1", Route("status", "m?x=1")),
        ("GET", "/v1/models/a%20b%2Fc", Route("status", "a b/c")),
        ("POST", "/v1/models/m:predict", Route("predict", "m")),
        ("POST", "/V1/Models/m:predict", Route("predict", "m")),
        ("POST", "/v1/models/m/versions/3:predict", Route("predict", "m", 3)),
        ("POST", "/v1/models/m/labels/stable:predict", Route("predict", "m", None, "stable")),
        ("POST", "/v1/models/m:classify", Route("classify", "m")),
        ("POST", "/v1/models/m:regress", Route("regress", "m")),
        ("POST", "/v1/models/m/versions/9223372036854775807:predict", Route("predict", "m", 2**63 - 1)),
    ],
)
def test_a_url_asks_for(method: str, target: str, route: Route) -> None:
    assert match(method, target) == route


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/models/m/versions/1/labels/a:predict"),
        ("POST", "/v1/models/m/version/1:predict"),
        ("POST", "/v1/models/m/label/a:predict"),
        ("POST", "/v1/models/m:predict/"),
        ("GET", "/v1/models/m/"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/m/versions/-1"),
        ("GET", "/v1/models/m/versions/one"),
        ("GET", "/v1/models/m/versions/\u0663"),
        ("POST", "/v1/models/m/predict"),
        ("POST", "/v1/models/m:foo"),
        ("POST", "/v1/models/m:PREDICT"),
        ("POST", "/v1/models/m:predict?x=1"),
        ("GET", "/v1/models/m:predict"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m/metadata"),
        ("PUT", "/v1/models/m"),
        ("DELETE", "/v1/models/m:predict"),
        ("HEAD", "/v1/models/m"),
    ],
)
def test_anything_else_is_malformed(method: str, target: str) -> None:
    with pytest.raises(RequestError) as caught:
        match(method, target)
    assert caught.value.http_status == 400
    assert caught.value.message == f"Malformed request: {method} {target}"


def test_all_models_cannot_be_listed() -> None:
    with pytest.raises(RequestError, match="Missing model name in request\\."):
        match("GET", "/v1/models")


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 5000])
def test_a_version_beyond_64_bits_is_the_one_error_without_a_body(digits: str) -> None:
    with pytest.raises(RequestError, match="Failed to convert version") as caught:
        match("GET", f"/v1/models/m/versions/{digits}")
    assert not caught.value.body


def test_leading_zeros_are_fine_however_many() -> None:
    assert match("GET", "/v1/models/m/versions/" + "0" * 5000 + "12").version == 12
