"""Files beside labelled photos that say which split each photo is in.

data.yaml                      path: ., train: a/images, val: [b/images], test: test.txt      YOLO
obj.data                       train = data/train.txt, valid = data/valid.txt                 Darknet
ImageSets/Main/val.txt         cam1/0000, with or without an ending                           Pascal VOC
train.txt  2007_val.txt        images/train/1.jpg, one a line; more on the line is passed over
train_labels.csv test.csv      tables with a column of photos, or with one of splits as well
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from data.detection.paths import Parts, composed, parts_of_path
from data.detection.tables import FILE_COLUMNS, SPLIT_COLUMNS, Table, find_column, read_table
from data.detection.texts import encoding_of, lines_of
from data.file_tree import Entry, extension_of, printable, stem_of
from data.sample import EXTENSIONS, BadImage, ReadFile, Split
from data.split_names import split_in_cell, split_of, splits_of
from pipeline.errors import UserError

YAML_KEYS: dict[str, Split] = {"train": "train", "val": "validation", "valid": "validation", "test": "test"}
DEEPEST = 50  # lists inside each other that a data.yaml may have
ANNOTATIONS = frozenset(["xml", "txt", "json"])  # endings of files that lists may name in place of photos
SETS = ("imagesets", "imageset")
AWAY = "Else take it out of the folder, or set `data.given_splits=false`, which cuts the photos by `data.split`."


@dataclass(frozen=True)
class SplitList:
    """The photos of one split as one file states them.

    Attributes:
        split: the split.
        place: the file, for people.
        file: its path below the data.
        names: as stated.
        folder: a folder instead, whose photos are all meant.
        with_validation: it names the photos of train and validation together, as Pascal VOC's `trainval` does.
        sure: it is a list of photos without a doubt, so whatever it names must be there.
    """

    split: Split
    place: str
    file: Parts
    names: tuple[str, ...] = ()
    folder: Parts | None = None
    with_validation: bool = False
    sure: bool = True


@dataclass(frozen=True)
class Source:
    """Lists of one kind, which belong together."""

    lists: tuple[SplitList, ...]
    unused: tuple[tuple[str, str], ...] = ()  # files that could be lists of splits, and why they are none


def read_sources(entries: list[Entry], photos: list[Entry], read: ReadFile, tables: bool) -> list[Source]:
    """Return what the files say, that which is nearest to the author's mind first.

    Args:
        entries: all files of the data.
        photos: those that are photos.
        tables: whether CSV tables count; for the format that reads boxes from them they don't.

    Raises:
        UserError: a file that states splits cannot be understood, or names folders that are not there.
    """
    texts = TextFiles(entries, photos, read)
    found = [*yaml_sources(texts), darknet_source(texts), image_sets(texts), plain_lists(texts)]
    found += [table_source(entries, read)] if tables else []
    return [source for source in found if source.lists or source.unused]


class TextFiles:
    """The files that are neither photos nor the labels of one, and the folders of the photos."""

    def __init__(self, entries: list[Entry], photos: list[Entry], read: ReadFile) -> None:
        stems = {stem_of(photo.parts[-1]) for photo in photos}
        self.read = read
        self.folders = {photo.parts[:depth] for photo in photos for depth in range(1, len(photo.parts))}
        self.every = [entry for entry in entries if extension_of(entry.parts[-1]) == "txt"]
        self.by_ending: dict[str, list[Entry]] = {}
        for entry in entries:
            ending = extension_of(entry.parts[-1])
            if ending in ("yaml", "yml", "data") or (ending == "txt" and stem_of(entry.parts[-1]) not in stems):
                self.by_ending.setdefault(ending.replace("yml", "yaml"), []).append(entry)
        self.used: set[Parts] = set()  # lists that a data.yaml or obj.data names

    def of(self, ending: str) -> list[Entry]:
        return self.by_ending.get(ending, [])

    def lines(self, entry: Entry) -> tuple[str, ...]:
        try:
            return tuple(lines_of(self.read(entry.locator)))
        except (BadImage, OSError):
            return ()

    def find_list(self, stated: str, base: Parts) -> Entry | None:
        """Return the text file that a path written elsewhere means: that which shares most of its end, then nearest."""
        words = tuple(map(composed, parts_of_path(stated)))
        ranked = sorted(
            (
                (shared_end(tuple(map(composed, entry.parts)), words), entry.parts[: len(base)] == base, entry)
                for entry in self.every
                if words and composed(entry.parts[-1]) == words[-1]
            ),
            reverse=True,
        )
        if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2] and ranked[0][2].parts[:-1] != base:
            two = f"{shown(ranked[0][2].parts)} or {shown(ranked[1][2].parts)}"
            raise UserError(f"`{stated}` could be {two}.", shown(base) or "the data", "Write the whole path.")
        return ranked[0][2] if ranked else None


def yaml_sources(texts: TextFiles) -> Iterator[Source]:
    """Yield what each data.yaml says."""
    for entry in texts.of("yaml"):
        content = read_yaml(entry, texts.read)
        lists = []
        for key, split in YAML_KEYS.items():
            stated = content.get(key)
            for item in stated if isinstance(stated, list) else [stated]:
                if isinstance(item, str) and item.strip():
                    lists.append(yaml_list(texts, entry, content, key, split, item.strip()))
        kept = tuple(item for item in lists if item is not None)
        missing = tuple(
            (f"{shown(entry.parts)}, `test`", "the folder that it names is not there") for item in lists if item is None
        )
        if kept:
            yield Source(kept, missing)


class DataYaml(yaml.SafeLoader):
    """Reads YAML without lists that stand for lists, which swell beyond all memory, nor many inside each other."""

    def fetch_flow_collection_start(self, kind: Any) -> None:
        self.check_depth(self.flow_level)
        super().fetch_flow_collection_start(kind)

    def add_indent(self, column: int) -> bool:
        self.check_depth(len(self.indents))
        return bool(super().add_indent(column))

    def check_depth(self, depth: int) -> None:
        """Refuse what no data set needs, before it takes long.

        Raises:
            YAMLError: as said.
        """
        if depth > DEEPEST:
            raise yaml.YAMLError(f"line {self.line + 1} is more than {DEEPEST} lists deep")

    def compose_node(self, parent: Any, index: Any) -> Any:
        events: Any = self  # which the library's types say nothing of
        alias = events.peek_event() if events.check_event(yaml.AliasEvent) else None
        node = super().compose_node(parent, index)
        if alias is not None and not isinstance(node, yaml.ScalarNode):
            raise yaml.YAMLError(f"line {alias.start_mark.line + 1} repeats a list by its name, `*{alias.anchor}`")
        return node


def read_yaml(entry: Entry, read: ReadFile) -> dict[str, Any]:
    """Return a YAML file's keys; none where it is about something else.

    Raises:
        UserError: it has the keys of a data set and cannot be read.
    """
    try:
        text = "\n".join(lines_of_yaml(read(entry.locator)))
    except (BadImage, OSError):
        return {}
    if not re.search(r"^(names|nc|train|val|valid|test)[\"']?\s*:", text, re.MULTILINE):
        return {}
    if strange := re.search("[\udc80-\udcff]", text):
        line = text.count("\n", 0, strange.start()) + 1
        where = f"{shown(entry.parts)}, line {line}"
        raise UserError("This is not written in UTF-8.", where, "Save the file in UTF-8.")
    try:
        content = yaml.load(text, Loader=DataYaml)
        if isinstance(content, dict) and "names" in content:
            content["names"] = yaml.load(text, Loader=yaml.BaseLoader)["names"]  # `no`, 007 and null as they stand
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"This is no YAML file: {error}.", shown(entry.parts), "Mend it, or take it away.") from None
    keyed = isinstance(content, dict) and ("names" in content or "nc" in content or {"train", "val"} <= set(content))
    return content if keyed else {}


def lines_of_yaml(data: bytes) -> list[str]:
    """Return the lines as they stand, for indents count; what is no UTF-8 is kept apart by its bytes."""
    return data.decode(encoding_of(data), "surrogateescape").splitlines()


def yaml_list(
    texts: TextFiles, entry: Entry, content: dict[str, Any], key: str, split: Split, stated: str
) -> SplitList | None:
    """Return what one entry of a data.yaml names; None for a folder of test photos that was not exported.

    Raises:
        UserError: there is no such folder or list.
    """
    place, base = f"{shown(entry.parts)}, `{key}`", entry.parts[:-1]
    if stated.lower().endswith(".txt"):
        if (found := texts.find_list(stated, base)) is not None:
            texts.used.add(found.parts)
            return SplitList(split, f"{shown(found.parts)} ({place})", found.parts, texts.lines(found))
    elif (folder := find_folder(stated, str(content.get("path") or ""), base, split, texts.folders)) is not None:
        return SplitList(split, place, entry.parts, folder=folder)
    if key == "test":
        return None
    raise UserError(
        f"It names `{stated}` for {key}, and there is no such folder or list with photos.",
        shown(entry.parts),
        f"Folders with photos: {', '.join(map(shown, sorted(texts.folders)[:6])) or 'none'}. {AWAY}",
    )


def find_folder(stated: str, path: str, base: Parts, split: Split, folders: set[Parts]) -> Parts | None:
    """Return the folder of photos that a data.yaml means, written with another place of the data in mind.

    It is the stated path from the YAML file, from its `path`, or the end of it: of an absolute path, or where the
    folder's own name says the split.
    """
    words = parts_of_path(stated)
    whole = (*parts_of_path(path), *words) if not is_absolute(stated) else words
    for candidate in ((*base, *whole), (*base, *words), whole, words):
        if candidate in folders or not candidate:
            return candidate
    folded = {tuple(map(composed, folder)): folder for folder in folders}
    for own in ((*base, *words), words):
        if (key := tuple(map(composed, own))) in folded:
            return folded[key]
    inside = [folder for key, folder in folded.items() if words and key[-len(words) :] == tuple(map(composed, words))]
    if len(inside) == 1:
        return inside[0]
    loose = is_absolute(stated) or is_absolute(path)
    for depth in range(1, len(whole) + 1):
        for front in dict.fromkeys((base, ())):
            found = folded.get(tuple(map(composed, (*front, *whole[depth:]))))
            if found and (loose or any(split_of(word) == split for word in found[len(front) :])):
                return found
    return None


def is_absolute(path: str) -> bool:
    return bool(re.match(r"(/|~|\\|[A-Za-z]:|[a-z]+://)", path))


def darknet_source(texts: TextFiles) -> Source:
    """Return what obj.data says: lines such as `valid = data/valid.txt`."""
    lists = []
    for entry in texts.of("data"):
        for line in texts.lines(entry):
            key, _, value = (part.strip() for part in line.partition("="))
            split, stated = YAML_KEYS.get(key.lower()), value.split("#")[0].strip()
            if split is None or not stated:
                continue
            found = texts.find_list(stated, entry.parts[:-1])
            if found is None and split == "train":
                raise UserError(
                    f"It names `{stated}` for {key}, and there is no such file.", shown(entry.parts), f"Add it. {AWAY}"
                )
            if found is not None:
                texts.used.add(found.parts)
                place = f"{shown(found.parts)} ({shown(entry.parts)}, `{key}`)"
                lists.append(SplitList(split, place, found.parts, texts.lines(found)))
    return Source(tuple(lists))


def image_sets(texts: TextFiles) -> Source:
    """Return the lists of names of Pascal VOC: those of Main, else of the other folders of ImageSets."""
    every = [entry for entry in texts.of("txt") if any(composed(part) in SETS for part in entry.parts[:-1])]
    texts.used.update(entry.parts for entry in every)
    main = [entry for entry in every if "main" in map(composed, entry.parts[:-1])]
    named = [entry for entry in main if split_of(stem_of(entry.parts[-1]))] or [
        entry for entry in every if split_of(stem_of(entry.parts[-1]))
    ]
    lists = tuple(list_of(texts, entry, True) for entry in named)
    if lists or not every:
        return Source(tuple(item for item in lists if item.names))
    return Source((), tuple((shown(entry.parts), "its name says no split") for entry in main or every))


def plain_lists(texts: TextFiles) -> Source:
    """Return the other lists of paths: text files whose names say a split and whose lines are no boxes."""
    left = [entry for entry in texts.of("txt") if entry.parts not in texts.used]
    splits = splits_by_name([entry.parts for entry in left])
    found = [list_of(texts, entry, False, splits[entry.parts]) for entry in left if entry.parts in splits]
    return Source(tuple(item for item in found if item.names and not all(map(is_box, item.names))))


def splits_by_name(files: list[Parts]) -> dict[Parts, Split]:
    """Return the splits of the files whose names say one, alone or beside the others of their folder."""
    found: dict[Parts, Split] = {}
    for folder in dict.fromkeys(parts[:-1] for parts in files):
        beside = {stem_of(parts[-1]): parts for parts in files if parts[:-1] == folder}
        found |= {beside[stem]: split for stem, split in splits_of(beside).items()}
    return found


def list_of(texts: TextFiles, entry: Entry, sure: bool, split: Split | None = None) -> SplitList:
    """Return the names of a text file whose own name says its split."""
    stem, names = stem_of(entry.parts[-1]), texts.lines(entry)
    split = split or split_of(stem) or "train"
    both = re.sub(r"[^a-z]", "", stem.lower()).endswith("trainval")
    files = {*EXTENSIONS, *ANNOTATIONS}
    firsts = [word for line in names[:20] for word in (line, re.split(r"[\s,;]", line, maxsplit=1)[0])]
    sure = sure or any(extension_of(word) in files for word in firsts)
    return SplitList(split, shown(entry.parts), entry.parts, names, with_validation=both, sure=sure)


def is_box(line: str) -> bool:
    """Tell whether a line holds a class and at least four numbers, as the labels of YOLO do."""
    words = line.split()
    try:
        return len(words) >= 5 and all(float(word) is not None for word in words)
    except ValueError:
        return False


def table_source(entries: list[Entry], read: ReadFile) -> Source:
    """Return what tables of photos say: by a column of splits, or by names such as train_labels.csv and test.csv."""
    tables = [(entry, table) for entry in entries if (table := photo_table(entry, read)) is not None]
    splits = splits_by_name([entry.parts for entry, _ in tables])
    named, by_column = list[SplitList](), list[SplitList]()
    for entry, table in tables:
        place, file = shown(entry.parts), find_column(table.columns, FILE_COLUMNS)
        column = find_column(table.columns, SPLIT_COLUMNS)
        said: dict[Split, dict[str, None]] = {}
        for _, row in table.rows if file and column else ():
            split = split_in_cell(row.get(column or "", ""))
            if split and row.get(file or ""):
                said.setdefault(split, {})[row[file or ""]] = None
        by_column += [SplitList(split, place, entry.parts, tuple(names)) for split, names in said.items()]
        if file and entry.parts in splits and not said:
            names = dict.fromkeys(row[file] for _, row in table.rows if row.get(file))
            named.append(SplitList(splits[entry.parts], place, entry.parts, tuple(names)))
    known = {item.split for item in named}
    return Source(tuple(by_column or (named if len(known) > 1 and "train" in known else ())))


def photo_table(entry: Entry, read: ReadFile) -> Table | None:
    """Return a table with a column of photos; None for another file."""
    table = read_table(entry, read) if extension_of(entry.parts[-1]) == "csv" else None
    return table if table is not None and find_column(table.columns, FILE_COLUMNS) else None


def shared_end(one: Parts, other: Parts) -> int:
    """Return how many of the last names of two paths are equal."""
    count = 0
    for first, second in zip(reversed(one), reversed(other), strict=False):
        if first != second:
            break
        count += 1
    return count


def shown(parts: Parts) -> str:
    """Return a path as it is shown to people."""
    return printable("/".join(parts))
