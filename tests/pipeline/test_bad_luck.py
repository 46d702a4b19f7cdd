"""Ctrl-C, files in the place of folders, and recipes that are no text end in a sentence and the right exit status."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from components import recipes
from labline.cli import main
from pipeline.errors import UsageError, UserError, explain_os_error
from pipeline.runner import Runner
from tests.pipeline.conftest import ToyLine
from tests.support import toy_line


def test_ctrl_c_says_that_the_same_command_carries_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "load", interrupted)
    monkeypatch.setattr(sys, "argv", ["labline", "recipe", "show", "digits"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130
    assert "The same command carries on" in capsys.readouterr().err


def test_a_recipe_that_is_no_text_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00bin")
    with pytest.raises(UsageError, match="UTF-8"):
        recipes.load(str(tmp_path / "mine.yaml"))


def test_a_file_where_a_folder_is_needed_is_called_that() -> None:
    assert "folder is needed" in explain_os_error(OSError(errno.ENOTDIR, "Not a directory", "/tmp/x/y")).what


def test_a_number_in_the_place_of_a_section_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="trainer"):
        recipes.load("digits", ["trainer=5"])


def test_a_report_that_cannot_be_drawn_does_not_take_back_the_run(
    line: ToyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("<rmse>")

    monkeypatch.setattr("labline.report.page.write_report", broken)
    record = line.run()
    assert record.status == "done"
    assert "KeyError: &#x27;&lt;rmse&gt;&#x27;" in Path(record.report).read_text()
    monkeypatch.undo()
    assert "KeyError" not in Path(line.run().report).read_text()


def test_a_step_that_fails_before_it_begins_is_a_step_of_the_run(line: ToyLine) -> None:
    with pytest.raises(UserError):
        line.run(data={"path": str(line.folder / "nowhere")})
    assert line.statuses(line.last) == {"reader": "failed"}
    assert line.last.summary()["steps"][0]["reason"]


def test_what_a_later_step_would_miss_is_told_before_the_first_runs(
    line: ToyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise UserError("There are no weights.")

    line.run()
    monkeypatch.setattr(toy_line, "find_weights", missing)
    assert line.run().status == "done"  # what is done needs none
    with pytest.raises(UserError, match="There are no weights"):
        line.run(data={"modulo": 11})
    assert line.statuses(line.last) == {"reader": "failed"}


def test_a_step_that_ctrl_c_ends_is_stopped_like_its_run(line: ToyLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        line.run()
    assert (line.last.status, line.statuses(line.last)) == ("stopped", {"reader": "stopped"})
