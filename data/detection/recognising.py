"""Which files beside photos are looked at to recognise annotations, and what is said of those that no format knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.detection.json_text import load_json
from data.detection.labelled import images_of, list_entries
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage

MANY = 20  # files named as photos are that are looked at: where there are more, one is like the other
HEAD = 1 << 16  # bytes of a file that are looked at
CVAT = re.compile(rb"<annotations[\s>].*<(?:version|meta|image|track)[\s>]", re.DOTALL)
OTHER_PROGRAMS: tuple[tuple[bytes, str], ...] = (
    (rb'"_via_|"regions"\s*:|"shape_attributes"', "the VGG Image Annotator's; export it as COCO there"),
    (rb'"coordinates"\s*:', "CreateML's; export the data as COCO or Pascal VOC"),
    (rb'"from_name"|"rectanglelabels"', "Label Studio's own; export the project as COCO there, with the photos"),
    (rb'"classTitle"|"objects"\s*:', "Supervisely's or another program's; export it as COCO or Pascal VOC there"),
)
BOX_IN_XML = rb"(?i)<(?:bndbox|bbox|box|rect|rectangle|polygon)[\s>/]|\bx_?min\b"
OTHER_TEXTS: dict[str, tuple[tuple[bytes, str], ...]] = {
    "csv": (
        (rb"region_shape_attributes", "the VGG Image Annotator's table; export it as COCO there"),
        (rb'""(?:rectangle|polygon|brush)labels""', "Label Studio's table; export the project as COCO there"),
    ),
    "txt": (
        (
            rb"\A\s*[A-Za-z_]\S*(?: -?\d+(?:\.\d+)?){14,15}\s*(?:\n|\Z)",
            "KITTI's; convert the labels to COCO, Pascal VOC or YOLO",
        ),
        (
            rb"\A\s*\d+(?:[ \t]+\d+,\d+){4,}\s*(?:\n|\Z)",
            "YOLO's with commas in its numbers; write points in place of them",
        ),
    ),
}
NO_BOXES: tuple[tuple[bytes, str], ...] = (
    (rb'"caption"', "captions, without boxes"),
    (rb'"keypoints"', "keypoints without boxes"),
    (rb'"score"', "results of a detector, not annotations"),
)


def entries_of(path: Path) -> list[Entry]:
    """Return the files of a folder or zip; none of another file."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return []
    return [entry for entry in list_entries(path) if isinstance(entry, Entry)]


def likely_files(entries: list[Entry], extension: str) -> list[Entry]:
    """Return the files with an ending, but only some of very many, and few of those that are named as photos are."""
    found = [entry for entry in entries if extension_of(entry.parts[-1]) == extension]
    photos = {stem_of(entry.parts[-1]) for entry in images_of(entries)} if len(found) > MANY else set()
    beside = [entry for entry in found if stem_of(entry.parts[-1]) in photos]
    others = [entry for entry in found if stem_of(entry.parts[-1]) not in photos]
    return beside[:MANY] + sorted(others, key=lambda entry: len(entry.parts))[: 10 * MANY]


def contents(path: Path, entries: Iterable[Entry], most: int) -> Iterator[tuple[Entry, bytes]]:
    """Yield files with their content, but for those that cannot be read or have more than `most` bytes."""
    with open_reader(path, most) as read:
        for entry in entries:
            try:
                yield entry, read(entry.locator)
            except (BadImage, OSError):
                continue


def ends_of(content: bytes) -> bytes:
    """Return the start and the end of a file; of UTF-16 the Latin letters are left."""
    return (content if len(content) <= 2 * HEAD else content[:HEAD] + content[-HEAD:]).replace(b"\0", b"")


def is_cvat(content: bytes) -> bool:
    """Tell whether an xml file is one of CVAT's, for images or for a video."""
    return (b"annotations" in content or b"\0" in content) and bool(CVAT.search(ends_of(content)))


def describe_unknown(path: Path) -> str:
    """Say what annotations there are that no format knows; empty where there are none."""
    entries = entries_of(path)
    others: dict[str, Entry] = {}
    for entry, words in texts_of_others(path, entries):
        others.setdefault(words, entry)
    said = [f"`{printable('/'.join(entry.parts))}` is {words}" for words, entry in others.items()]
    found = [*likely_files(entries, "xml")[:3], *likely_files(entries, "json")[:3]]
    for entry, content in contents(path, found, 1 << 28):
        name, ends = printable("/".join(entry.parts)), ends_of(content)
        if extension_of(entry.parts[-1]) == "xml":
            root = re.search(rb"<([A-Za-z_][\w:.-]*)", ends)
            element = root[1].decode("ascii", "replace") if root else ""
            said.append(f"`{name}` has the outermost element `{element}`" if element else f"`{name}` is no xml")
        elif what := next((words for sign, words in (*OTHER_PROGRAMS, *NO_BOXES) if re.search(sign, ends)), ""):
            said.append(f"`{name}` is {what}")
        else:
            said.append(f"`{name}` {keys_of(content)}")
    return f"No format knows these files: {'; '.join(said)}." if said else ""


def texts_of_others(path: Path, entries: list[Entry]) -> Iterator[tuple[Entry, str]]:
    """Yield the tables and texts of other programs, of which no format reads the form, with what they are."""
    for ending, signs in OTHER_TEXTS.items():
        for entry, content in contents(path, likely_files(entries, ending)[:MANY], 1 << 28):
            if words := next((words for sign, words in signs if re.search(sign, content[:HEAD])), ""):
                yield entry, words


def keys_of(content: bytes) -> str:
    """Say which keys a json file has, or that it is none."""
    try:
        found = load_json(content)
    except ValueError as error:
        return f"is damaged: {error}"
    keys = list(found)[:4] if isinstance(found, dict) else []
    return f"has the keys {', '.join(f'`{printable(key)}`' for key in keys)}" if keys else "has no keys"


def is_of_another_program(path: Path) -> bool:
    """Tell whether a file says where objects are on photos that are there, in a form that no format reads."""
    entries = entries_of(path)
    names = [entry.parts[-1].encode("utf-8", "surrogateescape") for entry in images_of(entries)[:MANY]]
    likely = [*likely_files(entries, "json")[:MANY], *likely_files(entries, "xml")[:MANY]] if names else []
    if names and any(True for _ in texts_of_others(path, entries)):
        return True
    for entry, content in contents(path, likely, 1 << 28):
        ends = ends_of(content)
        signs = [sign for sign, _ in OTHER_PROGRAMS] if extension_of(entry.parts[-1]) == "json" else [BOX_IN_XML]
        if any(re.search(sign, ends) for sign in signs) and any(name in ends for name in names):
            return True
    return False
