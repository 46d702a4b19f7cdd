"""What is done is not done again, and every step says why it ran."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.artifacts import read_manifest
from pipeline.errors import DataStopped
from tests.pipeline.conftest import ToyLine

STEPS = ("reader", "checker", "trainer", "judge")
ALL_RAN = dict.fromkeys(STEPS, "ran")
ALL_REUSED = dict.fromkeys(STEPS, "reused")


def test_a_second_run_reuses_every_step(line: ToyLine) -> None:
    first, second = line.run(), line.run()
    assert line.statuses(first) == ALL_RAN
    assert line.statuses(second) == ALL_REUSED
    assert second.metrics == first.metrics == {"test/total": 240}


def test_a_changed_setting_reruns_its_step_and_what_follows_and_is_named(line: ToyLine) -> None:
    line.run()
    second = line.run(trainer={"steps": 30})
    assert line.statuses(second) == ALL_REUSED | {"trainer": "ran", "judge": "ran"}
    assert line.reasons(second)["trainer"] == "trainer.steps 20 -> 30"
    assert line.reasons(second)["judge"] == "new baseline, model"


def test_a_setting_that_cannot_change_the_result_reruns_nothing(line: ToyLine) -> None:
    line.run()
    assert line.statuses(line.run(data={"workers": 8})) == ALL_REUSED


def test_a_step_that_reruns_to_the_same_bytes_lets_later_steps_be_reused(line: ToyLine) -> None:
    line.run()
    second = line.run(data={"modulo": 11})
    assert line.statuses(second)["trainer"] == "ran"
    (line.raw / "a").write_text("03")
    third = line.run(data={"modulo": 11})
    assert line.statuses(third) == ALL_REUSED | {"reader": "ran"}
    assert line.reasons(third)["reader"] == "1 source file changed: a"


def test_added_and_removed_files_are_named(line: ToyLine) -> None:
    line.run()
    (line.raw / "d").write_text("4")
    (line.raw / "b").unlink()
    assert line.reasons(line.run())["reader"] == "1 source file added: d; 1 source file removed: b".replace("; ", ", ")


def test_moving_the_data_reruns_nothing(line: ToyLine) -> None:
    line.run()
    shutil.move(line.raw, line.folder / "elsewhere")
    assert line.statuses(line.run(data={"path": str(line.folder / "elsewhere")})) == ALL_REUSED


def test_fresh_reruns_one_step_only(line: ToyLine) -> None:
    line.run()
    second = line.run(fresh={"trainer"})
    assert line.statuses(second) == ALL_REUSED | {"trainer": "ran"}
    assert line.reasons(second)["trainer"] == "asked by --fresh"


def test_going_back_to_an_earlier_setting_reuses_the_earlier_result(line: ToyLine) -> None:
    line.run()
    line.run(trainer={"steps": 30})
    assert line.statuses(line.run()) == ALL_REUSED


def test_a_damaged_artifact_is_noticed_and_made_anew(line: ToyLine) -> None:
    first = line.run()
    target = Path(first.artifacts["model"]) / "model.json"
    target.write_text(target.read_text().replace("240", "241"))
    second = line.run()
    assert line.statuses(second) == ALL_REUSED | {"trainer": "ran"}
    assert "model.json was changed" in line.reasons(second)["trainer"]
    assert second.metrics == {"test/total": 240}


def test_a_deleted_file_of_an_artifact_is_noticed(line: ToyLine) -> None:
    first = line.run()
    (Path(first.artifacts["examples"]) / "values.json").unlink()
    assert "values.json is missing" in line.reasons(line.run())["reader"]


def test_a_model_keeps_the_opponent_of_its_first_trial_so_that_repeating_a_run_reuses_its_verdict(
    line: ToyLine,
) -> None:
    assert line.run().blessed
    worse = line.run(trainer={"steps": 5})
    assert not worse.blessed
    better = line.run(trainer={"steps": 40})
    assert better.blessed
    assert line.statuses(line.run(trainer={"steps": 40})) == ALL_REUSED
    again = line.run(trainer={"steps": 5})
    assert line.statuses(again) == ALL_REUSED and not again.blessed


def test_a_model_trained_anew_is_judged_beside_the_one_that_it_replaced(
    line: ToyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.run()
    for luck, blessed in ((-40, False), (-30, False), (10, True), (-20, False)):
        monkeypatch.setenv("TOY_LUCK", str(luck))
        record = line.run(fresh={"trainer"})
        assert record.blessed is blessed
        verdict = read_manifest(Path(record.artifacts["blessing"]))["properties"]
        assert verdict["reasons"] == [f"{240 + luck} against {250 if luck == -20 else 240}"]


def test_a_blessed_model_whose_files_were_changed_is_no_opponent(
    line: ToyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = line.run()
    (Path(first.artifacts["model"]) / "model.json").write_text("{}")
    monkeypatch.setenv("TOY_LUCK", "-40")
    record = line.run()
    assert read_manifest(Path(record.artifacts["blessing"]))["properties"]["baseline"] is None


def test_a_run_with_anomalies_stops_before_training_also_when_the_finding_is_reused(line: ToyLine) -> None:
    for status in ("ran", "reused"):
        with pytest.raises(DataStopped, match="too_large"):
            line.run(validation={"largest": 4})
        assert line.statuses(line.last) == {"reader": "reused" if status == "reused" else "ran", "checker": status}


def test_a_file_whose_name_is_no_utf8_is_a_source_like_others(line: ToyLine) -> None:
    (line.raw / os.fsdecode(b"caf\xe9")).write_text("7")
    first, second = line.run(), line.run()
    assert line.statuses(first) == ALL_RAN and line.statuses(second) == ALL_REUSED
    (line.raw / os.fsdecode(b"caf\xe9")).write_text("8")
    assert line.reasons(line.run())["reader"] == "1 source file changed: caf\\udce9"


def test_the_summary_of_a_run_says_why_a_model_was_not_blessed(line: ToyLine) -> None:
    line.run()
    summary = line.run(trainer={"steps": 5}).summary()
    assert summary["blessed"] is False
    assert summary["reasons"] == ["60 against 240"]
