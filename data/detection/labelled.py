"""Images and the files that say what is on them, in a folder or a zip: what the formats of labelled images share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.given_splits import GivenSplits, find_splits
from data.detection.pairing import Statement, pair
from data.detection.paths import Parts
from data.detection.predicted import predicted_folders, within
from data.file_tree import Entry, extension_of, list_files, open_reader, printable
from data.nested_zips import list_tree
from data.sample import EXTENSIONS, BadImage, Problem, Split
from data.second_pictures import second_pictures

KEPT: ContextVar[dict[Path, list[Entry | Problem]] | None] = ContextVar("KEPT", default=None)
MANY = 0.2  # share of photos without a label file that makes one doubt whether all are labelled yet
TURNED_BY_EXIF = True  # unless a format says otherwise, boxes are on the image as it is seen


@dataclass(frozen=True)
class Annotation:
    """What one file, or one part of it, says of one photo.

    Attributes:
        statement: which photo is meant.
        read: gives the boxes, and what is wrong with those that cannot be used; may raise BadImage, OSError or
            ValueError where nothing can be read.
        size: (height, width) that it states; None if it states none.
        split: that it states.
        normalized: whether the edges are shares of the photo.
        inside: the photo that the annotation's own file holds; it counts where no other is found.
    """

    statement: Statement
    read: Callable[[], Sequence[Box | Problem]]
    size: tuple[int, int] | None = None
    split: Split | None = None
    normalized: bool = False
    inside: Entry | None = None


def list_entries(path: Path) -> Iterator[Entry | Problem]:
    """Yield the files of a folder or zip, those of zips in the place of folders too."""
    kept = KEPT.get()
    if kept is None:
        return list_fresh(path)
    if path not in kept:
        kept[path] = list(list_fresh(path))
    return iter(kept[path])


def list_fresh(path: Path) -> Iterator[Entry | Problem]:
    return list_tree(path)


@contextmanager
def listed_once() -> Iterator[None]:
    """Let `list_entries` look at a folder or zip once, for the formats that are asked one after the other."""
    token = KEPT.set({})
    try:
        yield
    finally:
        KEPT.reset(token)


def images_of(entries: list[Entry]) -> list[Entry]:
    """Return the files that are images by their names."""
    return [entry for entry in entries if extension_of(entry.parts[-1]) in EXTENSIONS]


def has_images(path: Path) -> bool:
    """Tell whether there is an image anywhere in a folder."""
    entries = list_entries(path) if path.is_dir() else iter(())
    return any(isinstance(entry, Entry) and extension_of(entry.parts[-1]) in EXTENSIONS for entry in entries)


def sources(path: Path, config: DetectionDataConfig) -> list[Path]:
    """List the zip file, or every file below the folder."""
    return [path] if path.is_file() else list_files(path)


def classes(path: Path, config: DetectionDataConfig) -> dict[int, str]:
    """Return the classes whose numbers are to be kept: none."""
    return {}


def read_entries(path: Path, entries: list[Entry]) -> Iterator[Problem]:
    """Add the files of a folder or zip to a list, and yield what cannot be read."""
    for entry in list_entries(path):
        if isinstance(entry, Problem):
            yield entry
        else:
            entries.append(entry)


def samples_of(
    path: Path,
    entries: list[Entry],
    annotations: Sequence[Annotation],
    config: DetectionDataConfig,
    *,
    own: bool = False,
    background: bool = False,
    tables: bool = True,
) -> Iterator[DetectionSample | Problem]:
    """Yield the photos that annotations are about, and what is wrong: the one way for all formats.

    Args:
        path: the folder or zip.
        entries: all files of the data.
        annotations: all that the data's files say.
        own: whether each annotation has a file of its own, named as its photo.
        background: whether photos without an annotation show nothing, where others of their folder have one.
        tables: whether CSV tables may say which photo is in which split.

    Raises:
        UserError: files that state splits cannot be followed, see `find_splits`.
    """
    entries, annotations, told = without_predictions(entries, annotations)
    yield from told
    photos = images_of(entries)
    paired = pair([each.statement for each in annotations], photos, own, config.pair_by)
    about: dict[Parts, list[Annotation]] = {}
    for annotation, photo in zip(annotations, paired, strict=True):
        if isinstance(photo, Problem) and photo.name == "missing_photo" and annotation.inside:
            photo = annotation.inside
            photos.append(photo)
        if isinstance(photo, Problem):
            yield photo if not annotation.split else Problem(photo.name, photo.file, photo.detail, annotation.split)
        else:
            about.setdefault(photo.parts, []).append(annotation)
    seconds = second_pictures(photos, about) if about else {}
    by_parts = {photo.parts: photo for photo in photos}
    labelled = {parts[:-1] for parts in about} if background else set()
    used = [by_parts[parts] for parts in about]
    if background:
        used = [each for each in photos if each.parts in about or is_background(each.parts, labelled, seconds)]
    with open_reader(path) as read:
        pictures = [each for each in photos if each.parts not in seconds]
        given = find_splits(entries, used, pictures, read, config, tables)
    for photo in used:
        if photo.parts in about:
            yield from sample_of(photo, about[photo.parts], given)
        else:
            split = given.of(photo.parts)
            yield DetectionSample(printable("/".join(photo.parts)), photo.locator, (), None, split, "", True)
    yield from given.problems
    yield from unlabelled(used, about)
    yield from left_out(photos, {photo.parts for photo in used}, seconds)


def left_out(photos: Sequence[Entry], used: Collection[Parts], seconds: Mapping[Parts, Problem]) -> Iterator[Problem]:
    """Yield the pictures that are not used, with the photo that is used under the same name, where there is one."""
    twins: dict[str, Parts] = {}
    for photo in photos:
        if photo.parts in seconds:
            yield seconds[photo.parts]
        elif photo.parts not in used:
            twins = twins or {parts[-1].lower(): parts for parts in used}
            twin = twins.get(photo.parts[-1].lower())
            detail = f"the annotation of this name went to `{printable('/'.join(twin))}`" if twin else ""
            yield Problem("photo_without_annotation", printable("/".join(photo.parts)), detail)


def without_predictions(
    entries: list[Entry], annotations: Sequence[Annotation]
) -> tuple[list[Entry], Sequence[Annotation], list[Problem]]:
    """Return files and annotations without those of folders of predictions, and what is to be told of these."""
    folders = predicted_folders([each.statement.file for each in annotations], images_of(entries))
    if not folders:
        return entries, annotations, []
    kept = [each for each in annotations if within(each.statement.file, folders) is None]
    return [each for each in entries if within(each.parts, folders) is None], kept, list(folders.values())


def unlabelled(used: Sequence[Entry], about: Container[Parts]) -> Iterator[Problem]:
    """Yield the photos of the background that no file says so of, where these are many."""
    without = [photo for photo in used if photo.parts not in about]
    if len(without) > max(3, MANY * len(used)):
        yield from (Problem("unlabelled_photo", printable("/".join(photo.parts))) for photo in without)


def is_background(photo: Parts, labelled: Container[Parts], seconds: Container[Parts]) -> bool:
    return photo[:-1] in labelled and photo not in seconds


def sample_of(photo: Entry, said: list[Annotation], given: GivenSplits) -> Iterator[DetectionSample | Problem]:
    """Yield a photo with its boxes; where further annotations of it say something else, it is left out."""
    first, place = said[0], said[0].statement.place
    try:
        found = first.read()
    except (BadImage, OSError, ValueError) as error:
        yield Problem("unreadable_annotation", place, str(error))
        return
    boxes = [item for item in found if isinstance(item, Box)]
    yield from (item for item in found if isinstance(item, Problem))
    split = given.of(photo.parts, first.statement.file, first.split)
    clear = True
    for other in said[1:]:
        again = list(repeated(other, first, boxes))
        further = given.of(photo.parts, other.statement.file, other.split)
        if split and further and further != split:
            detail = f"the photo is in {split} by {place}, in {further} by this"
            again.append(Problem("conflicting_splits", other.statement.place, detail))
        clear = clear and all(item.name == "duplicate_annotation" for item in again)
        split = split or further  # a file of all photos often lies beside those of the splits
        yield from again
    if not clear:
        return
    yield DetectionSample(
        printable("/".join(photo.parts)),
        photo.locator,
        tuple(boxes),
        first.size,
        split,
        place,
        first.normalized,
        len(found) - len(boxes),
    )


def repeated(other: Annotation, first: Annotation, boxes: list[Box]) -> Iterator[Problem]:
    """Yield that another annotation is about the same photo; an error where it says something else."""
    place = other.statement.place
    try:
        found = other.read()
    except (BadImage, OSError, ValueError) as error:
        yield Problem("unreadable_annotation", place, str(error))
        return
    further = [item for item in found if isinstance(item, Box)]
    alike = sorted(box[:5] for box in further) == sorted(box[:5] for box in boxes)
    kind = "duplicate_annotation" if alike else "contradicting_annotation"
    yield Problem(kind, place, f"{first.statement.place} is about the same photo")
