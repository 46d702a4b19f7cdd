"""A table of boxes of any program is read with the meaning that its author gave its columns, or the run stops."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from data import formats
from data.detection.boxes import DetectionSample, fit_boxes
from data.detection.config import DetectionDataConfig
from data.formats import box_csv
from data.sample import Problem
from pipeline.errors import UserError

WIDTH, HEIGHT = 64, 40
PHOTOS = 12
Corners = tuple[int, int, int, int]  # xmin, ymin, xmax, ymax


def photo(size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, "PNG")
    return stream.getvalue()


def drawn(seed: int = 0) -> dict[str, list[Corners]]:
    """Return the boxes of some photos, by the photos' names; those near all edges are among them."""
    chance, boxes = random.Random(seed), dict[str, list[Corners]]()
    for number in range(PHOTOS):
        xmin, ymin = chance.randrange(0, WIDTH - 8), chance.randrange(0, HEIGHT - 8)
        xmax, ymax = chance.randrange(xmin + 4, WIDTH), chance.randrange(ymin + 4, HEIGHT)
        boxes[f"{number}.png"] = [(xmin, ymin, xmax, ymax)]
    boxes["0.png"].append((0, 0, 5, 6))
    boxes["1.png"].append((WIDTH - 9, HEIGHT - 8, WIDTH, HEIGHT))
    return boxes


Line = Callable[[str, int, int, int, int], str]


def lines(head: str, line: Line, boxes: dict[str, list[Corners]]) -> str:
    return "\n".join([*filter(None, [head]), *(line(name, *box) for name in boxes for box in boxes[name])]) + "\n"


def read(
    root: Path, table: str | bytes, boxes: dict[str, list[Corners]], config: DetectionDataConfig | None = None
) -> tuple[list[DetectionSample], list[Problem]]:
    """Return what is read of photos with a table beside them."""
    for name in boxes:
        (root / name).write_bytes(photo())
    (root / "boxes.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    assert formats.detect(root, "object_detection") == "box_csv"
    items = list(box_csv.list_samples(root, config or DetectionDataConfig(path=str(root))))
    return (
        [item for item in items if isinstance(item, DetectionSample)],
        [item for item in items if isinstance(item, Problem)],
    )


def corners(samples: list[DetectionSample]) -> dict[str, list[Corners]]:
    """Return the boxes of photos in whole pixels."""
    found: dict[str, list[Corners]] = {}
    for sample in samples:
        boxes, problems = fit_boxes(sample, HEIGHT, WIDTH)
        assert problems == []
        found[sample.key] = [
            (round(box.xmin * WIDTH), round(box.ymin * HEIGHT), round(box.xmax * WIDTH), round(box.ymax * HEIGHT))
            for box in boxes
        ]
    return found


TABLES: dict[str, tuple[str, Line]] = {
    "kaggle's names": ("image,label,x_min,y_min,x_max,y_max", lambda n, a, b, c, d: f"{n},cat,{a},{b},{c},{d}"),
    "xmin beside the photo's size": (
        "filename,width,height,class,xmin,ymin,xmax,ymax", lambda n, a, b, c, d: f"{n},64,40,cat,{a},{b},{c},{d}"),
    "x1 to y2": ("image_path,x1,y1,x2,y2,class_name", lambda n, a, b, c, d: f"/home/me/{n},{a},{b},{c},{d},cat"),
    "x0 to y1": ("file,x0,y0,x1,y1,category", lambda n, a, b, c, d: f"{n},{a},{b},{c},{d},cat"),
    "sides": ("Image;Left;Top;Right;Bottom;Label", lambda n, a, b, c, d: f"{n};{a};{b};{c};{d};cat"),
    "ids without endings": (
        "image_id,xmin,xmax,ymin,ymax,LabelName", lambda n, a, b, c, d: f"{n[:-4]},{a},{c},{b},{d},cat"),
    "width and height are the box's": (
        "filename,label,xmin,ymin,width,height", lambda n, a, b, c, d: f"{n},cat,{a},{b},{c - a},{d - b}"),
    "left and size": ("img,left,top,width,height,name", lambda n, a, b, c, d: f"{n},{a},{b},{c - a},{d - b},cat"),
    "x and w": ("filename,label,x,y,w,h", lambda n, a, b, c, d: f"{n},cat,{a},{b},{c - a},{d - b}"),
    "x and width of boxes, and of photos": (
        "filename,image_width,image_height,label,x,y,width,height",
        lambda n, a, b, c, d: f"{n},64,40,cat,{a},{b},{c - a},{d - b}"),
    "x and w that are centres": (
        "filename,label,x,y,w,h", lambda n, a, b, c, d: f"{n},cat,{(a + c) / 2},{(b + d) / 2},{c - a},{d - b}"),
    "centres": (
        "filename,cx,cy,w,h,label", lambda n, a, b, c, d: f"{n},{(a + c) / 2},{(b + d) / 2},{c - a},{d - b},cat"),
    "one cell of corner and size": (
        "image_id,width,height,bbox,source",
        lambda n, a, b, c, d: f'{n[:-4]},64,40,"[{a}.0, {b}.0, {c - a}, {d - b}]",us'),
    "one cell of corners": ("image,bbox,label", lambda n, a, b, c, d: f'{n},"({a}, {b}, {c}, {d})",cat'),
    "no header": ("", lambda n, a, b, c, d: f"photos/{n},{a},{b},{c},{d},cat"),
    "no header, with sizes": ("", lambda n, a, b, c, d: f"{n},64,40,cat,{a},{b},{c},{d}"),
    "google's cloud": (
        "", lambda n, a, b, c, d: f"TRAIN,gs://bucket/{n},cat,{a / 64},{b / 40},,,{c / 64},{d / 40},,"),
    "tabs": ("filename\tclass\txmin\tymin\txmax\tymax", lambda n, a, b, c, d: f"{n}\tcat\t{a}\t{b}\t{c}\t{d}"),
    "excel's first line": (
        "sep=;\nfilename;class;xmin;ymin;xmax;ymax", lambda n, a, b, c, d: f"{n};cat;{a};{b};{c};{d}"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_boxes_are_where_their_author_put_them_whatever_the_columns(name: str, tmp_path: Path) -> None:
    boxes = drawn()
    samples, problems = read(tmp_path, lines(*TABLES[name], boxes), boxes)
    assert corners(samples) == boxes
    assert {box.label for sample in samples for box in sample.boxes} == {
        "object" if "source" in TABLES[name][0] else "cat"
    }
    plain = {"xmin beside the photo's size", "tabs", "excel's first line"}
    told = [item.name for item in problems if item.name != "unused_columns"]
    assert told == ([] if name in plain else ["recognised_columns"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_tables_of_windows_are_read(encoding: str, tmp_path: Path) -> None:
    boxes = drawn()
    table = lines("filename,class,xmin,ymin,xmax,ymax", lambda n, a, b, c, d: f"{n},Käfer,{a},{b},{c},{d}", boxes)
    samples, problems = read(tmp_path, table.replace("\n", "\r\n").encode(encoding), boxes)
    assert (corners(samples), problems) == (boxes, [])
    assert samples[0].boxes[0].label == "Käfer"


def test_a_table_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    table = "filename,class,xmin,ymin,xmax,ymax\n0.png,cat,1,1,9,9\n0.png,Käfer,1,1,9,9\n".encode("cp1252")
    with pytest.raises(UserError, match="not in UTF-8: byte 0xe4") as caught:
        read(tmp_path, table, {"0.png": []})
    assert (caught.value.where, caught.value.fix) == ("boxes.csv, line 3", "Save it as `CSV UTF-8`.")


def test_a_quote_that_does_not_end_loses_no_lines_in_silence(tmp_path: Path) -> None:
    table = 'filename,class,xmin,ymin,xmax,ymax\n0.png,"cat,1,1,9,9\n0.png,dog,1,1,9,9\n'
    with pytest.raises(UserError, match="cannot be read: line 3"):
        read(tmp_path, table, {"0.png": []})


UNCLEAR: dict[str, tuple[str, Line]] = {  # all boxes in the middle, so corners and centres both stay in the photos
    "x and w": ("filename,label,x,y,w,h", lambda n, a, b, c, d: f"{n},cat,{20 + a % 4},{12 + b % 4},10,8"),
    "one cell": ("image,bbox,label", lambda n, a, b, c, d: f'{n},"[{20 + a % 4}, {12 + b % 4}, 30, 20]",cat'),
    "no header": ("", lambda n, a, b, c, d: f"{n},{20 + a % 4},{12 + b % 4},30,20,cat"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_numbers_whose_meaning_cannot_be_told_end_the_run_and_its_remedy_works(name: str, tmp_path: Path) -> None:
    boxes = drawn()
    table = lines(*UNCLEAR[name], boxes)
    with pytest.raises(UserError, match="cannot be told what the numbers of a box") as caught:
        read(tmp_path, table, boxes)
    assert caught.value.where == "boxes.csv"
    assert "data.box_form" in str(caught.value.fix)
    config = DetectionDataConfig(path=str(tmp_path), box_form="corner_size")
    samples, _ = read(tmp_path, table, boxes, config)
    assert samples[0].boxes[0].xmax == samples[0].boxes[0].xmin + (10 if name == "x and w" else 30)


def test_width_and_height_of_the_photo_are_not_taken_for_those_of_boxes(tmp_path: Path) -> None:
    boxes = drawn()
    table = lines("filename,label,xmin,ymin,width,height", lambda n, a, b, c, d: f"{n},cat,{a},{b},64,40", boxes)
    with pytest.raises(UserError, match="cannot be told"):
        read(tmp_path, table, boxes)


def test_columns_called_as_corners_that_hold_sizes_end_the_run(tmp_path: Path) -> None:
    boxes = drawn()
    line: Line = lambda n, a, b, c, d: f"{n},cat,{a},{b},{c - a},{d - b}"  # noqa: E731
    table = lines("filename,class,xmin,ymin,xmax,ymax", line, boxes)
    with pytest.raises(UserError, match="end before they begin"):
        read(tmp_path, table, boxes)
    config = DetectionDataConfig(path=str(tmp_path), box_form="corner_size")
    assert corners(read(tmp_path, table, boxes, config)[0]) == boxes


def test_names_with_folders_lead_to_the_photos_of_those_folders(tmp_path: Path) -> None:
    rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for folder, label in (("cam_train", "cat"), ("cam_test", "dog")):
        (tmp_path / "images" / folder).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "images" / folder / f"{number}.png").write_bytes(photo())
            rows.append(f"{folder}/{number}.png,64,40,{label},1,2,{9 + number},9")
    samples, problems = read(tmp_path, "\n".join(rows), {})
    assert problems == []
    assert {sample.key: (sample.boxes[0].label, sample.boxes[0].xmax) for sample in samples} == {
        f"images/{folder}/{number}.png": (label, 9 + number)
        for folder, label in (("cam_train", "cat"), ("cam_test", "dog"))
        for number in range(3)
    }
    assert {sample.key.split("/")[1]: sample.split for sample in samples} == {"cam_train": "train", "cam_test": "test"}


def test_two_tables_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("filename,class,xmin,ymin,xmax,ymax\n0.png,cat,5,5,9,9\n1.png,dog,1,1,9,9\n")
    table = "filename,class,xmin,ymin,xmax,ymax\n0.png,cat,1,1,9,9\n1.png,dog,1,1,9,9\n"
    _, problems = read(tmp_path, table, {"0.png": [], "1.png": []})
    assert [(item.name, item.file) for item in problems] == [
        ("contradicting_annotation", "new.csv, line 2"),
        ("duplicate_annotation", "new.csv, line 3"),
    ]
    assert "boxes.csv" in problems[0].detail


def test_tables_named_after_splits_give_them_and_a_lone_one_of_test_photos_does_not(tmp_path: Path) -> None:
    head = "filename,class,xmin,ymin,xmax,ymax\n"
    (tmp_path / "birds_test.csv").write_text(f"{head}1.png,cat,1,1,9,9\n")
    (tmp_path / "1.png").write_bytes(photo())
    (tmp_path / "birds_train.csv").write_text(f"{head}0.png,cat,1,1,9,9\n")
    samples, _ = read(tmp_path, f"{head}0.png,cat,1,1,9,9\n1.png,cat,1,1,9,9\n", {"0.png": []})
    assert {sample.key: sample.split for sample in samples} == {"0.png": "train", "1.png": "test"}
    lone = tmp_path / "lone"
    lone.mkdir()
    (lone / "0.png").write_bytes(photo())
    (lone / "test.csv").write_text(f"{head}0.png,cat,1,1,9,9\n")
    items = list(box_csv.list_samples(lone, DetectionDataConfig(path=str(lone))))
    assert [(item.name if isinstance(item, Problem) else item.split) for item in items] == ["unused_list", None]


def test_a_column_of_splits_is_followed_and_unknown_words_are_named(tmp_path: Path) -> None:
    rows = "0.png,cat,1,1,9,9,VALIDATE\n1.png,cat,1,1,9,9,Train\n2.png,cat,1,1,9,9,later\n3.png,cat,1,1,9,9,\n"
    table = "filename,class,xmin,ymin,xmax,ymax,split\n" + rows
    samples, problems = read(tmp_path, table, {f"{number}.png": [] for number in range(4)})
    assert [sample.split for sample in samples] == ["validation", "train", None, None]
    assert [(item.name, item.file) for item in problems] == [("unknown_split", "boxes.csv, line 4")]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("", None), ("[]", None), ("[1, 2, 3]", "box_not_a_number"), ("[1, 2, 3, 4, 5]", "box_not_a_number")],
)
def test_a_cell_without_four_numbers_is_no_box(cell: str, kind: str | None, tmp_path: Path) -> None:
    boxes = drawn()
    table = lines("image,bbox", lambda n, a, b, c, d: f'{n},"[{a}, {b}, {c}, {d}]"', boxes) + f'x.png,"{cell}"\n'
    samples, problems = read(tmp_path, table, {**boxes, "x.png": []})
    assert [item.name for item in problems if item.name != "recognised_columns"] == ([kind] if kind else [])
    assert samples[-1].boxes == ()


def test_a_table_of_boxes_without_classes_beside_folders_of_classes_is_not_what_is_learnt(tmp_path: Path) -> None:
    rows = ["image_id,x_1,y_1,width,height"]
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "0.png").write_bytes(photo())
        rows.append(f"{label}/0.png,1,1,9,9")
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    assert not box_csv.detect(tmp_path)
