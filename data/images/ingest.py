"""From raw images to shards: survey them, then write whole shards of records."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import apache_beam
import numpy as np
from numpy.typing import NDArray

from data import formats, split
from data.collecting import without_collecting
from data.config import BeamConfig
from data.findings import Findings, report_similar
from data.images.config import ImageDataConfig
from data.images.depth import FULL
from data.images.layout import propose_pattern
from data.images.listing import ImageListingReader, Listing, Row, write_listing
from data.images.survey import Classes, Survey, Surveyor
from data.images.tree import Tree
from data.images.workers import PLAN, LookAtImages, WriteShards
from data.nested_zips import list_tree
from data.sample import SPLITS, Problem
from data.shards import plan_shards, write_all
from pipeline.errors import UserError
from pipeline.progress import Progress

CHUNK = 512  # images looked at in one piece of work


def survey(path: Path, config: ImageDataConfig, beam: BeamConfig, folder: Path, progress: Progress) -> Survey:
    """Look at all images and decide where each belongs; see `Surveyor`.

    Raises:
        UserError: nothing usable is there.
    """
    return ImageSurveyor(path, config, beam, folder, progress, Findings()).survey()


class ImageSurveyor(Surveyor[ImageDataConfig, Row]):
    """Surveys images with one class each."""

    nouns = "pictures"
    none_listed = "There are no pictures."
    none_to_train = "No picture is left to train on."
    conflict = "conflicting_labels"
    reader = ImageListingReader

    def list_images(self) -> Listing:
        refuse_idle_settings(self.config, self.source.format, self.path)
        samples = formats.find(self.source.format).list_samples(self.path, self.config)
        with without_collecting():
            return write_listing(samples, self.config, self.folder, self.findings)

    def count_refused(self) -> int:
        return self.findings.errors(but=("unreadable_directory",))

    def look(self, listing: Listing) -> NDArray[np.void]:
        facts, chunks = self.look_in_chunks(listing, LookAtImages(self.folder, self.source), CHUNK)
        reader = ImageListingReader(self.folder)
        for file in (self.folder / f"{number:07d}.problems.json" for number in range(chunks)):
            if file.exists():
                for kind, detail, number in json.loads(file.read_text("utf-8")):
                    row = reader[number]
                    if kind == "corrupt_file" and "." not in row.key.rpartition("/")[2]:
                        kind = "unknown_file"  # nothing promised that it is an image
                    self.findings.add(self.problem(kind, row, detail, listing))
                file.unlink()
        self.tell_of_depth(facts, reader)
        reader.close()
        return facts

    def number_classes(self, listing: Listing, facts: NDArray[np.void]) -> Classes:
        """Number the classes that have usable images: as the recipe lists them, else sorted (numbers by value)."""
        report_similar(listing.names, self.findings)
        report_combined(listing.names, self.findings)
        counts = np.bincount(listing.labels[facts["usable"]], minlength=len(listing.names))
        looked_at = np.bincount(listing.labels, minlength=len(listing.names))
        used = [name for name, count in zip(listing.names, counts, strict=True) if count]
        wanted = self.config.classes
        names = [name for name in wanted if name in used] if wanted else in_order(used, self.config.class_names)
        for name, count, found in zip(listing.names, counts, looked_at, strict=True):
            if count == 0 and found:
                self.findings.add(Problem("empty_class", name, "none of its pictures can be used", "", name))
            if count == 1:
                self.findings.add(Problem("single_image_class", name, "1 picture", "", name))
        if len(names) < 2:
            what = f"{'Only 1' if names else 'No'} class has usable pictures; two are needed."
            raise self.nothing_usable(what)
        numbers = np.array([names.index(name) if name in names else -1 for name in listing.names], np.int32)
        labels = np.where(facts["usable"], numbers[listing.labels], -1)
        return Classes(names, labels, labels >= 0)

    def nothing_usable(self, what: str) -> UserError:
        if self.source.format == "image_folder":
            self.advice = folders_wanted(self.path)
        elif self.source.format == "image_csv":
            folder = self.path if self.path.is_dir() else self.path.parent
            self.advice = (
                "The table was read as `image_csv` (data.format): "
                f"its paths are relative to the table's folder, {folder}."
            )
        return super().nothing_usable(what)

    def said(self, facts: NDArray[np.void], labels: NDArray[np.int32]) -> NDArray[np.int32]:
        return labels

    def problem(self, kind: str, row: Row, detail: str, listing: Listing) -> Problem:
        return Problem(kind, row.key, detail, SPLITS[row.split] if row.split >= 0 else "", listing.names[row.label])


OF_TABLES = ("path_column", "label_column", "split_column", "image_folder", "image_ending")


def refuse_idle_settings(config: ImageDataConfig, format_name: str, path: Path) -> None:
    """Stop where a setting of tables is given for folders, or one of folders for tables: it would have no effect.

    Raises:
        UserError: as said.
    """
    idle = [key for key in OF_TABLES if getattr(config, key) is not None and format_name != "image_csv"]
    idle += ["split_folders"] if config.split_folders != "auto" and format_name != "image_folder" else []
    if idle:
        read_as = {"image_csv": "a table", "image_folder": "folders"}.get(format_name, format_name)
        what = f"`data.{idle[0]}` finds nothing to act on: the data are read as {read_as}."
        wanted = "image_folder" if idle[0] == "split_folders" else "image_csv"
        table = "" if wanted == "image_folder" else " Or give the table itself as `data.path`."
        raise UserError(what, str(path), f"Leave it out, or set `data.format={wanted}`.{table}")


def report_combined(names: list[str], findings: Findings) -> None:
    """Tell of classes whose names are made of other classes' names and shared words, as tags of pictures are."""
    known = set(names)
    cut = {name: [part for part in re.split(r"[\s|,;&+]+", name) if part] for name in names}
    common = {part for part, count in Counter(part for parts in cut.values() for part in {*parts}).items() if count > 1}
    for name, parts in cut.items():
        if len(parts) > 1 and not known.isdisjoint(parts) and (known | common).issuperset(parts):
            findings.add(Problem("combined_classes", name, ", ".join(f"`{part}`" for part in parts), "", name))


def in_order(names: list[str], class_names: tuple[str, ...] | None = None) -> list[str]:
    """Sort class names: as `data.class_names` has them, else numbers by value, else by letters."""
    if class_names and set(names) <= set(class_names):
        return [name for name in class_names if name in names]
    return sorted(names, key=int) if all(name.isascii() and name.isdigit() for name in names) else sorted(names)


def folders_wanted(path: Path) -> str:
    """Say how folders of images must lie."""
    ways = ["One folder for each class is needed: photos/cats/1.jpg, photos/dogs/2.jpg."]
    if tables := sorted(path.glob("*.csv")) if path.is_dir() else []:
        ways.append(f"If {tables[0].name} names the classes: `data.path={tables[0]}`.")
    if pattern := propose_pattern(Tree(list_tree(path)).names):
        ways.append(f"The names of the pictures seem to begin with their classes: `data.label_pattern='{pattern}'`.")
    return " ".join(ways)


def write_shards(found: Survey, config: ImageDataConfig, beam: BeamConfig, target: Path, progress: Progress) -> None:
    """Write `<split>-<number>-of-<count>.tfrecord` files.

    The records of a split are in an order that mixes the classes.
    """
    work = WriteShards(found.listing.folder, found.source, target, found.names, found.bits or FULL)
    write_planned(found, work, config.seed, config.examples_per_shard, beam, target, progress)


def write_planned(
    found: Survey,
    work: apache_beam.DoFn,
    seed: int,
    per_shard: int,
    beam: BeamConfig,
    target: Path,
    progress: Progress,
) -> None:
    """Let workers write the shards that the splits of a survey make.

    Args:
        work: takes a `Shard` and writes it, as the plan in the listing's folder says.
        seed: decides the order of the records.
        per_shard: the most records that a file holds.
    """
    parts = plan_records(found, seed)
    np.save(found.listing.folder / PLAN, np.concatenate(list(parts.values())))
    shards = plan_shards({name: len(part) for name, part in parts.items()}, per_shard)
    write_all(shards, work, beam, target, "writing records", progress)


def plan_records(found: Survey, seed: int) -> dict[str, NDArray[np.void]]:
    """Return row and class of each record of each split in the order of writing."""
    parts: dict[str, NDArray[np.void]] = {}
    scrambled = split.mix(found.facts["hash"][:, 0], seed + 1)
    for number, name in enumerate(SPLITS):
        rows = np.flatnonzero(found.splits == number)
        rows = rows[np.lexsort((rows, scrambled[rows]))]
        parts[name] = np.zeros(len(rows), [("row", "<i8"), ("label", "<i4")])
        parts[name]["row"], parts[name]["label"] = rows, found.labels[rows]
    return parts
