"""The rows of a table as columns on disk, one series after the other, so that any part can be read without the rest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.file_tree import printable
from data.series.tables.chunks import Chunk
from data.series.tables.columns import Layout
from data.series.times.forms import TimeForm
from data.series.times.parsing import show_time
from data.series.times.patterns import INDEX
from data.series.times.zones import offset_at
from pipeline.progress import Progress

LINE_BITS = 40  # a row's place is one number: the file's number and, below it, the line
BLOCK = 1 << 16  # rows moved at once


@dataclass
class Staged:
    """Rows on disk.

    Attributes:
        folder: where they are.
        ids: names of the series, in the order of appearance.
        offsets: where each series' rows begin, and the number of all rows.
        files: names of the raw files.
        columns: names of the value columns, then of the covariates.
        types: for each column (times, values, covariates, places) its type and numbers in a row.
        form: how the times are written; None without times.
    """

    folder: Path
    files: list[str]
    columns: list[str]
    ids: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    types: dict[str, tuple[str, int]] = field(default_factory=dict)
    form: TimeForm | None = None

    @property
    def times(self) -> bool:
        return "times" in self.types

    @property
    def dated(self) -> bool:
        """Whether there are times, and not only numbers that count the rows."""
        return self.times and (self.form is None or self.form.name != INDEX)

    def show(self, seconds: int) -> str:
        """Write a time for people to read, as the clocks of its zone show it."""
        return shown(seconds, self.form)

    def write_times(self, number: int, times: NDArray[np.int64]) -> None:
        """Put other times in the place of those of a series."""
        kind, _ = self.types["times"]
        rows = np.memmap(self.folder / "times", kind, "r+", shape=(self.offsets[-1],))
        rows[self.offsets[number] : self.offsets[number + 1]] = times
        rows.flush()

    def read(self, column: str, start: int, stop: int) -> NDArray[Any]:
        """Return some rows of a column: int64 [n] for times and places, float64 [n, columns] for the others."""
        kind, width = self.types[column]
        count, size = (stop - start) * width, 8 * width
        values = np.fromfile(self.folder / column, kind, count, offset=start * size) if count else np.zeros(0, kind)
        return values if column in ("times", "places") else values.reshape(stop - start, width)

    def place(self, row: int) -> tuple[str, int]:
        """Return the file and the line of a row."""
        place = int(self.read("places", row, row + 1)[0])
        return self.files[place >> LINE_BITS], place & ((1 << LINE_BITS) - 1)


def shown(seconds: int, form: TimeForm | None) -> str:
    """Write a time for people to read, as the clocks of its form's zone show it; a number that counts rows as it is."""
    if form is not None and form.name == INDEX:
        return str(seconds)
    shift = offset_at(seconds, form.zone) if form is not None and form.zone and not form.wall else 0
    return show_time(seconds + shift)


def stage(chunks: Iterable[Chunk], layout: Layout, folder: Path, progress: Progress) -> Staged:
    """Write rows to `folder`, which is emptied first, and bring the rows of each series together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    staged = Staged(
        folder, [table.path.name for table in layout.tables], layout.chosen(layout.values + layout.covariates)
    )
    staged.form = layout.form
    staged.types = {"places": ("<i8", 1), "values": ("<f8", len(layout.values))}
    staged.types |= {"times": ("<i8", 1)} if layout.form else {}
    staged.types |= {"covariates": ("<f8", len(layout.covariates))} if layout.covariates else {}
    stems = series_names(staged.files)
    codes: dict[str, int] = {}
    counts = np.zeros(0, np.int64)
    together, last = True, -1
    with ExitStack() as opened, progress.job("reading rows") as job:
        files = {name: opened.enter_context((folder / name).open("wb")) for name in (*staged.types, "codes")}
        for chunk in chunks:
            if chunk.series is None:
                code = np.full(len(chunk.lines), codes.setdefault(stems[chunk.file], len(codes)), np.int32)
            else:
                code = number_series(chunk.series, codes)
            counts = np.bincount(code, minlength=max(len(codes), len(counts))) + np.pad(
                counts, (0, max(0, len(codes) - len(counts)))
            )
            together = together and bool(len(code) == 0 or (code[0] >= last and (np.diff(code) >= 0).all()))
            last = int(code[-1]) if len(code) else last
            written = {"places": chunk.lines | (chunk.file << LINE_BITS), "times": chunk.times, "values": chunk.values}
            for name, values in {**written, "covariates": chunk.covariates, "codes": code}.items():
                if name in files and values is not None:
                    values.tofile(files[name])
            job(len(chunk.lines))
    staged.ids = list(codes)
    staged.offsets = [0, *np.cumsum(counts).tolist()]
    if not together:
        bring_together(staged)
    return staged


def series_names(files: list[str]) -> list[str]:
    """Return the name of each file's series: without the extension, unless that makes two equal."""
    stems = [printable(re.sub(r"\.(gz|bz2|xz)$", "", name).rsplit(".", 1)[0]) for name in files]
    return [printable(name) if stems.count(stem) > 1 else stem for name, stem in zip(files, stems, strict=True)]


def number_series(names: list[str], codes: dict[str, int]) -> NDArray[np.int32]:
    """Return int32 [n], the number of each row's series in the order of appearance; new ones are added to `codes`."""
    for name in dict.fromkeys(names):
        codes.setdefault(name, len(codes))
    return np.fromiter(map(codes.__getitem__, names), np.int32, len(names))


def bring_together(staged: Staged) -> None:
    """Move the rows so that each series' are side by side, in their order."""
    total = staged.offsets[-1]
    following = np.array(staged.offsets[:-1], np.int64)
    targets: dict[str, Any] = {}
    for name, (kind, width) in staged.types.items():
        targets[name] = np.memmap(staged.folder / f"{name}.sorted", kind, "w+", shape=(total, width))
    for start in range(0, total, BLOCK):
        stop = min(start + BLOCK, total)
        code = np.fromfile(staged.folder / "codes", np.int32, stop - start, offset=start * 4)
        order = np.argsort(code, kind="stable")
        numbers, first, counts = np.unique(code[order], return_index=True, return_counts=True)
        rank = np.arange(len(code)) - np.repeat(first, counts)
        place = np.empty(len(code), np.int64)
        place[order] = np.repeat(following[numbers], counts) + rank
        following[numbers] += counts
        for name, target in targets.items():
            target[place] = staged.read(name, start, stop).reshape(len(code), -1)
    for name, target in targets.items():
        target.flush()
        (staged.folder / f"{name}.sorted").replace(staged.folder / name)
