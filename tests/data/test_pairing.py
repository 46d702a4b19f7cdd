"""An annotation goes to the photo that its author meant, or to none."""

from __future__ import annotations

import unicodedata

import pytest

from data.detection.pairing import Statement, pair
from data.file_tree import Entry
from data.sample import Problem
from data.second_pictures import second_pictures


def entry(path: str) -> Entry:
    return Entry(tuple(path.split("/")), (path,))


def paired(
    said: dict[str, str] | list[tuple[str, str]], photos: list[str], own: bool = False, by: str = "auto"
) -> list[str]:
    """Return the photo, or the kind of problem, of each annotation: (file, stated path)."""
    items = list(said.items()) if isinstance(said, dict) else said
    statements = [Statement(tuple(file.split("/")), stated, file) for file, stated in items]
    found = pair(statements, [entry(path) for path in photos], own, by)
    return [item.name if isinstance(item, Problem) else "/".join(item.parts) for item in found]


@pytest.mark.parametrize(
    "stated",
    [
        "cam2/0.jpg",
        "CAM2/0.JPG",
        "./cam2/0.jpg",
        "C:\\data\\cam2\\0.jpg",
        "/home/a/cam2/0.jpg",
        "https://host/cam2/0.jpg",
        "cam%32/0.jpg",
        "../images/cam2/0.jpg",
    ],
)
def test_of_photos_of_one_name_that_in_the_stated_folder_is_meant(stated: str) -> None:
    assert paired({"all.csv": stated}, ["images/cam1/0.jpg", "images/cam2/0.jpg"]) == ["images/cam2/0.jpg"]


def test_a_bare_name_that_two_photos_have_is_no_choice() -> None:
    assert paired({"all.csv": "0.jpg"}, ["images/cam1/0.jpg", "images/cam2/0.jpg"]) == ["ambiguous_photo"]
    found = pair([Statement(("all.csv",), "0.jpg", "all.csv, line 2")], [entry("a/0.jpg"), entry("b/0.jpg")], False)
    assert isinstance(found[0], Problem) and "`a/0.jpg` or `b/0.jpg`" in found[0].detail
    assert found[0].file == "all.csv, line 2"


@pytest.mark.parametrize(("file", "photo"), [
    ("labels/train/0.txt", "images/train/0.jpg"), ("train/labels/0.txt", "train/images/0.jpg"),
    ("train_annotations/0.xml", "train_images/0.jpg"), ("train/0.xml", "train/0.jpg"),
    ("Annotations/train/0.xml", "JPEGImages/train/0.jpg"),
])  # fmt: skip
def test_a_file_in_a_parallel_folder_belongs_to_its_photo(file: str, photo: str) -> None:
    other = photo.replace("train", "val")
    assert paired({file: ""}, [other, photo], own=True) == [photo]
    assert paired({file: "0.jpg"}, [other, photo], own=True) == [photo]
    assert paired({file: "somewhere/else/0.jpg"}, [other, photo], own=True) == [photo]


@pytest.mark.parametrize("photos", ["images/{}/0.png", "{}2017/0.png", "{}_images/0.png", "{}/images/0.png"])
def test_lists_of_many_annotations_belong_to_the_folder_of_their_name(photos: str) -> None:
    names = [photos.format(split) for split in ("train", "val")]
    said = {"annotations/instances_train.json": "0.png", "annotations/instances_val.json": "0.png"}
    assert paired(said, names) == names
    assert paired({"train/a.json": "0.png", "val/a.json": "0.png"}, names) == names


def test_a_folder_that_is_not_there_does_not_take_another_ones_photo() -> None:
    said = [("all.csv", "cam1/0.jpg"), ("all.csv", "cam2/0.jpg")]
    assert paired(said, ["cam2/0.jpg"]) == ["missing_photo", "cam2/0.jpg"]
    assert paired(said, ["images/0.jpg"]) == ["ambiguous_photo", "ambiguous_photo"]
    assert paired([("all.csv", "cam1/0.jpg")], ["images/0.jpg"]) == ["images/0.jpg"]


def test_unicode_forms_and_other_endings_are_one_name_and_exact_spelling_wins() -> None:
    apart, together = unicodedata.normalize("NFD", "écran.jpg"), unicodedata.normalize("NFC", "écran.jpg")
    assert paired({"a.json": together}, [f"images/{apart}"]) == [f"images/{apart}"]
    assert paired({"a.json": "0"}, ["images/0.png"]) == ["images/0.png"]
    assert paired({"a.json": "0.jpg"}, ["images/0.png"]) == ["images/0.png"]
    assert paired({"a.json": "cam1/0.png"}, ["images/cam1/0.jpg", "images/cam2/0.jpg"]) == ["images/cam1/0.jpg"]
    assert paired({"a.json": "A.jpg"}, ["a.jpg", "A.jpg"]) == ["A.jpg"]
    assert paired({"a.json": "my photo.jpg"}, ["my%20photo.jpg"]) == ["my%20photo.jpg"]


def test_photos_and_annotations_renamed_together_stay_together() -> None:
    photos = [f"{number}.jpg" for number in range(4)]
    assert paired({"0.xml": "1.jpg", "1.xml": "2.jpg", "2.xml": "3.jpg", "3.xml": "4.jpg"}, photos, own=True) == photos


def test_where_stated_and_own_name_lead_to_two_photos_nothing_is_chosen_but_by_the_recipe() -> None:
    said, photos = {"0.xml": "1.jpg", "1.xml": "2.jpg"}, ["0.jpg", "1.jpg", "2.jpg"]
    assert "ambiguous_photo" in paired(said, photos, own=True)
    assert paired(said, photos, own=True, by="own_name") == ["0.jpg", "1.jpg"]
    assert paired(said, photos, own=True, by="filename") == ["1.jpg", "2.jpg"]


def test_annotations_that_swap_their_names_are_left_to_what_they_state_if_all_state_photos_of_others() -> None:
    said = {"ann/a.xml": "b.jpg", "ann/c.xml": "d.jpg"}
    assert paired(said, ["b.jpg", "d.jpg"], own=True) == ["b.jpg", "d.jpg"]


def test_masks_and_previews_of_annotated_photos_are_no_photos() -> None:
    photos = ["images/0.jpg", "masks/0.png", "images/1.jpg", "masks/1_mask.png", "previews/9.jpg", "other/2.jpg"]
    photos += ["images/1_mask.png", "others/0.jpg"]
    found = second_pictures([entry(path) for path in photos], {("images", "0.jpg"), ("images", "1.jpg")})
    assert sorted("/".join(parts) for parts in found) == ["images/1_mask.png", "masks/0.png", "masks/1_mask.png"]
    assert paired({"labels/0.txt": ""}, ["images/0.jpg", "masks/0.png"], own=True) == ["images/0.jpg"]
    assert paired({"masks/0.xml": "0.png"}, ["masks/0.png"], own=True) == ["masks/0.png"]


def test_the_annotation_of_a_photo_that_was_taken_away_goes_to_no_other() -> None:
    assert paired({"all.csv": "cam1/images/1.png"}, ["cam1/images/0.png", "cam2/images/1.png"]) == ["missing_photo"]
    said = {"cam1/0.xml": "0.png", "cam1/1.xml": "1.png"}
    assert paired(said, ["cam1/0.png", "cam2/1.png"], own=True) == ["cam1/0.png", "missing_photo"]
    said = {"instances_train.json": "0.png", "instances_val.json": "1.png"}
    assert paired(said, ["train/0.png", "val/2.png"]) == ["train/0.png", "missing_photo"]


def test_the_folder_that_an_annotation_names_decides_between_photos_of_one_name() -> None:
    photos = [entry("rgb/0.jpg"), entry("ir/0.jpg")]
    found = pair([Statement(("xml", "0.xml"), "0.jpg", "0.xml", "C:\\set\\rgb")], photos, True)
    assert found == [photos[0]]
    found = pair([Statement(("xml", "0.xml"), "0.jpg", "0.xml", "elsewhere")], photos, True)
    assert isinstance(found[0], Problem)


def test_a_folder_called_images_alone_is_no_choice_of_one_of_two() -> None:
    photos = ["images/0.jpg", "raw/0.jpg"]
    assert paired({"all.csv": "0.jpg"}, photos) == ["ambiguous_photo"]
    assert paired({"instances.json": "0.jpg"}, photos) == ["ambiguous_photo"]
    assert paired({"labels/0.txt": ""}, photos, own=True) == ["images/0.jpg"]
