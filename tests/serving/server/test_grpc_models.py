"""What the gRPC API tells of models, and takes over for them: metadata, states, reload."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.model_config import ModelConfig
from serving.server.core import Core
from serving.server.models.loading import LoadOptions
from serving.server.models.manager import Manager
from tests.support.grpc_errors import error_of


def test_metadata_holds_every_signature(grpc_api: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name, request.model_spec.version_label = "half_plus_two", "stable"
    response = grpc_api.prediction.GetModelMetadata(request)
    assert (response.model_spec.name, response.model_spec.version.value) == ("half_plus_two", 123)
    assert response.model_spec.signature_name == ""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "__saved_model_init_op"}
    assert signatures.signature_def["serving_default"].inputs["x"].dtype == 1


@pytest.mark.parametrize(
    ("fields", "model", "code", "message"),
    [
        ([], "half_plus_two", "INVALID_ARGUMENT", "must specify at least one metadata_field"),
        (["assets"], "half_plus_two", "INVALID_ARGUMENT", "Metadata field assets is not supported"),
        (["signature_def"], "nobody", "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (["signature_def"], "", "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    ],
)
def test_wrong_metadata_requests(grpc_api: Any, fields: list[str], model: str, code: str, message: str) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    found, details = error_of(lambda: grpc_api.prediction.GetModelMetadata(request))
    assert (found, message in details) == (code, True), details


def test_status_lists_states_by_number_and_does_not_resolve_labels(grpc_api: Any) -> None:
    from tensorflow_serving.apis import get_model_status_pb2

    for field, value in (("", None), ("version", 123), ("version_label", "unknown")):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "half_plus_two"
        if field == "version":
            request.model_spec.version.value = value
        elif field:
            request.model_spec.version_label = value
        listed = grpc_api.models.GetModelStatus(request).model_version_status
        assert [(item.version, item.state, item.status.error_code) for item in listed] == [(123, 30, 0)]


@pytest.mark.parametrize(
    ("model", "version", "message"),
    [
        ("nobody", None, "Could not find any versions of model nobody"),
        ("half_plus_two", 99, "Could not find version 99 of model half_plus_two"),
    ],
)
def test_status_of_what_is_not_there(grpc_api: Any, model: str, version: int | None, message: str) -> None:
    from tensorflow_serving.apis import get_model_status_pb2

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    assert error_of(lambda: grpc_api.models.GetModelStatus(request)) == ("NOT_FOUND", message)


@pytest.fixture
def reloadable(half_plus_two: Path, half_plus_three: Path, core: Core, serve_grpc: Any, tmp_path: Path) -> Any:
    """A server of its own with one model, `first`, beside another that could be served, `second`."""
    shutil.copytree(half_plus_two, tmp_path / "first" / "1")
    shutil.copytree(half_plus_three, tmp_path / "second" / "1")
    manager = Manager([ModelConfig("first", str(tmp_path / "first"))], LoadOptions(retries=0), core.metrics)
    manager.poll()
    while not manager.ready():
        time.sleep(0.01)
    return serve_grpc(over=replace(core, manager=manager))


def reload_request(**models: str) -> Any:
    """Make a request that wants exactly these models: name -> base path."""
    from tensorflow_serving.apis import model_management_pb2

    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name, path in models.items():
        request.config.model_config_list.config.add(name=name, base_path=path, model_platform="tensorflow")
    return request


def versions_of(api: Any, model: str) -> Any:
    from tensorflow_serving.apis import get_model_status_pb2

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    return [(item.version, item.state) for item in api.models.GetModelStatus(request).model_version_status]


def test_a_reload_is_answered_when_new_models_can_be_asked(reloadable: Any, tmp_path: Path) -> None:
    request = reload_request(first=str(tmp_path / "first"), second=str(tmp_path / "second"))
    request.metric_names.extend(["/tensorflow/serving/request_count", "/tensorflow/serving/nothing"])
    response = reloadable.models.HandleReloadConfigRequest(request, timeout=60)
    assert versions_of(reloadable, "second") == [(1, 30)]
    assert response.status.error_code == 0
    assert [metric.name for metric in response.metric] == list(request.metric_names)
    assert all(metric.int64_value_increase >= 0 for metric in response.metric)


def test_a_reload_that_waits_holds_up_no_later_one(reloadable: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    waiting = reloadable.models.HandleReloadConfigRequest.future(
        reload_request(empty=str(tmp_path / "empty")), timeout=60
    )
    while versions_of(reloadable, "first") != [(1, 50)]:
        time.sleep(0.02)
    correct = reload_request(first=str(tmp_path / "first"))
    reloadable.models.HandleReloadConfigRequest(correct, timeout=30)
    assert waiting.result(timeout=30) is not None
    with pytest.raises(grpc.RpcError) as caught:
        reloadable.models.HandleReloadConfigRequest(reload_request(empty=str(tmp_path / "empty")), timeout=0.5)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    reloadable.models.HandleReloadConfigRequest(correct, timeout=30)


def test_a_reload_takes_away_what_it_does_not_name(reloadable: Any, tmp_path: Path) -> None:
    reloadable.models.HandleReloadConfigRequest(reload_request(second=str(tmp_path / "second")), timeout=60)
    while versions_of(reloadable, "first") != [(1, 50)]:
        time.sleep(0.02)
    assert versions_of(reloadable, "second") == [(1, 30)]


def test_a_wrong_reload_changes_nothing(reloadable: Any, tmp_path: Path) -> None:
    from tensorflow_serving.apis import model_management_pb2

    twice = reload_request(first=str(tmp_path / "first"))
    twice.config.model_config_list.config.add().CopyFrom(twice.config.model_config_list.config[0])
    platform = reload_request(first=str(tmp_path / "first"))
    platform.config.model_config_list.config[0].model_platform = "other"
    custom = model_management_pb2.ReloadConfigRequest()
    custom.config.custom_model_config.SetInParent()
    wrong = [twice, platform, custom, reload_request(first="relative"), model_management_pb2.ReloadConfigRequest()]
    for request in wrong:
        code, details = error_of(lambda: reloadable.models.HandleReloadConfigRequest(request))  # noqa: B023
        assert code == "INVALID_ARGUMENT", details
    assert versions_of(reloadable, "first") == [(1, 30)]
