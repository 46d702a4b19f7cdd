"""A blessed model becomes the next version by one rename, once, under a number that nothing else ever had."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from serving.model_config import read_models, register_model
from serving.running import write_running
from serving.server_config_files import read_batching
from serving.versions_command import promote, rollback
from tests.support.pushes import BLESSED, KILLED_PUSH, PUSH, make_saved_model, push, versions


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
            {"blessed": False, "reasons": ["No better than drift.", "test/mae 5 is above 4."]},
            BLESSED,
            "evaluator: No better than drift. test/mae 5 is above 4.",
        ),
        (BLESSED, {"blessed": False, "reason": "the server failed"}, "infra_validator: the server failed"),
        ({"blessed": False}, {"blessed": False}, "not blessed by the evaluator"),
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
    register_model(tmp_path / "served_models", "digits")
    push(tmp_path, make_saved_model(tmp_path / "a", "a"))
    assert [model.name for model in read_models(tmp_path / "served_models" / "models.config")] == ["digits", "flowers"]


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
