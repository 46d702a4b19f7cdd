"""From raw images to shards: list them, look at each once, decide the splits, write whole shards of records.

The two passes over the images are Beam pipelines over small pieces of work (ranges of rows) whose results are files in a shared
folder; no image travels between Beam's stages, so memory stays flat. What a piece writes depends on the piece alone: the result
is the same whatever the number of workers.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import formats, split
from data.beam import BeamConfig, do_all, quieten
from data.duplicates import drop_duplicates
from data.findings import Findings, nothing_usable
from data.images.listing import Listing, ListingReader, write_listing
from data.sample import SPLITS, Problem
from data.shards import plan_shards, write_all
from data.watching import watch
from pipeline.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from data.images.config import ImageDataConfig
    from data.images.workers import Source

PIECE = 512  # images looked at in one piece of work


@dataclass
class Survey:
    """What is known of the data before anything is written.

    Attributes:
        format: name of the data's format.
        listing: all images that were found.
        facts: what a look at each of them showed (`picture_workers.FACTS`).
        names: the classes, in the order of their numbers.
        labels: int32 [n] class number of each image, -1 where its class is not used.
        splits: int8 [n] split of each image, -1 where it is left out.
        findings: everything that is wrong with the data.
        refused: files that no one looked into, since their names or the list of files tell that they are no good.
    """

    format: str
    source: Source
    listing: Listing
    facts: np.ndarray
    names: list[str]
    labels: np.ndarray
    splits: np.ndarray
    findings: Findings
    refused: int = 0

    @property
    def files(self) -> int:
        """Files that were found, with those that listing alone refused."""
        return len(self.facts) + self.refused


def survey(path: Path, config: ImageDataConfig, beam: BeamConfig, folder: Path, progress: Progress) -> Survey:
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
    name = formats.detect(path) if config.format == "auto" else config.format
    module = formats.find(name)
    source, findings = Source(name, str(path), config.max_pixels), Findings()
    advice = {
        "image_folder": folders_wanted(path),
        "image_csv": f"The table was read as `image_csv` (data.format): its paths are relative to the table's folder, {path.parent}.",
    }.get(name, "")
    progress.say(f"listing pictures in {path} ({name})")
    listing = write_listing(module.list_samples(path, config), config, folder, findings)
    if not len(listing.labels):
        raise nothing_usable("There are no pictures.", path, name, findings, advice)
    refused = findings.errors(but=("unreadable_directory",))
    facts = look_at_images(listing, source, beam, progress, findings)
    save_array(folder / ALL_FACTS, facts)
    names, labels = number_classes(listing, facts, config, findings)
    if len(names) < 2:
        raise nothing_usable(
            f"{'Only 1' if names else 'No'} class has usable pictures; two are needed.",
            path,
            name,
            findings,
            advice,
        )
    splits = choose_splits(listing, facts, labels, config, findings)
    if not (splits == split.TRAIN).any():
        raise nothing_usable("No picture is left to train on.", path, name, findings, advice)
    return Survey(name, source, listing, facts, names, labels, splits, findings, refused)


def look_at_images(
    listing: Listing, source: Source, beam: BeamConfig, progress: Progress, findings: Findings
) -> np.ndarray:
    """Decode every image once; return FACTS [n] in the order of the listing and count what is wrong."""
    from data.images.workers import LookAtImages

    facts, pieces = look_in_pieces(listing, LookAtImages(listing.folder, source), PIECE, beam, progress)
    count_problems(listing, [listing.folder / f"{number:07d}.problems.json" for number in range(pieces)], findings)
    return facts


def look_in_pieces(
    listing: Listing, work: Any, piece: int, beam: BeamConfig, progress: Progress
) -> tuple[np.ndarray, int]:
    """Let workers look at all images, so many in a piece of work.

    Args:
        work: a DoFn that takes (number, first row, row after the last) and leaves `<number>.facts.npy` in the listing's folder.

    Returns:
        The facts in the order of the listing, and the number of pieces.
    """
    import numpy as np

    total = len(listing.labels)
    pieces = [(number, start, min(start + piece, total)) for number, start in enumerate(range(0, total, piece))]
    sizes = {f"{number:07d}.facts.npy": stop - start for number, start, stop in pieces}
    with watch(listing.folder, sizes, "looking at pictures", progress):
        do_all(pieces, work, beam)
    facts = np.concatenate([np.load(listing.folder / name) for name in sizes])
    for name in sizes:
        (listing.folder / name).unlink()
    return facts, len(pieces)


def count_problems(listing: Listing, files: list[Path], findings: Findings) -> None:
    """Add what the workers found wrong, in the order of the listing."""
    reader = ListingReader(listing.folder)
    for file in files:
        if file.exists():
            for kind, detail, row_number in json.loads(file.read_text("utf-8")):
                row = reader[row_number]
                if kind == "corrupt_file" and "." not in row.key.rpartition("/")[2]:
                    kind = "unknown_file"  # nothing promised that it is an image
                findings.add(describe(kind, row, listing, detail))
            file.unlink()
    reader.close()


def describe(kind: str, row: Any, listing: Listing, detail: str) -> Problem:
    return Problem(kind, row.key, detail, SPLITS[row.split] if row.split >= 0 else "", listing.names[row.label])


def number_classes(
    listing: Listing, facts: np.ndarray, config: ImageDataConfig, findings: Findings
) -> tuple[list[str], np.ndarray]:
    """Number the classes that have usable images: as the recipe lists them, else sorted (numbers by value).

    Returns:
        Their names, and the number of each image's class, -1 for images that cannot be used.
    """
    import numpy as np

    counts = np.bincount(listing.labels[facts["usable"]], minlength=len(listing.names))
    looked_at = np.bincount(listing.labels, minlength=len(listing.names))
    used = [name for name, count in zip(listing.names, counts, strict=True) if count]
    names = [name for name in config.classes if name in used] if config.classes else in_order(used, config)
    for name, count, found in zip(listing.names, counts, looked_at, strict=True):
        if count == 0 and found:
            findings.add(Problem("empty_class", name, "none of its pictures can be used", "", name))
        if count == 1:
            findings.add(Problem("single_image_class", name, "1 picture", "", name))
    numbers = np.array([names.index(name) if name in names else -1 for name in listing.names], np.int32)
    return names, np.where(facts["usable"], numbers[listing.labels], -1)


def in_order(names: list[str], config: ImageDataConfig) -> list[str]:
    """Sort class names: as `data.class_names` has them, else numbers by value, else by letters."""
    if config.class_names and set(names) <= set(config.class_names):
        return [name for name in config.class_names if name in names]
    return sorted(names, key=int) if all(name.isascii() and name.isdigit() for name in names) else sorted(names)


def choose_splits(
    listing: Listing, facts: np.ndarray, labels: np.ndarray, config: ImageDataConfig, findings: Findings
) -> np.ndarray:
    """Return the split of every image: the given one, or by class in the recipe's shares; -1 if it is left out."""
    import numpy as np

    usable = labels >= 0
    contents = split.contents_of(facts["hash"])
    splits = np.where(usable, listing.splits, split.GIVEN_NONE)
    report_duplicates(listing, contents, labels, splits, usable, findings)
    return split.split_pool(splits, usable, contents, listing.groups, labels, config)


def report_duplicates(
    listing: Listing,
    contents: np.ndarray,
    labels: np.ndarray,
    splits: np.ndarray,
    usable: np.ndarray,
    findings: Findings,
) -> None:
    """Drop and report equal pictures."""
    reader = ListingReader(listing.folder)

    def tell(kind: str, row: int, kept: int) -> None:
        findings.add(describe(kind, reader[row], listing, f"same bytes as {reader[kept].key}"))

    drop_duplicates(contents, labels, "conflicting_labels", splits, usable, tell)
    reader.close()


def write_shards(found: Survey, config: ImageDataConfig, beam: BeamConfig, target: Path, progress: Progress) -> None:
    """Write `<split>-<number>-of-<count>.tfrecord` files; the records of a split are in an order that mixes the classes."""
    from data.images.workers import WriteShards

    work = WriteShards(found.listing.folder, found.source, target, found.names)
    write_planned(found, work, config, beam, target, progress)


def write_planned(found: Any, work: Any, config: Any, beam: BeamConfig, target: Path, progress: Progress) -> None:
    """Let workers write the shards that the splits of a survey make.

    Args:
        work: a DoFn that takes a `Shard` and writes it, as the plan in the listing's folder says.
    """
    import numpy as np

    from data.images.workers import PLAN

    parts = plan_records(found, config)
    save_array(found.listing.folder / PLAN, np.concatenate(list(parts.values())))
    shards = plan_shards({name: len(part) for name, part in parts.items()}, config.examples_per_shard)
    write_all(shards, work, beam, target, "writing records", progress)


def plan_records(found: Any, config: Any) -> dict[str, np.ndarray]:
    """Return row and class of each record of each split in the order of writing."""
    import numpy as np

    parts: dict[str, np.ndarray] = {}
    scrambled = split.mix(found.facts["hash"][:, 0], config.seed + 1)
    for number, name in enumerate(SPLITS):
        rows = np.flatnonzero(found.splits == number)
        rows = rows[np.lexsort((rows, scrambled[rows]))]
        parts[name] = np.zeros(len(rows), [("row", "<i8"), ("label", "<i4")])
        parts[name]["row"], parts[name]["label"] = rows, found.labels[rows]
    return parts


def count_labels(found: Survey) -> dict[str, list[int]]:
    """Return how many images of each class go into each split."""
    import numpy as np

    return {
        name: np.bincount(found.labels[found.splits == number], minlength=len(found.names)).tolist()
        for number, name in enumerate(SPLITS)
    }


def save_array(path: Path, values: np.ndarray) -> None:
    import numpy as np

    np.save(path, values)


def folders_wanted(path: Path) -> str:
    """Say how folders of images must lie."""
    wanted = "One folder for each class is needed: photos/cats/1.jpg, photos/dogs/2.jpg."
    tables = sorted(path.glob("*.csv")) if path.is_dir() else []
    return f"{wanted} If {tables[0].name} names the classes: `data.path={tables[0]}`." if tables else wanted
