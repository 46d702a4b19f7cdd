"""Photos with Pascal VOC annotations, as LabelImg writes them: an xml file for each photo, in a folder or a zip.

    raccoon/annotations/1.xml  raccoon/images/1.jpg            any folders will do
    VOC2012/Annotations  JPEGImages  ImageSets/Main/train.txt  lists of names give the splits
    data/train_labels.csv  data/test_labels.csv                so do tables with a `filename` column
    train/images  train/annotations  test/images ...           and folders

A photo is found by the `filename` of its annotation and by the annotation's own name; see `data.detection.pairing`.
Photos without annotation are reported and left out; an annotation without objects says that there is nothing on its
photo. Objects without a box that have an outline or a rotated box get the upright box around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    images_of,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Statement
from data.detection.recognising import contents, ends_of, entries_of, is_cvat, likely_files
from data.detection.voc_xml import OtherRoot, parse
from data.file_tree import MAX_FILE_BYTES, Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
ROOT = re.compile(rb"<annotation[\s>]")


def detect(path: Path) -> bool:
    """Tell whether there is an xml file with an `annotation` in a folder or zip."""
    likely = likely_files(entries_of(path), "xml")
    return any(is_annotation(content) for _, content in contents(path, likely, MAX_FILE_BYTES))


def is_annotation(content: bytes) -> bool:
    """Tell whether an xml file is an annotation by its outermost element."""
    return bool(ROOT.search(ends_of(content)))


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of their annotations' names, then photos that have none as problems."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    annotations, outlined = list[Annotation](), ""
    photos = {stem_of(entry.parts[-1]) for entry in images_of(entries)}
    with open_reader(path) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) != "xml":
                continue
            key = printable("/".join(entry.parts))
            try:
                content = read(entry.locator)
                if is_cvat(content):
                    yield Problem("passed_over_file", key, "it is CVAT's")
                    continue
                found = parse(content, key)
            except OtherRoot as error:
                kind = "unreadable_annotation" if stem_of(entry.parts[-1]) in photos else "passed_over_file"
                yield Problem(kind, key, str(error))
                continue
            except (BadImage, OSError, ValueError) as error:
                yield Problem("unreadable_annotation", key, str(error))
                continue
            outlined = outlined or (f"{key}, line {found.outlined}" if found.outlined else "")
            statement = Statement(entry.parts, found.filename, key, found.folder)
            annotations.append(Annotation(statement, found.said(key), found.size))
    if outlined:
        yield Problem("box_around_outline", outlined, "outlines or rotated boxes")
    yield from samples_of(path, entries, annotations, config, own=True)
