"""Photos with boxes in TFRecord files of the Object Detection API: a file, a folder, or a pattern of names.

    data/train.record  data/test.record  data/label_map.pbtxt     a word of the names gives the splits
    train.record-00000-of-00010 ...                               files in parts; eval is read as test
    train-00000-of-00004.tfrecord                                 what labline writes
    train.record.gz                                               packed with gzip, whatever the name

One label map among the data gives the numbers of the classes (else `data.label_map` does, else they are numbered by
name). Boxes are normalized to the photo as it lies in the file: TensorFlow, which was trained with these files, leaves
EXIF data alone.
"""

from __future__ import annotations

import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.label_map import read_label_map
from data.detection.labelled import list_entries
from data.detection.records import EDGES
from data.file_tree import Entry, printable
from data.sample import BadImage, Problem, ReadFile, Split
from data.split_names import SHORT, WORDS, words_of
from data.split_names import split_of as split_of_name
from data.tfrecord import FeatureValue, decode_example, is_head, scan_records
from pipeline.errors import UserError

TASK = "object_detection"
TURNED_BY_EXIF = False
NAME = re.compile(r"\.(?:tf_?)?records?(?:-\d{5}-of-\d{5})?(?:\.gz)?$", re.IGNORECASE)
MAP_NAME = re.compile(r"\.pbtxt$")
PART = re.compile(r"-(\d{5})-of-(\d{5})")
FLAGS = {"difficult": "difficult", "truncated": "truncated", "is_crowd": "crowd", "group_of": "crowd"}
SPLIT_WORDS: dict[str, Split] = {
    **{word: split for word, split in WORDS.items() if word not in SHORT},
    **{"trainval": "train", "eval": "test", "evaluation": "test"},
}
WILD = "*?["
LOOKED_AT = (4, 20)  # files, and records of each, that tell whether there are boxes
PHOTO_KEYS = {"image/encoded", "image/filename"}
GZIP, ZLIB = b"\x1f\x8b", b"\x78\x9c"  # the first bytes of packed files
DAMAGE = (OSError, ValueError, EOFError, zlib.error)


def detect(path: Path) -> bool:
    """Tell whether the first records of some files have boxes, or are photos beside a label map.

    A photo without objects may have no key for them.
    """
    files, photos = find_records(path), 0
    for file in files[:: -(-len(files) // LOOKED_AT[0])] if files else []:
        try:
            with open_unpacked(file) as stream:
                for record in islice(scan_records(stream), LOOKED_AT[1]):
                    keys = decode_example(record.data).keys()
                    if "image/object/bbox/xmin" in keys:
                        return True
                    photos += keys >= PHOTO_KEYS and not any(key.startswith("image/class/") for key in keys)
        except DAMAGE:
            continue
    return bool(photos) and bool(label_maps(path))


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of the files' names and of the records in them."""
    files, names = find_records(path), classes(path, config)
    yield from missing_parts(files, root_of(path))
    for file in files:
        key = printable(file.relative_to(root_of(path)).as_posix())
        split, number = split_of(key) if config.given_splits else None, 0
        try:
            with open_unpacked(file) as stream:
                for number, record in enumerate(scan_records(stream), 1):
                    place = f"{key}, record {number}"
                    locator = (os.fsdecode(file.relative_to(root_of(path))), record.offset, len(record.data))
                    yield from read_sample(record.data, key, place, locator, split, names)
        except DAMAGE as error:
            yield Problem("damaged_record", f"{key}, record {number + 1}", str(error), split or "")


def classes(path: Path, config: DetectionDataConfig) -> dict[int, str]:
    """Return the classes by number: of the recipe's label map, else of the one among the data; none without.

    Raises:
        UserError: there are several.
    """
    if config is not None and config.label_map:
        return read_label_map(config.label_map)
    return read_label_map(found) if (found := find_label_map(path)) else {}


@contextmanager
def open_reader(path: Path) -> Iterator[ReadFile]:
    """Give a function that reads a record's photo."""
    files: dict[str, IO[bytes]] = {}

    def read(locator: tuple[Any, ...]) -> bytes:
        name, offset, size = locator
        if name not in files:
            files[name] = open_seekable(root_of(path) / name)
        files[name].seek(offset)
        try:
            return image_of(decode_example(files[name].read(size)))
        except ValueError:
            raise BadImage("corrupt_file", "the record is damaged") from None

    try:
        yield read
    finally:
        for file in files.values():
            file.close()


def sources(path: Path, config: DetectionDataConfig) -> list[Path]:
    """List the record files and the label map among them."""
    label_map = None if config is not None and config.label_map else find_label_map(path)
    return [*find_records(path), *([label_map] if label_map else [])]


def is_pattern(path: Path) -> bool:
    """Tell whether a path stands for several files."""
    return any(sign in path.name for sign in WILD) and not path.exists()


def root_of(path: Path) -> Path:
    """Return the folder that names are relative to."""
    return path if path.is_dir() else path.parent


def find_records(path: Path) -> list[Path]:
    """Return the record files, by name."""
    if is_pattern(path):
        return sorted(file for file in path.parent.glob(path.name) if file.is_file())
    if path.is_file():
        return [path] if NAME.search(path.name) else []
    return files_named(path, NAME) if path.is_dir() else []


def files_named(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """Return the files below a folder with certain names."""
    found = (entry.parts for entry in list_entries(folder) if isinstance(entry, Entry))
    return sorted(folder.joinpath(*parts) for parts in found if names.search(parts[-1]))


def find_label_map(path: Path) -> Path | None:
    """Return the label map among the data: below the folder, or beside the files.

    Raises:
        UserError: there are several that differ.
    """
    found = label_maps(path)
    if len({file.read_bytes() for file in found}) > 1:
        raise UserError(
            f"There are {len(found)} label maps: {', '.join(file.name for file in found)}.",
            str(path),
            "Name the one that counts: `data.label_map=FILE`.",
        )
    return found[0] if found else None


def label_maps(path: Path) -> list[Path]:
    """Return all label maps among the data."""
    files = files_named(path, MAP_NAME) if path.is_dir() else sorted(path.parent.glob("*.pbtxt"))
    return [file for file in files if re.match(rb"(?:\s|#.*\n)*item\b", file.read_bytes())]


def missing_parts(files: list[Path], root: Path) -> Iterator[Problem]:
    """Yield the parts that the names of the others promise."""
    families: dict[str, set[int]] = {}
    for file in files:
        if part := PART.search(file.name):
            family = str(file.relative_to(root).with_name(PART.sub(f"-{{}}-of-{part[2]}", file.name)))
            families.setdefault(family, set()).add(int(part[1]))
    for family, numbers in families.items():
        count = int(re.findall(r"-of-(\d{5})", family)[-1])
        for number in sorted(set(range(count)) - numbers):
            yield Problem("missing_shard", printable(family.replace("{}", f"{number:05d}")), f"1 of {count} files")


def split_of(key: str) -> Split | None:
    """Return the split that a word of a file's name, or a folder around it, says."""
    *folders, name = key.split("/")
    said = [SPLIT_WORDS.get(word) for word in words_of(name)]
    said += [SPLIT_WORDS.get(folder.lower()) or split_of_name(folder) for folder in reversed(folders)]
    return next((split for split in said if split), None)


def open_unpacked(file: Path) -> IO[bytes]:
    """Open a file of records to read from its start, packed with gzip or not, as TFRecordWriter's options allow.

    Raises:
        ValueError: it is packed in another way.
    """
    with file.open("rb") as stream:
        packing = packing_of(stream)
    if packing == ZLIB:
        raise ValueError("it is packed with zlib; only gzip and plain files are read")
    return cast("IO[bytes]", gzip.open(file)) if packing == GZIP else file.open("rb")


def packing_of(stream: IO[bytes]) -> bytes:
    """Return GZIP or ZLIB where a file is packed so.

    A plain one may begin alike, since a record's length stands first.
    """
    head = stream.read(12)
    return b"" if is_head(head) else head[:2]


def open_seekable(file: Path) -> IO[bytes]:
    """Open a file of records to read anywhere: one that is packed as a temporary copy of what can be unpacked of it."""
    stream = file.open("rb")
    if packing_of(stream) != GZIP:
        return stream
    stream.seek(0)
    copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by who asked for it)
    with stream, suppress(zlib.error):  # the listing has told where it is damaged
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while chunk := stream.read(1 << 16):
            while chunk:
                copy.write(inflater.decompress(chunk))
                chunk = inflater.unused_data
                if chunk:  # several packed files in one
                    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    return copy


def read_sample(
    data: bytes, file: str, place: str, locator: tuple[Any, ...], split: Split | None, names: dict[int, str]
) -> Iterator[DetectionSample | Problem]:
    """Yield a record's photo with its boxes, or what is wrong with it."""
    try:
        features = decode_example(data)
        image_of(features)
    except ValueError:
        yield Problem("unreadable_annotation", place, "no `tf.train.Example` with image/encoded", split or "")
        return
    edges = [features.get(f"image/object/bbox/{edge}", []) for edge in EDGES]
    texts, numbers = features.get("image/object/class/text", []), features.get("image/object/class/label", [])
    count = len(edges[0])
    if any(len(values) != count for values in edges) or count not in (len(texts), len(numbers)):
        words = (
            f"{', '.join(str(len(values)) for values in edges)} edges, {len(numbers)} numbers and {len(texts)} names "
            "of classes"
        )
        yield Problem("unreadable_annotation", place, words, split or "")
        return
    flags = {flag: features.get(f"image/object/{flag}", []) for flag in FLAGS}
    boxes, unread = [], 0
    for index in range(count):
        text = texts[index] if len(texts) == count else b""
        label = name_of(text, numbers[index] if len(numbers) == count else 0, names)
        if not label:
            unread += 1
            yield Problem("box_without_class", f"{place}, box {index + 1}", "neither number nor name", split or "")
            continue
        marked = {FLAGS[flag] for flag, values in flags.items() if len(values) == count and values[index]}
        ymin, xmin, ymax, xmax = (float(values[index]) for values in edges)
        kinds = ("difficult" in marked, "truncated" in marked, "crowd" in marked)
        boxes.append(Box(label, ymin, xmin, ymax, xmax, f"{place}, box {index + 1}", *kinds))
    filename = features.get("image/filename") or features.get("image/source_id") or [b""]
    name = filename[0].decode("utf-8", "replace") if isinstance(filename[0], bytes) else ""
    sizes = [features.get(f"image/{side}", [0])[:1] for side in ("height", "width")]
    size = (int(sizes[0][0]), int(sizes[1][0])) if all(side and int(side[0]) > 0 for side in sizes) else None
    yield DetectionSample(f"{file}/{name}" if name else place, locator, tuple(boxes), size, split, place, True, unread)


def image_of(features: dict[str, list[FeatureValue]]) -> bytes:
    """Return the photo's file.

    Raises:
        ValueError: there is none.
    """
    encoded = next(iter(features.get("image/encoded", [])), None)
    if not isinstance(encoded, bytes):
        raise ValueError("image/encoded holds no bytes")
    return encoded


def name_of(text: FeatureValue, number: FeatureValue, names: dict[int, str]) -> str:
    """Return a box's class: its name if the map has it, else what the map calls its number, else what there is."""
    name = text.decode("utf-8", "replace") if isinstance(text, bytes) else ""
    if name and (not names or name in names.values()):
        return name
    return names.get(int(number)) or name or (str(number) if number else "")
