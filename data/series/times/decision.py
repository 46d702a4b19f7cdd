"""How the times of a column are written, decided over all of it: where two ways fit, it is asked and not guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.series.config import SeriesDataConfig
from data.series.findings import FIXES
from data.series.grid import regularity
from data.series.tables.cells import Table
from data.series.tables.formats import read_cells
from data.series.times.columns import PARTS, SEPARATORS, TIMES_SEEN, part_of
from data.series.times.form_choice import Reading, find_readings, in_language, is_index
from data.series.times.forms import TimeForm, known_form
from data.series.times.parsing import UNREADABLE, parse_times, show_time
from data.series.times.patterns import FISCAL, INDEX, SWAPPED
from data.series.times.questions import are_weeks, stop_on_doubt, unknown_times
from pipeline.errors import UserError

EVEN, LESS_EVEN = 0.999, 0.97  # shares of equal steps of the one reading and of all others, by which it is told
DAY, NIGHTS = 86_400, 3  # seconds, and days over which even steps prove which number is the day
Blocks = Callable[[], Iterator[list[str]]]  # yields the cells of the time column, a block at a time


def find_time_form(
    config: SeriesDataConfig,
    names: list[str],
    columns: list[Sequence[str]],
    time: tuple[int, ...],
    missing: frozenset[str],
    tables: tuple[Table, ...],
    headers: tuple[int, ...],
) -> TimeForm | None:
    """Return how the times are written; days before months or after them is decided over the whole column.

    Raises:
        UserError: it cannot be told.
    """
    if not time:
        return None
    joined = join_parts([names[column] for column in time], [columns[column] for column in time])
    cells = [cell for cell in joined if cell.strip().casefold() not in missing][:TIMES_SEEN]
    label = "+".join(names[column] for column in time)
    zone = config.time_zone or ""
    fractions: Literal["", "floor", "round"] = "floor" if config.resample else "round" if config.snap else ""
    if config.time_format:
        form = in_language(known_form(config.time_format), cells, config.time_language or "")
        return replace(form, zone=zone, fractions=fractions).held_to(cells)

    def blocks() -> Iterator[list[str]]:
        return read_times(tables, headers, names, time)

    language = config.time_language or ""
    readings = [
        Reading(replace(item.form, zone=zone), item.share, item.times)
        for item in find_readings(cells, numbers=True, languages=True, zone=zone, language=language)
    ]
    if not readings and cells and not are_weeks(label, cells) and is_index(cells, strictly=False):
        return known_form(INDEX).held_to(cells)
    if not readings:
        raise unknown_times(label, cells, tables[0])
    form = choose(readings, cells, blocks, label, tables[0])
    stop_on_doubt(form, cells, label, tables[0])
    return replace(form, fractions=fractions).held_to(cells)


def choose(readings: Sequence[Reading], cells: list[str], blocks: Blocks, label: str, table: Table) -> TimeForm:
    """Return the one reading that the whole column allows.

    Raises:
        UserError: several do, and say different things.
    """
    if len(readings) == 1:
        return readings[0].form
    left, differ = list(readings), False
    for block in blocks():
        times = [parse_times(block, item.form) for item in left]
        read = [int((item != UNREADABLE).sum()) for item in times]
        kept = [number for number, count in enumerate(read) if count == max(read)]
        differ = len(kept) > 1 and (differ or any((times[number] != times[kept[0]]).any() for number in kept))
        left = [left[number] for number in kept]
        if len(left) == 1:
            return left[0].form
    if not differ:
        return left[0].form
    names = {item.form.name for item in left}
    swapped = any(SWAPPED.get(name) in names for name in names)
    even = sorted(left, key=lambda item: -regularity(item.times))
    shares = [regularity(item.times) for item in even]
    if not swapped and FISCAL not in names and shares[0] >= EVEN and shares[1] <= LESS_EVEN:
        return even[0].form
    if swapped and shares[0] == 1 > shares[1] and goes_on_overnight(even[0].times):
        return even[0].form
    if any(SWAPPED.get(name) in names for name in names) and all(item.share < 1 for item in left):
        raise UserError(
            f"Some dates in column `{label}` have the day first and others the month.",
            str(table.path),
            FIXES["mixed_dates"],
        )
    raise ambiguous([item.form for item in left], label, cells[0], table)


def goes_on_overnight(times: NDArray[np.int64]) -> bool:
    """Tell whether steps below a day go on over several midnights: with days for months they would jump there."""
    known = np.unique(times[times != UNREADABLE])
    return len(known) > 1 and int(np.diff(known).max()) < DAY and len(np.unique(known // DAY)) >= NIGHTS


def ambiguous(forms: Sequence[TimeForm], label: str, cell: str, table: Table) -> UserError:
    """Return the question which of several ways to read a column is meant."""
    first = forms[0]
    if len({form.language for form in forms}) > 1:
        named = ", ".join(f"`data.time_language={form.language or 'en'}`" for form in forms)
        return UserError(
            f"The names of months in column `{label}`, such as `{cell}`, mean different months in several languages.",
            str(table.path),
            f"Say which language it is: {named}.",
        )
    swapped = SWAPPED.get(first.name)
    if swapped in {form.name for form in forms}:
        day, month = sorted((first.name, swapped), key=lambda name: name.index("%m"), reverse=True)
        return UserError(
            f"The times in column `{label}`, such as `{cell}`, could begin with the day or with the month.",
            str(table.path),
            f"Set `data.time_format={day}` if the day comes first, `data.time_format={month}` if the month does.",
        )
    said = ", ".join(
        f"`data.time_format={form.name}` ({show_time(int(parse_times([cell], form)[0]))})" for form in forms
    )
    return UserError(
        f"The times in column `{label}`, such as `{cell}`, can be read in several ways.",
        str(table.path),
        f"Set the one that is meant: {said}.",
    )


def read_times(
    tables: tuple[Table, ...], headers: tuple[int, ...], names: list[str], time: tuple[int, ...]
) -> Iterator[list[str]]:
    """Yield the cells of the time column, a block at a time."""
    for table, header in zip(tables, headers, strict=True):
        for block in read_cells(table, time, (), (), lambda line, detail: None, header):
            yield join_parts([names[column] for column in time], [block.texts(column) for column in time])


def join_parts(names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Put times together from several columns: year, month, day ... by their names, others with a blank between."""
    if len(columns) == 1:
        return list(columns[0])
    parts_named = [part_of(name) for name in names]
    if not set(parts_named) <= set(PARTS):
        return [" ".join(cells) for cells in zip(*columns, strict=True)]
    order = sorted(range(len(parts_named)), key=lambda number: PARTS.index(parts_named[number]))
    parts: list[Sequence[str]] = []
    for number in order:
        two_digits = parts_named[number] in ("minute", "second", "week")
        bare = [without_point(cell) for cell in columns[number]]
        parts.append([cell.zfill(2) for cell in bare] if two_digits else bare)
    pattern = "".join(SEPARATORS.get(parts_named[number], "") + "{}" for number in order)
    if parts_named[order[-1]] == "hour":
        pattern += ":00"
    return [pattern.format(*cells) for cells in zip(*parts, strict=True)]


def without_point(cell: str) -> str:
    """Return 2019.0 as 2019, and Q1 as 1; other cells as they are."""
    match = re.fullmatch(r"[QqWw]?(\d+)(?:\.0+)?", cell.strip())
    return match[1] if match else cell
