"""The lines of YOLO's label files: boxes, outlines, rotated boxes and key points, and which of these a data set has.

0 0.5 0.5 0.2 0.3                    class, centre, width and height; a confidence may follow
0 0.1 0.1 0.4 0.1 0.4 0.5            class and the points of an outline: the box around it is used
0 0.5 0.5 0.2 0.3 0.45 0.5 2 ...     class, box and key points, of which nothing is read
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from data.detection.box_columns import ALL, FEW, WORDS, BoxForm, Values, corners_of, possible_forms
from data.detection.boxes import Box
from data.detection.config import DetectionDataConfig
from data.sample import Problem
from pipeline.errors import UserError

BOX = 4  # values of a box
MARGIN = 0.02  # key points may lie so far outside their box
FITS, RARELY = 0.95, 0.5  # shares of the lines that look like boxes with key points where they are and are not
ENOUGH = 5  # lines that must agree where nothing but their numbers tells key points from outlines
WRONG = 0.1  # share of boxes that do not stay in their photos that makes them something else
PIXELS = 1.5  # no share is so large
LOOKED_AT, CROSSED = 100, 0.3  # lines in which crossing sides are looked for, and their share in true outlines
Point = tuple[float, float]
More = Literal["outlines", "points", "unclear"]


@dataclass(frozen=True)
class LineForm:
    """How the lines of a data set are read.

    Attributes:
        more: what stands in lines of more than a box: outlines, or key points behind the box; `unclear` if that cannot
            be told.
        values: of a line with key points, behind its class.
        box: what the four numbers of a box are.
    """

    more: More = "outlines"
    values: int = 0
    box: BoxForm = "centre_size"


@dataclass
class Looked:
    """What a look at some lines found: how many of each kind there are, where the first of each is, and the numbers."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    boxes: list[Values] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)  # with more than a box

    def add(self, kind: str, place: str) -> None:
        self.counts[kind] += 1
        self.first.setdefault(kind, place)


def find_form(
    texts: Iterable[tuple[str, str]], points: tuple[int, int] | None, config: DetectionDataConfig
) -> tuple[LineForm, list[Problem]]:
    """Return how lines are read, after a look at some, and what is told about them.

    Args:
        texts: place and text of label files.
        points: the shape of the key points that a data.yaml states.
        config: the recipe's `data` section.

    Raises:
        UserError: the numbers are pixels, or no centres and sizes, and the recipe does not say so.
    """
    looked = look(texts)
    total = looked.counts["box"] + looked.counts["confidence"] + looked.counts["more"]
    if looked.counts["pixels"] > total / 2 and config.boxes != "pixels":
        raise UserError(
            "Its numbers are no shares of the photo, which go from 0 to 1; they seem to be pixels.",
            looked.first["pixels"],
            "If they are the pixels of centre, width and height, set `data.boxes=pixels`; else export the labels as "
            "YOLO again.",
        )
    if config.box_form == "auto" and config.boxes != "pixels":
        refuse_other_form(looked)
    box = "centre_size" if config.box_form == "auto" else config.box_form
    form = replace(chosen_form(looked, points, config), box=box)
    refuse_unclear(form, looked)
    told = []
    if looked.counts["confidence"]:
        detail = "a sixth value stands behind the boxes and is taken for a confidence; were they predicted?"
        told.append(Problem("boxes_with_confidence", looked.first["confidence"], detail))
    if form.more == "outlines" and any(len(row) % 2 == 0 for row in looked.rows):
        told.append(Problem("box_around_outline", looked.first["more"], "outlines or rotated boxes"))
    if looked.rows and form.more == "points":
        words = f"{form.values - BOX} values behind each box"
        told.append(Problem("unread_key_points", looked.first["more"], words))
    return form, told


def chosen_form(looked: Looked, points: tuple[int, int] | None, config: DetectionDataConfig) -> LineForm:
    """Return what lines with more than a box hold, as the recipe says or as they look.

    Raises:
        UserError: the recipe says it, and there are no such lines.
    """
    if config.more_values != "auto" and not looked.rows:
        raise UserError("There are no lines of more than a box.", "data.more_values", "Leave it out.")
    if config.more_values == "outlines":
        return LineForm()
    if config.more_values == "points" and not points:
        return LineForm("points", Counter(map(len, looked.rows)).most_common(1)[0][0])
    return form_of(looked.rows, points, bool(looked.boxes))


def refuse_unclear(form: LineForm, looked: Looked) -> None:
    """Stop where all lines may be outlines or key points.

    Raises:
        UserError: they may.
    """
    if form.more == "unclear" and len(looked.rows) >= ENOUGH:
        raise UserError(
            f"Its lines have {form.values + 1} values each, which could be outlines or boxes with key points.",
            looked.first["more"],
            "For key points, say in data.yaml how many there are, such as `kpt_shape: [17, 3]`, or set "
            "`data.more_values=points`; for outlines, `data.more_values=outlines`.",
        )


def look(texts: Iterable[tuple[str, str]]) -> Looked:
    """Count the kinds of lines."""
    looked = Looked()
    for place, text in texts:
        for line, words in enumerate(map(str.split, text.splitlines()), 1):
            values = numbers_of(words[1:])
            if values is None or len(values) < BOX:
                continue
            where = f"{place}, line {line}"
            if len(values) > BOX + 1:
                looked.add("more", where)
                looked.rows.append(values)
            else:
                looked.add("box" if len(values) == BOX else "confidence", where)
                looked.boxes.append((values[0], values[1], values[2], values[3]))
            if max(values[:BOX]) > PIXELS:
                looked.add("pixels", where)
    return looked


def refuse_other_form(looked: Looked) -> None:
    """Refuse boxes that are written as corners, or with a corner in place of the centre.

    Raises:
        UserError: many of them do not lie in their photos as centre and size, and do so otherwise.
    """
    shares, count = possible_forms(ALL, ((values, (1, 1)) for values in looked.boxes))
    others: tuple[BoxForm, ...] = ("corners", "corner_size")
    other = min(others, key=lambda form: shares[form])
    if count >= ENOUGH and shares["centre_size"] > WRONG and shares[other] <= FEW:
        raise UserError(
            f"As centre, width and height, {shares['centre_size']:.0%} of the boxes do not lie in their photos; as "
            f"{WORDS[other]}, they do.",
            next(iter(looked.first.values())),
            f"Set `data.box_form={other}`, or `data.box_form=centre_size` if they are right as they are.",
        )


def form_of(rows: list[list[float]], points: tuple[int, int] | None, boxes: bool) -> LineForm:
    """Return what lines with more than a box hold.

    Args:
        rows: the values behind their classes.
        points: the stated shape of key points.
        boxes: whether there are boxes alone as well.
    """
    if points:
        return LineForm("points", BOX + points[0] * points[1])
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or boxes:
        return LineForm()
    (values,) = lengths
    shares = [
        (sum(holds_points(row, size) for row in rows) / len(rows), size)
        for size in (3, 2)
        if (values - BOX) % size == 0 and values > BOX
    ]
    best, size = max(shares, default=(0.0, 2))
    if values % 2:
        return LineForm("points", values) if best >= FITS else LineForm("unclear", values)
    if best < RARELY:
        return LineForm() if are_outlines(rows, values) else LineForm("unclear", values)
    visible = size == 3 and any(2 in row[BOX + 2 :: 3] for row in rows)  # which no share of a photo is
    sure = best >= FITS and (visible or len(rows) >= ENOUGH)
    return LineForm("points" if sure else "unclear", values)


def are_outlines(rows: list[list[float]], values: int) -> bool:
    """Tell whether lines of one length are outlines: four points at most, or lines that seldom cross themselves."""
    if values <= 2 * BOX or len(rows) < ENOUGH:
        return True
    seen = rows[:LOOKED_AT]
    return sum(map(crosses_itself, seen)) <= CROSSED * len(seen)


def crosses_itself(row: Sequence[float]) -> bool:
    """Tell whether an outline's sides cross, as lines between key points do and the sides of a shape do not."""
    points = list(zip(row[::2], row[1::2], strict=True))
    sides = list(zip(points, [*points[1:], points[0]], strict=True))
    return any(
        turn(one, two, three) * turn(one, two, four) < 0 and turn(three, four, one) * turn(three, four, two) < 0
        for place, (one, two) in enumerate(sides)
        for three, four in sides[place + 2 :]
    )


def turn(one: Point, two: Point, three: Point) -> float:
    """Return which way three points turn: more than 0 to one side, less to the other."""
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def holds_points(row: Sequence[float], size: int) -> bool:
    """Tell whether the first four values are a box within the photo that holds all of the visible points behind it."""
    x, y, width, height = row[:BOX]
    if not (0 < width <= 1 + MARGIN and 0 < height <= 1 + MARGIN):
        return False
    if x - width / 2 < -MARGIN or x + width / 2 > 1 + MARGIN or y - height / 2 < -MARGIN or y + height / 2 > 1 + MARGIN:
        return False
    points = [row[place : place + size] for place in range(BOX, len(row), size)]
    if size == 3 and any(point[2] not in (0, 1, 2) for point in points):
        return False
    seen = [point for point in points if (point[2] > 0 if size == 3 else any(point))]
    return all(abs(px - x) <= width / 2 + MARGIN and abs(py - y) <= height / 2 + MARGIN for px, py, *_ in seen)


def read_lines(text: str, place: str, names: dict[int, str], form: LineForm) -> Iterator[Box | Problem]:
    """Yield the boxes of a label file, or what is wrong with its lines."""
    for line, words in enumerate(map(str.split, text.splitlines()), 1):
        if words:
            yield read_line(words, f"{place}, line {line}", names, form)


def read_line(words: list[str], where: str, names: dict[int, str], form: LineForm) -> Box | Problem:
    """Return the box of a line, normalized, or what is wrong with it."""
    values, number = numbers_of(words[1:]), class_of(words[0])
    if values is None or number is None:
        comma = "; decimal commas are not read" if "," in "".join(words) else ""
        return Problem("box_not_a_number", where, f"`{' '.join(words)[:60]}`{comma}")
    if wrong := wrong_length(values, form):
        return Problem("box_not_a_number", where, wrong)
    if names and number not in names:
        return Problem("box_without_class", where, f"class {words[0]} is not among the {len(names)} names")
    label = names.get(number, str(number))
    if len(values) <= BOX + 1 or form.more == "points":
        xmin, ymin, xmax, ymax = corners_of((values[0], values[1], values[2], values[3]), form.box)
        return Box(label, ymin, xmin, ymax, xmax, where)
    return Box(label, min(values[1::2]), min(values[::2]), max(values[1::2]), max(values[::2]), where)


def wrong_length(values: list[float], form: LineForm) -> str:
    """Return what is wrong with the number of values behind a class; nothing if it is right."""
    count = len(values)
    if count == BOX:
        return ""
    if count == BOX + 1 and (form.more != "points" or form.values != count):
        inside = 0 <= values[BOX] <= 1
        return "" if inside else f"6 values instead of 5, and the last one, {values[BOX]:g}, is no confidence"
    if count < BOX:
        return f"{count + 1} values instead of 5"
    if form.more == "points":
        right = count == form.values
        return "" if right else f"{count + 1} values instead of {form.values + 1}, a class, a box and its key points"
    if form.more == "unclear":
        return (
            f"{count + 1} values, which could be an outline or a box with key points; say how many there are as "
            "`kpt_shape: [17, 3]` in data.yaml, or set `data.more_values=outlines` or `points`"
        )
    return "" if count % 2 == 0 else f"{count + 1} values, which are neither a box nor the points of an outline"


def numbers_of(words: list[str]) -> list[float] | None:
    """Return words as finite numbers; None if one is none."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def class_of(word: str) -> int | None:
    """Return the number of a class, which some programs write as 0.0."""
    try:
        value = float(word)
    except ValueError:
        return None
    return int(value) if value.is_integer() and value >= 0 else None


def looks_like_labels(text: str) -> bool:
    """Tell whether all lines of a text are a class and a box or more; an empty text is none."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return bool(rows) and all(
        len(row) > BOX and class_of(row[0]) is not None and numbers_of(row) is not None for row in rows
    )
