"""From labelled images to shards: survey them, then write whole shards of records and the label map."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data import formats, split
from data.collecting import without_collecting
from data.config import BeamConfig
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.findings import box_findings
from data.detection.label_map import read_label_map, write_label_map
from data.detection.listing import BoxListingReader, rarest, write_box_listing
from data.detection.workers import LookAtDetections, WriteDetections, hash_boxes
from data.findings import Findings
from data.images.ingest import in_order, write_planned
from data.images.listing import Listing, ListingReader
from data.images.survey import Classes, Survey, Surveyor
from data.sample import SPLITS, Problem
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

CHUNK = 64  # images looked at in one piece of work
REFUSED = ("unreadable_annotation", "missing_photo", "no_usable_box", "unreadable_file")

ACT_ON = {
    "box_form": ("box_csv", "coco", "yolo"),
    "more_values": ("yolo",),
    "pair_by": ("voc", "labelme"),
}  # settings and formats that they act on


@dataclass
class DetectionSurvey(Survey):
    """What is known of labelled images before anything is written.

    The numbers of the classes in the records are their places in `names`, counted from 1.

    Attributes:
        boxes: the usable boxes, `BOXES` of the workers, their labels as numbers from 0 in the order of `names`.
    """

    boxes: NDArray[np.void]

    def count_boxes(self) -> dict[str, list[int]]:
        """Return how many boxes of each class go into each split."""
        return self.count_classes(self.boxes["label"], self.splits[self.boxes["row"]])

    def count_images(self) -> dict[str, tuple[int, int]]:
        """Return how many images go into each split, and how many of them have no boxes."""
        return {
            name: (int((self.splits == number).sum()), int(((self.splits == number) & (self.labels < 0)).sum()))
            for number, name in enumerate(SPLITS)
        }


def survey(
    path: Path, config: DetectionDataConfig, beam: BeamConfig, folder: Path, progress: Progress
) -> DetectionSurvey:
    """Look at all images and decide where each belongs; see `Surveyor`.

    Raises:
        UserError: nothing usable is there.
    """
    surveyor = DetectionSurveyor(path, config, beam, folder, progress, box_findings())
    found = surveyor.survey()
    return DetectionSurvey(**vars(found), boxes=surveyor.boxes)


class DetectionSurveyor(Surveyor[DetectionDataConfig, DetectionSample]):
    """Surveys images with boxes.

    Attributes:
        known: the classes by number, of the recipe's label map or of one that the format demands; none without.
        boxes: the usable boxes, once they were looked at.
    """

    nouns = "photos"
    none_listed = "There is no photo with an annotation that can be used."
    none_to_train = "No photo with a box is left to train on."
    conflict = "conflicting_boxes"
    scales_depth = False  # a served detector does not
    reader = BoxListingReader
    known: dict[int, str]
    boxes: NDArray[np.void]

    def list_images(self) -> Listing:
        module = formats.find(self.source.format, DetectionDataConfig.task)
        refuse_idle_settings(self.source.format, self.config)
        self.known = mapped_classes(self.path, self.config, module)
        samples = module.list_samples(self.path, self.config)
        with without_collecting():
            return write_box_listing(samples, self.config, self.folder, self.findings)

    def count_refused(self) -> int:
        return sum(self.findings.counts.get(name, 0) for name in REFUSED)

    def look(self, listing: Listing) -> NDArray[np.void]:
        known = frozenset(self.known.values()) or None
        facts, chunks = self.look_in_chunks(
            listing, LookAtDetections(self.folder, self.source, listing.names, known), CHUNK
        )
        boxes = []
        for number in range(chunks):
            file = self.folder / f"{number:07d}.findings.json"
            self.findings.merge(*json.loads(file.read_text("utf-8")))
            file.unlink()
            file = self.folder / f"{number:07d}.boxes.npy"
            boxes.append(np.load(file))
            file.unlink()
        self.boxes = np.concatenate(boxes)
        reader = BoxListingReader(self.folder)
        self.tell_of_depth(facts, reader)
        reader.close()
        return facts

    def number_classes(self, listing: Listing, facts: NDArray[np.void]) -> Classes:
        report_similar(listing.names, self.findings)
        names = self.names_in_order(listing)
        self.boxes = used_boxes(listing, self.boxes, names)
        if not len(self.boxes):
            raise self.nothing_usable("There is no photo with a usable box.")
        labels = rarest(self.boxes["row"], self.boxes["label"], len(facts))
        empty = facts["boxes_hash"] == np.uint64(hash_boxes([]))
        return Classes(names, labels, facts["usable"] & ((labels >= 0) | empty))

    def names_in_order(self, listing: Listing) -> list[str]:
        """Return the classes in the order of their numbers: the label map's, else the recipe's, else sorted.

        Numbers that the map leaves out get a name that no box has.
        """
        if self.known:
            return [self.known.get(number, f"unused_{number}") for number in range(1, max(self.known) + 1)]
        counts = np.bincount(self.boxes["label"], minlength=len(listing.names))
        used = [name for name, count in zip(listing.names, counts, strict=True) if count]
        wanted = self.config.classes
        return [name for name in wanted if name in used] if wanted else in_order(used)

    def said(self, facts: NDArray[np.void], labels: NDArray[np.int32]) -> NDArray[np.uint64]:
        return np.asarray(facts["boxes_hash"], np.uint64)

    def problem(self, kind: str, row: DetectionSample, detail: str, listing: Listing) -> Problem:
        return Problem(kind, row.key, detail, row.split or "")

    def check_given(
        self, splits: NDArray[np.int8], usable: NDArray[np.bool_], reader: ListingReader[DetectionSample]
    ) -> None:
        """Report the images that the data's own splits do not name."""
        if (splits[usable] != split.GIVEN_NONE).any():
            for row in np.flatnonzero(usable & (splits == split.GIVEN_NONE)).tolist():
                self.findings.add(Problem("photo_without_split", reader[row].key))


def refuse_idle_settings(format_name: str, config: DetectionDataConfig) -> None:
    """Refuse settings that do nothing with a format.

    Raises:
        UserError: there is one.
    """
    for name, known in ACT_ON.items():
        if getattr(config, name) != "auto" and format_name not in known:
            raise UserError(
                f"This setting acts on {', '.join(known)} only, and the data are {format_name}.",
                f"data.{name}",
                "Leave it out.",
            )


def mapped_classes(path: Path, config: DetectionDataConfig, module: formats.DetectionFormat) -> dict[int, str]:
    """Return the classes by number, of the recipe's label map or of one that the format demands; none without.

    Raises:
        UserError: the map cannot be read, or lacks a class that the recipe names.
    """
    known = read_label_map(config.label_map) if config.label_map else module.classes(path, config)
    for name in config.classes or ():
        if known and name not in known.values():
            raise UserError(
                f"The label map has no class `{name}`.", "data.classes", did_you_mean(name, list(known.values()))
            )
    return known


def report_similar(names: list[str], findings: Findings) -> None:
    """Add a finding for each class whose name another one has but for case, spaces and dashes."""
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(re.sub(r"[\s_-]+", "", name.casefold()), name)
        if other != name:
            findings.add(Problem("similar_classes", name, f"`{name}` and `{other}`", "", name))


def used_boxes(listing: Listing, boxes: NDArray[np.void], names: list[str]) -> NDArray[np.void]:
    """Return the boxes of the classes that are used, with the places of these as labels."""
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    numbers = np.array([places.get(name, -1) for name in listing.names], np.int32)
    boxes = boxes.copy()
    boxes["label"] = numbers[boxes["label"]] if len(boxes) else boxes["label"]
    return boxes[boxes["label"] >= 0]


def write_shards(
    found: DetectionSurvey, config: DetectionDataConfig, beam: BeamConfig, target: Path, progress: Progress
) -> None:
    """Write `<split>-<number>-of-<count>.tfrecord` files and `label_map.pbtxt`."""
    selected = set(config.classes or found.names)
    labels = {name: place for place, name in reversed(list(enumerate(found.names, 1))) if name in selected}
    work = WriteDetections(found.listing.folder, found.source, target, labels, config.max_side)
    write_planned(found, work, config.seed, config.examples_per_shard, beam, target, progress)
    write_label_map(target / "label_map.pbtxt", dict(enumerate(found.names, 1)))
