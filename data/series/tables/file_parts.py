"""Files of a folder: a series each, or parts of one series that follow each other, which is asked.

jan.csv  feb.csv  mar.csv      whose times follow each other: `data.files=parts`, or `data.files=series`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from data.series.config import SeriesDataConfig
from data.series.row_order import arrange
from data.series.staging import Staged
from data.series.tables.columns import Layout
from data.series.times.form_choice import find_form, only_names
from pipeline.errors import UserError

YEAR = re.compile(r"(19|20)\d\d")
NAMED = 3  # files that a question names


def settle_files(staged: Staged, layout: Layout, config: SeriesDataConfig, path: Path) -> None:
    """Join the rows of files that are parts of one series, the oldest file first; ask where they may be.

    Raises:
        UserError: it cannot be told whether they are, or they have no times that say their order.
    """
    if len(layout.tables) < 2 or layout.series:
        if config.files != "auto" and not config.of_model:
            what = "A column says the series" if layout.series else "There is one file"
            raise UserError(f"{what}, so that files are neither.", "data.files", "Remove `data.files`.")
        return
    if config.files == "series" or (config.of_model and config.files == "auto"):
        return
    ends = [ends_of(staged, number) for number in range(len(staged.ids))] if staged.dated else []
    if config.files == "parts":
        if not ends:
            raise UserError(
                "The rows have no times, so that nothing says in which order the files follow each other.",
                str(path),
                "Add a column with the times, or put the rows into one file, the oldest first.",
            )
        join(staged, ends, path)
        return
    ask(staged, ends, path)


def ends_of(staged: Staged, number: int) -> tuple[int, int]:
    """Return the earliest and the latest time of a file."""
    times = staged.read("times", staged.offsets[number], staged.offsets[number + 1])
    return (int(times.min()), int(times.max())) if len(times) else (0, 0)


def ask(staged: Staged, ends: Sequence[tuple[int, int]], path: Path) -> None:
    """Ask what files are whose times, or whose names in place of times, follow each other.

    Raises:
        UserError: they do.
    """
    order = sorted(range(len(ends)), key=lambda number: ends[number])
    pairs = list(pairwise(order))
    if pairs and all(ends[one][1] < ends[two][0] for one, two in pairs):
        one, two = pairs[0]
        raise UserError(
            f"The times of these files follow each other: those of `{staged.ids[one]}` end with "
            f"{staged.show(ends[one][1])}, those of `{staged.ids[two]}` begin with {staged.show(ends[two][0])}.",
            str(path),
            "Set `data.files=parts` if they are parts of one series, or `data.files=series` if each is a series of its "
            "own.",
        )
    if not staged.times and len(staged.ids) > 1 and named_by_times(staged.ids):
        named = ", ".join(f"`{name}`" for name in staged.ids[:NAMED])
        raise UserError(
            f"There are no times, and the names of the files may say when their rows are from: {named}.",
            str(path),
            "If they are parts of one series, put their rows into one file, the oldest first, or give them a column "
            "with the times. If each is a series of its own: `data.files=series`.",
        )


def named_by_times(names: Sequence[str]) -> bool:
    """Tell whether files are called by months, years or other times."""
    words = [name.replace("_", " ") for name in names]
    return (
        only_names(words)
        or all(map(YEAR.fullmatch, words))
        or find_form(words, numbers=False, languages=True) is not None
    )


def join(staged: Staged, ends: Sequence[tuple[int, int]], path: Path) -> None:
    """Make one series of all rows, the files in the order of their times."""
    first = staged.read("times", 0, staged.offsets[1])
    newest_first = len(first) > 1 and first[0] > first[-1]
    order = sorted(range(len(ends)), key=lambda number: ends[number], reverse=bool(newest_first))
    if order != list(range(len(order))):
        rows = np.concatenate([np.arange(staged.offsets[number], staged.offsets[number + 1]) for number in order])
        for column in staged.types:
            arrange(staged, column, 0, rows)
    staged.ids, staged.offsets = [path.name], [0, staged.offsets[-1]]
