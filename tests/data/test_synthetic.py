"""The drawn shapes are Pascal VOC data whose boxes fit, and the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import catalog, synthetic
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.formats import voc
from pipeline.progress import Progress
from tests.support.contracts_detection import check_detection_format


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("shapes")
    synthetic.write_shapes(folder)
    return folder


def test_the_data_set_is_as_the_catalogue_says(shapes: Path) -> None:
    samples = check_detection_format(voc, shapes)
    assert dict(Counter(sample.split for sample in samples)) == catalog.find("shapes").splits
    boxes = [box for sample in samples for box in sample.boxes]
    assert set(Counter(box.label for box in boxes)) == set(synthetic.SHAPES)
    assert min(Counter(box.label for box in boxes).values()) > len(boxes) / 4
    assert {len(sample.boxes) for sample in samples} == set(range(1, synthetic.MOST + 1))
    assert {sample.size for sample in samples} == {(160, 160)}
    assert {sample.key.rpartition(".")[2] for sample in samples} == {"jpg", "png"}


def test_boxes_hold_their_shapes_and_nothing_else(shapes: Path) -> None:
    listed = voc.list_samples(shapes, DetectionDataConfig(path=str(shapes)))
    sample = next(item for item in listed if isinstance(item, DetectionSample) and item.key.endswith(".png"))
    pixels = np.asarray(Image.open(shapes / sample.key)).astype(float)
    for box in sample.boxes:
        ymin, xmin, ymax, xmax = map(int, box[1:5])
        middle = pixels[(ymin + ymax) // 2, (xmin + xmax) // 2]
        around = pixels[[max(ymin - 3, 0), min(ymax + 2, 159)], (xmin + xmax) // 2]
        assert np.abs(around - middle).sum(axis=1).min() > 30


def test_equal_seeds_draw_equal_photos() -> None:
    one, again, other = (synthetic.draw_image(np.random.default_rng([seed, 7])) for seed in (0, 0, 1))
    assert (one[0] == again[0]).all()
    assert one[1] == again[1]
    assert (one[0] != other[0]).any()
    assert one[0].dtype == np.uint8


def test_it_is_drawn_on_first_use_and_kept(data_folder: Path) -> None:
    folder = catalog.get("shapes", Progress(quiet=True))
    image = folder / "JPEGImages" / "000.jpg"
    before = (image.stat().st_mtime_ns, hashlib.sha256(image.read_bytes()).hexdigest())
    assert catalog.get("shapes", Progress(quiet=True)) == folder
    assert (image.stat().st_mtime_ns, hashlib.sha256(image.read_bytes()).hexdigest()) == before
    assert (catalog.get("digits", Progress(quiet=True)) / "0" / "0000.png").is_file()
