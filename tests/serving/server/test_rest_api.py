"""The embedded server keeps TensorFlow Serving's REST contract: requests, answers, errors."""

from __future__ import annotations

import gzip
import http.client
import json
import math
from typing import Any

import pytest

from serving.launch import Server


@pytest.mark.parametrize(
    ("model", "body", "answer"),
    [
        ("half_plus_two", {"instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        ("half_plus_two", {"instances": [1, 2, 5]}, {"predictions": [2.5, 3.0, 4.5]}),
        ("half_plus_two", {"instances": [[1.0, 2.0], [3.0, 4.0]]}, {"predictions": [[2.5, 3.0], [3.5, 4.0]]}),
        ("half_plus_two", {"instances": [{"x": 1.0}, {"x": 2.0}]}, {"predictions": [2.5, 3.0]}),
        ("half_plus_two", {"instances": [[]]}, {"predictions": [[]]}),
        ("half_plus_two", {"inputs": [1.0, 2.0]}, {"outputs": [2.5, 3.0]}),
        ("half_plus_two", {"inputs": 1.0}, {"outputs": 2.5}),
        ("half_plus_two", {"inputs": []}, {"outputs": []}),
        ("half_plus_two", {"inputs": {"x": [1.0]}}, {"outputs": [2.5]}),
        ("half_plus_two", {"inputs": {"x": [1.0], "unknown": "z"}}, {"outputs": [2.5]}),
        ("half_plus_two", {"signature_name": "", "inputs": [1.0], "more": {}}, {"outputs": [2.5]}),
        ("half_plus_two", {"signature_name": "serving_default", "inputs": [1.0]}, {"outputs": [2.5]}),
        (
            "sum",
            {"instances": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
            {"predictions": [{"sum": 3, "product": 2}, {"sum": 7, "product": 12}]},
        ),
        ("sum", {"inputs": {"a": [1, 2], "b": [5]}}, {"outputs": {"sum": [6, 7], "product": [5, 10]}}),
        ("sum", {"signature_name": "other", "inputs": {"a": 1, "b": 5}}, {"outputs": {"sum": 6, "product": 5}}),
        ("shapes", {"inputs": [[1, 2]]}, {"outputs": {"scalar": 3, "same": [[1, 2]]}}),
        (
            "text",
            {"instances": ["ä", {"b64": "AP8="}]},
            {
                "predictions": [
                    {"text": "ä", "text_bytes": {"b64": "w6Q="}, "length": 2},
                    {"text": "\0\udcff", "text_bytes": {"b64": "AP8="}, "length": 2},
                ]
            },
        ),
        ("text", {"inputs": {"b64": "YQ=="}}, {"outputs": {"text": "a", "text_bytes": {"b64": "YQ=="}, "length": 1}}),
        ("int64", {"inputs": [9007199254740993]}, {"outputs": [9007199254740993]}),
        ("uint64", {"inputs": [18446744073709551615]}, {"outputs": [18446744073709551615]}),
        ("bool", {"instances": [True, False]}, {"predictions": [True, False]}),
        ("float32", {"instances": [1435774380, 0.2]}, {"predictions": [1.43577434e9, 0.2]}),
        ("int8", {"instances": [-1, 300]}, {"predictions": [-1, 44]}),
        ("float16", {"inputs": [[], []]}, {"outputs": [[], []]}),
    ],
)
def test_predict_answers(rest: Any, model: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
    response = rest.predict(model, json.dumps(body))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content.decode("utf-8", "surrogateescape")) == answer


def test_nan_and_infinity_pass_in_both_directions(rest: Any) -> None:
    response = rest.predict("half_plus_two", '{"inputs": [NaN, Infinity, -Inf]}')
    assert response.text.split()[-6:-2] == ["[", "NaN,", "Infinity,", "-Infinity"]
    assert math.isnan(json.loads(response.text)["outputs"][0])


MALFORMED, PARSE = "Malformed request: ", "JSON Parse error: "
ROWS_FAIL = "Failed to process element: "


@pytest.mark.parametrize(
    ("model", "body", "status", "message"),
    [
        ("nobody", '{"instances": [1]}', 404, "Servable not found for request: Latest(nobody)"),
        ("nobody", "{}", 404, "Servable not found for request: Latest(nobody)"),
        ("nobody", "{", 400, PARSE),
        (
            "half_plus_two/versions/99",
            '{"instances": [1]}',
            404,
            "Servable not found for request: Specific(half_plus_two, 99)",
        ),
        ("half_plus_two/labels/nope", '{"instances": [1]}', 400, "Unrecognized servable version label: nope"),
        ("half_plus_two", "", 400, "JSON Parse error: The document is empty"),
        ("half_plus_two", '{"instances": [1,]}', 400, "at offset: 17"),
        ("half_plus_two", "[1]", 400, "Is not object"),
        ("half_plus_two", "{}", 400, "Missing 'inputs' or 'instances' key"),
        (
            "half_plus_two",
            '{"instances": [1], "inputs": [1]}',
            400,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
        ),
        ("half_plus_two", '{"instances": 1}', 400, "Expecting 'instances' to be an list/array"),
        ("half_plus_two", '{"instances": []}', 400, "No values in 'instances' array"),
        (
            "half_plus_two",
            '{"signature_name": 5, "instances": [1]}',
            400,
            "'signature_name' key must be a string value.",
        ),
        (
            "half_plus_two",
            '{"signature_name": "X", "instances": [1]}',
            400,
            'Serving signature name: "X" not found in signature def',
        ),
        (
            "half_plus_two",
            '{"signature_name": "__saved_model_init_op", "instances": [1]}',
            400,
            "Failed to get input map for signature: __saved_model_init_op",
        ),
        ("half_plus_two", '{"instances": ["a"]}', 400, 'JSON Value: "a" Type: String is not of expected type: float'),
        ("half_plus_two", '{"inputs": [true]}', 400, "is not of expected type: float"),
        ("sum", '{"instances": [1, 2]}', 400, "instances is a plain list, but expecting list of objects"),
        ("sum", '{"inputs": [1, 2]}', 400, "inputs is a plain value/list, but expecting an object"),
        (
            "sum",
            '{"instances": [{"a": 1, "b": 2, "z": 3}]}',
            400,
            ROWS_FAIL
            + "0 key: z of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        ("sum", '{"instances": [{"a": 1}]}', 400, "keys must be equal to: a,b"),
        ("sum", '{"inputs": {"a": 1}}', 400, "Missing named input: b in 'inputs' object."),
        (
            "sum",
            '{"instances": [{"a": [1, 2], "b": 1}, {"a": [1], "b": 1}]}',
            400,
            "Expecting tensor size: 2 but got: 1",
        ),
        ("half_plus_two", '{"instances": [[1, 2], [1]]}', 400, "Expecting tensor size: 2 but got: 1"),
        ("half_plus_two", '{"instances": [[1, 2], [[1, 2]]]}', 400, "Expecting shape [2] but got: [1,2]"),
        ("half_plus_two", '{"instances": [[1], {"x": [1]}]}', 400, "Expecting value/list but got object at item 1"),
        ("half_plus_two", '{"instances": [{"x": [1]}, [1]]}', 400, "Expecting object but got list at item 1"),
        ("half_plus_two", '{"inputs": [[1], [1, 2]]}', 400, "Encountered list at unexpected size"),
        ("half_plus_two", '{"inputs": [1, [2]]}', 400, "at unexpected level"),
        ("half_plus_two", '{"inputs": [[1], 2]}', 400, "found at incorrect level"),
        ("text", '{"instances": [{"b64": "@@@"}]}', 400, "Unable to base64 decode"),
        ("text", '{"instances": [["a", {"b64": 5}]]}', 400, "not formatted correctly for base64 data"),
        ("int32", '{"instances": [1.0]}', 400, "is not of expected type: int32"),
        ("float16", '{"inputs": [1.0]}', 501, "Conversion of JSON Value: 1.0 to type: half"),
        ("float16", '{"instances": [1.0]}', 400, "Conversion of JSON Value: 1.0 to type: half"),
        ("complex", '{"inputs": [1.0]}', 400, "Failed to write JSON value for tensor type: complex64"),
        ("shapes", '{"instances": [1, 2]}', 400, "has no shape information"),
        ("uneven", '{"instances": [1, 2]}', 400, "has inconsistent batch size"),
        ("matrix", '{"instances": [[1, 2, 3]]}', 400, "Matrix size-incompatible"),
        ("half_plus_two", '{"inputs": ' + "[" * 100_000 + "]" * 100_000 + "}", 400, "rank"),
    ],
)
def test_a_wrong_request_gets_its_error(rest: Any, model: str, body: str, status: int, message: str) -> None:
    response = rest.predict(model, body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    assert message in response.json()["error"]
    assert response.text.count("\n") == 2, "pretty printed over several lines"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models/half_plus_two/predict"),
        ("GET", "/v1/models/half_plus_two:predict"),
        ("POST", "/v1/models/half_plus_two"),
        ("PUT", "/v1/models/half_plus_two"),
        ("DELETE", "/v1/models/half_plus_two"),
        ("PATCH", "/v1/x"),
        ("GET", "/v1/models/half_plus_two/"),
        ("POST", "/v1/models/half_plus_two:predict?x=1"),
    ],
)
def test_what_is_no_request_is_malformed_and_never_405(rest: Any, method: str, path: str) -> None:
    response = rest(method, path)
    assert response.status_code == 400
    assert response.json()["error"] == f"Malformed request: {method} {path}"


def test_outside_v1_there_is_nothing_but_the_page_for_people(rest: Any) -> None:
    for path in ("/index.php", "/v1", "/health", "/v2/models/half_plus_two"):
        response = rest("GET", path)
        assert response.status_code == 404
        assert "html" in response.headers["content-type"]


def test_a_version_too_large_has_an_empty_error(rest: Any) -> None:
    response = rest("GET", "/v1/models/half_plus_two/versions/99999999999999999999")
    assert (response.status_code, response.content) == (400, b"")


def test_status_names_the_version_and_its_state(rest: Any) -> None:
    available = {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("", "/versions/123", "/versions/000123", "/labels/stable", "/labels/unknown"):
        assert rest("GET", "/v1/models/half_plus_two" + path).json() == {"model_version_status": [available]}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("nobody", 404, "Could not find any versions of model nobody"),
        ("half_plus_two?x=1", 404, "Could not find any versions of model half_plus_two?x=1"),
        ("half_plus_two/versions/99", 404, "Could not find version 99 of model half_plus_two"),
        ("nobody/metadata", 404, "Servable not found for request: Latest(nobody)"),
        ("half_plus_two/versions/99/metadata", 404, "Servable not found for request: Specific(half_plus_two, 99)"),
        ("half_plus_two/labels/nope/metadata", 400, "Unrecognized servable version label: nope"),
    ],
)
def test_status_and_metadata_of_what_is_not_there(rest: Any, path: str, status: int, message: str) -> None:
    response = rest("GET", f"/v1/models/{path}")
    assert response.status_code == status
    assert message in response.json()["error"]


def test_metadata_describes_every_signature(rest: Any) -> None:
    response = rest("GET", "/v1/models/half_plus_two/labels/stable/metadata")
    assert response.text.startswith('{\n"model_spec":{\n "name": "half_plus_two",\n "signature_name": "",\n')
    assert '"version": "123"\n}\n,\n"metadata": {"signature_def": {\n "signature_def": {\n' in response.text
    input_x = ' "inputs": {\n    "x": {\n     "dtype": "DT_FLOAT",\n     "tensor_shape": {\n'
    assert input_x in response.text
    answer = response.json()
    assert answer["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"
    description = signatures["serving_default"]["inputs"]["x"]
    assert description["dtype"] == "DT_FLOAT"
    assert description["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    unknown = rest("GET", "/v1/models/sum/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert unknown["other"]["inputs"]["a"]["tensor_shape"] == {"dim": [], "unknown_rank": True}
    assert "__saved_model_init_op" in unknown


def test_a_version_and_a_label_can_be_asked(rest: Any) -> None:
    for where in ("/versions/123", "/labels/stable"):
        assert rest.predict("half_plus_two", '{"instances": [1]}', where).json() == {"predictions": [2.5]}


def test_the_content_type_of_a_request_does_not_matter(rest: Any) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert rest("POST", "/v1/models/half_plus_two:predict", '{"instances": [1]}', headers=headers).json() == {
        "predictions": [2.5]
    }


def test_gzip_bodies_are_unpacked_and_broken_ones_count_as_empty(rest: Any) -> None:
    path, headers = "/v1/models/half_plus_two:predict", {"Content-Encoding": "gzip"}
    assert rest("POST", path, gzip.compress(b'{"instances": [1]}'), headers=headers).json() == {"predictions": [2.5]}
    for body in (b'{"instances": [1]}', gzip.compress(b" " * (101 * 2**20))):
        assert "The document is empty" in rest("POST", path, body, headers=headers).json()["error"]


def test_a_body_over_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.putrequest("POST", "/v1/models/half_plus_two:predict")
    connection.putheader("Content-Length", str(2**40))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert "limit" in json.loads(response.read())["error"]


def test_options_is_answered_by_the_origin(rest: Any) -> None:
    assert rest("OPTIONS", "/v1/models/half_plus_two", headers={"Origin": "http://a.example"}).status_code == 200
    response = rest("OPTIONS", "/v1/models/half_plus_two")
    assert response.status_code == 400
    assert "access-control-allow-origin" not in response.headers


def test_it_listens_on_this_machine_only(server: Server) -> None:
    assert server.url.startswith("http://127.0.0.1:")
