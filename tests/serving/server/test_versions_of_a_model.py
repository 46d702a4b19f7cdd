"""One model's versions: which are loaded, in which order, and what becomes of those that cannot be."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.model_config import ModelConfig
from serving.server.errors import RequestError
from serving.server.metrics import Metrics
from serving.server.models import versions
from serving.server.models.loading import LoadOptions, LoadThreads
from serving.server.models.manager import Manager

QUICK = LoadOptions(retries=0, retry_seconds=0.2)


@pytest.fixture
def put(tmp_path: Path, half_plus_two: Path) -> Callable[..., Path]:
    """Return a function that puts a version of a model in place, a good one or a broken one."""

    def put(name: str, *, model: str = "m", source: Path | None = half_plus_two) -> Path:
        target = tmp_path / model / name
        if source is None:
            target.mkdir(parents=True)
            (target / "saved_model.pb").write_bytes(b"this is no model")
        else:
            shutil.copytree(source, target)
        return target

    return put


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., Manager]:
    """Return a function that makes a manager of models below the test's folder and looks at the disk once."""

    def manage(*names: str, options: LoadOptions = QUICK, **more: Any) -> Manager:
        manager = Manager(
            [ModelConfig(name, str(tmp_path / name), **more) for name in names or ("m",)], options, Metrics()
        )
        manager.poll()
        return manager

    return manage


def states(manager: Manager, model: str = "m") -> dict[int, str]:
    return {version.number: version.state for version in manager.status(model, None)}


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def ask(manager: Manager, version: int | None = None, label: str | None = None) -> float:
    """Return what the model says of 1."""
    with manager.lend("m", version, label) as handle:
        signature = handle.servable.signature("serving_default")
        assert signature is not None
        return float(handle.servable.run(signature, {"x": np.ones(1, np.float32)})["y"][0])


def test_leading_zeros_are_fine_and_other_names_are_ignored(put: Any, manage: Any, tmp_path: Path) -> None:
    put("00000123")
    for name in ("tmp-124", "125x", ".126", "1e3", "-127", "9223372036854775808", "١٢٨"):
        put(name, source=None)
    (tmp_path / "m" / "129").write_text("a file, not a folder")
    manager = manage()
    until(manager.ready)
    assert states(manager) == {123: "AVAILABLE"}


def test_of_two_folders_of_one_version_the_last_in_order_of_names_counts(
    put: Any, manage: Any, half_plus_three: Path, caplog: Any
) -> None:
    put("01", source=None)
    put("1", source=half_plus_three)
    manager = manage()
    until(manager.ready)
    assert ask(manager) == 3.5
    manager.poll()
    assert caplog.text.count("several folders of version 1") == 1


def test_the_highest_version_is_loaded_first(put: Any, tmp_path: Path, caplog: Any) -> None:
    caplog.set_level("INFO")
    for name in ("1", "3", "2"):
        put(name)
    manager = Manager([], LoadOptions(threads=1), Metrics())
    manager.started()
    manager.apply([ModelConfig("m", str(tmp_path / "m"), "all")])
    manager.poll()
    until(lambda: set(states(manager).values()) == {"AVAILABLE"})
    assert re.findall(r"version (\d) is available", caplog.text) == ["3", "2", "1"]
    assert ask(manager, 1) == ask(manager, 2) == ask(manager) == 2.5
    assert [version.number for version in manager.status("m", None)] == [3, 2, 1], "the newest is told first"


def test_the_old_version_serves_until_the_new_one_does(put: Any, manage: Any, half_plus_three: Path) -> None:
    put("1")
    manager = manage()
    until(manager.ready)
    new = put("2", source=half_plus_three)
    manager.poll()
    state, answer = states(manager)[1], 2.5
    while answer == 2.5:
        assert state == "AVAILABLE"
        state, answer = states(manager)[1], ask(manager)
    assert answer == 3.5
    until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})
    shutil.rmtree(new)
    manager.poll()
    until(lambda: states(manager) == {2: "END", 1: "AVAILABLE"})
    assert ask(manager) == 2.5, "deleting the newest version rolls back"


def test_a_broken_version_costs_the_serving_one_nothing_and_is_tried_anew_when_it_comes_back(
    put: Any, manage: Any, half_plus_three: Path
) -> None:
    put("1")
    manager = manage()
    until(manager.ready)
    bad = put("2", source=None)
    manager.poll()
    until(lambda: states(manager)[2] == "END")
    assert ask(manager) == 2.5 and states(manager)[1] == "AVAILABLE"
    [told] = manager.status("m", 2)
    assert (told.error_code, told.error_message) == ("DATA_LOSS", f"Can't parse {bad}/saved_model.pb as binary proto")
    shutil.rmtree(bad)
    shutil.copytree(half_plus_three, bad)
    manager.poll()
    assert states(manager)[2] == "END", "it did not leave, so it is not tried again"
    bad.rename(bad.with_name("away"))
    manager.poll()
    bad.with_name("away").rename(bad)
    manager.poll()
    until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})
    assert ask(manager) == 3.5


@pytest.mark.parametrize("missing", ["saved_model.pb", "variables"])
def test_a_half_copied_version_is_refused_and_its_retry_finds_the_whole_one(
    missing: str, put: Any, manage: Any, save_model: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable([4.0])
    module.function = tf.function(lambda x: {"y": x * module.weight}).get_concrete_function(
        x=tf.TensorSpec([None], tf.float32, name="x")
    )
    tf.saved_model.save(module, str(tmp_path / "whole"), signatures={"serving_default": module.function})
    put("1")
    copied = put("2", source=tmp_path / "whole")
    (copied / missing).rename(copied / "still to come")
    manager = manage(policy="all", options=LoadOptions(retries=100, retry_seconds=0.05))
    until(lambda: manager.status("m", 2)[0].error_message and manager.ready())
    assert states(manager) == {2: "LOADING", 1: "AVAILABLE"} and ask(manager) == 2.5
    (copied / "still to come").rename(copied / missing)
    until(lambda: states(manager)[2] == "AVAILABLE")
    assert ask(manager) == 4.0 and manager.status("m", 2)[0].error_code == "OK"


def test_what_is_missing_of_a_version_is_told_as_tensorflow_serving_does(put: Any, manage: Any) -> None:
    put("1")
    (put("2") / "saved_model.pb").unlink()
    manager = manage(policy="all", options=LoadOptions(retries=0, tags=("serve", "gpu")))
    until(lambda: set(states(manager).values()) == {"END"})
    nothing, other = manager.status("m", None)
    assert (nothing.error_code, other.error_code) == ("NOT_FOUND", "NOT_FOUND")
    assert nothing.error_message.startswith(
        "Could not find SavedModel .pb or .pbtxt at supplied export directory path: "
    )
    assert "Could not find meta graph def matching supplied tags: { serve gpu }." in other.error_message


def test_a_version_is_tried_as_often_as_asked_for(put: Any, manage: Any) -> None:
    put("1", source=None)
    manager = manage(options=LoadOptions(retries=2, retry_seconds=0.01))
    until(lambda: states(manager) == {1: "END"})
    assert manager.metrics.value(":tensorflow:cc:saved_model:load_attempt_count") == 3
    assert manager.broken() and "{name: m version: 1} due to error: " in manager.broken()[0]


def test_a_version_that_waits_to_be_tried_again_holds_up_no_other(put: Any, manage: Any) -> None:
    put("9", model="bad", source=None)
    put("1")
    manager = Manager([], LoadOptions(retries=5, retry_seconds=3600, threads=1), Metrics())
    manager.started()
    base = put("8", source=None).parent
    manager.apply(
        [ModelConfig("bad", str(base.with_name("bad"))), ModelConfig("m", str(base), "all")]
    )  # one thread for both models
    manager.poll()
    until(lambda: states(manager) == {8: "LOADING", 1: "AVAILABLE"})
    assert states(manager, "bad") == {9: "LOADING"} and manager.status("bad", 9)[0].error_message
    shutil.rmtree(base / "8")
    manager.poll()
    assert states(manager)[8] == "END", "what is not wanted any more is not waited for"


def test_removing_the_last_version_unloads_the_model(put: Any, manage: Any) -> None:
    folder = put("1")
    manager = manage()
    until(manager.ready)
    shutil.rmtree(folder)
    manager.poll()
    until(lambda: states(manager) == {1: "END"})
    with pytest.raises(RequestError, match=r"Servable not found for request: Latest\(m\)"):
        ask(manager)


def test_a_base_path_that_vanishes_unloads_nothing_and_nothing_new_is_taken_up(
    put: Any, manage: Any, tmp_path: Path, caplog: Any
) -> None:
    put("1")
    put("1", model="other")
    manager = manage("m", "other")
    until(manager.ready)
    (tmp_path / "other").rename(tmp_path / "elsewhere")
    put("2")
    for _ in range(3):
        assert "Could not find base path" in manager.poll()
    assert states(manager) == {1: "AVAILABLE"} and states(manager, "other") == {1: "AVAILABLE"}
    assert caplog.text.count("Could not find base path") == 1, "a trouble that lasts is not told at every look"
    (tmp_path / "elsewhere").rename(tmp_path / "other")
    assert manager.poll() == ""
    until(lambda: states(manager) == {1: "END", 2: "AVAILABLE"})


def test_a_base_path_that_is_a_version_itself_is_told(put: Any, manage: Any, caplog: Any, half_plus_two: Path) -> None:
    manager = Manager([ModelConfig("m", str(half_plus_two))], QUICK, Metrics())
    manager.poll()
    assert "No versions of servable m found" in caplog.text and "It is a SavedModel itself" in caplog.text


def test_a_request_keeps_its_version_until_it_has_ended(put: Any, manage: Any, half_plus_three: Path) -> None:
    put("1")
    manager = manage()
    until(manager.ready)
    handle = manager.lend("m")
    put("2", source=half_plus_three)
    manager.poll()
    until(lambda: states(manager) == {2: "AVAILABLE", 1: "UNLOADING"})
    signature = handle.servable.signature("serving_default")
    assert signature is not None
    assert handle.servable.run(signature, {"x": np.ones(1, np.float32)})["y"] == [2.5]
    with pytest.raises(RequestError, match=r"Specific\(m, 1\)"):
        ask(manager, 1)
    handle.give_back()
    until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})


def test_a_version_that_comes_back_while_it_is_being_unloaded_is_loaded_again(put: Any, manage: Any) -> None:
    folder = put("2")
    put("1")
    manager = manage()
    until(manager.ready)
    handle = manager.lend("m", 2)
    folder.rename(folder.with_name("away"))
    manager.poll()
    until(lambda: states(manager) == {2: "UNLOADING", 1: "AVAILABLE"})
    folder.with_name("away").rename(folder)
    manager.poll()
    assert states(manager)[2] == "UNLOADING"
    handle.give_back()
    until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})


def test_many_pushes_leave_a_list_of_bounded_length(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST_ENDED", 5)
    manager = Manager([], QUICK, Metrics())
    base = put("1", source=None).parent
    manager.apply([ModelConfig("m", str(base))])
    manager.poll()
    for number in range(2, 21):
        (base / str(number - 1)).rename(base / str(number))
        manager.poll()
        until(partial(has_ended, manager, number))
    assert list(states(manager)) == [20, 19, 18, 17, 16, 15]


def has_ended(manager: Manager, number: int) -> bool:
    return states(manager)[number] == "END"


def test_at_most_so_many_tasks_are_done_at_a_time() -> None:
    threads, gate = LoadThreads(2), threading.Event()
    running: list[int] = []
    done: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        gate.wait(10)
        done.append(number)

    for number in range(5):
        threads.add(partial(work, number))
    threads.add(lambda: done.append(99), delay=0.01)
    until(lambda: len(running) == 2)
    time.sleep(0.05)
    assert sorted(running) == [0, 1] and not done
    gate.set()
    until(lambda: len(done) == 6)
    assert sorted(done) == [0, 1, 2, 3, 4, 99]


def test_only_versions_that_are_batched_are_computed_in_the_thread_that_asks(
    put: Callable[..., Path], manage: Callable[..., Manager]
) -> None:
    (put("1", model="batched") / "batching_params.pbtxt").write_text("max_batch_size { value: 4 }")
    put("1", model="alone")
    manager = manage("batched", "alone", options=LoadOptions(own_batching=True, batches_in_one_thread=True))
    until(manager.ready)
    for name in ("batched", "alone"):
        with manager.lend(name) as handle:
            assert handle.servable.in_callers_thread is (name == "batched")
            signature = handle.servable.signature("serving_default")
            assert signature is not None
            assert handle.servable.run(signature, {"x": np.ones(2, np.float32)})["y"].tolist() == [2.5, 2.5]
