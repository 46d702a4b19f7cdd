"""However labelled photos are laid out, no box is on a wrong photo and no photo in a wrong split, or it stopped."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.example_gen import example_gen
from data import formats
from data.config import BeamConfig
from data.detection.config import DetectionDataConfig
from data.detection.findings import KINDS
from data.sample import Problem
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.detection_records import records
from tests.support.labelled_trees import SIZE, WRITERS, Edges, Tree, photo_path, seen_boxes, trees, write_tree

PRESENT = [name for name in WRITERS if name in formats.names("object_detection")]


def read_tree(name: str, tree: Tree, packed: bool) -> str:
    """Write a tree, read it, and check what is read; return the kind of error that stops it, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_tree(tree, WRITERS[name](tree), Path(folder) / "data", packed)
        truth = {photo_path(tree, photo): photo for photo in tree.present}
        try:
            found = formats.detect(path, "object_detection")
        except UserError:
            return "unrecognised"
        assert found == name
        module = formats.find(name, "object_detection")
        stopped, seen = "", set()
        with module.open_reader(path) as read:
            for item in module.list_samples(path, DetectionDataConfig(path=str(path))):
                if isinstance(item, Problem):
                    stopped = stopped or (item.name if KINDS[item.name].severity == "error" else "")
                    continue
                assert item.key in truth, f"{item.key} is no photo of the author's"
                content = read(item.locator)
                assert isinstance(content, bytes)
                height, width = SIZE if item.normalized else (1, 1)
                boxes = {(box.label, edges_of(box[1:5], height, width)) for box in item.boxes}
                assert boxes == seen_boxes(content), f"wrong boxes on {item.key}"
                assert item.split == truth[item.key].split, f"wrong split of {item.key}"
                seen.add(item.key)
        assert stopped or seen == set(truth), f"lost without an error: {set(truth) - seen}"
        return stopped


def edges_of(edges: tuple[object, ...], height: int, width: int) -> Edges:
    ymin, xmin, ymax, xmax = (float(str(edge)) for edge in edges)
    return round(ymin * height), round(xmin * width), round(ymax * height), round(xmax * width)


@pytest.mark.parametrize("name", PRESENT)
def test_every_box_is_on_its_photo_and_every_photo_in_its_split_or_it_stops(name: str) -> None:
    outcomes: Counter[str] = Counter()

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=trees(), packed=st.booleans())
    def read(tree: Tree, packed: bool) -> None:
        outcome = read_tree(name, tree, packed)
        if not tree.absent:
            outcomes[outcome] += 1

    read()
    assert outcomes[""] >= 0.7 * outcomes.total(), f"too much is refused: {outcomes}"


@pytest.mark.parametrize("name", PRESENT)
def test_records_hold_every_photo_with_its_own_boxes_in_its_own_split(name: str, tmp_path: Path) -> None:
    numbers = itertools.count()

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(tree=trees(), packed=st.booleans())
    def check(tree: Tree, packed: bool) -> None:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        path = write_tree(tree, WRITERS[name](tree), folder / "data", packed)
        examples = Examples.create(folder / "examples")
        config = DetectionDataConfig(path=str(path), format=name)
        try:
            example_gen(examples, config, BeamConfig(), Context.standalone(folder / "context"))
        except UserError:
            return
        truth = {photo_path(tree, photo): photo for photo in tree.present}
        for key, features in records(examples).items():
            edges = zip(
                *(features.get(f"image/object/bbox/{edge}", []) for edge in ("ymin", "xmin", "ymax", "xmax")),
                strict=True,
            )
            labels = [text.decode() for text in features.get("image/object/class/text", [])]
            boxes = {(label, edges_of(box, *SIZE)) for label, box in zip(labels, edges, strict=True)}
            assert boxes == seen_boxes(features["image/encoded"][0]), f"wrong boxes on {key}"
            meant, (split,) = truth[key].split, features["split"]
            cut_from_train = meant == "train" and split not in {photo.split for photo in tree.photos}
            assert meant in (None, split) or cut_from_train, f"{key} is in {split}"

    check()
