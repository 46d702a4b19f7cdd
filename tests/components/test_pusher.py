"""A blessed model becomes the next version by one rename; what the running server refuses is taken back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.pusher import PusherConfig, pusher
from pipeline.artifacts import Blessing, InfraBlessing, PushedModel, SavedModel, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError
from serving.client import Client
from serving.config import ServingConfig
from serving.launch import Server, start_server
from serving.model_config import keep_model, read_models
from serving.running import forget_running, write_running
from serving.tensorflow_serving import Models
from serving.text_protos import read_batching
from serving.versions_command import promote, rollback

BLESSED = {"blessed": True}


def make_saved_model(folder: Path, content: str) -> SavedModel:
    """Make an artifact with the files of a SavedModel; nothing here loads them."""
    saved_model = SavedModel.create(folder)
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "variables.index").write_text("index")
    write_manifest(saved_model, 0.0)
    return saved_model


def push(
    workspace: Path,
    saved_model: SavedModel,
    blessed: Any = BLESSED,
    infra: Any = BLESSED,
    timeout: float = 120,
    **serving: Any,
) -> dict[str, Any]:
    context = Context.standalone(workspace)
    blessing, infra_blessing = Blessing(workspace, blessed), InfraBlessing(workspace, infra)
    pushed = PushedModel.create(workspace / "pushed")
    pusher(
        saved_model=saved_model, blessing=blessing, infra_blessing=infra_blessing, pushed_model=pushed,
        config=PusherConfig(timeout=timeout), serving=ServingConfig(**{"name": "flowers"} | serving), context=context,
    )  # fmt: skip
    return pushed.properties


def versions(workspace: Path) -> list[str]:
    return sorted(
        path.name for path in (workspace / "served_models" / "flowers").iterdir() if not path.name.startswith(".lock")
    )


def test_versions_count_upwards_and_hold_the_files_alone(tmp_path: Path) -> None:
    first = push(tmp_path, make_saved_model(tmp_path / "a", "a"))
    assert first["pushed"] and not first["already"]
    assert (first["name"], first["version"], first["path"]) == ("flowers", 1, "served_models/flowers/1")
    assert push(tmp_path, make_saved_model(tmp_path / "b", "b"))["version"] == 2
    assert versions(tmp_path) == ["1", "2", "versions.json"]
    pushed = tmp_path / "served_models" / "flowers" / "2"
    assert sorted(path.relative_to(pushed).as_posix() for path in pushed.rglob("*")) == [
        "saved_model.pb",
        "variables",
        "variables/variables.index",
    ]
    history = json.loads((tmp_path / "served_models" / "flowers" / "versions.json").read_text())
    assert set(history) == {"1", "2"} and history["2"]["run"] == "standalone" and len(history["2"]["digest"]) == 64
    [config] = read_models(tmp_path / "served_models" / "models.config")
    assert (config.name, config.base_path) == ("flowers", str(tmp_path / "served_models" / "flowers"))


def test_the_same_bytes_are_not_pushed_twice(tmp_path: Path) -> None:
    model = make_saved_model(tmp_path / "a", "a")
    push(tmp_path, model)
    again = push(tmp_path, model)
    assert (again["pushed"], again["already"], again["version"]) == (False, True, 1)
    assert versions(tmp_path) == ["1", "versions.json"]


def test_other_batching_settings_make_a_new_version_of_the_same_bytes(tmp_path: Path) -> None:
    model = make_saved_model(tmp_path / "a", "a")
    facts = push(tmp_path, model, batching={"enabled": True, "max_batch_size": 8})
    assert facts["batching"] == "on"
    file = tmp_path / "served_models" / "flowers" / "1" / "batching_params.pbtxt"
    assert read_batching(file).execution_size == 8
    assert push(tmp_path, model, batching={"enabled": True, "max_batch_size": 8})["version"] == 1
    assert push(tmp_path, model, batching={"enabled": False})["version"] == 2
    assert not (tmp_path / "served_models" / "flowers" / "2" / "batching_params.pbtxt").exists()


def test_a_push_writes_all_that_a_server_reads(tmp_path: Path) -> None:
    push(tmp_path, make_saved_model(tmp_path / "a", "a"), log_requests=0.5)
    folder = tmp_path / "served_models"
    assert {path.name for path in folder.iterdir()} >= {"models.config", "batching.config", "monitoring.config"}
    [config] = read_models(folder / "models.config")
    assert (config.log_rate, config.log_prefix) == (0.5, str(tmp_path / "requests" / "flowers" / "requests"))


def test_requests_are_not_logged_by_a_server_that_cannot(tmp_path: Path) -> None:
    write_running(tmp_path, os.getpid(), 1, "tensorflow-serving", "127.0.0.1")
    with pytest.raises(UserError, match="no log collector"):
        push(tmp_path, make_saved_model(tmp_path / "a", "a"), log_requests=0.5)
    assert not (tmp_path / "served_models").exists()


def test_a_push_ends_a_rollback_and_says_so_and_the_same_model_does_not(tmp_path: Path) -> None:
    models = [make_saved_model(tmp_path / name, name) for name in "abc"]
    for model in models[:2]:
        push(tmp_path, model)
    rollback(tmp_path, "flowers")
    again = push(tmp_path, models[1])
    assert again["already"] and "the rollback to version 1 stays" in again["reason"]
    [config] = read_models(tmp_path / "served_models" / "models.config")
    assert config.select({1, 2}) == {1}
    assert "the rollback to version 1 is over" in push(tmp_path, models[2])["reason"]
    [config] = read_models(tmp_path / "served_models" / "models.config")
    assert config.select({1, 2, 3}) == {3}


def test_an_older_model_that_is_chosen_again_becomes_the_newest(tmp_path: Path) -> None:
    older, newer = make_saved_model(tmp_path / "a", "a"), make_saved_model(tmp_path / "b", "b")
    assert [push(tmp_path, model)["version"] for model in (older, newer, older)] == [1, 2, 3]


def test_a_label_whose_version_is_no_longer_served_is_named(tmp_path: Path) -> None:
    first, second, third = (make_saved_model(tmp_path / name, name) for name in "abc")
    push(tmp_path, first)
    promote(tmp_path, "flowers", "stable", 1)
    assert "label" not in push(tmp_path, second)["reason"], "our own policy keeps it"
    file = tmp_path / "served_models" / "models.config"
    by_hand = re.sub(r"specific \{[^}]*\}", "latest { num_versions: 1 }", file.read_text())
    file.write_text(by_hand)
    (file.parent / ".policies.json").unlink()
    assert "label `stable` means version 1, which is no longer served" in push(tmp_path, third)["reason"]


@pytest.mark.parametrize(
    ("blessed", "infra", "reason"),
    [
        (
            {"blessed": False, "reasons": ["test/accuracy 0.5 is below 0.9"]},
            BLESSED,
            "evaluator: test/accuracy 0.5 is below 0.9",
        ),
        (BLESSED, {"blessed": False, "reason": "the server failed"}, "infra_validator: the server failed"),
        ({}, {}, "not blessed by the evaluator"),
    ],
)
def test_without_both_blessings_nothing_is_pushed(tmp_path: Path, blessed: Any, infra: Any, reason: str) -> None:
    facts = push(tmp_path, make_saved_model(tmp_path / "a", "a"), blessed, infra)
    assert facts["pushed"] is False and facts["version"] is None
    assert reason in facts["reason"]
    assert not (tmp_path / "served_models").exists()


def test_foreign_names_and_left_overs_do_not_disturb(tmp_path: Path) -> None:
    base = tmp_path / "served_models" / "flowers"
    for name in ("00007", "notes", "12a", ".tmp-9-1", ".rejected-3"):
        (base / name).mkdir(parents=True)
    (base / "99").write_text("a file is no version")
    assert push(tmp_path, make_saved_model(tmp_path / "a", "a"))["version"] == 8
    assert (base / "notes").exists() and not (base / ".tmp-9-1").exists()


def test_a_number_is_never_used_twice_even_when_its_version_is_gone(tmp_path: Path) -> None:
    push(tmp_path, make_saved_model(tmp_path / "a", "a"))
    push(tmp_path, make_saved_model(tmp_path / "b", "b"))
    shutil.rmtree(tmp_path / "served_models" / "flowers" / "2")
    assert push(tmp_path, make_saved_model(tmp_path / "c", "c"))["version"] == 3


def test_other_models_stay_in_the_config(tmp_path: Path) -> None:
    keep_model(tmp_path / "served_models", "digits")
    push(tmp_path, make_saved_model(tmp_path / "a", "a"))
    assert [model.name for model in read_models(tmp_path / "served_models" / "models.config")] == ["digits", "flowers"]


PUSH = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pipeline.artifacts import Blessing, InfraBlessing, PushedModel, SavedModel
from pipeline.component import Context
from components.pusher import PusherConfig, pusher
from serving.config import ServingConfig
workspace, model = Path(sys.argv[1]), SavedModel.open(Path(sys.argv[2]))
pushed = PushedModel.create(Path(sys.argv[2] + "-pushed"))
pusher(model, Blessing(workspace, {"blessed": True}), InfraBlessing(workspace, {"blessed": True}), pushed, PusherConfig(),
       ServingConfig(name="flowers"), Context.standalone(workspace))
assert "tensorflow" not in sys.modules and "numpy" not in sys.modules
print(pushed.properties["version"], pushed.properties["already"])
"""


def test_pushers_at_once_take_different_numbers(tmp_path: Path) -> None:
    folders = [make_saved_model(tmp_path / f"model{number}", str(number)).path for number in range(4)]
    running = [
        subprocess.Popen([sys.executable, "-c", PUSH, str(tmp_path), str(path)], stdout=subprocess.PIPE, text=True)
        for path in folders
    ]
    taken = [process.communicate()[0].split()[0] for process in running]
    assert sorted(taken) == ["1", "2", "3", "4"]


def test_pushing_loads_no_tensorflow_and_what_is_there_already_stays(tmp_path: Path) -> None:
    folder = make_saved_model(tmp_path / "model", "a").path
    for already in ("False", "True"):
        done = subprocess.run([sys.executable, "-c", PUSH, str(tmp_path), str(folder)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["1", already]


# ends without any clean-up at the first rename of a version's folder: before it, or right after it
KILLED_PUSH = PUSH.replace(
    "workspace, model =",
    """import os
rename = Path.rename
def killed(path, target):
    if path.name.startswith(".tmp-"):
        sys.argv[3] == "after" and rename(path, target)
        os._exit(9)
    return rename(path, target)
Path.rename = killed
workspace, model =""",
)


def history_of(workspace: Path) -> dict[str, dict[str, Any]]:
    """Return what is remembered of each version, without the time."""
    history = json.loads((workspace / "served_models" / "flowers" / "versions.json").read_text())
    return {version: {key: known[key] for key in known if key != "created"} for version, known in history.items()}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_push_that_was_killed_ends_like_an_undisturbed_one(tmp_path: Path, moment: str) -> None:
    older, model = make_saved_model(tmp_path / "a", "a"), make_saved_model(tmp_path / "b", "b")
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    for workspace in (undisturbed, disturbed):
        push(workspace, older)
    push(undisturbed, model)
    done = subprocess.run([sys.executable, "-c", KILLED_PUSH, str(disturbed), str(model.path), moment])
    assert done.returncode == 9
    assert ("2" in versions(disturbed)) == (moment == "after")
    facts = push(disturbed, model)
    assert facts["version"] == 2 and facts["pushed"] == (moment == "before")
    assert versions(disturbed) == versions(undisturbed)
    assert history_of(disturbed) == history_of(undisturbed)


def test_other_bytes_never_get_the_number_that_a_killed_push_had_taken(tmp_path: Path) -> None:
    model = make_saved_model(tmp_path / "a", "a")
    subprocess.run([sys.executable, "-c", KILLED_PUSH, str(tmp_path), str(model.path), "before"])
    assert push(tmp_path, make_saved_model(tmp_path / "b", "b"))["version"] == 2
    assert push(tmp_path, model)["version"] == 3, "1 would not be the newest"


def test_the_number_of_served_versions_can_be_changed_but_not_a_policy_written_by_hand(tmp_path: Path) -> None:
    model, file = make_saved_model(tmp_path / "a", "a"), tmp_path / "served_models" / "models.config"
    push(tmp_path, model)
    assert "serving.versions" not in push(tmp_path, model, versions=3)["reason"]
    assert [config.newest for config in read_models(file)] == [3]
    file.write_text(file.read_text().replace("num_versions: 3", "num_versions: 7"))
    assert "serving.versions is not applied" in push(tmp_path, model, versions=2)["reason"]
    assert [config.newest for config in read_models(file)] == [7]


def test_a_server_elsewhere_that_does_not_answer_leaves_the_push_standing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        facts = push(tmp_path, make_saved_model(tmp_path / "a", "a"), timeout=0.3, url=url)
    assert facts["pushed"] and versions(tmp_path) == ["1", "versions.json"]
    assert f"the server at {url} did not answer" in facts["reason"]


def test_a_model_needs_a_name_to_be_served(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no name"):
        push(tmp_path, make_saved_model(tmp_path / "a", "a"), name="")


@pytest.fixture(scope="module")
def half_plus(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that makes a SavedModel artifact of x / 2 + constant."""
    import tensorflow as tf

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
