"""Which columns of a table hold the photo, the class and the box, and what the four numbers of a box are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from data.detection.tables import CLOUD, FILE_COLUMNS, SPLIT_COLUMNS, Table, find_column, is_image
from data.split_names import split_in_cell

BoxForm = Literal["corners", "corner_size", "centre_size"]
Values = tuple[float, float, float, float]

LABELS = (
    "classname", "categoryname", "labelname", "objectname", "class", "label", "category", "object", "name",
    "classlabel", "objectclass", "tag", "cls", "type", "species", "target", "classes", "labels", "classid",
    "categoryid", "labelid",
)  # fmt: skip
LEFT = (
    "xmin", "minx", "x1", "left", "bboxxmin", "boxxmin", "bboxx1", "bboxleft", "xtl", "xtopleft", "topleftx", "xleft",
)  # fmt: skip
RIGHT = (
    "xmax", "maxx", "x2", "right", "bboxxmax", "boxxmax", "bboxx2", "bboxright", "xbr", "xbottomright", "bottomrightx",
    "xright",
)  # fmt: skip
TOP = (
    "ymin", "miny", "y1", "top", "bboxymin", "boxymin", "bboxy1", "bboxtop", "ytl", "ytopleft", "toplefty", "ytop",
)  # fmt: skip
BOTTOM = (
    "ymax", "maxy", "y2", "bottom", "bboxymax", "boxymax", "bboxy2", "bboxbottom", "ybr", "ybottomright",
    "bottomrighty", "ybottom",
)  # fmt: skip
MIDDLE_X = ("xcenter", "xcentre", "centerx", "centrex", "cx", "xc", "bboxcx", "boxcx", "bboxxcenter")
MIDDLE_Y = ("ycenter", "ycentre", "centery", "centrey", "cy", "yc", "bboxcy", "boxcy", "bboxycenter")
SOME_X, SOME_Y = ("x", "bboxx", "boxx"), ("y", "bboxy", "boxy")
WIDE, HIGH = ("w", "bboxwidth", "bboxw", "boxwidth", "boxw"), ("h", "bboxheight", "bboxh", "boxheight", "boxh")
IDS = ("patientid", "id", "uid", "uuid", "imageuid", "sopinstanceuid", "sampleid", "frameid", "scanid", "key")
"""Columns that hold photos where a table of boxes has no other one for them."""
NOTHING = frozenset(
    [
        "0",
        "0.0",
        "none",
        "nothing",
        "background",
        "normal",
        "negative",
        "empty",
        "no finding",
        "no object",
        "no objects",
    ]
)
"""Classes, in small letters, that say that there is nothing on a photo, in tables whose lines with them have no box."""
CELLS = ("bbox", "box", "boundingbox", "bndbox", "bbox4")
PHOTO_WIDE = ("imagewidth", "imgwidth", "imagew", "imgw", "photowidth", "originalwidth")
PHOTO_HIGH = ("imageheight", "imgheight", "imageh", "imgh", "photoheight", "originalheight")
PLAIN = ("filename", "class", "xmin", "ymin", "xmax", "ymax")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
ONE_CELL = re.compile(rf"[\s\[({{]*{NUMBER.pattern}(?:[\s,;]+{NUMBER.pattern}){{3}}[\s\])}}]*")
MOST = 8  # words of a column that says splits
FEW, MANY = 0.02, 0.3  # shares of boxes that do not stay in their photos: with the right form, and with a wrong one


ALL: tuple[BoxForm, ...] = ("corners", "corner_size", "centre_size")
WORDS: dict[BoxForm, str] = {
    "corners": "two corners", "corner_size": "a corner, width and height", "centre_size": "a centre, width and height",
}  # fmt: skip


@dataclass(frozen=True)
class BoxColumns:
    """What the columns of a table are.

    Attributes:
        file, label, split: names of columns; without a class, all boxes are of one.
        size: the photo's height and width.
        edges: the four columns of a box, or a single one with four numbers.
        forms: what the four numbers can be.
        told: what is said of columns that are not called as they usually are; empty where they are.
        nothing: the class of lines that say that there is nothing on their photo, if there are such.
        unused: the columns that nothing is read of, as they are called in the table.
    """

    file: str
    label: str | None
    split: str | None
    size: tuple[str, str] | None
    edges: tuple[str, ...]
    forms: tuple[BoxForm, ...]
    told: str = ""
    nothing: str | None = None
    unused: tuple[str, ...] = ()

    def values(self, row: dict[str, str]) -> list[str]:
        """Return the words of a row's four numbers; all empty where it has no box."""
        if len(self.edges) == 4:
            return [row.get(name, "") for name in self.edges]
        cell = row.get(self.edges[0], "")
        if ONE_CELL.fullmatch(cell):
            return NUMBER.findall(cell)
        return ["", "", "", ""] if not cell.strip("[]{}() ") or cell.lower() == "nan" else [cell, "", "", ""]


def find_columns(table: Table) -> BoxColumns | None:
    """Return what the columns of a table are; None if it is not about boxes on photos."""
    columns = table.columns
    file = find_column(columns, FILE_COLUMNS)
    if file is None and "name" in columns and any(is_image(row.get("name", "")) for _, row in table.rows[:20]):
        file = "name"
    box = find_box(columns, table.header)
    if box is None:
        return None
    edges, forms, used = box
    file = file or (find_column(columns, IDS) if table.header else None)
    if file is None:
        return None
    labels = [name for name in LABELS if name in columns and name != file and name not in edges]
    size = None if used else pair_of(columns, ("width",), ("height",), edges)
    size = size or pair_of(columns, PHOTO_WIDE, PHOTO_HIGH, edges)
    label = labels[0] if labels else None
    found = BoxColumns(file, label, split_column(table, (file, label, *edges)), size, edges, forms)
    found = replace(found, nothing=class_of_nothing(found, table))
    read = {file, label, found.split, *(size or ()), *edges}
    unused = [table.title(name) for name in columns if name and name not in read] if table.header else []
    plain = not {*PLAIN} - {file, *labels[:1], *edges} and table.header and found.nothing is None
    told = "" if plain else words_about(found, labels, table)
    return replace(found, told=told, unused=tuple(unused))


def class_of_nothing(found: BoxColumns, table: Table) -> str | None:
    """Return the class of lines without a box that says that there is nothing; None where a line of it has a box."""
    label = found.label
    if label is None:
        return None
    said = {word for word in {row.get(label, "") for _, row in table.rows} if word.lower() in NOTHING}
    if len(said) != 1:
        return None
    (word,) = said
    rows = (row for _, row in table.rows if row.get(label) == word)
    return word if all(is_blank(found.values(row)) for row in rows) else None


def is_blank(words: Sequence[str]) -> bool:
    """Tell whether a row has no box: its cells are empty, or say so as pandas does."""
    return all(not word or word.lower() in ("nan", "na", "none", "null") for word in words)


def find_box(columns: Sequence[str], header: bool) -> tuple[tuple[str, ...], tuple[BoxForm, ...], bool] | None:
    """Return the columns of a box, what they can be, and whether `width` and `height` are the box's."""

    def columns_of(*names: Sequence[str]) -> tuple[str, ...] | None:
        found = [find_column(columns, each) for each in names]
        return tuple(each for each in found if each) if all(found) else None

    if columns == CLOUD:
        return ("xmin", "ymin", "xmax", "ymax"), ("corners",), False
    if corners := columns_of(("x0",), ("y0",), ("x1",), ("y1",)) or columns_of(LEFT, TOP, RIGHT, BOTTOM):
        return corners, ("corners",) if header else ("corners", "corner_size"), False
    middle, corner = columns_of(MIDDLE_X, MIDDLE_Y), columns_of(LEFT, TOP)
    some, sizes = columns_of(SOME_X, SOME_Y), columns_of(WIDE, HIGH)
    own = sizes is None
    sizes = sizes or columns_of(("width",), ("height",))
    for start, forms in (
        (middle, ("centre_size",)),
        (corner, ("corner_size",)),
        (some, ("corner_size", "centre_size")),
    ):
        if start and sizes:
            return (*start, *sizes), tuple(form for form in ALL if form in forms), own
    cell = find_column(columns, CELLS)
    return ((cell,), ALL, False) if cell else None


def pair_of(
    columns: Sequence[str], wide: Sequence[str], high: Sequence[str], but: Sequence[str]
) -> tuple[str, str] | None:
    """Return the columns of a photo's height and width."""
    first, second = find_column(columns, high), find_column(columns, wide)
    return (first, second) if first and second and not {first, second} & set(but) else None


def split_column(table: Table, but: Sequence[str | None]) -> str | None:
    """Return the column that says each photo's split: one of that name, or of another whose words are all splits."""
    for name in (*SPLIT_COLUMNS, *(each for each in table.columns if each not in (*SPLIT_COLUMNS, *but))):
        if name not in table.columns:
            continue
        first = next((row[name] for _, row in table.rows if row.get(name)), "")
        if name not in SPLIT_COLUMNS and split_in_cell(first) is None:
            continue
        words = {row[name] for _, row in table.rows if row.get(name)}
        told = {word: split_in_cell(word) for word in words if not is_unassigned(word)} if len(words) < MOST else {}
        several = len(set(told.values()) - {None}) > 1
        if name == SPLIT_COLUMNS[0] or (None not in told.values() and (several or name in SPLIT_COLUMNS)):
            if words:
                return name
        elif several and name in SPLIT_COLUMNS:
            return name  # words that are no split's are told with their lines
    return None


def is_unassigned(word: str) -> bool:
    """Tell whether a word says that a photo is in no split, as Google's cloud has it."""
    return word.lower() == "unassigned"


def words_about(found: BoxColumns, labels: Sequence[str], table: Table) -> str:
    """Say how the columns are read."""
    if not table.header:
        return f"there is no header; the columns are read as {', '.join(table.columns)}"
    label = f"class `{table.title(found.label)}`" if found.label else "no class, so all are `object`"
    others = f" (not {', '.join(f'`{table.title(name)}`' for name in labels[1:])})" if labels[1:] else ""
    edges = ", ".join(f"`{table.title(name)}`" for name in found.edges)
    nothing = f"; lines of class `{found.nothing}` have no box and say that there is nothing" if found.nothing else ""
    return f"read as photo `{table.title(found.file)}`, {label}{others}, box {edges}{nothing}"


def corners_of(values: Values, form: BoxForm) -> Values:
    """Return xmin, ymin, xmax, ymax of a box."""
    one, two, three, four = values
    if form == "corners":
        return values
    if form == "corner_size":
        return one, two, one + three, two + four
    return one - three / 2, two - four / 2, one + three / 2, two + four / 2


def possible_forms(
    forms: Sequence[BoxForm], boxes: Iterator[tuple[Values, tuple[int, int] | None]]
) -> tuple[dict[BoxForm, float], int]:
    """Return what share of boxes does not stay in its photo with each form or has no area, and the number of boxes.

    Args:
        boxes: four numbers, and (height, width) of the photo; None where it is not known.
    """
    wrong, total = dict.fromkeys(forms, 0), 0
    for values, size in boxes:
        total += 1
        for form in forms:
            wrong[form] += not stays(corners_of(values, form), size)
    return {form: count / max(total, 1) for form, count in wrong.items()}, total


def stays(corners: Values, size: tuple[int, int] | None) -> bool:
    """Tell whether a box has an area and stays in its photo, but for what rounding puts beyond."""
    xmin, ymin, xmax, ymax = corners
    if xmax <= xmin or ymax <= ymin:
        return False
    if size is None:
        return xmin > -1.5 and ymin > -1.5
    high, wide = size if max(map(abs, corners)) > 1.5 else (1, 1)
    more = 0.01 * max(high, wide) + (1 if high > 1 else 0)
    return xmin >= -more and ymin >= -more and xmax <= wide + more and ymax <= high + more


def choose_form(shares: dict[BoxForm, float]) -> BoxForm | None:
    """Return the only form with which the boxes stay in their photos; None if that is not clear."""
    ranked = sorted(shares, key=lambda form: shares[form])
    best = ranked[0]
    if len(ranked) == 1:
        return best if shares[best] <= MANY else None
    second = shares[ranked[1]]
    clear = shares[best] <= FEW < second or (shares[best] <= MANY / 3 and second >= MANY)
    return best if clear else None
