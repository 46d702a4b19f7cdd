"""Names of YOLO's classes are those that stand in the file, letter for letter, or the run stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.detection.labelled import list_entries
from data.detection.yolo_names import find_class_names
from data.file_tree import Entry, open_reader
from pipeline.errors import UserError


def names(root: Path, files: dict[str, str | bytes]) -> dict[int, str]:
    for name, text in files.items():
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with open_reader(root) as read:
        return find_class_names([item for item in list_entries(root) if isinstance(item, Entry)], read).names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [no, yes]", ["no", "yes"]),
        ("names: [00, 07, 1e3, 1.50]", ["00", "07", "1e3", "1.50"]),
        ("names: [null, ~, dog]", ["null", "~", "dog"]),
        ("names:\n  0: off\n  1: 2020-01-01", ["off", "2020-01-01"]),
        ("names: {'0': cat, '1': dog}", ["cat", "dog"]),
    ],
)
def test_names_are_taken_as_they_are_written(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert names(tmp_path, {"data.yaml": f"train: a\nval: b\n{text}\n"}) == dict(enumerate(expected))


@pytest.mark.parametrize("text", ["0 cat\n1 dog\n", "0: cat\n1: dog\n", "0,cat\n1,dog\n"])
def test_numbers_before_the_names_of_a_list_are_numbers(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, {"classes.txt": text}) == {0: "cat", 1: "dog"}


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("classes.txt", "# my classes\ncat\ndog\n", "seems to be a remark"),
        ("classes.txt", "1 cat\n2 dog\n", "do not count from 0"),
        ("data.yaml", "names: [Straße, Ampel]\n".encode("latin-1"), "not written in UTF-8"),
        ("classes.txt", "Straße\n".encode("latin-1"), "not written in UTF-8"),
    ],
)
def test_lists_that_would_shift_or_change_names_stop(tmp_path: Path, file: str, text: str | bytes, what: str) -> None:
    with pytest.raises(UserError, match=what):
        names(tmp_path, {file: text})


def test_label_studio_s_notes_name_the_classes_where_nothing_else_does(tmp_path: Path) -> None:
    notes = json.dumps({"categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]})
    assert names(tmp_path, {"notes.json": notes}) == {0: "cat", 1: "dog"}
