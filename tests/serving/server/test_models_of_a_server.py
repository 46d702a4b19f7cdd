"""The list of models changes while a server runs: each list is the complete wish, taken over whole or not at all."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.model_config import ModelConfig
from serving.server.errors import RequestError
from serving.server.metrics import Metrics
from serving.server.models.loading import LoadOptions
from serving.server.models.manager import Manager
from serving.server.models.polling import ConfigPoller

OPTIONS = LoadOptions(retries=0)


@pytest.fixture
def base(tmp_path: Path, half_plus_two: Path) -> Path:
    """A folder of three models, `a` with versions 1, 2 and 3, and of `bad`, which cannot be loaded."""
    for place in ("a/1", "a/2", "a/3", "b/1", "c/1"):
        shutil.copytree(half_plus_two, tmp_path / place)
    (tmp_path / "bad" / "1").mkdir(parents=True)
    return tmp_path


def serve(*configs: ModelConfig, options: LoadOptions = OPTIONS) -> Manager:
    manager = Manager(configs, options, Metrics())
    manager.poll()
    until(lambda: all(set(item.serving) == item.aspired for item in manager.models.values()))
    return manager


def model(base: Path, name: str, **more: Any) -> ModelConfig:
    return ModelConfig(name, str(base / name), **more)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def serving(manager: Manager) -> dict[str, list[int]]:
    return {name: sorted(item.serving) for name, item in manager.models.items()}


def refused(manager: Manager, *configs: ModelConfig) -> RequestError:
    """Return the error of a reload, after which everything must be as it was."""
    before, kept = serving(manager), {name: item.config for name, item in manager.models.items()}
    with pytest.raises(RequestError) as caught:
        manager.reload(configs)
    assert serving(manager) == before and {name: item.config for name, item in manager.models.items()} == kept
    return caught.value


def test_a_reload_is_the_complete_wish(base: Path) -> None:
    manager = serve(model(base, "a"), model(base, "b"))
    manager.reload([model(base, "b"), model(base, "c")])
    assert serving(manager) == {"b": [1], "c": [1]}, "a new model can be asked when the reload has ended"
    with pytest.raises(RequestError, match=r"Servable not found for request: Latest\(a\)"):
        manager.lend("a")
    until(lambda: {version.state for version in manager.status("a", None)} == {"END"})
    manager.reload([model(base, "a", policy="all")])
    until(lambda: serving(manager) == {"a": [1, 2, 3]})
    manager.reload([])
    assert serving(manager) == {}


def test_a_policy_changes_with_a_reload(base: Path) -> None:
    manager = serve(model(base, "a"))
    assert serving(manager) == {"a": [3]}
    manager.reload([model(base, "a", policy="specific", versions=(1, 2))])
    until(lambda: serving(manager) == {"a": [1, 2]})
    assert manager.lend("a").version == 2, "no version means the highest that serves"
    manager.reload([model(base, "a", newest=2)])
    until(lambda: serving(manager) == {"a": [2, 3]})


def test_a_new_model_that_cannot_be_loaded_makes_the_reload_fail(base: Path) -> None:
    manager = serve(model(base, "a"))
    with pytest.raises(
        RequestError, match=r"1 servable\(s\) did not become available: \{\{name: bad version: 1\}"
    ) as caught:
        manager.reload([model(base, "a"), model(base, "bad")])
    assert caught.value.code == "UNKNOWN" and serving(manager)["a"] == [3]
    with pytest.raises(RequestError, match="Could not find base path"):
        manager.reload([model(base, "a"), model(base, "nowhere")])


def test_a_reload_waits_no_longer_than_its_client(base: Path) -> None:
    (base / "empty").mkdir()
    manager = serve(model(base, "a"))
    with pytest.raises(RequestError) as caught:
        manager.reload([model(base, "a"), model(base, "empty")], time.monotonic() + 0.2)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    threading.Timer(0.2, manager.stopping.set).start()
    with pytest.raises(RequestError) as caught:
        manager.wait_for(["empty"], None)
    assert caught.value.code == "UNAVAILABLE"


def test_a_label_points_to_a_version_that_is_available(base: Path) -> None:
    manager = serve(model(base, "a", newest=2))
    error = refused(manager, model(base, "a", newest=2, labels={"stable": 1}))
    assert error.code == "FAILED_PRECONDITION" and error.message == (
        "Request to assign label to version 1 of model a, which is not currently available for inference"
    )
    manager.reload([model(base, "a", newest=2, labels={"stable": 2, "canary": 3})])
    assert manager.lend("a", label="stable").version == 2 and manager.lend("a", label="canary").version == 3
    error = refused(manager, model(base, "b"), model(base, "a", newest=2, labels={"stable": 1}))
    assert error.code == "FAILED_PRECONDITION" and "b" not in manager.models
    manager.reload([model(base, "a", newest=2, labels={"stable": 3})])
    assert manager.lend("a", label="stable").version == 3
    with pytest.raises(RequestError, match="Unrecognized servable version label: canary") as caught:
        manager.lend("a", label="canary")
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(RequestError, match="Unrecognized servable version label: stable"):
        manager.lend("nobody", label="stable")


def test_a_server_cannot_start_with_labels_unless_they_may_be_early(base: Path) -> None:
    labelled = model(base, "a", labels={"stable": 3})
    with pytest.raises(RequestError) as caught:
        Manager([labelled], OPTIONS)
    assert caught.value.code == "FAILED_PRECONDITION"
    manager = serve(labelled, options=LoadOptions(retries=0, early_labels=True))
    assert manager.lend("a", label="stable").version == 3


def test_early_labels_may_be_new_but_may_not_be_moved(base: Path) -> None:
    manager = serve(model(base, "a", labels={"stable": 3}), options=LoadOptions(retries=0, early_labels=True))
    manager.reload([model(base, "a", labels={"stable": 3, "old": 1})])
    with pytest.raises(RequestError, match=r"Servable not found for request: Specific\(a, 1\)"):
        manager.lend("a", label="old")
    assert refused(manager, model(base, "a", labels={"stable": 1})).code == "FAILED_PRECONDITION"
    manager.reload([model(base, "a", policy="all", labels={"stable": 3})])  # first the version, then the label
    until(lambda: serving(manager) == {"a": [1, 2, 3]})
    manager.reload([model(base, "a", policy="all", labels={"stable": 1})])
    assert manager.lend("a", label="stable").version == 1


def test_a_file_that_cannot_be_applied_leaves_everything_as_it_was(base: Path, caplog: Any) -> None:
    manager = serve(model(base, "a"))
    file = base / "models.config"
    config_poller = ConfigPoller(file, manager, blind=False)
    entry = 'config {{ name: "{0}" base_path: "{1}/{0}" model_platform: "{2}" }}'
    for text, told in (
        ("model_config_list {", "Error parsing text-format tensorflow.serving.ModelServerConfig"),
        (f"model_config_list {{ {entry.format('a', base, 'other')} }}", "model_platform"),
        (f"model_config_list {{ {entry.format('a', base, 'tensorflow') * 2} }}", "multiple times"),
    ):
        file.write_text(text)
        config_poller.poll()
        config_poller.poll()
        assert serving(manager) == {"a": [3]} and caplog.text.count("the old models.config stays") == 1
        assert told in caplog.text
        caplog.clear()
    file.unlink()
    config_poller.poll()
    assert serving(manager) == {"a": [3]}
    file.write_text(f"model_config_list {{ {entry.format('b', base, 'tensorflow')} }}")
    config_poller.poll()
    until(lambda: serving(manager) == {"b": [1]})


def test_a_label_that_was_refused_is_taken_over_once_its_version_is_there(base: Path) -> None:
    manager = serve(model(base, "a"))
    file = base / "models.config"
    text = 'model_config_list { config { name: "a" base_path: "%s/a" model_platform: "tensorflow" %s } }'
    config_poller = ConfigPoller(file, manager, blind=False)
    file.write_text(text % (base, 'version_labels { key: "next" value: 4 }'))
    config_poller.poll()
    assert manager.models["a"].config.labels == {}
    shutil.copytree(base / "a" / "3", base / "a" / "4")
    manager.poll()
    until(lambda: serving(manager) == {"a": [4]})
    config_poller.poll()
    assert manager.lend("a", label="next").version == 4
