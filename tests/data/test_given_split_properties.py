"""Whatever way a file states splits, photos are in the stated one with their own boxes, or it stopped."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import formats
from data.detection.config import DetectionDataConfig
from data.detection.findings import KINDS
from data.sample import Problem, Split
from pipeline.errors import UserError
from tests.support.labelled_trees import SIZE, WRITERS, Photo, Tree, photo_path, seen_boxes, trees, write_tree

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training", "2007_train"), "validation": ("val", "valid", "validation"), "test": ("test", "tst"),
}  # fmt: skip
WAYS = ("sets", "lists", "yaml", "darknet", "table", "tables")
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Stated:
    """Photos with the split that a file states of each.

    Attributes:
        way: what states it.
        spelling: how a line names a photo.
        names: which of its names each split has.
        splits: of the photos in turn.
        extra: how many names of photos that are not there stand in the first list.
    """

    tree: Tree
    way: str
    spelling: str
    names: int
    splits: tuple[Split, ...]
    extra: int

    def of(self, photo: Photo) -> Split:
        return self.splits[photo.number]


@st.composite
def stated(draw: st.DrawFn) -> Stated:
    """Draw photos in folders without splits, with a split of each; the first one is for training, the second is not."""
    tree = draw(trees().filter(lambda tree: all(photo.split is None for photo in tree.photos) and not tree.absent))
    second = draw(st.sampled_from(SPLITS[1:]))
    splits = ["train", second, *(draw(st.sampled_from(SPLITS)) for _ in tree.photos[2:])]
    spelling = draw(st.sampled_from(["path", "elsewhere", "dotted", "windows", "no ending", "bare", "with a number"]))
    extra = draw(st.sampled_from([0, 0, 0, 1, 50]))
    return Stated(tree, draw(st.sampled_from(WAYS)), spelling, draw(st.integers(0, 5)), tuple(splits), extra)


def line_of(case: Stated, photo: Photo) -> str:
    """Return how a list names a photo."""
    path = photo_path(case.tree, photo)
    return {
        "path": path, "elsewhere": f"/home/somebody/data/{path}", "dotted": f"./{path}",
        "windows": "C:\\data\\" + path.replace("/", "\\"), "no ending": path.removesuffix(".png"),
        "bare": f"{photo.stem}.png", "with a number": f"{path} 1",
    }[case.spelling]  # fmt: skip


def split_files(case: Stated) -> dict[str, str | bytes]:
    """Return the files that state the splits."""
    listed: dict[Split, list[str]] = {}
    for photo in case.tree.photos:
        listed.setdefault(case.of(photo), []).append(line_of(case, photo))
    listed["train"] += [f"gone/{number}.png" for number in range(case.extra)]
    texts = {split: "\n".join(lines) + "\n" for split, lines in listed.items()}
    named = {split: NAMES[split][case.names % len(NAMES[split])] for split in listed}
    if case.way == "sets":
        return {f"ImageSets/Main/{named[split]}.txt": text for split, text in texts.items()}
    if case.way == "lists":
        return {f"{named[split]}.txt": text for split, text in texts.items()}
    if case.way in ("yaml", "darknet"):
        files: dict[str, str | bytes] = {f"lists/{split}_photos.txt": text for split, text in texts.items()}
        keys = {"train": "train", "validation": "val" if case.way == "yaml" else "valid", "test": "test"}
        colon = ": " if case.way == "yaml" else " = "
        head = "names: [big dog, cat, dog]\n" if case.way == "yaml" else "classes = 3\n"
        lines = [f"{keys[split]}{colon}lists/{split}_photos.txt\n" for split in texts]
        return {**files, ("data.yaml" if case.way == "yaml" else "obj.data"): head + "".join(lines)}
    if case.way == "table":
        rows = [f'"{line}",{named[split]}\n' for split, lines in listed.items() for line in lines]
        return {"table.csv": "image,split\n" + "".join(rows)}
    return {
        f"{named[split]}_table.csv": "image\n" + "".join(f'"{line}"\n' for line in listed[split]) for split in listed
    }


def read_case(name: str, case: Stated) -> str:
    """Write photos with their splits, read them, and check what is read; return what stops it, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        files = {**WRITERS[name](case.tree), **split_files(case)}
        path = write_tree(case.tree, files, Path(folder) / "data", False)
        truth = {photo_path(case.tree, photo): photo for photo in case.tree.photos}
        module = formats.find(name, "object_detection")
        try:
            items = list(module.list_samples(path, DetectionDataConfig(path=str(path))))
        except UserError as error:
            assert error.where and error.fix
            return "stopped"
        stopped = next(
            (item.name for item in items if isinstance(item, Problem) and KINDS[item.name].severity == "error"), ""
        )
        with module.open_reader(path) as read:
            for item in items:
                if isinstance(item, Problem):
                    continue
                height, width = SIZE if item.normalized else (1, 1)
                found = set()
                for box in item.boxes:
                    edges = (box.ymin * height, box.xmin * width, box.ymax * height, box.xmax * width)
                    found.add((box.label, tuple(map(round, edges))))
                content = read(item.locator)
                assert isinstance(content, bytes)
                assert found == seen_boxes(content), f"wrong boxes on {item.key}"
                assert stopped or item.split == case.of(truth[item.key]), f"wrong split of {item.key}"
        if case.extra:
            assert stopped, "a list names photos that are not there"
        return stopped


@pytest.mark.parametrize("name", ["voc", "yolo", "coco"])
@QUICK
@given(case=stated())
def test_every_photo_is_in_the_stated_split_or_it_stops(name: str, case: Stated) -> None:
    read_case(name, case)


def test_most_files_of_splits_are_followed_and_not_refused() -> None:
    outcomes: Counter[str] = Counter()

    @settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=stated())
    def read(case: Stated) -> None:
        outcome = read_case("voc", case)
        if not case.extra and case.spelling != "bare":
            outcomes[outcome] += 1

    read()
    assert outcomes[""] >= 0.9 * outcomes.total(), outcomes
