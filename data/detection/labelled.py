"""Images and the files that say what is on them, in a folder or a zip: what the formats of labelled images share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.detection.config import DetectionDataConfig
from data.file_tree import Entry, extension_of, list_files, list_folder, list_zip, open_archive, stem_of
from data.sample import EXTENSIONS, SPLIT_FOLDERS, Problem, Split

TURNED_BY_EXIF = True  # unless a format says otherwise, boxes are on the image as it is seen


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


def split_of_folders(parts: tuple[str, ...]) -> Split | None:
    """Return the split that a folder around a file is named after; None if none is."""
    return next((SPLIT_FOLDERS[part.lower()] for part in parts[:-1] if part.lower() in SPLIT_FOLDERS), None)


class ImageIndex:
    """Images by name: of several of one name that nearest to the annotation is meant."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.by_name: dict[str, list[Entry]] = {}
        self.by_stem: dict[str, list[Entry]] = {}
        for entry in entries:
            name = entry.parts[-1].lower()
            self.by_name.setdefault(name, []).append(entry)
            self.by_stem.setdefault(stem_of(name), []).append(entry)

    def find(self, annotation: tuple[str, ...], filename: str) -> Entry | None:
        """Return the image of an annotation: by the name that it states, else by its own."""
        name = filename.replace("\\", "/").rpartition("/")[2].lower()
        own = stem_of(annotation[-1].lower())
        stated = self.by_name.get(name) or (self.by_stem.get(stem_of(name)) if name else None)
        found = stated or self.by_stem.get(own) or []
        return max(found, key=lambda entry: (nearness(entry.parts, annotation), entry.parts), default=None)


def nearness(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[int, int]:
    """Return how many folders two files share from the top, and how many names of folders anywhere."""
    count = 0
    for first, second in zip(one[:-1], other[:-1], strict=False):
        if first != second:
            break
        count += 1
    return count, len(set(one[:-1]) & set(other[:-1]))
