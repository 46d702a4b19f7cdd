"""Reads one Pascal VOC annotation, in any encoding: objects with a box, a rotated box or an outline."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from data.detection.boxes import Box
from data.detection.outlines import CORNERS, Edges, around, number
from data.detection.texts import encoding_of
from data.sample import Problem

NUMBERS = ("xmin", "ymin", "xmax", "ymax")
OUTLINES = ("polygon", "segmentation", "points", "robndbox", "rotated_bbox", "mask")
DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
WIDER = {"gbk": "gb18030", "gb2312": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "shift_jis": "cp932",
         "sjis": "cp932", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-1": "iso-8859-1"}  # fmt: skip
TRUE = ("1", "true", "yes")
TURN = 2 * math.pi


class OtherRoot(ValueError):
    """An xml file about something else."""


@dataclass
class Described:
    """What an xml file says.

    Attributes:
        filename: the photo's name as it stands there; empty if it has none.
        folder: the folder that it lay in; empty if it says none.
        size: (height, width); None if it says none.
        boxes: label, edges and line of each object.
        problems: kind, line and words of what could not be read.
        outlined: line of the first object whose box was put around an outline or a rotated box; 0 if there is none.
    """

    filename: str = ""
    folder: str = ""
    size: tuple[int, int] | None = None
    boxes: list[Box] = field(default_factory=list)
    problems: list[tuple[str, int, str]] = field(default_factory=list)
    outlined: int = 0

    def said(self, key: str) -> Callable[[], list[Box | Problem]]:
        """Return a function that gives the boxes and the problems.

        Args:
            key: the file, for people.
        """
        unread = [Problem(kind, f"{key}, line {line}", words) for kind, line, words in self.problems]
        return lambda: [*self.boxes, *unread]


def parse(data: bytes, key: str) -> Described:
    """Read an annotation.

    Raises:
        OtherRoot: it is xml of another kind.
        ValueError: it is no xml; says the line.
    """
    parser = expat.ParserCreate("utf-8")  # whatever the file declares, for the text is encoded anew
    reader = Reader(key, parser)
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.open, reader.close
    parser.CharacterDataHandler, parser.EntityDeclHandler = reader.text, refuse_entities
    try:
        parser.Parse(in_utf8(data), True)
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    if reader.root != "annotation":
        raise OtherRoot(f"its outermost element is `{reader.root}`, not `annotation`")
    return reader.found


def in_utf8(data: bytes) -> bytes:
    """Return an xml file encoded in UTF-8, from what its mark or its declaration says.

    Raises:
        ValueError: it is in an unknown encoding, or not in the one that it declares.
    """
    marked = encoding_of(data)
    declared = DECLARED.search(data[:512])
    name = declared[1].decode("ascii").lower() if declared else ""
    if marked != "utf-8":
        encoding = marked
    elif not name or name.startswith("utf-16") or data.isascii():
        encoding = "utf-8"  # what can be read as ASCII is not in UTF-16, whatever it declares
    else:
        encoding = WIDER.get(name, name)
    if encoding == "utf-8" and data.isascii():
        return data
    try:
        return data.decode(codecs.lookup(encoding).name).encode()
    except LookupError:
        raise ValueError(f"its encoding, `{name}`, is unknown; save it in UTF-8") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = f"it declares `{name}`" if name else "it declares no encoding, so it must be UTF-8"
        words = f"line {line}: {said}, and byte 0x{data[error.start]:02x} is none of that; save it in UTF-8"
        raise ValueError(words) from None


def refuse_entities(*_: object) -> None:
    """Refuse what could blow a small file up to any size."""
    raise ValueError("it declares entities, which no annotation needs")


class Reader:
    """Gathers an annotation from the parser's events; parts of objects, such as a person's head, are passed over."""

    def __init__(self, key: str, parser: expat.XMLParserType) -> None:
        self.key = key
        self.parser = parser  # knows the line
        self.root = ""
        self.path: list[str] = []
        self.words = ""
        self.found = Described()
        self.fields: dict[str, tuple[str, int]] = {}
        self.outline: list[tuple[str, str]] = []  # names and words of what is in a polygon
        self.boxes = 0  # of this object
        self.begun = 0

    def open(self, name: str, attributes: dict[str, str]) -> None:
        path = self.path
        if not path:
            self.root = name
        elif len(path) == 1 and name == "objects":  # some programs put the objects into a list
            return
        path.append(name)
        self.words = ""
        if len(path) == 2 and name == "object":
            self.fields, self.begun, self.outline, self.boxes = {}, self.parser.CurrentLineNumber, [], 0
        elif len(path) == 3 and name == "bndbox" and path[1] == "object":
            self.boxes += 1

    def text(self, words: str) -> None:
        self.words += words

    def close(self, name: str) -> None:
        path = self.path
        depth = len(path)
        element = path[1] if depth > 1 else ""
        if depth == 1 and name == "objects":
            return
        if depth > 2 and element == "object":
            value = self.words.strip()
            if depth == 3 or (depth == 4 and path[2] == "bndbox"):
                self.fields[name] = (value, self.parser.CurrentLineNumber)
            if value and path[2] in OUTLINES:
                self.outline.append((name, value))
        elif element == "object":
            self.add_object()
        elif depth == 2 and (name == "filename" or (name == "path" and not self.found.filename)):
            self.found.filename = self.words.strip()
        elif depth == 2 and name == "folder":
            self.found.folder = self.words.strip()
        elif element == "size" and depth == 3:
            self.fields[name] = (self.words.strip(), self.parser.CurrentLineNumber)
        elif element == "size":
            self.add_size()
        path.pop()
        self.words = ""

    def add_size(self) -> None:
        """Keep the stated size; LabelImg and others write 0 x 0 where they did not know it."""
        try:
            height, width = (float(self.fields.get(name, ("", 0))[0]) for name in ("height", "width"))
        except ValueError:
            return
        if height >= 1 and width >= 1 and height.is_integer() and width.is_integer():
            self.found.size = int(height), int(width)

    def add_object(self) -> None:
        """Keep an object, or say why it cannot be used."""
        label = self.fields.get("name", ("", 0))[0]
        if not label:
            self.found.problems.append(("box_without_class", self.begun, "the object has no name"))
            return
        try:
            edges = self.edges()
        except ValueError as error:
            line = error.args[1] if len(error.args) > 1 else self.begun
            self.found.problems.append(("box_not_a_number", line, f"`{label}`: {error.args[0]}"))
            return
        flags = [self.fields.get(flag, ("0", 0))[0].lower() in TRUE for flag in ("difficult", "truncated")]
        self.found.boxes.append(Box(label, *edges, f"{self.key}, line {self.begun}", *flags))

    def edges(self) -> Edges:
        """Return an object's edges: of its box, else around its rotated box or its outline.

        Raises:
            ValueError: it has none, or something that is no number; words and line.
        """
        if self.boxes > 1:
            raise ValueError("it has two boxes", self.begun)
        if self.outline and not self.boxes:
            found = around_outline(self.outline)
            self.found.outlined = self.found.outlined or self.begun
            return found
        edges = {}
        for name in NUMBERS:
            value, line = self.fields.get(name, ("", self.begun))
            try:
                edges[name] = float(value)
                if "_" in value or not math.isfinite(edges[name]):
                    raise ValueError
            except ValueError:
                comma = "; it needs a point instead of the comma" if re.fullmatch(r"\d+,\d+", value) else ""
                raise ValueError(f"{name} is `{value}`{comma}" if value else f"there is no {name}", line) from None
        return edges["ymin"], edges["xmin"], edges["ymax"], edges["xmax"]


def around_outline(words: list[tuple[str, str]]) -> Edges:
    """Return the box around an outline or a rotated box.

    Args:
        words: names and words of elements: x1, y1, x2 ...; x and y again and again; points `3,4`; a list of numbers; or
            cx, cy, w, h and an angle in radians.

    Raises:
        ValueError: they are none of these.
    """
    named = dict(words)
    if {"cx", "cy", "w", "h"} <= set(named):
        return around_rotated(*(number(named.get(name, "0")) for name in ("cx", "cy", "w", "h", "angle")))
    xs = [number(value) for name, value in words if name.lower().startswith("x")]
    ys = [number(value) for name, value in words if name.lower().startswith("y")]
    if not xs and not ys:
        numbers = [number(word) for _, value in words for word in re.split(r"[\s,;()]+", value) if word]
        xs, ys = numbers[::2], numbers[1::2]
    if len(xs) != len(ys) or len(xs) < CORNERS:
        raise ValueError(f"its outline has {len(xs)} x and {len(ys)} y; three points or more are needed")
    return around(zip(xs, ys, strict=True))


def around_rotated(x: float, y: float, width: float, height: float, angle: float) -> Edges:
    """Return the box around a rotated box.

    Args:
        x, y: its centre.
        angle: in radians.

    Raises:
        ValueError: the angle is in degrees by its size.
    """
    if abs(angle) > TURN:
        raise ValueError(f"its angle, {angle:g}, is more than a turn in radians; write it in radians")
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    wide, high = width * cosine + height * sine, width * sine + height * cosine
    return y - high / 2, x - wide / 2, y + high / 2, x + wide / 2
