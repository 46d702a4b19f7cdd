"""CVAT's xml files for images: every shape that has a box gets it, and the others are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.formats import cvat_images, voc
from pipeline.errors import UserError
from tests.support.labelled_files import listed, write

FILES = {"images/1.jpg": "", "images/2.jpg": ""}
CAT = '<box label="cat" occluded="0" source="manual" xtl="1" ytl="2" xbr="11" ybr="12.5" z_order="0"></box>'


def image(name: str, *shapes: str, **attributes: str) -> str:
    words = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<image id="0" name="{name}"{words} width="64" height="40">\n{"".join(shapes)}</image>\n'


def document(*parts: str) -> str:
    meta = "<meta><task><id>1</id><labels><label><name>cat</name></label></labels></task></meta>"
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{meta}\n'
    return f"{head}{''.join(parts)}</annotations>"


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        (CAT, (2, 1, 12.5, 11)),
        ('<box label="cat" xtl="20" ytl="10" xbr="40" ybr="20" rotation="90.0"/>', (5, 25, 25, 35)),
        ('<box label="cat" xtl="20" ytl="10" xbr="40" ybr="20" rotation="180"/>', (10, 20, 20, 40)),
        ('<polygon label="cat" points="1.5,2;10,2;5,20"/>', (2, 1.5, 20, 10)),
        ('<mask label="cat" rle="1, 2, 3" left="3" top="4" width="5" height="6"/>', (4, 3, 10, 8)),
        ('<ellipse label="cat" cx="20" cy="20" rx="10" ry="5"/>', (15, 10, 25, 30)),
        ('<ellipse label="cat" cx="20" cy="20" rx="10" ry="5" rotation="90"/>', (10, 15, 30, 25)),
        (
            '<cuboid label="cat" xtl1="1" ytl1="2" xbl1="1" ybl1="9" xtr1="8" ytr1="2" xbr1="8" ybr1="9" '
            'xtl2="3" ytl2="1" xbl2="3" ybl2="7" xtr2="11" ytr2="1" xbr2="11" ybr2="7"/>',
            (1, 1, 9, 11),
        ),
    ],
)
def test_a_shape_gets_the_box_around_it(tmp_path: Path, shape: str, edges: tuple[float, ...]) -> None:
    root = write(tmp_path, FILES | {"annotations.xml": document(image("1.jpg", shape), image("2.jpg"))})
    assert formats.detect(root, "object_detection") == "cvat_images"
    samples, problems = listed(cvat_images, root)
    assert problems == []
    assert [(sample.key, len(sample.boxes), sample.unread, sample.size) for sample in samples] == [
        ("images/1.jpg", 1, 0, (40, 64)),
        ("images/2.jpg", 0, 0, (40, 64)),
    ]
    assert samples[0].boxes[0][:5] == ("cat", *map(pytest.approx, edges))
    assert samples[0].boxes[0].place == "annotations.xml, line 6"


@pytest.mark.parametrize(
    ("shape", "kind", "unread"),
    [
        ('<points label="cat" points="1,2"/>', "shape_without_box", 1),
        ('<polyline label="cat" points="1,2;3,4"/>', "shape_without_box", 1),
        ('<skeleton label="cat"><points label="1" points="1,2"/></skeleton>', "shape_without_box", 1),
        ('<blob label="cat"/>', "shape_without_box", 1),
        ('<tag label="night"><attribute name="moon">full</attribute></tag>', "shape_without_box", 0),
        ('<box label=" " xtl="1" ytl="2" xbr="11" ybr="12"/>', "box_without_class", 1),
        ('<box label="cat" xtl="1" ytl="2" xbr="11"/>', "box_not_a_number", 1),
        ('<box label="cat" xtl="1" ytl="2" xbr="nan" ybr="12"/>', "box_not_a_number", 1),
        ('<box label="cat" xtl="1" ytl="2" xbr="11" ybr="12" rotation="x"/>', "box_not_a_number", 1),
        ('<polygon label="cat" points="1,2;3"/>', "box_not_a_number", 1),
        ('<polygon label="cat" points="1,2;3,4"/>', "box_not_a_number", 1),
        ('<ellipse label="cat" cx="20" cy="20" rx="10"/>', "box_not_a_number", 1),
    ],
)
def test_a_shape_without_a_box_is_told_with_its_line(tmp_path: Path, shape: str, kind: str, unread: int) -> None:
    samples, problems = listed(cvat_images, write(tmp_path, FILES | {"a.xml": document(image("1.jpg", shape))}))
    assert problems[0][0] == kind
    assert problems[0][1].startswith("a.xml, line ")
    assert (samples[0].boxes, samples[0].unread) == ((), unread)


def test_a_subset_gives_the_split_and_one_that_is_none_ends_the_run(tmp_path: Path) -> None:
    subsets = {"1": "Train", "2": "VALIDATION", "3": "test", "4": "default"}
    images = [image(f"{name}.jpg", CAT, subset=subset) for name, subset in subsets.items()]
    files = {f"images/{name}.jpg": "" for name in (*subsets, "5")}
    root = write(tmp_path, files | {"a.xml": document(*images)})
    assert [sample.split for sample in listed(cvat_images, root)[0]] == ["train", "validation", "test", None]
    write(root, {"a.xml": document(*images, image("5.jpg", CAT, subset="kept back"))})
    with pytest.raises(UserError, match="subset `kept back`") as caught:
        listed(cvat_images, root)
    assert (caught.value.where, "data.given_splits=false" in caught.value.fix) == ("a.xml, line 13", True)
    found = cvat_images.list_samples(root, DetectionDataConfig(path=str(root), given_splits=False))
    assert [item.split for item in found if isinstance(item, DetectionSample)] == [None] * 5


def test_names_of_several_files_give_the_splits(tmp_path: Path) -> None:
    files = FILES | {"train.xml": document(image("1.jpg", CAT)), "val.xml": document(image("2.jpg", CAT))}
    samples, problems = listed(cvat_images, write(tmp_path, files))
    assert problems == []
    assert [sample.split for sample in samples] == ["train", "validation"]


def test_photos_of_equal_names_in_several_tasks_or_subsets_keep_their_boxes(tmp_path: Path) -> None:
    tasks = {f"task_{number}/images/1.jpg": "" for number in (1, 2)}
    tasks |= {f"task_{number}/annotations.xml": document(image("1.jpg", CAT * number)) for number in (1, 2)}
    samples, problems = listed(cvat_images, write(tmp_path / "tasks", tasks))
    assert problems == []
    assert {sample.key: len(sample.boxes) for sample in samples} == {"task_1/images/1.jpg": 1, "task_2/images/1.jpg": 2}
    images = image("1.jpg", CAT, subset="Train"), image("1.jpg", CAT * 2, subset="Test")
    files = {"images/Train/1.jpg": "", "images/Test/1.jpg": "", "annotations.xml": document(*images)}
    samples, problems = listed(cvat_images, write(tmp_path / "subsets", files))
    assert problems == []
    assert {sample.key: (len(sample.boxes), sample.split) for sample in samples} == {
        "images/Train/1.jpg": (1, "train"),
        "images/Test/1.jpg": (2, "test"),
    }


def test_tracks_of_a_video_are_refused_with_the_export_that_is_read(tmp_path: Path) -> None:
    track = '<track id="0" label="cat"><box frame="0" xtl="1" ytl="1" xbr="4" ybr="5"/></track>'
    root = write(tmp_path, FILES | {"annotations.xml": document(track)})
    assert formats.detect(root, "object_detection") == "cvat_images"
    with pytest.raises(UserError) as caught:
        listed(cvat_images, root)
    assert "CVAT for images 1.1" in caught.value.fix


@pytest.mark.parametrize(
    "content",
    [
        document(image("1.jpg", CAT))[:-20],
        document(image("1.jpg", CAT)).replace("<annotations>", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>'),
    ],
)
def test_damage_ends_the_run_with_its_file(tmp_path: Path, content: str) -> None:
    root = write(tmp_path, FILES | {"annotations.xml": content})
    with pytest.raises(UserError, match="cannot be read") as caught:
        listed(cvat_images, root)
    assert caught.value.where == "annotations.xml"


def test_cvats_xml_and_pascal_vocs_are_told_from_each_other(tmp_path: Path) -> None:
    root = write(tmp_path / "cvat", FILES | {"annotations.xml": document(image("1.jpg", CAT))})
    assert not voc.detect(root)
    other = write(tmp_path / "voc", FILES | {"1.xml": "<annotation><filename>1.jpg</filename></annotation>"})
    assert not cvat_images.detect(other)
    assert voc.detect(other)
