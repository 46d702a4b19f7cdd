"""A workspace that cannot be used says so and loses nothing; the metadata store can be rebuilt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import EXIT_INTERNAL, UserError
from pipeline.workspace import Workspace
from tests.pipeline.conftest import ToyLine


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB of its own; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_workspace_of_a_newer_version_is_refused_and_left_alone(line: ToyLine) -> None:
    line.run()
    marker = line.workspace / "workspace.json"
    marker.write_text(json.dumps({"format": 99}))
    before = sorted(line.workspace.rglob("*"))
    with pytest.raises(UserError, match="newer labline"):
        line.run()
    assert sorted(line.workspace.rglob("*")) == before


def test_a_folder_with_other_files_is_not_taken_for_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(UserError, match="not a workspace"):
        Workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_file_in_the_place_of_the_workspace_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="A file stands where a folder is needed"):
        Workspace(tmp_path / "file")


def test_a_read_only_workspace_gives_a_clear_error(line: ToyLine, small_disk: Path) -> None:
    line.workspace = small_disk / "workspace"
    line.run()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match="Read-only|cannot be written|readonly") as error:
        line.run(trainer={"steps": 21})
    assert str(small_disk) in error.value.where
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert line.run().steps[2].status == "reused"


def test_a_read_only_workspace_can_be_looked_at(line: ToyLine, small_disk: Path) -> None:
    line.workspace = small_disk / "workspace"
    record = line.run()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in (["runs"], ["show", record.run], ["why", "trainer"], ["lineage", record.artifacts["blessing"]]):
        command = [sys.executable, "-m", "labline.cli.main", *words, "--workspace", str(line.workspace)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        assert record.run in answer.stdout
    assert "raw data: 3 files, 5 bytes, sha256 " in answer.stdout


def test_a_full_disk_gives_a_clear_error_and_what_was_finished_is_kept(line: ToyLine, small_disk: Path) -> None:
    line.workspace = small_disk / "workspace"
    line.run()
    filler = small_disk / "filler"
    with pytest.raises(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    with pytest.raises(UserError, match=r"full|cannot be written"):
        line.run(trainer={"steps": 21})
    filler.unlink()
    again = line.run(trainer={"steps": 21})
    assert [step.status for step in again.steps] == ["reused", "reused", "ran", "ran"]


@pytest.mark.parametrize(
    ("how", "message", "status"),
    [
        ("disk", "The disk is full", 1),
        ("library", "The disk is full", 1),
        ("memory", "not enough memory", 1),
        ("bug", "failed unexpectedly: KeyError", EXIT_INTERNAL),
    ],
)
def test_a_failing_step_is_explained_and_the_steps_before_it_are_kept(
    line: ToyLine, how: str, message: str, status: int
) -> None:
    with pytest.raises(UserError, match=message) as error:
        line.run(trainer={"fail": how})
    assert error.value.exit_status == status
    folder = line.workspace / "runs" / line.last.run
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"
    assert "line" in (folder / "traceback.txt").read_text()
    assert [step.status for step in line.run().steps] == ["reused", "reused", "ran", "ran"]


def test_the_metadata_store_is_rebuilt_from_the_manifests(line: ToyLine) -> None:
    first = line.run()
    line.run(trainer={"steps": 30})
    for path in line.workspace.glob("metadata.sqlite*"):
        path.unlink()
    workspace = Workspace(line.workspace)
    digest = json.loads((Path(first.artifacts["blessing"]) / "manifest.json").read_text())["digest"]
    assert [record["component"] for record in workspace.store.lineage(digest)] == [
        "judge",
        "trainer",
        "checker",
        "reader",
    ]
    assert {step.status for step in line.run(trainer={"steps": 30}).steps} == {"reused"}


def test_a_damaged_metadata_store_is_named_with_the_mend(line: ToyLine) -> None:
    line.run()
    for path in line.workspace.glob("metadata.sqlite*"):
        path.write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(UserError, match="damaged") as error:
        line.run()
    assert "rebuilt" in error.value.fix


def test_lineage_leads_from_a_verdict_back_to_the_raw_data(line: ToyLine) -> None:
    record = line.run()
    store = Workspace(line.workspace).store
    kind, digest, _ = store.find_artifacts(record.artifacts["blessing"])[0]
    made_by = {entry["component"]: entry for entry in store.lineage(digest)}
    assert kind == "Blessing"
    assert made_by["judge"]["inputs"]["model"]["digest"] == made_by["trainer"]["outputs"]["model"]["digest"]
    assert made_by["trainer"]["inputs"]["examples"]["digest"] == made_by["reader"]["outputs"]["examples"]["digest"]


def test_a_workspace_that_was_moved_is_reused_with_its_lineage(line: ToyLine) -> None:
    line.run()
    line.run(trainer={"steps": 30})
    line.workspace = line.workspace.rename(line.folder / "elsewhere")
    record = line.run(trainer={"steps": 30})
    assert {step.status for step in record.steps} == {"reused"}
    store = Workspace(line.workspace).store
    assert store.find_artifacts(record.artifacts["blessing"])[0][0] == "Blessing"
