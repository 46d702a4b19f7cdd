"""The layouts that raw data may have are shown, each format with a sentence and the task that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import formats
from data.layouts import layouts
from labline.cli.data_formats import show_formats
from pipeline.errors import UserError

TASKS = ("forecasting", "image_classification", "object_detection")


def test_every_format_of_every_task_is_in_the_catalogue() -> None:
    assert {(layout.task, layout.format) for layout in layouts()} == {
        (task, name) for task in TASKS for name in formats.names(task)
    }


def test_every_layout_says_what_the_data_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(layout.sentence.endswith(".") for layout in layouts())
    shown_by_example = {layout.format for layout in layouts() if layout.lines}
    assert shown_by_example >= set(formats.names("forecasting")) | set(formats.names("object_detection"))
    show_formats("object_detection")
    shown = capsys.readouterr().out
    assert "voc: Photos with Pascal VOC annotations" in shown
    assert "ImageSets/Main/train.txt" in shown
    assert "image_folder" not in shown


def test_the_documents_show_what_the_command_shows() -> None:
    written = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    missing = [layout.format for layout in layouts() if layout.text() not in written]
    assert not missing, f"docs/data.md lacks what `labline data formats` prints of {missing}"


def test_a_task_that_no_format_is_for_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(UserError, match="object_detection"):
        show_formats("object_detectoin")
