"""What is known of images before anything is written: all of them listed, each looked at once, and where each belongs.

Looking is a Beam pipeline over small pieces of work (ranges of rows) whose results are files in a shared folder; no
image travels between Beam's stages, so memory stays flat. What a piece writes depends on the piece alone: the result is
the same whatever the number of workers. Images with one class and images with boxes are surveyed alike but for the
hooks of `Surveyor`.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import apache_beam
import numpy as np
from numpy.typing import NDArray

from data import formats, split
from data.beam import do_all, watch
from data.config import BeamConfig
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.duplicates import drop_duplicates
from data.findings import Findings, nothing_usable
from data.images.config import ImageDataConfig
from data.images.depth import FULL, bits_of
from data.images.listing import Listing, ListingReader, Row
from data.images.workers import ALL_FACTS, Source
from data.sample import SPLITS, Problem
from pipeline.errors import UserError
from pipeline.progress import Progress

DIM, MANY = 3, 0.1  # bits that images do not fill, and the share of such images, that are told
ConfigT = TypeVar("ConfigT", bound="ImageDataConfig | DetectionDataConfig")
RowT = TypeVar("RowT", bound="Row | DetectionSample")


@dataclass
class Survey:
    """What is known of the data before anything is written.

    Attributes:
        format: name of the data's format.
        source: where the images are.
        listing: all images that were found.
        facts: [n] what a look at each of them showed, `FACTS` of the workers.
        names: the classes, in the order of their numbers.
        labels: int32 [n] class number of each image, of several the rarest; -1 where there is none that is used.
        splits: int8 [n] split of each image, -1 where it is left out.
        findings: everything that is wrong with the data.
        refused: images that no one looked at, since the list of files tells that they are no good.
    """

    format: str
    source: Source
    listing: Listing
    facts: NDArray[np.void]
    names: list[str]
    labels: NDArray[np.int32]
    splits: NDArray[np.int8]
    findings: Findings
    refused: int

    @property
    def bits(self) -> int | None:
        """Bits that the values of images with more than 8 fill; None where there is no such image."""
        return bits_in_use(self.facts)

    @property
    def files(self) -> int:
        """Images that were found, with those that listing alone refused."""
        return len(self.facts) + self.refused

    def count_labels(self) -> dict[str, list[int]]:
        """Return how many images of each class go into each split."""
        return self.count_classes(self.labels, self.splits)

    def count_classes(self, labels: NDArray[np.int32], splits: NDArray[np.int8]) -> dict[str, list[int]]:
        """Return how many of some things (images or boxes) of each class go into each split."""
        return {
            name: np.bincount(labels[splits == number], minlength=len(self.names)).tolist()
            for number, name in enumerate(SPLITS)
        }


def bits_in_use(facts: NDArray[np.void]) -> int | None:
    """Return how many bits the values of images with more than 8 fill; None where there is no such image."""
    largest = int(facts["largest"].max(initial=0))
    return bits_of(largest) if largest else None


class Classes(NamedTuple):
    """The classes by number, [n] the class of each image (-1 for none), and bool [n] which images can be used."""

    names: list[str]
    labels: NDArray[np.int32]
    usable: NDArray[np.bool_]


class Surveyor(ABC, Generic[ConfigT, RowT]):
    """Looks at all images and decides where each belongs.

    Args:
        path: the raw data.
        config: the recipe's `data` section.
        beam: where to work.
        folder: for lists and facts; what is in it is removed.
        progress: where to tell how far it is.
        findings: empty; takes in everything that is wrong with the data.
    """

    nouns: str  # what images are called to the user
    none_listed: str
    none_to_train: str
    scales_depth = True  # whether values of more than 8 bits are made 8 by the bits that they fill
    conflict: str  # the kind of finding for equal images of which different things are said
    reader: type[ListingReader[RowT]]

    def __init__(
        self, path: Path, config: ConfigT, beam: BeamConfig, folder: Path, progress: Progress, findings: Findings
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        name = formats.detect(path, config.task) if config.format == "auto" else config.format
        self.path, self.config, self.beam, self.folder = path, config, beam, folder
        self.progress, self.findings = progress, findings
        self.source = Source(config.task, name, str(path), config.max_pixels)
        self.advice = ""

    def survey(self) -> Survey:
        """Return what is known of the images.

        Raises:
            UserError: nothing usable is there.
        """
        self.progress.say(f"listing {self.nouns} in {self.path} ({self.source.format})")
        listing = self.list_images()
        if not len(listing.labels):
            raise self.nothing_usable(self.none_listed)
        refused = self.count_refused()
        facts = self.look(listing)
        np.save(self.folder / ALL_FACTS, facts)
        classes = self.number_classes(listing, facts)
        splits = self.choose_splits(listing, facts, classes)
        if not (splits[classes.labels >= 0] == split.TRAIN).any():
            raise self.nothing_usable(self.none_to_train)
        return Survey(
            self.source.format,
            self.source,
            listing,
            facts,
            classes.names,
            classes.labels,
            splits,
            self.findings,
            refused,
        )

    @abstractmethod
    def list_images(self) -> Listing:
        """Write the list of all images."""

    @abstractmethod
    def count_refused(self) -> int:
        """Return how many images were refused by what listing found."""

    @abstractmethod
    def look(self, listing: Listing) -> NDArray[np.void]:
        """Decode every image once; return the facts [n] in the order of the listing and count what is wrong."""

    def tell_of_depth(self, facts: NDArray[np.void], reader: ListingReader[RowT]) -> None:
        """Tell by which rule the values of images with more than 8 bits were made 8."""
        rows = np.flatnonzero(facts["largest"])
        bits = bits_in_use(facts)
        if bits and (self.scales_depth or bits < FULL):
            most = f"{facts['largest'].max():,}"
            detail = f"nearly all values up to {most}, taken for {bits} bits; larger ones become white"
            examples = [{"file": reader[int(row)].key, "detail": detail, "split": "", "label": ""} for row in rows[:20]]
            kind = "deep_pictures" if self.scales_depth else "dark_pictures"
            self.findings.merge({kind: len(rows)}, {kind: examples})
            dim = rows[facts["largest"][rows] < 1 << (bits - DIM)]
            if self.scales_depth and len(dim) > MANY * len(rows):
                for row in dim:
                    words = f"nearly all of its values are at most {facts['largest'][row]:,} of {1 << bits:,}"
                    self.findings.add(Problem("uneven_depth", reader[int(row)].key, words))

    @abstractmethod
    def number_classes(self, listing: Listing, facts: NDArray[np.void]) -> Classes:
        """Number the classes that are used.

        Raises:
            UserError: there are too few.
        """

    @abstractmethod
    def said(self, facts: NDArray[np.void], labels: NDArray[np.int32]) -> NDArray[np.int32] | NDArray[np.uint64]:
        """Return [n] what the data say of each image: its class, or a hash of its boxes."""

    @abstractmethod
    def problem(self, kind: str, row: RowT, detail: str, listing: Listing) -> Problem:
        """Return a problem of a listed image."""

    def look_in_chunks(self, listing: Listing, work: apache_beam.DoFn, chunk: int) -> tuple[NDArray[np.void], int]:
        """Let workers look at all images, so many in a piece of work.

        Args:
            work: takes (number, first row, row after the last) and leaves `<number>.facts.npy` in the folder.
            chunk: images in a piece of work.

        Returns:
            The facts in the order of the listing, and the number of pieces.
        """
        total = len(listing.labels)
        chunks = [(number, start, min(start + chunk, total)) for number, start in enumerate(range(0, total, chunk))]
        sizes = {f"{number:07d}.facts.npy": stop - start for number, start, stop in chunks}
        with watch(self.folder, sizes, "looking at pictures", self.progress):
            do_all(chunks, work, self.beam)
        facts = np.concatenate([np.load(self.folder / name) for name in sizes])
        for name in sizes:
            (self.folder / name).unlink()
        return facts, len(chunks)

    def choose_splits(self, listing: Listing, facts: NDArray[np.void], classes: Classes) -> NDArray[np.int8]:
        """Return the split of every image: the given one, or by class as the recipe says; -1 if it is left out."""
        usable = classes.usable.copy()
        contents = split.contents_of(facts["hash"])
        splits = np.where(usable, listing.splits, split.GIVEN_NONE)
        reader = self.reader(self.folder)

        def tell(kind: str, row: int, kept: int) -> None:
            detail = f"same bytes as {reader[kept].key}"
            self.findings.add(self.problem(kind, reader[row], detail, listing))

        said = self.said(facts, classes.labels)
        drop_duplicates(contents, said, self.conflict, splits, usable, tell)
        self.check_given(splits, usable, reader)
        reader.close()
        return split.split_pool(splits, usable, contents, listing.groups, classes.labels, self.config)

    def check_given(self, splits: NDArray[np.int8], usable: NDArray[np.bool_], reader: ListingReader[RowT]) -> None:
        """Report what is wrong with the splits that the data give."""

    def nothing_usable(self, what: str) -> UserError:
        """Return the error that nothing of the data is left."""
        return nothing_usable(what, self.path, self.source.format, self.findings, self.advice)
