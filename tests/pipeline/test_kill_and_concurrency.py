"""A killed run carries on where it ended; two runs at once share the work."""

from __future__ import annotations

import json
import signal
import time

import pytest

from pipeline.workspace import Workspace
from tests.pipeline.conftest import ToyLine

STEPS = ("reader", "checker", "trainer", "judge")


def final_state(line: ToyLine) -> dict[str, str]:
    """Return the digests of everything that is sealed."""
    return {
        path.parent.name: json.loads(path.read_text())["digest"]
        for path in line.workspace.glob("artifacts/*/[!.]*/*/manifest.json")
    }


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3, 0.5, 0.8])
def test_a_run_killed_at_any_moment_ends_in_the_same_state_as_one_that_was_not(
    line: ToyLine, tmp_path_factory: pytest.TempPathFactory, delay: float
) -> None:
    process = line.start(trainer={"pause": 0.03})
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    sealed = {
        path.parts[-2] for path in line.workspace.glob("artifacts/*/[!.]*/execution.json") for path in [path.parent]
    }
    after = line.run()
    assert {step.component for step in after.steps if step.status == "reused"} == sealed
    assert after.metrics == {"test/total": 240}

    undisturbed = type(line)(tmp_path_factory.mktemp("undisturbed"))
    undisturbed.run()
    assert final_state(line) == final_state(undisturbed)
    assert not list(line.workspace.glob("artifacts/*/.*.partial"))


def test_training_resumes_from_its_newest_checkpoint_and_says_so(line: ToyLine) -> None:
    process = line.start(trainer={"pause": 0.1})
    deadline = time.monotonic() + 20
    while (
        not (found := list(line.workspace.glob("artifacts/trainer/.*.scratch/checkpoint.json")))
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    time.sleep(0.3)
    process.kill()
    process.wait()
    reached = json.loads(found[0].read_text())["step"]
    after = line.run()
    assert reached >= 2
    assert line.reasons(after)["trainer"].endswith("resumed after an interruption")
    assert (line.workspace / "work.log").read_text() == "trained, starts 2\n"
    assert not list(line.workspace.glob("artifacts/*/.*.scratch"))


def test_a_killed_run_is_listed_as_killed(line: ToyLine) -> None:
    process = line.start(trainer={"pause": 1})
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert [record["status"] for record in Workspace(line.workspace).runs()] == ["killed"]


def test_two_runs_at_once_both_succeed_and_the_work_is_done_once(line: ToyLine) -> None:
    processes = [line.start(trainer={"pause": 0.03}) for _ in range(3)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    statuses = [{step["component"]: step["status"] for step in json.loads(out)} for out, _ in outputs]
    for name in STEPS:
        assert sorted(status[name] for status in statuses) == ["ran", "reused", "reused"]
    assert (line.workspace / "work.log").read_text() == "trained, starts 1\n"


def test_many_processes_write_the_metadata_store_at_once_without_losing_a_record(line: ToyLine) -> None:
    processes = [line.start(trainer={"steps": 5 + number}) for number in range(4)]
    for process in processes:
        assert process.wait(60) == 0
    store = Workspace(line.workspace).store
    assert store.database.execute("SELECT COUNT(*) FROM execution WHERE component='trainer'").fetchone()[0] == 4
