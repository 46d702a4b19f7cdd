"""The names of YOLO's numbered classes, and the shape of its key points, as files beside the labels give them."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from data.detection.paths import Parts, composed, parts_of_path
from data.detection.split_files import read_yaml, shown
from data.detection.texts import encoding_of, lines_of
from data.file_tree import Entry, extension_of, printable, stem_of
from data.sample import BadImage, Problem, ReadFile
from pipeline.errors import UserError

CLASS_LISTS = frozenset(
    ["classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt", "class.txt", "classnames.txt",
     "class_names.txt", "classes_names.txt", "names.txt", "labels.txt", "labelmap.txt"]
)  # fmt: skip
KEEP_ONE = "Take out of the folder the one that does not belong to these labels."


class ClassNames(NamedTuple):
    """What is known of the classes.

    Attributes:
        names: by number; none where no file names them.
        points: (number, values each) of the key points behind each box; None if no file says so.
        problems: what is doubtful.
    """

    names: dict[int, str]
    points: tuple[int, int] | None
    problems: list[Problem]


def find_class_names(entries: list[Entry], read: ReadFile) -> ClassNames:
    """Return the names of a data.yaml, else of a list of classes.

    Raises:
        UserError: a file with names cannot be understood, or two of them name different classes.
    """
    problems: list[Problem] = []
    points: tuple[int, int] | None = None
    named: list[tuple[Entry, dict[int, str]]] = []
    lists = [entry for entry in entries if is_class_list(entry.parts)]
    for entry in sorted(entries, key=lambda entry: (len(entry.parts), entry.parts)):
        if extension_of(entry.parts[-1]) in ("yaml", "yml"):
            content = read_yaml(entry, read)
            points = points or points_of(content)
            if names := names_of_yaml(content, entry, entries, read):
                named.append((entry, names))
                problems += doubts(content, names, shown(entry.parts))
    from_lists = [(entry, names) for entry in lists if (names := names_of_list(entry, read))]
    for entry, names in [*named, *from_lists]:
        refuse_unreadable(entry, names)
    for alike in (named, from_lists if not named else []):
        for entry, names in alike[1:]:
            refuse_other(alike[0], (entry, names))
    notes = [] if named or from_lists else names_of_notes(entries, read)
    chosen = next(iter([*named, *from_lists, *notes]), None)
    if chosen is None:
        words = "no data.yaml, classes.txt or obj.names names the classes"
        return ClassNames({}, points, [*problems, Problem("unnamed_classes", "labels", words)])
    for entry, names in from_lists if named else []:
        if names != chosen[1]:
            words = f"{shown(chosen[0].parts)} names other classes, and counts: {show(chosen[1])} and not {show(names)}"
            problems.append(Problem("doubtful_class_names", shown(entry.parts), words))
    return ClassNames(chosen[1], points, problems)


def names_of_notes(entries: list[Entry], read: ReadFile) -> list[tuple[Entry, dict[int, str]]]:
    """Return the classes of Label Studio's notes.json."""
    for entry in entries:
        if entry.parts[-1].lower() == "notes.json":
            try:
                rows = json.loads(read(entry.locator))["categories"]
                return [(entry, {int(row["id"]): str(row["name"]) for row in rows})]
            except (BadImage, OSError, ValueError, KeyError, TypeError, RecursionError):
                continue
    return []


def is_class_list(parts: Parts) -> bool:
    """Tell whether a file is a list of classes by its name."""
    return parts[-1].lower() in CLASS_LISTS or extension_of(parts[-1]) == "names"


def refuse_unreadable(entry: Entry, names: dict[int, str]) -> None:
    """Refuse names with letters that are not written in UTF-8.

    Raises:
        UserError: there is one.
    """
    for name in names.values():
        if any("\udc80" <= letter <= "\udcff" for letter in name):
            what = f"The name `{printable(name)}` is not written in UTF-8."
            raise UserError(what, shown(entry.parts), "Save the file in UTF-8.")


def refuse_other(one: tuple[Entry, dict[int, str]], other: tuple[Entry, dict[int, str]]) -> None:
    """Refuse two files that give numbers different names.

    Raises:
        UserError: they do.
    """
    if one[1] != other[1]:
        raise UserError(
            f"These files name different classes: {show(one[1])}; {show(other[1])}.",
            f"{shown(one[0].parts)}; {shown(other[0].parts)}",
            KEEP_ONE,
        )


def show(names: dict[int, str]) -> str:
    """Return the first names as they are shown to people."""
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(f"{number} {name}" for number, name in sorted(names.items())[:4]) + more


def names_of_list(entry: Entry, read: ReadFile) -> dict[int, str]:
    """Return the lines of a list of classes by their numbers, counted from 0; none where all are numbers."""
    try:
        data = read(entry.locator)
    except (BadImage, OSError):
        return {}
    lines = data.decode(encoding_of(data), "surrogateescape").splitlines()
    names = {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    if all(word.replace(".", "").isdigit() for name in names.values() for word in name.split()) and any(
        len(name.split()) > 4 for name in names.values()
    ):
        return {}  # the labels of a photo that is called as a list of classes
    return numbered(names, shown(entry.parts))


def numbered(names: dict[int, str], place: str) -> dict[int, str]:
    """Return the lines of a list, without numbers that stand before all of them.

    Raises:
        UserError: a line is a remark, or the numbers do not count from 0.
    """
    remark = next((number for number, name in names.items() if name.startswith(("#", "//"))), None)
    if remark is not None:
        what = f"Each line of this list is a class, and `{names[remark]}` seems to be a remark."
        raise UserError(what, f"{place}, line {remark + 1}", "Take the line out.")
    found = [re.fullmatch(r"(\d+)(?:\s*[:=,;]\s*|\s+)(\S.*)", name) for name in names.values()]
    if len(found) < 2 or not all(found):
        return names
    told = {int(match[1]): match[2] for match in found if match}
    if sorted(told) != list(range(len(found))):
        what = f"The numbers before the names do not count from 0: {', '.join(list(names.values())[:3])} ..."
        raise UserError(what, place, "Write the names alone, that of class 0 in the first line.")
    return told


def names_of_yaml(content: dict[str, Any], entry: Entry, entries: list[Entry], read: ReadFile) -> dict[int, str]:
    """Return `names` of a data.yaml: a list, a dictionary, or a file with one name a line; none if it has no such key.

    Raises:
        UserError: they are none of these, or there is no such file.
    """
    names = content.get("names")
    if names is None:
        return {}
    if isinstance(names, list) and not any(isinstance(name, list | dict) for name in names):
        return dict(enumerate(map(str, names)))
    if isinstance(names, dict) and all(is_whole(number) for number in names):
        return {int(str(number).strip()): str(name) for number, name in names.items()}
    if isinstance(names, str):
        wanted = parts_of_path(names)
        found = [other for other in entries if wanted and composed(other.parts[-1]) == composed(wanted[-1])]
        if found:
            nearest = max(found, key=lambda other: (other.parts[:-1] == entry.parts[:-1], -len(other.parts)))
            return dict(enumerate(lines_of(read(nearest.locator))))
        raise UserError(f"It names the file `{names}` for its names, which is not there.", shown(entry.parts), LISTED)
    raise UserError(f"Its `names` cannot be understood: {str(names)[:80]}.", shown(entry.parts), LISTED)


LISTED = "Write them as a list, `names: [cat, dog]`, or by number, `names: {0: cat, 1: dog}`."


def is_whole(number: object) -> bool:
    return (isinstance(number, int) and not isinstance(number, bool)) or (
        isinstance(number, str) and number.strip().isdecimal() and len(number) < 10
    )


def doubts(content: dict[str, Any], names: dict[int, str], place: str) -> list[Problem]:
    """Return what is doubtful about the names: their number, or one that comes twice."""
    found = []
    count = content.get("nc")
    if isinstance(count, int) and count != len(names):
        found.append(f"nc is {count}, and there are {len(names)} names: {show(names)}")
    twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
    if twice:
        found.append(f"`{twice[0]}` is the name of several numbers, which become one class")
    return [Problem("doubtful_class_names", place, words) for words in found]


def points_of(content: dict[str, Any]) -> tuple[int, int] | None:
    """Return `kpt_shape` of a data.yaml: how many key points, and values of each."""
    shape = content.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(size, int) and size > 0 for size in shape):
        return int(shape[0]), int(shape[1])
    return None


def is_note(parts: Parts) -> bool:
    """Tell whether a text is about the data as a whole by its name."""
    stem = stem_of(parts[-1].lower()).partition(".")[0]
    return stem in ("readme", "license", "licence", "requirements", "notes", "changelog")
