"""Whatever an error about pictures or photos advises, following it to the letter leads on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.advice import NOT_HERE, Case, check_case, look_at_photos

COUNT = 12
HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax"


def picture(number: int) -> bytes:
    """Return the file of a picture like no other, 30 x 40."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (30, 40, 3)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def files(
    *patterns: str, more: dict[str, str] | None = None, settings: tuple[str, ...] = ()
) -> Callable[[Path], list[str]]:
    """Return what writes pictures, COUNT of each pattern (with {} for the number), and other files."""

    def make(folder: Path) -> list[str]:
        root = folder / "data"
        for place, pattern in enumerate(patterns):
            for number in range(COUNT):
                path = root / pattern.format(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(1000 * place + number))
        for name, text in (more or {}).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [str(root), *settings]

    return make


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *(row.replace("{}", str(number)) for row in rows for number in range(COUNT))])


def voc(name: str, label: str = "cat") -> str:
    box = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>25</ymax></bndbox>"
    return f"<annotation><filename>{name}</filename><object><name>{label}</name>{box}</object></annotation>"


def coco(names: list[str]) -> str:
    images = [{"id": number, "file_name": name, "width": 40, "height": 30} for number, name in enumerate(names)]
    boxes = [
        {"id": number, "image_id": number, "category_id": 1, "bbox": [2, 3, 18, 22]} for number in range(len(names))
    ]
    return json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]})


NAMES = [f"{number}.png" for number in range(COUNT)]
SHIFTED = {f"{number}.xml": voc(f"{number + 1}.png") for number in range(COUNT - 1)}
LISTED = {"labels.csv": table("{}.png,40,30,cat,2,3,20,25")}
YOLO = {f"labels/{number}.txt": "0 .4 .4 .3 .3" for number in range(COUNT)}

CASES = [
    Case("folds_of_classes", files("fold1/cat/{}.png", "fold1/dog/{}.png", "fold2/cat/{}.png", "fold2/dog/{}.png")),
    Case("masks_beside_images", files("images/{}.png", "masks/{}.png")),
    Case("flat_split_folders", files("train/cat.{}.png", "train/dog.{}.png", "test/cat.{}0.png", "test/dog.{}0.png")),
    Case("classes_in_names", files("cat_{}.png", "dog_{}.png"), ends_well=True),
    Case("a_split_beside_a_class", files("train/cat/{}.png", "train/dog/{}.png", "bus/{}.png")),
    Case("one_split_known", files("test1/cat/{}.png", "test1/dog/{}.png", "other/cat/{}.png", "other/dog/{}.png")),
    Case(
        "two_columns_that_may_be_the_class",
        files(
            "img/a{}.png",
            "img/b{}.png",
            "img/c{}.png",
            more={
                "labels.csv": table("a{}.png,cat,big", "b{}.png,dog,small", "c{}.png,dog,big", head="file,first,second")
            },
        ),
    ),
    Case(
        "two_tables",
        files(
            "img/{}.png",
            more={"one.csv": table("{}.png,{}", head="path,label"), "two.csv": table("{}.png,a", head="path,label")},
        ),
        ends_well=False,
    ),
    Case("photos_renamed_in_part", files("{}.png", more=SHIFTED)),
    Case(
        "a_list_of_other_photos",
        files("{}.png", more=LISTED | {"ImageSets/Main/train.txt": "x1\nx2\nx3"}),
        {"data.split": NOT_HERE},
        ends_well=False,
    ),
    Case("names_of_two_photos", files("a/{}.png", "b/{}.png", more=LISTED), ends_well=False),
    Case("shares_for_pixels", files("{}.png", more={"labels.csv": table("{}.png,40,30,cat,.1,.2,.6,.7")})),
    Case(
        "pixels_for_shares",
        files("images/{}.png", more={f"labels/{number}.txt": "0 20 15 10 9" for number in range(COUNT)}),
    ),
    Case("two_formats", files("images/{}.png", more=YOLO | {"coco.json": coco(NAMES)})),
    Case(
        "corners_or_sizes",
        files("{}.png", more={"boxes.csv": "\n".join(f"{number}.png,5,6,9,8,cat" for number in range(COUNT))}),
        {"data.box_form": "corners"},
    ),
    Case(
        "yaml_of_other_folders",
        files("images/{}.png", more=YOLO | {"data.yaml": "names: [cat]\ntrain: a/b\nval: c/d\n"}),
        {"data.split": NOT_HERE},
    ),
    Case("an_unknown_class", files("cat/{}.png", "dog/{}.png", settings=("data.classes=[cat,bird]",)), ends_well=False),
    Case(
        "an_unknown_format", files("cat/{}.png", "dog/{}.png", settings=("data.format=image_foldr",)), ends_well=False
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_an_error_about_pictures_advises_leads_on(case: Case, tmp_path: Path) -> None:
    check_case(replace(case, look=look_at_photos), tmp_path)
