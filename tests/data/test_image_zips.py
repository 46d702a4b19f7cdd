"""Zips in the place of folders of pictures, and in each other, are read as the folders that they pack."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from data.formats import image_folder
from data.images.check import inspect
from data.images.config import ImageDataConfig
from data.sample import ImageSample
from labline.cli.data_check import task_of_data
from pipeline.progress import Progress
from tests.support.image_trees import BOTH, PLAIN, found, listed, packed, problems, setting, stop, tiny, write


def test_a_zip_for_each_class_is_a_folder_for_each_class(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for label in ("cats", "dogs"):
        packed(tmp_path / "data" / f"{label}.zip", write(tmp_path / label, "*3"))
    assert found(tmp_path / "data") == PLAIN
    with image_folder.open_reader(tmp_path / "data") as read:
        samples = [item for item in listed(tmp_path / "data") if isinstance(item, ImageSample)]
        assert {read(sample.locator) for sample in samples} == {
            file.read_bytes() for label in ("cats", "dogs") for file in (tmp_path / label).iterdir()
        }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips_in_a_zip_are_read_without_a_file_beside_the_users(method: int, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "photos.zip", "w", method) as outer:
        for split in ("train", "test"):
            root = write(tmp_path / split, f"{split}/cats/*2", f"{split}/dogs/*2")
            outer.write(packed(tmp_path / f"{split}.zip", root), f"{split}.zip")
    assert found(tmp_path / "data" / "photos.zip") == BOTH
    with image_folder.open_reader(tmp_path / "data" / "photos.zip") as read:
        for sample in listed(tmp_path / "data" / "photos.zip"):
            assert isinstance(sample, ImageSample)
            assert read(sample.locator) == (tmp_path / (sample.split or "") / sample.key.partition("/")[2]).read_bytes()
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["photos.zip"]


def test_a_zip_in_a_zip_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    inner = zipfile.ZipInfo("train.zip")
    inner.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as outer, outer.open(inner, "w") as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
    assert "not safe" in stop(tmp_path / "photos.zip").what


def test_a_zip_beside_the_folders_that_it_packs_is_not_read_a_second_time(tmp_path: Path) -> None:
    root = write(tmp_path / "data", "cats/*2", "dogs/*2")
    packed(root / "data.zip", root)
    samples = [item for item in listed(root) if isinstance(item, ImageSample)]
    assert len(samples) == 4
    assert problems(root) == {("stray_file", "data.zip")}


@pytest.mark.parametrize("encoding", ["cp437", "cp866", "gbk", "utf-8"])
def test_classes_of_a_zip_whose_names_have_another_encoding_stay_apart(encoding: str, tmp_path: Path) -> None:
    names = {"cp437": ["käfer", "kröte"], "cp866": ["кот", "пёс"], "gbk": ["猫", "狗"], "utf-8": ["猫", "кот"]}[
        encoding
    ]
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in names:
            archive.writestr(name.encode(encoding).hex() + "/1.png", tiny())
    content = (tmp_path / "photos.zip").read_bytes()
    for name in names:
        coded = name.encode(encoding)
        content = content.replace(coded.hex().encode(), coded + b"x" * len(coded))
    (tmp_path / "photos.zip").write_bytes(content)
    labels = {label for label, _ in found(tmp_path / "photos.zip")}
    assert len(labels) == 2
    if encoding in ("cp437", "utf-8"):
        assert {label.rstrip("x") for label in labels} == set(names)
    told = {name for name, _ in problems(tmp_path / "photos.zip")}
    assert told == (set() if encoding == "utf-8" else {"garbled_names"})


def test_a_zip_with_zips_of_pictures_and_a_table_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "photos.zip", "w") as outer:
        names = [f"train/{label}.{number}.jpg" for label in ("cat", "dog") for number in range(60)]
        outer.write(packed(tmp_path / "train.zip", write(tmp_path / "a", *names)), "train.zip")
        outer.write(packed(tmp_path / "test1.zip", write(tmp_path / "b", "test1/1.jpg", "test1/2.jpg")), "test1.zip")
        outer.writestr("sampleSubmission.csv", "id,label\n1,0\n2,0\n")
    path = tmp_path / "data" / "photos.zip"
    assert task_of_data(str(path)) == "image_classification"
    pattern = setting(stop(path), "data.label_pattern")
    checked = inspect(ImageDataConfig.model_validate({"path": str(path), "label_pattern": pattern}), Progress())
    assert checked["classes"] == {"cat": 60, "dog": 60}


def test_parts_of_one_download_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for part, labels in (("001", ["cats", "dogs", "emus"]), ("002", ["cats", "dogs"])):
        root = write(tmp_path / part, *(f"photos/{label}/*3" for label in labels))
        packed(tmp_path / "data" / f"drive-download-{part}.zip", root)
    error = stop(tmp_path / "data")
    assert "which folders are the classes" in error.what
    said = {"path": str(tmp_path / "data"), "label_pattern": setting(error, "data.label_pattern")}
    checked = inspect(ImageDataConfig.model_validate(said), Progress())
    assert checked["classes"] == {"cats": 6, "dogs": 6, "emus": 3}
