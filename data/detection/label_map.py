"""Label maps in the Object Detection API's text form, and lists of names, a line each: the classes by number."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from data.detection.text_proto import Message, Scalar, parse, read_text
from pipeline.errors import UserError

LABEL_MAP = "label_map.pbtxt"  # as it is called beside records and in detectors
BACKGROUND = 0  # the number that no class may have
UNUSED = "???"  # stands in lists for TensorFlow Lite where a number has no class
ITEM = re.compile(r"^\s*item\s*[:{<]", re.MULTILINE)


def read_label_map(path: Path) -> dict[int, str]:
    """Return class names by number, from 1; where several items share a number the first one counts, as it always did.

    The display name is taken where there is one. A text file without items is a list of names, as TensorFlow Lite's
    models have: line 1 is number 1, or the background's where it is called so or `???`.

    Raises:
        UserError: the file cannot be read, an item lacks its number or name, or a class has number 0 or less.
    """
    text = read_text(path, "The label map")
    if path.suffix != ".pbtxt" and not ITEM.search(text):
        return read_list(text, path)
    found: dict[int, str] = {}
    fields = parse(text, str(path)).fields
    check_fields(fields, ("item",), path)
    for item in fields.get("item", []):
        number, name = read_item(item, path)
        if number == BACKGROUND and name.lower() == "background":
            continue
        if number <= BACKGROUND:
            raise UserError(
                f"Class `{name}` has the number {number}.",
                f"{path}, line {item.line}",
                "Count classes from 1; 0 is background.",
            )
        found.setdefault(number, name)
    if not found:
        raise UserError("The label map has no classes.", str(path), "Add `item { id: 1 name: 'raccoon' }`.")
    return dict(sorted(found.items()))


def check_fields(fields: dict[str, list[Message | Scalar]], known: tuple[str, ...], path: Path) -> None:
    """Refuse a misspelt field, which would leave out a class or its name; others may stand there.

    Raises:
        UserError: there is one; says its line.
    """
    for name, values in fields.items():
        if name not in known and (near := difflib.get_close_matches(name, known, n=1, cutoff=0.7)):
            where = f"{path}, line {values[0].line}"
            raise UserError(f"There is no field `{name}` in a label map.", where, f"Did you mean `{near[0]}`?")


def read_list(text: str, path: Path) -> dict[int, str]:
    """Return the names of a list by number."""
    lines = [line.strip() for line in text.splitlines()]
    first = BACKGROUND if lines and lines[0].lower() in (UNUSED, "background") else 1
    found = {
        number: name for number, name in enumerate(lines, first) if number > BACKGROUND and name not in ("", UNUSED)
    }
    if not found:
        raise UserError(
            "The label map has no classes.", str(path), "Write a name a line, or `item { id: 1 name: 'raccoon' }`."
        )
    return found


def read_item(item: Message | Scalar, path: Path) -> tuple[int, str]:
    """Return an item's number and name."""
    where = f"{path}, line {item.line}"
    if isinstance(item, Scalar):
        raise UserError("`item` holds no class.", where, "Write `item { id: 1 name: 'raccoon' }`.")
    check_fields(item.fields, ("id", "name", "display_name"), path)
    numbers = [value.value for value in item.fields.get("id", []) if isinstance(value, Scalar)]
    names = [
        value.value
        for key in ("display_name", "name")
        for value in item.fields.get(key, [])
        if isinstance(value, Scalar) and isinstance(value.value, str)
    ]
    if not numbers or not isinstance(numbers[0], int) or not names:
        raise UserError("A class needs a number and a name.", where, "Write `item { id: 1 name: 'raccoon' }`.")
    return numbers[0], str(names[0])


def write_label_map(path: Path, classes: dict[int, str]) -> None:
    """Write a label map that the Object Detection API's tools read too."""
    items = [f"item {{\n  id: {number}\n  name: {quote(name)}\n}}\n" for number, name in sorted(classes.items())]
    path.write_text("\n".join(items), "utf-8")


def quote(name: str) -> str:
    """Return a name as a string of the text format."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
