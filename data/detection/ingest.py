"""From labelled images to shards: list them, look at each once, decide the splits, write whole shards of records.

It works as `data.images.ingest` does: two Beam pipelines over ranges of rows, results as files in a shared folder, the same bytes whatever
the number of workers.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import formats, split
from data.beam import BeamConfig, quieten
from data.detection.findings import box_findings
from data.detection.listing import BoxListingReader, rarest, write_box_listing
from data.duplicates import drop_duplicates
from data.findings import Findings, nothing_usable
from data.images.ingest import look_in_pieces, save_array, write_planned
from data.images.listing import Listing
from data.sample import SPLITS, Problem
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from data.detection.config import DetectionDataConfig
    from data.images.workers import Source

PIECE = 64  # images looked at in one piece of work

REFUSED = ("unreadable_annotation", "missing_photo", "no_usable_box", "unreadable_file")


@dataclass
class DetectionSurvey:
    """What is known of labelled images before anything is written.

    Attributes:
        format: name of the data's format.
        listing: all images that were found.
        facts: what a look at each of them showed (`photo_workers.FACTS`).
        boxes: the usable boxes (`photo_workers.BOXES`), their labels as numbers from 0 in the order of `names`.
        names: the classes; their numbers in the records are their places, counted from 1.
        labels: int32 [n] rarest class on each image, -1 without boxes.
        splits: int8 [n] split of each image, -1 where it is left out.
        findings: everything that is wrong with the data.
        refused: images that no one looked at, since what is said of them cannot be used.
    """

    format: str
    source: Source
    listing: Listing
    facts: np.ndarray
    boxes: np.ndarray
    names: list[str]
    labels: np.ndarray
    splits: np.ndarray
    findings: Findings
    refused: int = 0

    @property
    def files(self) -> int:
        """Images that were found, with those that listing alone refused."""
        return len(self.facts) + self.refused


def survey(
    path: Path, config: DetectionDataConfig, beam: BeamConfig, folder: Path, progress: Progress
) -> DetectionSurvey:
    """Look at all images and decide where each belongs.

    Args:
        path: the raw data.
        config: the recipe's `data` section.
        beam: where to work.
        folder: for lists and facts; what is in it is removed.
        progress: where to tell how far it is.

    Raises:
        UserError: nothing usable is there.
    """
    quieten()
    from data.images.workers import ALL_FACTS, Source

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name = formats.detect(path, config.task) if config.format == "auto" else config.format
    module = formats.find(name, config.task)
    source, findings = Source(name, str(path), config.max_pixels), box_findings()
    progress.say(f"listing photos in {path} ({name})")
    known = mapped_classes(path, config, module)
    listing = write_box_listing(module.list_samples(path, config), config, folder, findings)
    if not len(listing.labels):
        raise nothing_usable("There are no photos with annotations.", path, name, findings)
    refused = sum(findings.counts.get(name, 0) for name in REFUSED)
    facts, boxes = look_at_detections(listing, source, known, beam, progress, findings)
    save_array(folder / ALL_FACTS, facts)
    names = number_classes(listing, boxes, known, config, findings)
    boxes = used_boxes(listing, boxes, names)
    labels = rarest(boxes["row"], boxes["label"], len(facts))
    if not len(boxes):
        raise nothing_usable("There is no photo with a usable box.", path, name, findings)
    usable = facts["usable"] & ((labels >= 0) | (facts["boxes_hash"] == facts["boxes_hash"].dtype.type(empty_hash())))
    splits = choose_splits(listing, facts, labels, usable, config, findings)
    if not (splits[labels >= 0] == split.TRAIN).any():
        raise nothing_usable("No photo with a box is left to train on.", path, name, findings)
    return DetectionSurvey(name, source, listing, facts, boxes, names, labels, splits, findings, refused)


def empty_hash() -> int:
    """Return what stands in the facts of an image without boxes."""
    from data.detection.workers import hash_boxes

    return hash_boxes([])


def mapped_classes(path: Path, config: DetectionDataConfig, module: Any) -> dict[int, str]:
    """Return the classes by number, of the recipe's label map or of one that the format demands; none without.

    Raises:
        UserError: the map cannot be read, or lacks a class that the recipe names.
    """
    from data.detection.label_map import read_label_map

    if config.label_map:
        known = read_label_map(config.label_map)
    else:
        known = module.classes(path, config) if hasattr(module, "classes") else {}
    for name in config.classes or ():
        if known and name not in known.values():
            raise UserError(
                f"The label map has no class `{name}`.", "data.classes", did_you_mean(name, list(known.values()))
            )
    return known


def look_at_detections(
    listing: Listing,
    source: Source,
    known: dict[int, str],
    beam: BeamConfig,
    progress: Progress,
    findings: Findings,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode every image once; return FACTS [n] in the order of the listing and BOXES, and count what is wrong."""
    import numpy as np

    from data.detection.workers import LookAtDetections

    work = LookAtDetections(listing.folder, source, listing.names, frozenset(known.values()) or None)
    facts, pieces = look_in_pieces(listing, work, PIECE, beam, progress)
    boxes = []
    for number in range(pieces):
        file = listing.folder / f"{number:07d}.findings.json"
        findings.merge(*json.loads(file.read_text("utf-8")))
        file.unlink()
        file = listing.folder / f"{number:07d}.boxes.npy"
        boxes.append(np.load(file))
        file.unlink()
    return facts, np.concatenate(boxes)


def number_classes(
    listing: Listing, boxes: np.ndarray, known: dict[int, str], config: DetectionDataConfig, findings: Findings
) -> list[str]:
    """Return the classes in the order of their numbers, which count from 1: as the label map has them, as the recipe lists them,
    else sorted (numbers by value). Numbers that the map leaves out get a name that no box has.
    """
    import numpy as np

    report_similar(listing.names, findings)
    if known:
        return [known.get(number, f"unused_{number}") for number in range(1, max(known) + 1)]
    counts = np.bincount(boxes["label"], minlength=len(listing.names))
    used = [name for name, count in zip(listing.names, counts, strict=True) if count]
    if config.classes:
        return [name for name in config.classes if name in used]
    return sorted(used, key=int) if all(name.isascii() and name.isdigit() for name in used) else sorted(used)


def report_similar(names: list[str], findings: Findings) -> None:
    """Add a finding for each class whose name another one has but for case, spaces and dashes."""
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(re.sub(r"[\s_-]+", "", name.casefold()), name)
        if other != name:
            findings.add(Problem("similar_classes", name, f"`{name}` and `{other}`", "", name))


def used_boxes(listing: Listing, boxes: np.ndarray, names: list[str]) -> np.ndarray:
    """Return the boxes of the classes that are used, with the places of these as labels."""
    import numpy as np

    places = {name: place for place, name in reversed(list(enumerate(names)))}
    numbers = np.array([places.get(name, -1) for name in listing.names], np.int32)
    boxes = boxes.copy()
    boxes["label"] = numbers[boxes["label"]] if len(boxes) else boxes["label"]
    return boxes[boxes["label"] >= 0]


def choose_splits(
    listing: Listing,
    facts: np.ndarray,
    labels: np.ndarray,
    usable: np.ndarray,
    config: DetectionDataConfig,
    findings: Findings,
) -> np.ndarray:
    """Return the split of every image: the given one, or by its rarest class in the recipe's shares; -1 if it is left out."""
    import numpy as np

    contents = split.contents_of(facts["hash"])
    splits = np.where(usable, listing.splits, split.GIVEN_NONE)
    report_duplicates(listing, contents, facts["boxes_hash"], splits, usable, findings)
    if (splits[usable] != split.GIVEN_NONE).any():
        report_without_split(listing, np.flatnonzero(usable & (splits == split.GIVEN_NONE)), findings)
    return split.split_pool(splits, usable, contents, listing.groups, labels, config)


def report_duplicates(
    listing: Listing,
    contents: np.ndarray,
    boxes: np.ndarray,
    splits: np.ndarray,
    usable: np.ndarray,
    findings: Findings,
) -> None:
    """Drop and report equal photos.

    Args:
        contents, boxes: uint64 [n], hashes of the images' bytes and of their boxes.
    """
    reader = BoxListingReader(listing.folder)

    def tell(kind: str, row: int, kept: int) -> None:
        sample = reader[row]
        findings.add(Problem(kind, sample.key, f"same bytes as {reader[kept].key}", sample.split or ""))

    drop_duplicates(contents, boxes, "conflicting_boxes", splits, usable, tell)
    reader.close()


def report_without_split(listing: Listing, rows: np.ndarray, findings: Findings) -> None:
    """Add a finding for each image that the data's own splits do not name."""
    reader = BoxListingReader(listing.folder)
    for row_number in rows:
        findings.add(Problem("photo_without_split", reader[int(row_number)].key))
    reader.close()


def write_shards(
    found: DetectionSurvey, config: DetectionDataConfig, beam: BeamConfig, target: Path, progress: Progress
) -> None:
    """Write `<split>-<number>-of-<count>.tfrecord` files and `label_map.pbtxt`."""
    from data.detection.label_map import write_label_map
    from data.detection.workers import WriteDetections

    selected = set(config.classes or found.names)
    labels = {name: place for place, name in reversed(list(enumerate(found.names, 1))) if name in selected}
    work = WriteDetections(found.listing.folder, found.source, target, labels, config.max_side)
    write_planned(found, work, config, beam, target, progress)
    write_label_map(target / "label_map.pbtxt", dict(enumerate(found.names, 1)))


def count_boxes(found: DetectionSurvey) -> dict[str, list[int]]:
    """Return how many boxes of each class go into each split."""
    import numpy as np

    splits = found.splits[found.boxes["row"]]
    return {
        name: np.bincount(found.boxes["label"][splits == number], minlength=len(found.names)).tolist()
        for number, name in enumerate(SPLITS)
    }


def count_images(found: DetectionSurvey) -> dict[str, tuple[int, int]]:
    """Return how many images go into each split, and how many of them have no boxes."""
    return {
        name: (int((found.splits == number).sum()), int(((found.splits == number) & (found.labels < 0)).sum()))
        for number, name in enumerate(SPLITS)
    }
