"""Splits that come with labelled photos are followed as their files state them, or the run stops and says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.sample import Problem
from pipeline.errors import UserError

BOX = "0 0.5 0.5 0.2 0.2\n"


def xml(name: str) -> str:
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"
    return f"<annotation><filename>{name}</filename><object><name>cat</name>{box}</object></annotation>"


def voc(names: list[str], lists: Mapping[str, str]) -> dict[str, str]:
    """Return files of Pascal VOC, photos in JPEGImages, and further ones."""
    files = {f"JPEGImages/{name}.jpg": "" for name in names}
    files |= {f"Annotations/{name}.xml": xml(name.rpartition("/")[2] + ".jpg") for name in names}
    return files | dict(lists)


def yolo(photos: list[str], lists: Mapping[str, str]) -> dict[str, str]:
    """Return photos in folders called images with labels in folders called labels, and further files."""
    files = {f"{photo}.jpg": "" for photo in photos}
    files |= {f"{photo.replace('images', 'labels')}.txt": BOX for photo in photos}
    return {"classes.txt": "cat\n"} | files | dict(lists)


def listed(
    root: Path, files: Mapping[str, str], given_splits: bool = True
) -> tuple[dict[str, str | None], list[Problem]]:
    """Return the splits of the photos that a folder of these files gives, by their paths, and the problems."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    module = formats.find(formats.detect(root, "object_detection"), "object_detection")
    items = list(module.list_samples(root, DetectionDataConfig(path=str(root), given_splits=given_splits)))
    splits: dict[str, str | None] = {item.key: item.split for item in items if isinstance(item, DetectionSample)}
    return splits, [item for item in items if isinstance(item, Problem)]


def kinds(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(item.name, item.file) for item in problems]


# lists of Pascal VOC


@pytest.mark.parametrize("ending", ["", ".jpg", ".JPG", " 1", " -1", ".png", "\t1", "  37 1 2"])
@pytest.mark.parametrize(
    "names",
    [
        ["0000", "0001", "0002", "0003"],
        ["frame_0.0s", "frame_0.1s", "frame_0.2s", "frame_0.3s"],
        ["a photo", "a photo 1", "a photo 2", "b"],
        ["cam1/0000", "cam1/0001", "cam2/0000", "cam2/0001"],
        ["été", "straße", "v1.0.0", "100%"],
    ],
)
def test_image_sets_name_photos_with_dots_blanks_and_folders(names: list[str], ending: str, tmp_path: Path) -> None:
    if ending == " 1" and "a photo" in names:
        pytest.skip("`a photo 1` is another photo")
    one, two = names[:2], names[2:]
    lists = {"train": "".join(f"{name}{ending}\n" for name in one), "val": "".join(f"{name}{ending}\n" for name in two)}
    files = voc(names, {f"ImageSets/Main/{split}.txt": text for split, text in lists.items()})
    splits, problems = listed(tmp_path, files)
    assert problems == []
    expected = {f"JPEGImages/{name}.jpg": "train" for name in one} | {
        f"JPEGImages/{name}.jpg": "validation" for name in two
    }
    assert splits == expected


def test_trainval_is_for_training_and_yields_to_the_lists_it_was_made_of(tmp_path: Path) -> None:
    sets = {"trainval": "a\nb\n", "train": "a\n", "val": "b\n", "test": "c\nd\n", "cat_train": "d 1\na -1\n"}
    lists = {f"ImageSets/Main/{name}.txt": text for name, text in sets.items()}
    splits, problems = listed(tmp_path / "all", voc(list("abcd"), lists))
    assert (list(splits.values()), problems) == (["train", "validation", "test", "test"], [])
    del lists["ImageSets/Main/train.txt"], lists["ImageSets/Main/val.txt"]
    splits, problems = listed(tmp_path / "both", voc(list("abcd"), lists))
    assert (list(splits.values()), problems) == (["train", "train", "test", "test"], [])


def test_lists_of_segmentation_do_not_disturb_those_of_objects(tmp_path: Path) -> None:
    lists = {"ImageSets/Main/train.txt": "a\nb\n", "ImageSets/Main/val.txt": "c\n"}
    lists |= {"ImageSets/Segmentation/train.txt": "c\n", "ImageSets/Segmentation/val.txt": "a\n"}
    assert list(listed(tmp_path, voc(list("abc"), lists))[0].values()) == ["train", "train", "validation"]


def test_a_list_without_a_split_in_its_name_is_told(tmp_path: Path) -> None:
    splits, problems = listed(tmp_path, voc(list("ab"), {"ImageSets/Main/default.txt": "a\nb\n"}))
    assert set(splits.values()) == {None}
    assert kinds(problems) == [("unused_list", "ImageSets/Main/default.txt")]


def test_two_years_of_the_same_names_keep_their_own_lists(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for year, train in (("VOC2007", "a"), ("VOC2012", "b")):
        lists = {"ImageSets/Main/train.txt": f"{train}\n", "ImageSets/Main/val.txt": "ab".replace(train, "") + "\n"}
        files |= {f"{year}/{name}": text for name, text in voc(["a", "b"], lists).items()}
    splits, problems = listed(tmp_path, files)
    assert problems == []
    assert [splits[f"{year}/JPEGImages/a.jpg"] for year in ("VOC2007", "VOC2012")] == ["train", "validation"]


# what is not there, or not told


def test_a_list_of_which_few_photos_are_there_ends_the_run_and_its_remedy_works(tmp_path: Path) -> None:
    files = voc(list("abc"), {"ImageSets/Main/train.txt": "x\ny\na\n", "ImageSets/Main/val.txt": "b\n"})
    with pytest.raises(UserError, match=r"3 photos into train, and 2 of them .*`x`") as caught:
        listed(tmp_path, files)
    assert caught.value.where == "ImageSets/Main/train.txt"
    assert "data.given_splits=false" in str(caught.value.fix)
    splits, problems = listed(tmp_path, files, given_splits=False)
    assert (set(splits.values()), problems) == ({None}, [])


def test_few_photos_of_a_list_that_are_not_there_are_named(tmp_path: Path) -> None:
    files = voc(list("abcd"), {"ImageSets/Main/train.txt": "a\nb\nx\n", "ImageSets/Main/val.txt": "c\nd\n"})
    splits, problems = listed(tmp_path, files)
    assert list(splits.values()) == ["train", "train", "validation", "validation"]
    assert kinds(problems) == [("unmet_in_split", "ImageSets/Main/train.txt")]
    assert "`x`" in problems[0].detail


def test_a_listed_photo_without_annotation_is_there(tmp_path: Path) -> None:
    files = voc(list("ab"), {"ImageSets/Main/train.txt": "a\nc\n", "ImageSets/Main/val.txt": "b\n"})
    _, problems = listed(tmp_path, files | {"JPEGImages/c.jpg": ""})
    assert kinds(problems) == [("photo_without_annotation", "JPEGImages/c.jpg")]


def test_a_bare_name_that_two_photos_have_is_no_choice(tmp_path: Path) -> None:
    names = ["cam1/0", "cam2/0", "cam1/1", "cam2/1", "cam1/2"]
    lists = {"ImageSets/Main/train.txt": "0\ncam1/1\ncam2/1\n", "ImageSets/Main/val.txt": "2\n"}
    _, problems = listed(tmp_path, voc(names, lists))
    assert kinds(problems) == [("ambiguous_photo", "ImageSets/Main/train.txt")]
    assert "cam1/0.jpg" in problems[0].detail and "cam2/0.jpg" in problems[0].detail


def test_a_photo_in_two_lists_goes_further_from_training_and_is_told(tmp_path: Path) -> None:
    lists = {"ImageSets/Main/train.txt": "a\nb\nc\n", "ImageSets/Main/val.txt": "c\nd\n"}
    splits, problems = listed(tmp_path, voc(list("abcd"), lists))
    assert list(splits.values()) == ["train", "train", "validation", "validation"]
    assert kinds(problems) == [("photo_in_two_splits", "JPEGImages/c.jpg")]


def test_the_lists_of_several_folds_end_the_run(tmp_path: Path) -> None:
    lists = {"fold1_train.txt": "a.jpg\nb.jpg\n", "fold1_val.txt": "c.jpg\n"}
    lists |= {"fold2_train.txt": "b.jpg\nc.jpg\n", "fold2_val.txt": "a.jpg\n"}
    with pytest.raises(UserError, match="in another split as well") as caught:
        listed(tmp_path, voc(list("abc"), lists))
    assert caught.value.where == "fold1_train.txt; fold1_val.txt"


def test_two_files_of_splits_that_contradict_each_other_end_the_run(tmp_path: Path) -> None:
    lists = {"a.yaml": "train: x.txt\nval: y.txt\nnames: [cat]\n", "b.yaml": "train: y.txt\nval: x.txt\nnames: [cat]\n"}
    lists |= {"x.txt": "images/0.jpg\nimages/1.jpg\n", "y.txt": "images/2.jpg\nimages/3.jpg\n"}
    with pytest.raises(UserError, match="4 photos are put into different splits") as caught:
        listed(tmp_path, yolo([f"images/{number}" for number in range(4)], lists))
    assert "a.yaml" in str(caught.value.where) and "b.yaml" in str(caught.value.where)


def test_lists_win_over_folders_and_that_is_told(tmp_path: Path) -> None:
    files = yolo(["train/images/a", "train/images/b", "val/images/c"], {"train.txt": "train/images/a.jpg\n"})
    files |= {"val.txt": "train/images/b.jpg\nval/images/c.jpg\n"}
    splits, problems = listed(tmp_path, files)
    assert list(splits.values()) == ["train", "validation", "validation"]
    assert kinds(problems) == [("contradicting_splits", "train/images/b.jpg")]


# tables


def test_tables_of_two_splits_give_them_and_a_lone_one_does_not(tmp_path: Path) -> None:
    tables = {"train_labels.csv": "width,filename\n5,a.jpg\n", "data/test_labels.csv": "filename\nb.jpg\n"}
    assert list(listed(tmp_path / "two", voc(list("ab"), tables))[0].values()) == ["train", "test"]
    lone = {"test.csv": "filename\na.jpg\nb.jpg\n"}
    assert list(listed(tmp_path / "one", voc(list("ab"), lone))[0].values()) == [None, None]


def test_a_column_of_splits_gives_them(tmp_path: Path) -> None:
    table = {"split.csv": "Image;Split\nJPEGImages/a.jpg;Train\nJPEGImages/b.jpg;Valid\n"}
    assert list(listed(tmp_path, voc(list("ab"), table))[0].values()) == ["train", "validation"]


# YOLO's data.yaml


FOLDERS = ["a/images/1", "a/images/2", "b/images/1", "c/images/1"]


@pytest.mark.parametrize(
    "text",
    [
        "train: a/images\nval: b/images\ntest: c/images\n",
        "path: .\ntrain: [a/images]\nval:\n  - b/images\ntest: c\n",
        "train: ../a/images\nval: ../b/images\ntest: ../c/images\n",
        "path: ../datasets/pets\ntrain: a/images\nval: b/images\ntest: c/images\n",
        "path: /home/me/pets\ntrain: a/images\nval: b/images\ntest: c/images\n",
        "train: /home/me/pets/a/images\nval: /home/me/pets/b/images\ntest: /home/me/pets/c/images/\n",
        "train: 'C:\\pets\\a\\images'\nval: 'C:\\pets\\b\\images'\ntest: 'C:\\pets\\c\\images'\n",
        "train: one.txt\nval: lists/two.txt\ntest: /home/me/pets/three.txt\n",
    ],
)
@pytest.mark.parametrize("below", ["", "pets/"])
def test_a_data_yaml_gives_the_splits_whatever_the_folders_are_called(text: str, below: str, tmp_path: Path) -> None:
    lists = {"data.yaml": f"{text}names: [cat]\n"}
    if "one.txt" in text:
        lists |= {"one.txt": "./a/images/1.jpg\n./a/images/2.jpg\n", "lists/two.txt": "/home/me/pets/b/images/1.jpg\n"}
        lists |= {"three.txt": "c\\images\\1.jpg\n"}
    files = {below + name: content for name, content in yolo(FOLDERS, lists).items()}
    splits, problems = listed(tmp_path, files)
    assert problems == []
    assert list(splits.values()) == ["train", "train", "validation", "test"]


def test_folders_of_a_data_yaml_that_are_not_there_end_the_run_but_for_test_photos(tmp_path: Path) -> None:
    standard = {"data.yaml": "train: ../a/images\nval: ../b/images\ntest: ../test/images\nnames: [cat]\n"}
    splits, problems = listed(tmp_path / "standard", yolo(FOLDERS[:3], standard))
    assert list(splits.values()) == ["train", "train", "validation"]
    assert kinds(problems) == [("unused_list", "data.yaml, `test`")]
    with pytest.raises(UserError, match="`../valid/images` for val"):
        listed(tmp_path / "wrong", yolo(FOLDERS, {"data.yaml": "train: a/images\nval: ../valid/images\nnc: 1\n"}))


def test_validation_on_the_training_folder_is_no_split_and_told(tmp_path: Path) -> None:
    text = {"coco128.yaml": "path: ../datasets/coco128\ntrain: images/all\nval: images/all\nnames: {0: cat}\n"}
    splits, problems = listed(tmp_path, yolo(["images/all/1", "images/all/2"], text))
    assert set(splits.values()) == {"train"}
    assert kinds(problems) == [("unused_list", "coco128.yaml, `val`")]


def test_years_behind_the_names_of_folders_are_understood(tmp_path: Path) -> None:
    text = {
        "data.yaml": "path: ../datasets/coco128\ntrain: images/train2017\nval: images/val2017\ntest:\nnames: [cat]\n"
    }
    splits, problems = listed(tmp_path, yolo(["images/train2017/1", "images/val2017/2"], text))
    assert (list(splits.values()), problems) == (["train", "validation"], [])


def test_darknets_files_give_the_splits(tmp_path: Path) -> None:
    files = {"obj.data": "classes = 1\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n"}
    files |= {
        "obj.names": "cat\n",
        "train.txt": "data/obj_train_data/1.jpg\n",
        "valid.txt": "data/obj_Val_data/2.jpg\n",
    }
    for photo in ("obj_train_data/1", "obj_Val_data/2"):
        files |= {f"{photo}.jpg": "", f"{photo}.txt": BOX}
    splits, problems = listed(tmp_path, files)
    assert sorted(map(str, splits.values())) == ["train", "validation"]
    assert splits["obj_train_data/1.jpg"] == "train"
    assert problems == []


def test_plain_lists_of_paths_give_the_splits_and_labels_are_no_lists(tmp_path: Path) -> None:
    photos = [f"images/train_{number}" for number in range(4)]
    lists = {"train.txt": "".join(f"./{photo}.jpg\n" for photo in photos[:2])}
    lists |= {"val.txt": "".join(f"./{photo}.jpg ./labels/x.xml\n" for photo in photos[2:])}
    splits, problems = listed(tmp_path, yolo(photos, lists) | {"labels/train_9.txt": BOX})
    assert list(splits.values()) == ["train", "train", "validation", "validation"]
    assert kinds(problems) == [("missing_photo", "labels/train_9.txt")]


@pytest.mark.parametrize("line", ["labels/{}.txt", "{}.xml", "images/{}.jpg,labels/{}.txt", "{}.jpg; {}.xml"])
def test_lists_of_annotations_and_of_pairs_mean_their_photos(line: str, tmp_path: Path) -> None:
    lists = {"train.txt": line.format("a", "a") + "\n", "val.txt": line.format("b", "b") + "\n"}
    splits, problems = listed(tmp_path, yolo(["images/a", "images/b"], lists))
    assert (list(splits.values()), problems) == (["train", "validation"], [])


def test_lists_whose_photos_have_other_names_end_the_run(tmp_path: Path) -> None:
    lists = {"train.txt": "x.jpg\n", "val.txt": "y.jpg\n"}
    with pytest.raises(UserError, match="there is no photo"):
        listed(tmp_path, yolo(["images/a", "images/b"], lists))


def test_notes_that_are_called_as_a_split_are_no_list(tmp_path: Path) -> None:
    splits, problems = listed(tmp_path, voc(list("ab"), {"test.txt": "a short test of the camera\nand another\n"}))
    assert set(splits.values()) == {None}
    assert kinds(problems) == [("unused_list", "test.txt")]


def test_a_lone_list_of_test_photos_that_names_all_is_no_split(tmp_path: Path) -> None:
    splits, problems = listed(tmp_path, voc(list("ab"), {"ImageSets/Main/test.txt": "a\nb\n"}))
    assert set(splits.values()) == {None}
    assert kinds(problems) == [("unused_list", "ImageSets/Main/test.txt")]
