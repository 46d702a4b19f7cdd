"""Images and the files that say what is on them, in a folder or a zip: what the formats of labelled images share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.folder_splits import FolderSplits
from data.detection.pairing import Parts, Statement, pair
from data.detection.second_pictures import second_pictures
from data.file_tree import Entry, extension_of, list_files, list_folder, list_zip, open_archive, printable
from data.sample import EXTENSIONS, BadImage, Problem, Split

TURNED_BY_EXIF = True  # unless a format says otherwise, boxes are on the image as it is seen

GivenSplit = Callable[[Parts], "Split | None"]
"""From a photo's path to the split that a list of the data set puts it in."""


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
    """Yield the files of a folder or zip."""
    return list_folder(path) if path.is_dir() else list_zip(open_archive(path), (path.name,))


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


def no_split(photo: Parts) -> Split | None:
    return None


def samples_of(
    entries: list[Entry],
    annotations: Sequence[Annotation],
    config: DetectionDataConfig,
    *,
    own: bool = False,
    background: bool = False,
    given: GivenSplit = no_split,
) -> Iterator[DetectionSample | Problem]:
    """Yield the photos that annotations are about, and what is wrong: the one way for all formats.

    Args:
        entries: all files of the data.
        annotations: all that the data's files say.
        own: whether each annotation has a file of its own, named as its photo.
        background: whether photos without an annotation show nothing, where others of their folder have one.
        given: the split that a list puts a photo in; it counts more than names of files and folders.
    """
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
    folders = FolderSplits(entry.parts for entry in entries)
    seconds = second_pictures(photos, about) if about else {}
    by_parts = {photo.parts: photo for photo in photos}
    labelled = {parts[:-1] for parts in about} if background else set()
    for photo in photos if background else (by_parts[parts] for parts in about):
        if photo.parts in about:
            yield from sample_of(photo, about[photo.parts], folders, given)
        elif photo.parts not in seconds and photo.parts[:-1] in labelled:
            split = given(photo.parts) or folders.split_of(photo.parts)
            yield DetectionSample(printable("/".join(photo.parts)), photo.locator, (), None, split, "", True)
    for photo in photos:
        if photo.parts in seconds:
            yield seconds[photo.parts]
        elif photo.parts not in about and photo.parts[:-1] not in labelled:
            yield Problem("photo_without_annotation", printable("/".join(photo.parts)))


def sample_of(
    photo: Entry, said: list[Annotation], folders: FolderSplits, given: GivenSplit
) -> Iterator[DetectionSample | Problem]:
    """Yield a photo with its boxes; further annotations of it must say the same."""
    first, place = said[0], said[0].statement.place
    try:
        found = first.read()
    except (BadImage, OSError, ValueError) as error:
        yield Problem("unreadable_annotation", place, str(error))
        return
    boxes = [item for item in found if isinstance(item, Box)]
    yield from (item for item in found if isinstance(item, Problem))
    split = split_in(photo, first, folders, given)
    for other in said[1:]:
        yield from repeated(other, first, boxes)
        if (further := split_in(photo, other, folders, given)) != split:
            detail = f"the photo is in {split or 'no split'} by {place}, in {further or 'no split'} by this"
            yield Problem("conflicting_splits", other.statement.place, detail)
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


def split_in(photo: Entry, annotation: Annotation, folders: FolderSplits, given: GivenSplit) -> Split | None:
    """Return a photo's split: that of a list, else its annotation's, else that of a folder around either."""
    return (
        given(photo.parts)
        or annotation.split
        or folders.split_of(photo.parts)
        or folders.split_of(annotation.statement.file)
    )
