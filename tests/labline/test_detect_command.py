"""`labline detect` draws what a model sees, and refuses what would cost the user a photo."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labline.cli import detect
from object_detection import zoo
from object_detection.detector import Detector
from object_detection.drawn_images import read_image
from object_detection.exported import LABELS, SAVED_MODEL, find_exported
from object_detection.saved_detector import SavedDetector, write_detector
from object_detection.ssd import SsdConfig
from pipeline.errors import UsageError, UserError
from pipeline.progress import Progress
from tests.support.detector_fixtures import Arrays


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(2).integers(0, 255, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wood.png")
    return tmp_path / "wood.png"


def test_photos_are_drawn_beside_a_table_of_what_is_in_them(
    image: Path,
    old_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.pbtxt").write_text("item { id: 1 name: 'tree' }")
    before = image.read_bytes()
    detect.detect([image], str(old_checkpoint), tmp_path / "map.pbtxt", None, 0.0, True)
    answer = json.loads(capsys.readouterr().out)[str(image)]
    assert answer["boxes"] == "wood_boxes.jpg"
    assert {"tree", "2", "3"} >= {item["label"] for item in answer["detections"]}
    assert Image.open(tmp_path / "wood_boxes.jpg").size == (90, 60)
    assert image.read_bytes() == before


def test_a_grey_photo_that_lies_on_its_side_is_read_upright(tmp_path: Path) -> None:
    grey = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    grey.save(tmp_path / "grey.jpg", exif=exif)
    assert read_image(tmp_path / "grey.jpg").shape == (30, 20, 3)


def test_photos_that_cannot_be_read_are_named_before_anything_is_loaded(tmp_path: Path, image: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(image.read_bytes()[:100])
    (tmp_path / "page.jpg").write_text("<html>")
    said = {"none.jpg": "no such file", "broken.jpg": "not a readable picture", "page.jpg": "starts with b'<html>'"}
    for name, says in said.items():
        with pytest.raises(UserError, match=says) as error:
            detect.detect([tmp_path / name], "no model", None, tmp_path / "out", 0.5, False)
        assert str(tmp_path / name) in error.value.where
        assert "working directory" in error.value.fix or "JPEG, PNG" in error.value.fix


def test_photos_beside_a_broken_one_are_answered(
    image: Path, old_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").write_text("no photo")
    with pytest.raises(UserError, match=r"1 of 2 files could not be read; the others are answered") as error:
        detect.detect([tmp_path / "broken.jpg", image], str(old_checkpoint), None, tmp_path / "out", 0.0, False)
    said = capsys.readouterr()
    assert error.value.exit_status == 1 and error.value.where == str(tmp_path / "broken.jpg")
    assert f"error: {tmp_path / 'broken.jpg'}: This is not a readable picture" in said.err
    assert f"{image}: " in said.out and (tmp_path / "out" / "wood_boxes.jpg").is_file()


@pytest.mark.parametrize("out", ["wood.png", "boxes.gif"])
def test_a_copy_never_replaces_a_photo_and_has_a_kind_that_can_be_written(
    image: Path, tmp_path: Path, out: str
) -> None:
    with pytest.raises(UsageError):
        detect.detect([image], "no model", None, tmp_path / out, 0.5, False)


def test_two_photos_of_one_name_are_not_drawn_into_one_file(image: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "wood.png"
    twin.write_bytes(image.read_bytes())
    with pytest.raises(UsageError, match="one file"):
        detect.detect([image, twin], "no model", None, tmp_path / "out", 0.5, False)


def test_a_body_without_predictors_finds_nothing_and_says_so(
    old_arrays: Arrays, write_checkpoint: Callable[[Path, Arrays], Path], tmp_path: Path
) -> None:
    body = {name: array for name, array in old_arrays.items() if name.startswith("FeatureExtractor")}
    with pytest.raises(UserError, match="without predictors"):
        Detector.read(write_checkpoint(tmp_path, body), {})


def test_models_of_the_zoo_are_found_by_name_or_corrected() -> None:
    for name in zoo.names():
        assert (zoo.FOLDER / zoo.find(name).labels).is_file()
    with pytest.raises(UserError, match="neither a path") as error:
        zoo.locate("ssd_mobilnet_v1_coco", Progress(quiet=True))
    assert "`ssd_mobilenet_v1_coco`" in error.value.fix
    assert "`labline predict` asks one that is served" in error.value.fix


def test_classes_without_names_come_with_a_hint_at_the_labels_beside_the_weights(
    image: Path, old_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = shutil.copytree(old_checkpoint.parent, tmp_path / "weights")
    detect.detect([image], str(weights), None, tmp_path / "out.jpg", 0.0, False)
    assert "name them with `--labels FILE`" in capsys.readouterr().err
    listed = weights / "coco_labelmap.txt"
    listed.write_text("tree\nbush\nfern\n")
    detect.detect([image], str(weights / "model.ckpt"), None, tmp_path / "out.jpg", 0.0, False)
    assert f"`--labels {listed}`" in capsys.readouterr().err
    detect.detect([image], str(weights), listed, tmp_path / "out.jpg", 0.0, False)
    told = capsys.readouterr()
    assert "--labels" not in told.err
    assert {line.split()[0] for line in told.out.splitlines()[1:]} <= {"tree", "bush", "fern"}


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"not installed: tf-models-official \(Model Garden\), tf-keras") as error:
        detect.detect([image], "no model", None, None, 0.5, False)
    assert "sh bootstrap.sh detection" in error.value.fix


def test_a_detector_that_was_trained_here_knows_its_size_and_its_labels(
    image: Path, small_ssd: Any, small_config: SsdConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_detector(SavedDetector(small_ssd, small_config, ["cat", "dog", "owl"]), tmp_path / "model")
    detect.detect([image], str(tmp_path / "model"), None, tmp_path / "out.jpg", 0.0, False)
    told = capsys.readouterr()
    assert "160 x 160" in told.err
    assert {line.split()[0] for line in told.out.splitlines()[1:]} <= {"cat", "dog", "owl"}
    assert (tmp_path / "out.jpg").is_file()


def test_a_pushed_model_without_its_version_is_the_newest(tmp_path: Path) -> None:
    for version in ("2", "10", "10.part"):
        for file in (SAVED_MODEL, LABELS):
            (tmp_path / "roses" / version / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "roses" / version / file).write_bytes(b"")
    assert find_exported(tmp_path / "roses") == tmp_path / "roses" / "10"
    assert find_exported(tmp_path / "roses" / "2") == tmp_path / "roses" / "2"
    assert find_exported(tmp_path) is None
