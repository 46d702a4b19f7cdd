"""What a detector found is no data to learn from, and what many photos lack is told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from data import formats
from data.detection.config import DetectionDataConfig
from data.formats import yolo
from data.sample import Problem
from labline.cli.data_check import task_of_data
from tests.support.labelled_shapes import draw

LABEL = "0 .4 .4 .3 .3"


def write(root: Path, files: dict[str, str]) -> Path:
    """Write label files, and a photo for each other name."""
    for number, (name, text) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if name.endswith(".txt") else draw(number))
    return root


def listed(root: Path) -> tuple[list[str], set[str]]:
    """Return the photos, and the kinds of problems but for those of names of classes."""
    items = list(yolo.list_samples(root, DetectionDataConfig(path=str(root))))
    problems = {item.name for item in items if isinstance(item, Problem)} - {"unnamed_classes"}
    return [item.key for item in items if not isinstance(item, Problem)], problems


def labelled(folder: str, names: str = "ab", labels: str = "labels") -> dict[str, str]:
    return {
        name: text
        for stem in names
        for name, text in ((f"{folder}images/{stem}.jpg", ""), (f"{folder}{labels}/{stem}.txt", LABEL))
    }


@pytest.mark.parametrize("folder", ["runs/detect/exp/", "predictions/", "out/pred_2/"])
def test_predictions_beside_annotations_are_left_out_and_told(tmp_path: Path, folder: str) -> None:
    root = write(tmp_path / "data", labelled("") | labelled(folder, "ac"))
    assert listed(root) == (["images/a.jpg", "images/b.jpg"], {"predicted_folder"})


def test_a_folder_of_results_is_left_out_only_where_its_photos_are_copies(tmp_path: Path) -> None:
    copies = write(tmp_path / "copies", labelled("") | labelled("results/") | labelled("with_boxes/"))
    assert listed(copies) == (["images/a.jpg", "images/b.jpg"], {"predicted_folder"})
    others = write(tmp_path / "others", labelled("") | labelled("results/", "xy"))
    assert len(listed(others)[0]) == 4


def test_labels_that_lie_in_such_a_folder_alone_are_the_data(tmp_path: Path) -> None:
    assert len(listed(write(tmp_path / "data", labelled("runs/")))[0]) == 2


def test_many_photos_without_a_label_file_are_told(tmp_path: Path) -> None:
    photos = {f"images/{name}.jpg": "" for name in "abcdef"}
    root = write(tmp_path / "data", photos | {"labels/a.txt": LABEL, "labels/b.txt": LABEL})
    names, problems = listed(root)
    assert len(names) == 6
    assert problems == {"unlabelled_photo"}


def test_zips_of_labelled_photos_side_by_side_are_looked_into(tmp_path: Path) -> None:
    inside = write(tmp_path / "inside", labelled(""))
    (tmp_path / "data").mkdir()
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / "data" / f"{name}.zip", "w") as archive:
            for path in sorted(inside.rglob("*.*")):
                archive.writestr(path.relative_to(inside).as_posix(), path.read_bytes())
    assert formats.detect(tmp_path / "data", "object_detection") == "yolo"
    assert task_of_data(str(tmp_path / "data")) == "object_detection"
    assert len(listed(tmp_path / "data")[0]) == 4
