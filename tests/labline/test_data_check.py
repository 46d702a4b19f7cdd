"""What `labline data check` promises: it says whether a run would stop, whose data they are, and fetches nothing."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from PIL import Image

from labline.cli.data_check import show_data_check, task_of_data
from pipeline.errors import UserError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of 20 pictures, an empty one, one of an unknown kind and one outside the classes."""
    chance, root = random.Random(0), tmp_path / "pictures"
    for label in ("ant", "bee"):
        (root / label).mkdir(parents=True)
        for number in range(20):
            colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
            Image.new("RGB", (8, 8), colour).save(root / label / f"{number}.png")
    (root / "ant" / "empty.png").touch()
    (root / "ant" / "phone.jxl").write_bytes(b"1")
    (root / "loose.jpg").write_bytes(b"1")
    return root


def test_a_check_says_that_a_run_would_stop_and_ends_as_it_would(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_data_check(str(images), [], "auto", as_json=False) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == (
        "A run would stop: 2 of 42 files are unusable (4.76 %), more than validation.max_bad_share=0.01 allows."
    )
    assert "found          42" in lines
    assert "    loose.jpg" in lines
    assert any(line.startswith("error: empty_file") and "Together, 2 of 42 files" in line for line in lines)


def test_a_check_says_that_a_run_would_go_on_with_what_the_recipe_allows(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_data_check(str(images), ["validation.max_bad_share=0.05"], "auto", as_json=False) == 0
    text = capsys.readouterr().out
    assert "warning: empty_file" in text
    assert text.splitlines()[-1].startswith("A run would go on: 2 of 42 files are unusable (4.76 %)")


def test_a_finding_that_the_recipe_makes_an_error_stops_the_run_by_its_name(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = ["validation.max_bad_share=0.05", "validation.severity.stray_file=error"]
    assert show_data_check(str(images), wishes, "auto", as_json=True) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["stops"], found["verdict"]) == (True, "A run would stop: stray_file.")


def test_a_table_that_names_pictures_is_no_series_whatever_its_columns_are_called(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("File;Label;Set\npics\\1.png;cat;train\npics\\2.png;dog;test\n")
    assert task_of_data(str(table)) == "image_classification"
    with pytest.raises(UserError, match="No class has usable pictures") as caught:
        show_data_check(str(table), [], "auto", as_json=False)
    assert "pics/1.png" in caught.value.fix
    assert "--task forecasting" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("boxes.csv", "filename;width;height;class;xmin;ymin;xmax;ymax\n1.jpg;9;9;cat;1;1;5;5\n"),
        ("boxes.json", '{"images": [], "annotations": [], "categories": []}'),
    ],
)
def test_annotations_alone_are_told_to_come_with_their_photos(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        task_of_data(str(tmp_path / name))
    assert f"labline data check {tmp_path}`" in caught.value.fix


def test_data_of_no_task_are_answered_with_the_formats_of_all_tasks(tmp_path: Path) -> None:
    (tmp_path / "what.bin").write_bytes(b"1")
    with pytest.raises(UserError) as caught:
        task_of_data(str(tmp_path / "what.bin"))
    assert all(name in caught.value.what for name in ("csv_series", "coco", "idx"))
    assert "--task" in caught.value.fix


def test_a_table_that_is_no_series_is_answered_with_the_other_tasks(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("a,b\nx,y\nz,w\n")
    with pytest.raises(UserError) as caught:
        show_data_check(str(tmp_path / "names.csv"), [], "auto", as_json=False)
    assert "--task image_classification" in caught.value.fix


def test_a_check_fetches_no_data_set_of_tensorflow_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserError, match="not on this machine yet") as caught:
        show_data_check("tfds:mnist", [], "auto", as_json=False)
    assert "labline run image_classification data.path=tfds:mnist" in caught.value.fix
    with pytest.raises(UserError, match="has no `mnst`") as caught:
        show_data_check("tfds:mnst", [], "auto", as_json=False)
    assert "Did you mean `tfds:mnist`?" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_check_prints_names_that_are_no_utf_8(
    images: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (images / "ant" / "empty.png").rename(images / "ant" / os.fsdecode(b"caf\xe9.png"))
    place = tmp_path / os.fsdecode(b"pictures\xe9")
    images.rename(place)
    show_data_check(str(place), [], "auto", as_json=False)
    assert b"    ant/caf\\xe9.png: 0 bytes" in capfdbinary.readouterr().out


def test_a_table_whose_name_is_no_utf_8_is_a_series_of_that_name(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    table = tmp_path / os.fsdecode(b"caf\xe9.csv")
    table.write_text("day,sold\n" + "".join(f"{day},{day % 7}\n" for day in range(400)))
    assert show_data_check(str(table), ["data.value_columns=[sold]"], "auto", as_json=False) == 0
    assert b"caf\\xe9.csv" in capfdbinary.readouterr().out
