"""`labline rollback` and `labline promote`: which version serves and what a label means, with a server or without."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.client import Client, ServerError
from serving.model_config import FILE_NAME, FOLDER, ModelConfig, read_models, register_model
from serving.running import read_running
from serving.versions_command import promote, rollback

Push = Callable[..., str]

SERVE = (
    "import sys; from pathlib import Path; from pipeline.progress import Progress; from serving.launch import serve\n"
    "sys.exit(serve(Path(sys.argv[1]), 'embedded', '127.0.0.1', 0, Progress(quiet=True)))"
)


def model_of(workspace: Path, name: str) -> ModelConfig:
    return next(model for model in read_models(workspace / FOLDER / FILE_NAME) if model.name == name)


def put(workspace: Path, name: str, versions: dict[int, Path], newest: int = 1) -> None:
    """Lay out versions as a push does."""
    for version, source in versions.items():
        shutil.copytree(source, workspace / FOLDER / name / f".tmp-{version}")
        (workspace / FOLDER / name / f".tmp-{version}").rename(workspace / FOLDER / name / str(version))
        register_model(workspace / FOLDER, name, newest, release=True)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A workspace without a server, with three versions of a model (empty folders: nobody loads them)."""
    (tmp_path / "empty").mkdir()
    put(tmp_path, "half", dict.fromkeys((1, 2, 3), tmp_path / "empty"))
    return tmp_path


def test_a_rollback_without_a_server_stands_in_models_config(shelf: Path) -> None:
    said = rollback(shelf, "half")
    assert "serves version 2 and nothing newer (no server is running)" in said
    assert model_of(shelf, "half").select({1, 2, 3}) == {2}
    rollback(shelf, "half", "1")
    assert model_of(shelf, "half").select({1, 2, 3}) == {1}
    assert "version 3 again" in rollback(shelf, "half", "newest")
    assert model_of(shelf, "half") == ModelConfig("half", str(shelf / FOLDER / "half"))


def test_a_file_that_is_called_like_a_version_is_none(shelf: Path) -> None:
    (shelf / FOLDER / "half" / "99").write_text("a note")
    assert "serves version 2 and nothing newer" in rollback(shelf, "half")


def test_a_rollback_keeps_as_many_versions_as_the_recipe_wants(shelf: Path) -> None:
    register_model(shelf / FOLDER, "half", newest=2)
    rollback(shelf, "half", "2")
    assert model_of(shelf, "half").select({1, 2, 3}) == {1, 2}


def test_the_next_push_ends_a_rollback(shelf: Path) -> None:
    rollback(shelf, "half", "1")
    register_model(shelf / FOLDER, "half", 1)
    assert model_of(shelf, "half").versions == (1,), "the same model, pushed again, changes nothing"
    put(shelf, "half", {4: shelf / "empty"})
    assert model_of(shelf, "half") == ModelConfig("half", str(shelf / FOLDER / "half"))


def test_a_policy_written_by_hand_comes_back_after_a_rollback(shelf: Path) -> None:
    file = shelf / FOLDER / FILE_NAME
    file.write_text(file.read_text().replace("num_versions: 1", "num_versions: 3"))
    rollback(shelf, "half", "1")
    assert model_of(shelf, "half").select({1, 2, 3}) == {1}
    rollback(shelf, "half", "NEWEST")
    assert model_of(shelf, "half").newest == 3
    register_model(shelf / FOLDER, "half", 1)
    assert model_of(shelf, "half").newest == 3, "still the user's"


def test_labels_follow_a_rollback_and_return(shelf: Path) -> None:
    promote(shelf, "half", "stable", 3)
    said = rollback(shelf, "half", "2")
    assert "`stable` now means version 2" in said
    assert model_of(shelf, "half").labels == {"stable": 2}
    with pytest.raises(UserError, match="rolled back to version 2"):
        promote(shelf, "half", "stable", 3)
    assert "version 3 again; `stable` moved back" in rollback(shelf, "half", "NEWEST")
    assert model_of(shelf, "half").labels == {"stable": 3}


def test_a_labelled_version_serves_beside_the_newest_that_the_next_push_brings(shelf: Path) -> None:
    said = promote(shelf, "half", "stable", 1)
    assert "`stable` of `half` means version 1" in said and "versions 1, 3 serve" in said
    assert model_of(shelf, "half").select({1, 2, 3}) == {1, 3}
    put(shelf, "half", {4: shelf / "empty"})
    assert model_of(shelf, "half").select({1, 2, 3, 4}) == {1, 4}
    promote(shelf, "half", "stable", 4)
    assert model_of(shelf, "half") == ModelConfig("half", str(shelf / FOLDER / "half"), labels={"stable": 4}), (
        "newer versions are taken up on their own again"
    )


def test_promoting_keeps_a_number_of_versions_written_by_hand(shelf: Path) -> None:
    file = shelf / FOLDER / FILE_NAME
    file.write_text(file.read_text().replace("num_versions: 1", "num_versions: 2"))
    promote(shelf, "half", "stable", 1)
    assert model_of(shelf, "half").select({1, 2, 3}) == {1, 2, 3}
    put(shelf, "half", {4: shelf / "empty"})
    assert model_of(shelf, "half").select({1, 2, 3, 4}) == {1, 3, 4}, "the recipe wants one only"


def test_promoting_leaves_other_policies_written_by_hand_as_they_are(shelf: Path) -> None:
    file = shelf / FOLDER / FILE_NAME
    text = file.read_text()
    file.write_text(text.replace("latest {\n        num_versions: 1\n      }", "specific { versions: 2 }"))
    promote(shelf, "half", "stable", 1)
    assert model_of(shelf, "half").versions == (1, 2)
    file.write_text(text.replace("latest {\n        num_versions: 1\n      }", "all {}"))
    promote(shelf, "half", "stable", 1)
    assert model_of(shelf, "half").policy == "all"


@pytest.mark.parametrize(
    ("ask", "message", "fix"),
    [
        (lambda place: rollback(place, "halve"), "No model `halve`", "`half`"),
        (lambda place: rollback(place, "half", "9"), "no version 9", "1, 2, 3"),
        (lambda place: rollback(place, "half", "old"), "no version old", "1, 2, 3"),
        (lambda place: rollback(place, "half", "NEWEST"), "not rolled back", ""),
        (lambda place: promote(place, "half", "stable", 9), "no version 9", "1, 2, 3"),
        (lambda place: promote(place, "half", "a/b", 1), "`a/b` is no label", "stable"),
    ],
)
def test_what_is_not_there_is_named(shelf: Path, ask: Callable[[Path], str], message: str, fix: str) -> None:
    before = (shelf / FOLDER / FILE_NAME).read_text()
    with pytest.raises(UserError, match=message) as caught:
        ask(shelf)
    assert fix in caught.value.fix
    assert (shelf / FOLDER / FILE_NAME).read_text() == before


def test_there_is_nothing_before_the_first_version(shelf: Path) -> None:
    rollback(shelf, "half", "1")
    with pytest.raises(UserError, match="no version before 1"):
        rollback(shelf, "half")


def test_a_server_that_is_named_and_not_there_changes_nothing(shelf: Path) -> None:
    before = (shelf / FOLDER / FILE_NAME).read_text()
    with pytest.raises(ServerError, match="Nothing was changed"):
        rollback(shelf, "half", url="http://127.0.0.1:9")
    assert (shelf / FOLDER / FILE_NAME).read_text() == before


@pytest.fixture(scope="module")
def served(half_plus_two: Path, half_plus_three: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a running server; its model has three versions, x / 2 + 2, + 3 and + 2."""
    workspace = tmp_path_factory.mktemp("served")
    put(workspace, "half", {1: half_plus_two, 2: half_plus_three, 3: half_plus_two})
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(workspace)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 90
        while read_running(workspace) is None:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        yield workspace
    finally:
        process.terminate()
        process.wait(60)


def client_of(workspace: Path) -> Client:
    running = read_running(workspace)
    assert running is not None
    return Client(running.url)


def test_a_running_server_confirms_a_rollback_and_its_end(served: Path) -> None:
    with client_of(served) as client:
        assert f"(confirmed by {client.url})" in rollback(served, "half")
        assert client.predict("half", instances=[1.0]) == [3.5]
        assert [item.version for item in client.status("half") if item.state == "AVAILABLE"] == [2]
        rollback(served, "half", "NEWEST")
        assert client.predict("half", instances=[1.0]) == [2.5]
        assert client.version_of("half") == 3


def test_a_label_moves_once_its_version_is_there(served: Path) -> None:
    with client_of(served) as client:
        promote(served, "half", "stable", 2)
        assert client.predict("half", instances=[1.0], label="stable") == [3.5]
        assert client.predict("half", instances=[1.0]) == [2.5], "the newest serves as well"
        assert "before 2" in promote(served, "half", "stable", 1)
        assert client.predict("half", instances=[1.0], label="stable") == [2.5]
        assert client.version_of("half", "stable") == 1
        promote(served, "half", "stable", 3)


def test_what_the_server_cannot_load_is_taken_back(served: Path) -> None:
    (served / FOLDER / "half" / "0").mkdir()
    before = (served / FOLDER / FILE_NAME).read_text()
    with pytest.raises(ServerError, match="Nothing was changed.*could not load"):
        rollback(served, "half", "0")
    with pytest.raises(ServerError, match="Nothing was changed"):
        promote(served, "half", "stable", 0)
    assert (served / FOLDER / FILE_NAME).read_text() == before
    with client_of(served) as client:
        assert client.predict("half", instances=[1.0]) == [2.5]
