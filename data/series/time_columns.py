"""Which columns of a table make up the time, and how it is written there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from data.series.cells import Table
from data.series.config import NO_TIME, SeriesDataConfig
from data.series.findings import list_names
from data.series.numbers import MOSTLY, numeric
from data.series.tables import read_cells
from data.series.time_forms import SWAPPED, UNIX, TimeForm, known_form, unix_length
from data.series.times import UNREADABLE, find_form, parse_times
from pipeline.errors import UserError, did_you_mean

PARTS = ("year", "month", "day", "hour", "minute", "second")  # columns that make up a time together
SEPARATORS = {"month": "-", "day": "-", "hour": " ", "minute": ":", "second": ":"}
TIME_WORDS = {
    "date", "time", "datetime", "timestamp", "ds", "day", "month", "year", "quarter", "week", "unix", "epoch", "period",
    "datum", "zeit",
}  # fmt: skip
DATE_LIKE = re.compile(r"(?<!\d)(1[5-9]|2[01])\d\d(?!\d)|\d{1,2}[./:-]\d{1,2}(?!\d)")  # a year, day and month, clock
DIGIT = re.compile(r"\d")
UNIQUE = 0.9  # share of different cells from which on a column is no name that several rows share
TIMES_SEEN = 200  # cells that decide how times are written


def find_time(
    config: SeriesDataConfig,
    names: list[str],
    columns: list[Sequence[str]],
    missing: frozenset[str],
    taken: set[int],
    table: Table,
) -> tuple[int, ...]:
    """Return the columns that make up the time: the one the recipe names, else one that looks so.

    None without times.
    """
    if config.time_column == NO_TIME:
        return ()
    if config.time_column != "auto":
        wanted = [config.time_column] if config.time_column in names else config.time_column.split("+")
        return tuple(find_column(name.strip(), "data.time_column", names, table) for name in wanted)
    free = [column for column in range(len(names)) if column not in taken]
    written = [
        column for column in free if (config.time_format and written_as(config.time_format, columns[column], missing))
    ] or [
        column
        for column in free
        if not numeric(columns[column], missing) and looks_like_times(columns[column], missing, numbers=False)
    ]
    if len(written) > 1:
        written = [column for column in written if named_like_time(names[column])] or written
    if len(written) > 1:
        raise UserError(
            f"Several columns hold times: {list_names(names[column] for column in written)}.",
            str(table.path),
            "Name one with `data.time_column`.",
        )
    if written:
        return tuple(written)
    lower = [name.lower() for name in names]
    if {"year", "month"} <= {lower[column] for column in free}:
        return tuple(lower.index(part) for part in PARTS if part in lower and lower.index(part) not in taken)
    named = [column for column in free if named_like_time(names[column])]
    for column in named:
        if looks_like_times(columns[column], missing, numbers=True):
            return (column,)
        if not numeric(columns[column], missing):
            raise unknown_times(names[column], columns[column], table)
    stop_on_lost_times(config, names, columns, free, missing, table)
    return ()


def stop_on_lost_times(
    config: SeriesDataConfig,
    names: list[str],
    columns: list[Sequence[str]],
    free: Sequence[int],
    missing: frozenset[str],
    table: Table,
) -> None:
    """Refuse a table whose rows would be taken as they stand although a text in it may say when they were.

    Raises:
        UserError: there is such a column, or none is written as the recipe says that times are.
    """
    for column in free:
        if not numeric(columns[column], missing) and may_be_time(columns[column], missing, column == 0):
            raise unknown_times(names[column], columns[column], table)
    if config.time_format:
        raise UserError(
            f"No column is written as `{config.time_format}`.",
            str(table.path),
            f"Name the column of the times with `data.time_column` ({list_names(names[column] for column in free)}), "
            "or correct `data.time_format`.",
        )


def may_be_time(cells: Sequence[str], missing: frozenset[str], first: bool) -> bool:
    """Tell whether texts have the look of times: of dates, or of numbered steps that no two rows share."""
    seen = [cell for cell in cells if cell.casefold() not in missing]
    if mostly(DATE_LIKE, seen):
        return True
    alone = len(set(seen)) > UNIQUE * len(seen)
    return alone and (first or in_order(seen)) and mostly(DIGIT, seen)


def mostly(pattern: re.Pattern[str], cells: Sequence[str]) -> bool:
    return bool(cells) and sum(bool(pattern.search(cell)) for cell in cells) >= MOSTLY * len(cells)


def in_order(cells: Sequence[str]) -> bool:
    """Tell whether texts are sorted, numbers in them by their size."""
    keys = [[(not part.isdecimal(), part.zfill(20)) for part in re.split(r"(\d+)", cell)] for cell in cells]
    return keys in (sorted(keys), sorted(keys, reverse=True))


def looks_like_times(cells: Sequence[str], missing: frozenset[str], numbers: bool) -> bool:
    seen = [cell for cell in cells if cell.casefold() not in missing][:TIMES_SEEN]
    return bool(seen) and find_form(seen, numbers) is not None


def written_as(form: str, cells: Sequence[str], missing: frozenset[str]) -> bool:
    """Tell whether most cells are times in the form that the recipe gives."""
    seen = [cell for cell in cells if cell.casefold() not in missing][:TIMES_SEEN]
    if form in UNIX:  # any whole number is one, but not of so many digits
        return bool(seen) and all(unix_length(form, cell) for cell in seen)
    return bool(seen) and bool((parse_times(seen, known_form(form)) != UNREADABLE).mean() >= MOSTLY)


def named_like_time(name: str) -> bool:
    return bool(TIME_WORDS & set(re.findall("[a-z]+", name.lower())))


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
    if config.time_format:
        return known_form(config.time_format)
    joined = join_parts([names[column] for column in time], [columns[column] for column in time])
    cells = [cell for cell in joined if cell.strip().casefold() not in missing][:TIMES_SEEN]
    found = find_form(cells, numbers=True) if cells else None
    label = "+".join(names[column] for column in time)
    if found is None:
        raise unknown_times(label, cells, tables[0])
    form = found[0].held_to(cells)
    if form.name not in SWAPPED:
        return form
    other = replace(form, name=SWAPPED[form.name], pattern=known_form(SWAPPED[form.name]).pattern)
    for cells in read_times(tables, headers, names, time):
        one, two = (parse_times(cells, item) != UNREADABLE for item in (form, other))
        if (one != two).any():
            return form if (one & ~two).sum() >= (two & ~one).sum() else other
    raise UserError(
        f"The times in column `{label}`, such as `{cells[0]}`, could begin with the day or with the month.",
        str(tables[0].path),
        f"Set `data.time_format={form.name}` if the day comes first, `data.time_format={other.name}` if the month "
        "does.",
    )


def unknown_times(label: str, cells: Sequence[str], table: Table) -> UserError:
    example = next((cell for cell in cells if cell), "")
    return UserError(
        f"The times in column `{label}`, such as `{example}`, are in no known form.",
        str(table.path),
        "Say how they are written with `data.time_format`, for example %d/%m/%Y, and name the column with "
        "`data.time_column`; `data.time_column=none` does without times.",
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
    lower = [name.lower() for name in names]
    if not set(lower) <= set(PARTS):
        return [" ".join(cells) for cells in zip(*columns, strict=True)]
    order = sorted(range(len(lower)), key=lambda number: PARTS.index(lower[number]))
    parts: list[Sequence[str]] = []
    for number in order:
        two_digits = lower[number] in ("minute", "second")
        parts.append([cell.zfill(2) for cell in columns[number]] if two_digits else columns[number])
    pattern = "".join(SEPARATORS.get(lower[number], "") + "{}" for number in order)
    if lower[order[-1]] == "hour":
        pattern += ":00"
    return [pattern.format(*cells) for cells in zip(*parts, strict=True)]


def find_column(name: str, key: str, names: Sequence[str], table: Table) -> int:
    """Return the number of a column.

    Raises:
        UserError: there is none of that name, or several.
    """
    if name not in names:
        raise UserError(f"There is no column `{name}`.", str(table.path), f"{did_you_mean(name, names)} Set `{key}`.")
    if list(names).count(name) > 1:
        raise UserError(f"Several columns are called `{name}`.", str(table.path), "Give each column a name of its own.")
    return list(names).index(name)
