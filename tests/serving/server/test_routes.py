"""URLs are matched exactly as TensorFlow Serving matches them."""

from __future__ import annotations

import pytest

from serving.server.errors import RequestError
from serving.server.rest.cors import answer_preflight
from serving.server.rest.example_json import answer_classify, answer_regress
from serving.server.rest.metrics_page import answer_metrics
from serving.server.rest.model_status import answer_metadata, answer_status
from serving.server.rest.page import answer_page
from serving.server.rest.predict import answer_predict
from serving.server.rest.request_context import Handler, ModelTarget
from serving.server.rest.routes import make_routes, match


@pytest.mark.parametrize(
    ("method", "target", "handler", "model"),
    [
        ("GET", "/v1/models/m", answer_status, ModelTarget("m")),
        ("GET", "/v1/models/m/versions/3", answer_status, ModelTarget("m", 3)),
        ("GET", "/v1/models/m/versions/0123", answer_status, ModelTarget("m", 123)),
        ("GET", "/v1/models/m/labels/stable", answer_status, ModelTarget("m", None, "stable")),
        ("GET", "/v1/models/m/metadata", answer_metadata, ModelTarget("m")),
        ("GET", "/v1/models/m/versions/3/metadata", answer_metadata, ModelTarget("m", 3)),
        ("GET", "/v1/models/m/labels/a/metadata", answer_metadata, ModelTarget("m", None, "a")),
        ("GET", "/V1/MODELS/M/METADATA", answer_status, ModelTarget("M")),
        ("GET", "/v1/models/m?x=1", answer_status, ModelTarget("m?x=1")),
        ("GET", "/v1/models/a%20b%2Fc", answer_status, ModelTarget("a b/c")),
        ("POST", "/v1/models/m:predict", answer_predict, ModelTarget("m")),
        ("POST", "/V1/Models/m:predict", answer_predict, ModelTarget("m")),
        ("POST", "/v1/models/m/versions/3:predict", answer_predict, ModelTarget("m", 3)),
        ("POST", "/v1/models/m/labels/stable:predict", answer_predict, ModelTarget("m", None, "stable")),
        ("POST", "/v1/models/m:classify", answer_classify, ModelTarget("m")),
        ("POST", "/v1/models/m:regress", answer_regress, ModelTarget("m")),
        ("POST", "/v1/models/m/versions/9223372036854775807:predict", answer_predict, ModelTarget("m", 2**63 - 1)),
    ],
)
def test_a_url_asks_for(method: str, target: str, handler: Handler, model: ModelTarget) -> None:
    route, named = match(method, target)
    assert (route.handler, named) == (handler, model)


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
    assert match("GET", "/v1/models/m/versions/" + "0" * 5000 + "12")[1].version == 12


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics", "/labline/metrics"])
def test_metrics_are_told_where_they_were_put_whatever_else_is_there(path: str) -> None:
    routes = make_routes(path)
    for method in ("GET", "POST", "OPTIONS"):
        assert match(method, path, routes)[0].handler is answer_metrics
    assert match("GET", "/v1/models/m", routes)[0].handler is answer_status


def test_only_the_page_and_the_question_of_a_browser_need_no_token() -> None:
    free = {route.handler for route in make_routes("/metrics") if not route.needs_token}
    assert free == {answer_page, answer_preflight}
    assert match("GET", "/labline/models")[0].needs_token
