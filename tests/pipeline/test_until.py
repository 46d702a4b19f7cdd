"""A run may end after one of its steps, and a later one carries on from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline.cli.output import show_result, show_runs
from pipeline.errors import UsageError
from pipeline.workspace import Workspace
from tests.pipeline.conftest import ToyLine


def test_a_run_until_a_step_does_that_one_and_those_before_it_and_is_listed_as_partial(
    line: ToyLine, capsys: pytest.CaptureFixture[str]
) -> None:
    record = line.run(until="checker")
    assert line.statuses(record) == {"reader": "ran", "checker": "ran"}
    summary = record.summary()
    assert (summary["status"], summary["stopped_after"], "error" in summary) == ("partial", "checker", False)
    show_result(record, line.workspace)
    show_runs(Workspace(line.workspace, to_read=True).runs())
    said = capsys.readouterr().out
    assert "ended after checker, as asked" in said and "partial (until checker)" in said and "blessed" not in said
    page = Path(record.report).read_text("utf-8")
    assert "This run was to end after <b>checker</b>" in page and "until checker" in page


def test_carrying_on_reuses_all_that_was_done(line: ToyLine) -> None:
    first = line.run(until="checker")
    whole = line.run()
    assert line.statuses(whole) == {"reader": "reused", "checker": "reused", "trainer": "ran", "judge": "ran"}
    prints = [{step.component: step.fingerprint for step in record.steps} for record in (first, whole)]
    assert prints[0].items() <= prints[1].items()
    assert (whole.status, whole.stopped_after) == ("done", "")


def test_the_last_step_is_a_whole_run(line: ToyLine) -> None:
    record = line.run(until="judge")
    assert (record.status, record.stopped_after, record.blessed) == ("done", "", True)


def test_an_unknown_step_is_told_with_those_there_are(line: ToyLine) -> None:
    with pytest.raises(UsageError, match="no component `chekcer`") as error:
        line.run(until="chekcer")
    assert "Did you mean `checker`" in error.value.fix and "`trainer`" in error.value.fix


def test_a_step_asked_for_afresh_behind_the_end_is_refused(line: ToyLine) -> None:
    with pytest.raises(UsageError, match="`trainer` comes after `checker`"):
        line.run(fresh={"trainer"}, until="checker")
