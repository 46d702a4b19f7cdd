"""Folders of pictures: each has the class and split that its author gave it, or the run stops and shows the folders."""

from __future__ import annotations

import itertools
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import formats
from data.images.check import inspect
from data.images.config import ImageDataConfig
from data.sample import ImageSample
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.image_trees import BOTH, PLAIN, found, listed, packed, problems, setting, stop, write


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("training_set", "test_set"),
        ("train1", "test1"),
        ("Training", "Testing"),
        ("train_images", "test_images"),
        ("TrainingData", "TestData"),
        ("train2017", "test2017"),
        ("seg_train", "seg_test"),
        ("train", "holdout"),
        ("cars_train", "cars_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("train/train", "test"),
        ("photos/train", "photos/test"),
        ("train/images", "test/images"),
    ],
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_folders_named_as_splits_with_the_same_classes_are_splits(
    train: str, test: str, as_zip: bool, tmp_path: Path
) -> None:
    root = write(tmp_path / "data", *(f"{split}/{label}/*2" for split in (train, test) for label in ("cats", "dogs")))
    assert found(packed(tmp_path / "data.zip", root) if as_zip else root) == BOTH
    assert not problems(root)


def test_a_validation_folder_may_lack_classes(tmp_path: Path) -> None:
    root = write(tmp_path, "train_data/cats/*2", "train_data/dogs/*2", "val_data/dogs/*2")
    assert found(root) == {("cats", "train"), ("dogs", "train"), ("dogs", "validation")}


def test_pictures_to_predict_are_told_as_unlabelled_and_left_out(tmp_path: Path) -> None:
    root = write(
        tmp_path / "intel",
        *(f"seg_{split}/seg_{split}/{label}/*2" for split in ("train", "test") for label in ("cats", "dogs")),
        "seg_pred/seg_pred/1.png",
    )
    assert found(root) == BOTH
    assert problems(root) == {("unlabelled_image", "seg_pred/seg_pred/1.png")}


def test_a_test_folder_without_classes_beside_a_training_folder_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, "train/cats/*2", "train/dogs/*2", "test1/1.png", "test1/2.png")
    assert found(root) == {("cats", "train"), ("dogs", "train")}
    assert problems(root) == {("unlabelled_image", "test1/1.png"), ("unlabelled_image", "test1/2.png")}


def test_splits_may_lie_inside_the_class_folders(tmp_path: Path) -> None:
    root = write(
        tmp_path / "data", *(f"{label}/{split}/*2" for split in ("train", "test") for label in ("cats", "dogs"))
    )
    assert found(root) == BOTH
    assert not problems(root)


@pytest.mark.parametrize(
    "files",
    [
        ["bus/*2", "train/*2", "car/*2"],
        ["test/*2", "control/*2"],
        ["train/steam/*2", "train/diesel/*2", "bus/city/*2", "bus/coach/*2"],
        ["trained/*2", "untrained/*2"],
        ["de/*2", "fr/*2", "te/*2", "tr/*2"],
    ],
)
def test_names_that_are_plainly_classes_are_classes(files: list[str], tmp_path: Path) -> None:
    assert found(write(tmp_path, *files)) == {(file.partition("/")[0], None) for file in files}


@pytest.mark.parametrize(
    "files",
    [
        ["train/cats/*2", "train/dogs/*2", "extra/cats/*2", "extra/dogs/*2"],
        ["train_a/cats/*2", "train_a/dogs/*2", "train_b/cats/*2", "train_b/dogs/*2"],
        ["train/cats/*2", "train/dogs/*2", "sample/*2"],
        ["train/cats/*2", "train/dogs/*2", "test/day/*2", "test/night/*2"],
        ["train/cats/*2", "train/dogs/*2", "test/unknown/*2"],
        ["train/cats/*2", "train/dogs/*2", "test/cats/*2", "test/dogs/*2", "train_more/cats/*2", "train_more/dogs/*2"],
        ["test_a/*2", "test_b/*2"],
        ["cats/train/*2", "cats/test/*2", "dogs/train/*2", "dogs/test/*2", "emus/*2"],
        ["train/*2", "test/cats/*2", "test/dogs/*2"],
    ],
)
def test_what_cannot_be_told_stops_with_the_folders_and_both_ways_out(files: list[str], tmp_path: Path) -> None:
    error = stop(write(tmp_path / "data", *files))
    assert "splits or classes" in error.what
    names = sorted({file.partition("/")[0] for file in files})
    assert all(f"{name}/  " in error.fix for name in names), "the error shows the folders"
    assert {label for label, _ in found(tmp_path / "data", split_folders="none")} == set(names)
    splits = setting(error, "data.split_folders")
    assert isinstance(splits, dict)
    assert set(splits) == set(names)


def test_the_splits_that_the_recipe_gives_are_followed(tmp_path: Path) -> None:
    files = [f"{name}/{label}/*2" for name in ("2019", "new 2020", "rest") for label in ("cats", "dogs")]
    root = write(tmp_path, *files)
    assert found(root, split_folders={"2019": "train", "new 2020": "test", "rest": "none"}) == BOTH
    assert {name for name, _ in problems(root, split_folders={"2019": "train", "new 2020": "test"})} == {
        "beside_splits"
    }
    assert "There is no folder `2018`" in stop(root, split_folders={"2018": "train"}).what


def test_the_recipe_may_give_splits_inside_the_class_folders(tmp_path: Path) -> None:
    root = write(tmp_path, *(f"{label}/{name}/*2" for name in ("a", "b") for label in ("cats", "dogs")))
    assert found(root, split_folders={"a": "train", "b": "test"}) == BOTH


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat.{}.jpg", "dog.{}.jpg"], {"cat", "dog"}),
        (["cat_00{}.jpg", "polar bear_{}.jpg"], {"cat", "polar bear"}),
        (["cat ({}).jpg", "dog ({}).jpg"], {"cat", "dog"}),
        (["n0208_{}.JPEG", "n0300_{}.JPEG"], {"n0208", "n0300"}),
        (["{}_cat.png", "{}_dog.png"], {"cat", "dog"}),
    ],
)
def test_names_that_begin_with_their_classes_are_answered_with_the_setting_that_reads_them(
    names: list[str], classes: set[str], tmp_path: Path
) -> None:
    splits = ("train", "test")
    root = write(
        tmp_path, *(f"{split}/{name.format(number)}" for split in splits for name in names for number in range(9))
    )
    error = stop(root)
    assert "no class folders" in error.what
    pattern = setting(error, "data.label_pattern")
    samples = listed(root, label_pattern=pattern)
    assert {
        (re.search(str(pattern), item.key)[1], item.split)  # type: ignore[index]
        for item in samples
        if isinstance(item, ImageSample)
    } == {(label, split) for label in classes for split in splits}


@pytest.mark.parametrize(
    "hidden", ["@eaDir", "#recycle", "System Volume Information", "$RECYCLE.BIN", "lost+found", "__MACOSX"]
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_folders_of_systems_are_never_classes(hidden: str, as_zip: bool, tmp_path: Path) -> None:
    root = write(
        tmp_path / "data", "cats/*2", "dogs/*2", f"{hidden}/*2", f"cats/{hidden}/a/*2", ".git/*1",
        ".ipynb_checkpoints/*1", "cats/._0.png",
    )  # fmt: skip
    (root / "dogs" / "Thumbs.db").write_bytes(b"1")
    (root / "dogs" / "desktop.ini").write_bytes(b"1")
    path = packed(tmp_path / "data.zip", root) if as_zip else root
    assert found(path) == PLAIN
    assert not problems(path)


def test_a_class_folder_without_pictures_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, "cats/*2", "dogs/*2")
    (root / "emus").mkdir()
    (root / "fish").mkdir()
    (root / "fish" / "notes.txt").write_text("none yet")
    assert {file for name, file in problems(root) if name == "empty_class"} == {"emus", "fish"}


def test_classes_of_which_some_are_nested_deeper_are_told(tmp_path: Path) -> None:
    root = write(tmp_path, "pets/cats/*2", "pets/dogs/*2", "emus/*2")
    assert found(root) == {("pets", None), ("emus", None)}
    assert problems(root) == {("nested_folders", "pets")}


CLASSES = st.lists(
    st.sampled_from(["ant", "bee", "cow", "bus", "train", "test set", "2019"]), min_size=2, max_size=4, unique=True
)
SPLIT_NAMES = st.sampled_from(
    [
        {},
        {"train": "train", "test": "test"},
        {"training_set": "train", "test_set": "test"},
        {"seg_train": "train", "seg_val": "validation", "seg_test": "test"},
        {"train2017": "train", "val2017": "validation"},
        {"birds_train": "train", "birds_test": "test"},
    ]
)


@settings(max_examples=30, deadline=None)
@given(
    classes=CLASSES,
    splits=SPLIT_NAMES,
    inside=st.booleans(),
    around=st.sampled_from(["", "photos/", "a/b/"]),
    doubled=st.booleans(),
    distractors=st.lists(
        st.sampled_from(["@eaDir/x", "__MACOSX", ".git", "docs", "unlabelled"]), unique=True, max_size=3
    ),
    as_zip=st.booleans(),
)
def test_every_picture_has_the_class_and_split_of_its_author_or_the_run_stops(
    classes: list[str],
    splits: dict[str, str],
    inside: bool,
    around: str,
    doubled: bool,
    distractors: list[str],
    as_zip: bool,
) -> None:
    truth: dict[str, tuple[str, str | None]] = {}
    for label, name in itertools.product(classes, splits or [""]):
        outer = f"{name}/{name}" if doubled and not inside else name
        folder = f"{label}/{name}" if inside else f"{outer}/{label}"
        truth["/".join(part for part in f"{around}{folder}/1.png".split("/") if part)] = (label, splits.get(name))
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder) / "data", *truth)
        for name in distractors:
            if name == "docs":
                (root / around / name).mkdir()
                (root / around / name / "read.txt").write_text("words")
            elif name != "unlabelled" or splits:
                write(root / around, f"{name}/9.png")
        path = packed(Path(folder) / "data.zip", root) if as_zip else root
        try:
            read = {item.key: (item.label, item.split) for item in listed(path) if isinstance(item, ImageSample)}
        except UserError:
            return
    assert all(truth.get(key) == given for key, given in read.items())
    assert len(read) == len(truth)


def test_a_folder_of_nothing_but_pictures_is_known_as_one_without_classes(tmp_path: Path) -> None:
    write(tmp_path, "cat.0.png", "dog.1.png")
    assert formats.detect(tmp_path) == "image_folder"
    assert problems(tmp_path) == {("stray_file", "cat.0.png"), ("stray_file", "dog.1.png")}


def test_classes_that_look_alike_are_told_and_forms_of_one_letter_are_one_class(tmp_path: Path) -> None:
    path = write(tmp_path / "data", "Cats/*2", "cats/*2", "cats_/*2", "k\u00e4fer/*2", "ka\u0308fer/*2")
    checked = inspect(ImageDataConfig(path=str(path)), Progress())
    assert checked["classes"] == {"Cats": 2, "cats": 2, "cats_": 2, "k\u00e4fer": 4}
    told = {item["name"]: item for item in checked["findings"]}
    assert [example["label"] for example in told["similar_classes"]["examples"]] == ["cats", "cats_"]


@pytest.mark.parametrize("folder", ["", "train/"])
def test_pictures_without_class_folders_are_answered_with_the_setting_that_reads_them(
    folder: str, tmp_path: Path
) -> None:
    path = write(tmp_path, *(f"{folder}{label}.{number}.jpg" for label in ("cat", "dog") for number in range(9)))
    with pytest.raises(UserError) as caught:
        inspect(ImageDataConfig(path=str(path)), Progress())
    pattern = setting(caught.value, "data.label_pattern")
    checked = inspect(ImageDataConfig.model_validate({"path": str(path), "label_pattern": pattern}), Progress())
    assert checked["classes"] == {"cat": 9, "dog": 9}


def test_pictures_beside_class_folders_with_masks_are_told_and_do_not_stop(tmp_path: Path) -> None:
    write(tmp_path, "loose.png", "cats/*3", "cats_masks/*3", "dogs/*3")
    assert found(tmp_path) == PLAIN


@pytest.mark.parametrize("names", [("Mask", "Non Mask"), ("masks", "gloves", "goggles"), ("depth", "surface")])
def test_classes_called_as_masks_in_split_folders_are_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, *(f"{split}/{name}/*2" for split in ("Train", "Test") for name in names))
    assert found(tmp_path) == {(name, split) for name in names for split in ("train", "test")}


def test_masks_of_classes_in_split_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, *(f"{split}/{name}/*2" for split in ("train", "test") for name in ("cats", "dogs", "cats_masks")))
    assert found(tmp_path) == BOTH
    assert ("second_picture", "test/cats_masks/1.png") in problems(tmp_path)
