"""An annotation is read as its author saw it whatever its encoding and the shape of its objects, or it says why not."""

from __future__ import annotations

import pytest

from data.detection.voc_xml import Described, OtherRoot, parse


def text(body: str, head: str = "") -> str:
    return f"{head}<annotation>\n<filename>1.jpg</filename>\n{body}\n</annotation>"


def thing(shape: str, name: str = "cat") -> str:
    return f"<object><name>{name}</name>{shape}</object>"


BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"
EDGES = (2.0, 1.0, 9.0, 8.0)


def labels(found: Described) -> list[str]:
    return [box.label for box in found.boxes]


@pytest.mark.parametrize(
    ("name", "declared", "encoding"),
    [
        ("猫", "GBK", "gbk"), ("猫", "gb2312", "gb2312"), ("猫㐀", "GB18030", "gb18030"), ("猫", "utf-8", "utf-8"),
        ("猫", "", "utf-8"), ("猫", "utf-8", "utf-8-sig"), ("猫", "utf-16", "utf-16"), ("猫", "", "utf-16"),
        ("貓", "Big5", "big5"), ("ネコ", "Shift_JIS", "shift_jis"), ("고양이", "euc-kr", "euc_kr"),
        ("Kätzchen", "ISO-8859-1", "latin-1"), ("кот", "windows-1251", "cp1251"), ("cat", "utf-16", "ascii"),
        ("猫", "utf-16", "utf-8"),
    ],
)  # fmt: skip
def test_an_annotation_is_read_in_the_encoding_that_it_declares(name: str, declared: str, encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    found = parse(text(thing(BOX, name), head).encode(encoding), "a.xml")
    assert labels(found) == [name]
    assert found.boxes[0][1:5] == EDGES
    assert found.boxes[0].place == f"a.xml, line {4 if declared else 3}"


@pytest.mark.parametrize(
    ("declared", "data", "words"),
    [
        ("utf-8", "猫".encode("gbk") + b"\xff", "line 4: it declares `utf-8`, and byte 0xff is none of that"),
        ("", b"K\xe4tzchen", "it declares no encoding, so it must be UTF-8, and byte 0xe4"),
        ("klingon", "猫".encode(), "its encoding, `klingon`, is unknown"),
    ],
)
def test_an_encoding_that_is_not_as_declared_is_named(declared: str, data: bytes, words: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    content = text(thing(BOX, "NAME"), head).encode().replace(b"NAME", data)
    with pytest.raises(ValueError, match=words):
        parse(content, "a.xml")


@pytest.mark.parametrize(
    "shape",
    [
        "<polygon><x1>1</x1><y1>2</y1><x2>8</x2><y2>2</y2><x3>8</x3><y3>9</y3></polygon>",
        "<polygon><pt><x>1</x><y>2</y></pt><pt><x>8</x><y>9</y></pt><pt><x>1</x><y>9</y></pt></polygon>",
        "<segmentation><x1>1</x1><y1>2</y1><x2>8</x2><y2>2</y2><x3>8</x3><y3>9</y3></segmentation>",
        "<segmentation>1,2 8,2 8,9 1,9</segmentation>",
        "<points><point>1.0,2.0</point><point>8.0,2.0</point><point>8.0,9.0</point><point>1,9</point></points>",
        "<robndbox><cx>4.5</cx><cy>5.5</cy><w>7</w><h>7</h><angle>0</angle></robndbox>",
        "<robndbox><cx>4.5</cx><cy>5.5</cy><w>7</w><h>7</h><angle>1.5707963267948966</angle></robndbox>",
        "<robndbox><x_left_top>1</x_left_top><y_left_top>2</y_left_top><x_right_top>8</x_right_top><y_right_top>2"
        "</y_right_top><x_right_bottom>8</x_right_bottom><y_right_bottom>9</y_right_bottom></robndbox>",
    ],
)
def test_of_outlines_and_rotated_boxes_the_box_around_is_used(shape: str) -> None:
    found = parse(text(thing(shape)).encode(), "a.xml")
    assert found.problems == []
    assert found.boxes[0][1:5] == pytest.approx(EDGES)
    assert found.outlined == 3
    both = parse(text(thing(BOX + shape.replace("8", "7"))).encode(), "a.xml")
    assert (both.boxes[0][1:5], both.outlined) == (EDGES, 0)


def test_a_rotated_box_reaches_as_far_as_its_corners() -> None:
    shape = "<robndbox><cx>10</cx><cy>10</cy><w>4</w><h>2</h><angle>0.5235987755982988</angle></robndbox>"
    ymin, xmin, ymax, xmax = parse(text(thing(shape)).encode(), "a.xml").boxes[0][1:5]
    assert (xmax - xmin, ymax - ymin) == pytest.approx((4 * 0.8660254 + 2 * 0.5, 4 * 0.5 + 2 * 0.8660254))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("", "there is no xmin"),
        (BOX.replace(">8<", ">8,5<"), "xmax is `8,5`; it needs a point"),
        (BOX.replace(">8<", ">1_0<"), "xmax is `1_0`"),
        (BOX + BOX, "it has two boxes"),
        ("<polygon><x1>1</x1><y1>2</y1></polygon>", "its outline has 1 x and 1 y"),
        ("<robndbox><cx>9</cx><cy>9</cy><w>4</w><h>2</h><angle>90</angle></robndbox>", "more than a turn in radians"),
    ],
)
def test_a_shape_that_cannot_be_told_is_named(shape: str, words: str) -> None:
    found = parse(text(thing(shape)).encode(), "a.xml")
    assert found.boxes == []
    ((kind, _, detail),) = found.problems
    assert kind == "box_not_a_number" and words in detail


def test_objects_in_a_list_flags_in_words_and_sizes_of_other_programs_are_read() -> None:
    body = "<path>C:\\a\\b.jpg</path><size><width>20.0</width><height>10</height></size>"
    body += f"<objects>{thing(BOX + '<difficult>True</difficult><truncated>no</truncated>')}</objects>"
    found = parse(text(body).replace("<filename>1.jpg</filename>", "").encode(), "a.xml")
    assert (found.filename, found.size, labels(found)) == ("C:\\a\\b.jpg", (10, 20), ["cat"])
    assert (found.boxes[0].difficult, found.boxes[0].truncated) == (True, False)
    assert parse(text("<size><width>0</width><height>0</height></size>").encode(), "a.xml").size is None


def test_xml_about_something_else_is_told_from_a_damaged_annotation() -> None:
    with pytest.raises(OtherRoot, match="`info`"):
        parse(b"<info>photos</info>", "a.xml")
