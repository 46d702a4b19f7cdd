"""A push that a running server confirms, or refuses: then it is taken back and the version before goes on serving."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from pipeline.artifacts import SavedModel, write_manifest
from pipeline.errors import UserError
from serving.client import Client
from serving.launch import Server, start_server
from serving.running import forget_running, write_running
from serving.tensorflow_serving import Models
from serving.versions_command import rollback
from tests.support.pushes import KILLED_PUSH, make_saved_model, push, versions


@pytest.fixture(scope="module")
def half_plus(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that makes a SavedModel artifact of x / 2 + constant."""

    def make(constant: float) -> SavedModel:
        module = tf.Module()
        module.function = tf.function(lambda x: {"y": x * 0.5 + constant}).get_concrete_function(
            x=tf.TensorSpec([None], tf.float32, name="x")
        )
        saved_model = SavedModel.create(tmp_path_factory.mktemp("half") / str(constant))
        tf.saved_model.save(module, str(saved_model.path), signatures=module.function)
        write_manifest(saved_model, 0.0)
        return saved_model

    return make


@pytest.fixture(scope="module")
def served(half_plus: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    """A workspace with one pushed version and a server that is running on it."""
    workspace = tmp_path_factory.mktemp("workspace")
    push(workspace, half_plus(2.0))
    folder = workspace / "served_models"
    server = start_server(Models(folder, config_file=folder / "models.config"), workspace / "server.log", "embedded")
    try:
        server.wait_until_ready()
        write_running(workspace, server.process.pid, int(server.url.rpartition(":")[2]), "embedded", "127.0.0.1")
        yield workspace, server
    finally:
        server.stop()
        forget_running(workspace, server.process.pid)


def test_a_push_ends_when_the_running_server_serves_the_version(served: tuple[Path, Server], half_plus: Any) -> None:
    workspace, server = served
    facts = push(workspace, half_plus(3.0))
    assert facts["pushed"] and facts["version"] == 2 and facts["served_by"] == "embedded"
    with Client(server.url) as client:
        assert client.predict("flowers", instances=[1.0], version=2) == [3.5]


def test_a_version_that_the_server_refuses_is_taken_back(
    served: tuple[Path, Server], tmp_path: Path, half_plus: Any
) -> None:
    workspace, server = served
    with pytest.raises(UserError, match="did not take version 3 of `flowers`, so it was taken back") as caught:
        push(workspace, make_saved_model(tmp_path / "broken", "this is no graph"))
    assert caught.value.where == str(workspace / "served_models" / "flowers" / ".rejected-3")
    assert (workspace / "served_models" / "flowers" / ".rejected-3" / "saved_model.pb").exists(), "kept to be looked at"
    assert versions(workspace) == [".rejected-3", "1", "2", "versions.json"]
    with Client(server.url) as client:
        assert client.predict("flowers", instances=[1.0]) == [3.5]
    assert push(workspace, half_plus(4.0))["version"] == 4, "the line goes on with the next number"


def test_a_rollback_comes_back_when_the_version_that_ended_it_is_taken_back(
    served: tuple[Path, Server], tmp_path: Path, half_plus: Any
) -> None:
    workspace, server = served
    push(workspace, half_plus(4.0))
    newest = push(workspace, half_plus(4.2))["version"]
    before = int(rollback(workspace, "flowers").split("version ")[1].split()[0])
    assert before < newest
    with pytest.raises(UserError, match="it was taken back"):
        push(workspace, make_saved_model(tmp_path / "broken", "still no graph"))
    with Client(server.url) as client:
        assert client.version_of("flowers") == before
        rollback(workspace, "flowers", "NEWEST")
        assert client.version_of("flowers") == newest


def test_a_version_that_the_users_policy_leaves_out_is_not_waited_for(
    served: tuple[Path, Server], half_plus: Any
) -> None:
    workspace, server = served
    file = workspace / "served_models" / "models.config"
    before = file.read_text()
    file.write_text(before.replace("latest {\n        num_versions: 1\n      }", "specific { versions: 2 }"))
    assert "specific" in file.read_text()
    facts = push(workspace, half_plus(4.5), timeout=60)
    assert facts["pushed"] and "pins other versions" in facts["reason"]
    assert "specific" in file.read_text(), "what the user wrote stays"
    with Client(server.url) as client:
        client.wait_until_available("flowers", 2, 20)
    file.write_text(before)


def test_a_server_started_otherwise_is_waited_for_by_its_address(
    served: tuple[Path, Server], tmp_path: Path, half_plus: Any
) -> None:
    workspace, server = served
    forget_running(workspace, server.process.pid)
    try:
        facts = push(workspace, half_plus(6.0), url=server.url)
        assert facts["pushed"] and facts["served_by"] == server.url
        with Client(server.url) as client:
            assert client.predict("flowers", instances=[1.0], version=facts["version"]) == [6.5]
        with pytest.raises(UserError, match="it was taken back"):
            push(workspace, make_saved_model(tmp_path / "broken", "this is no graph either"), url=server.url)
        with Client(server.url) as client:
            assert client.predict("flowers", instances=[1.0]) == [6.5]
    finally:
        write_running(workspace, server.process.pid, int(server.url.rpartition(":")[2]), "embedded", "127.0.0.1")


def test_a_version_that_nobody_confirmed_is_asked_about_by_the_next_run(
    served: tuple[Path, Server], tmp_path: Path, half_plus: Any
) -> None:
    workspace, _ = served
    for model, works in ((half_plus(7.0), True), (make_saved_model(tmp_path / "broken", "nor is this a graph"), False)):
        killed = [sys.executable, "-c", KILLED_PUSH, str(workspace), str(model.path), "after"]
        assert subprocess.run(killed).returncode == 9
        if works:
            facts = push(workspace, model)
            assert facts["already"] and facts["served_by"] == "embedded"
            assert "served_by" not in push(workspace, model), "once is enough"
        else:
            with pytest.raises(UserError, match="it was taken back"):
                push(workspace, model)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_server_that_ends_while_it_is_waited_for_costs_nothing(served: tuple[Path, Server], half_plus: Any) -> None:
    workspace, server = served
    model, base = half_plus(5.0), workspace / "served_models" / "flowers"
    before = set(base.iterdir())
    os.kill(server.process.pid, signal.SIGSTOP)  # it takes connections and answers none
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(push, workspace, model)
        until(lambda: any(path.name.isdigit() for path in set(base.iterdir()) - before))
        server.process.kill()
        facts = pushing.result()
    assert facts["pushed"] and facts.get("served_by") is None
    assert str(facts["version"]) in versions(workspace)
