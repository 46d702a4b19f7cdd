"""Which columns of a table make up the time, and how it is written there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.series.config import NO_TIME, SeriesDataConfig
from data.series.findings import list_names
from data.series.grid import regularity
from data.series.tables.cells import Table
from data.series.tables.numbers import MOSTLY, numeric
from data.series.times.form_choice import find_form, in_language, is_index, only_names
from data.series.times.forms import known_form, unix_length
from data.series.times.parsing import UNREADABLE, parse_times, show_time
from data.series.times.patterns import INDEX, UNIX
from data.series.times.questions import natural, unknown_times
from data.series.times.text import plain
from pipeline.errors import UserError, did_you_mean

PARTS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")  # columns that make up a time together
SEPARATORS = {"quarter": "-Q", "month": "-", "week": "-W", "day": "-", "hour": " ", "minute": ":", "second": ":"}
PART_NAMES = {
    "yr": "year", "jahr": "year", "año": "year", "ano": "year", "anno": "year", "année": "year", "annee": "year",
    "rok": "year", "год": "year", "年": "year", "mo": "month", "mon": "month", "monat": "month", "mes": "month",
    "mês": "month", "mese": "month", "mois": "month", "месяц": "month", "月": "month", "qtr": "quarter",
    "quartal": "quarter", "trimestre": "quarter", "woche": "week", "tag": "day", "dia": "day", "día": "day",
    "giorno": "day", "jour": "day", "日": "day", "dy": "day", "hr": "hour", "stunde": "hour", "hora": "hour",
    "heure": "hour", "ora": "hour", "時": "hour", "min": "minute", "sec": "second",
}  # fmt: skip
TIME_WORDS = {
    "date", "time", "datetime", "timestamp", "ds", "day", "month", "year", "quarter", "week", "unix",
    "epoch", "period", "woche", "kalenderwoche", "semaine", "semana", "settimana", "datum", "zeit", "ts", "dt",
    "fecha", "hora", "mes", "año", "ano", "anno",
    "mese", "giorno", "année", "mois", "jour", "heure", "horodatage", "dato", "tid", "tidspunkt", "dag",
    "päivä", "pvm", "aika", "kuukausi", "jahr", "monat", "tag", "quartal", "zeitpunkt", "zeitstempel",
    "uhrzeit", "tarih", "дата", "время", "год", "месяц", "час", "rok", "měsíc", "miesiąc", "czas",
    "kuupäev", "ngày", "日期", "日付", "日時", "時間", "时间", "年月", "年月日", "年", "月", "날짜", "일자", "시간",
    "연월", "날짜시간", "التاريخ", "תאריך", "ημερομηνία", "दिनांक", "तारीख", "วันที่",
}  # fmt: skip
CLOCK_WORDS = {"hour", "hr", "he", "stunde", "hora", "heure", "ora", "uhrzeit", "time", "zeit", "час", "時", "hh"}
INDEX_WORDS = {"t", "step", "timestep", "tick", "index", "idx", "period", "time", "ds", "date", "epoch", "day", "week"}
DATE_LIKE = re.compile(r"(?<!\d)(1[5-9]|2[01])\d\d(?!\d)|\d{1,2}[./:-]\d{1,2}(?!\d)")  # a year, day and month, clock
DIGIT = re.compile(r"\d")
CLOCK_ALONE = re.compile(r"\d{1,2}(:\d{2}){1,2}(?:\.0+)?( ?[AaPp]\.?[Mm]\.?)?")
ZONE_WORDS = {"tz", "zone", "timezone", "offset", "utc", "gmt", "utcoffset", "zeitzone", "fuseau"}
OFFSET_ALONE = re.compile(r"(?:UTC|GMT)?[+-]\d{2}:?\d{2}|Z")
FEWEST = 3  # cells whose order says something
UNIQUE = 0.9  # share of different cells from which on a column is no name that several rows share
TIMES_SEEN = 200  # cells that decide how times are written


class Head(NamedTuple):
    """The first rows of a table.

    Attributes:
        table: the table, or the first of several.
        names: of the columns.
        columns: their cells.
        missing: folded spellings of a missing value.
    """

    table: Table
    names: list[str]
    columns: list[Sequence[str]]
    missing: frozenset[str]

    def known(self, column: int) -> list[str]:
        """Return the cells of a column that are not missing."""
        return [cell for cell in self.columns[column] if cell.strip().casefold() not in self.missing]

    def numeric(self, column: int) -> bool:
        return numeric(self.columns[column], self.missing)


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
    head = Head(table, names, columns, missing)
    free = [column for column in range(len(names)) if column not in taken]
    written = find_written(config, head, free)
    if len(written) > 1:
        raise UserError(
            f"Several columns hold times: {list_names(names[column] for column in written)}.",
            str(table.path),
            f"Name one with `data.time_column`, such as `data.time_column={names[written[0]]}`.",
        )
    if written:
        return with_zone(head, free, with_clock(head, free, written[0]))
    if parts := find_parts(head, free):
        return parts
    named = [column for column in free if named_like_time(names[column])]
    for column in named:
        cells = head.known(column)[:TIMES_SEEN]
        if cells and find_form(cells, numbers=True, languages=True):
            return with_zone(head, free, with_clock(head, free, column))
        if cells and not head.numeric(column) and not all(map(CLOCK_ALONE.fullmatch, cells)):
            raise unknown_times(names[column], cells, table)
    numbers = [column for column in free if head.numeric(column)]
    if not config.value_columns and len(numbers) == 1:  # the values
        numbers = []
    if counting := find_counting(head, numbers):
        return counting
    for column in numbers:
        if named_like_time(names[column]) and in_order(head.known(column)[:TIMES_SEEN], strictly=True):
            raise unknown_times(names[column], head.known(column), table)
    stop_on_lost_times(config, head, free)
    return ()


def find_written(config: SeriesDataConfig, head: Head, free: Sequence[int]) -> list[int]:
    """Return the columns that are written as times; of several, those whose names say so, if any."""
    written = [column for column in free if config.time_format and written_as(config, head.known(column)[:TIMES_SEEN])]
    for languages in (False, True) if not written else ():
        texts = [column for column in free if not head.numeric(column)]
        zone = config.time_zone or ""
        written = written or [
            column
            for column in texts
            if looks_like_times(head.columns[column], head.missing, numbers=False, languages=languages, zone=zone)
        ]
    return [column for column in written if named_like_time(head.names[column])] or written


def looks_like_times(
    cells: Sequence[str], missing: frozenset[str], numbers: bool, languages: bool = False, zone: str = ""
) -> bool:
    seen = [cell for cell in cells if cell.casefold() not in missing][:TIMES_SEEN]
    return bool(seen) and find_form(seen, numbers, languages, zone) is not None


def written_as(config: SeriesDataConfig, seen: Sequence[str]) -> bool:
    """Tell whether most cells are times in the form that the recipe gives."""
    name = config.time_format or ""
    if name in UNIX:  # any whole number is one, but not of so many digits
        return bool(seen) and all(unix_length(name, plain(cell)) for cell in seen)
    if not seen:
        return False
    form = in_language(known_form(name), seen, config.time_language or "")
    return bool((parse_times(seen, replace(form, zone=config.time_zone or "")) != UNREADABLE).mean() >= MOSTLY)


def named_like_time(name: str) -> bool:
    return bool(TIME_WORDS & words_of(name))


def words_of(name: str) -> set[str]:
    """Return the words of a column's name in small letters: those of `orderDate` are `order` and `date`."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return set(re.findall(r"[^\W\d_]+(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff])*", parts.lower()))


def find_parts(head: Head, free: Sequence[int]) -> tuple[int, ...]:
    """Return the columns of year and month, or year and quarter or week, with the smaller parts that are there."""
    found: dict[str, int] = {}
    for column in free:
        part = part_of(head.names[column])
        if part in PARTS:
            found.setdefault(part, column)
    if "year" not in found or not found.keys() & {"month", "quarter", "week"}:
        return ()
    coarse = next(part for part in ("month", "quarter", "week") if part in found)
    fine = [part for part in PARTS[4:] if part in found] if coarse == "month" else []
    return tuple(found[part] for part in ("year", coarse, *fine))


def part_of(name: str) -> str:
    """Return the part of a time that a column's name says, or the name in small letters."""
    return PART_NAMES.get(name.strip().lower(), name.strip().lower())


def with_clock(head: Head, free: Sequence[int], column: int) -> tuple[int, ...]:
    """Return a column of dates, with that of the times of day where only both together tell the rows apart."""
    dates = head.columns[column]
    if any(":" in cell for cell in dates) or len(set(dates)) == len(dates):
        return (column,)
    clocks = [other for other in free if other != column and is_clock(head, other)]
    if len(clocks) != 1 or len(set(zip(dates, head.columns[clocks[0]], strict=True))) <= len(set(dates)):
        return (column,)
    return (column, clocks[0])


def with_zone(head: Head, free: Sequence[int], time: tuple[int, ...]) -> tuple[int, ...]:
    """Return the columns of times, with that of their offsets from UTC where there is one by its name and its cells."""
    if not any(":" in cell for cell in head.known(time[-1])[:TIMES_SEEN]):
        return time
    zones = [
        other
        for other in free
        if other not in time
        and ZONE_WORDS & words_of(head.names[other])
        and (cells := head.known(other))
        and all(map(OFFSET_ALONE.fullmatch, cells))
    ]
    return (*time, *zones) if len(zones) == 1 else time


def is_clock(head: Head, column: int) -> bool:
    """Tell whether a column is one of times of day, or of hours by its name too."""
    cells = head.known(column)[:TIMES_SEEN]
    if not cells:
        return False
    if all(CLOCK_ALONE.fullmatch(plain(cell)) for cell in cells):
        return True
    return bool(CLOCK_WORDS & words_of(head.names[column])) and all(
        re.fullmatch(r"1?\d|2[0-4]", cell) for cell in cells
    )


def find_counting(head: Head, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return the column of whole numbers that count the rows by its name, or that are unix times in even steps.

    Raises:
        UserError: a column may hold unix times or values.
    """
    for column in numbers:
        words = words_of(head.names[column])
        cells = head.known(column)[:TIMES_SEEN]
        strictly = not words & {"t", "step", "timestep", "tick", "time", "ds", "index", "idx"}
        if words & INDEX_WORDS and cells and is_index(cells, strictly):
            return (column,)
    for column in numbers:
        cells = head.known(column)
        form = next((name for name in UNIX if cells and all(unix_length(name, plain(cell)) for cell in cells)), None)
        if form is None:
            continue
        times = parse_times(cells, known_form(form))
        change = np.diff(times)
        if (times == UNREADABLE).any() or not len(change) or not ((change >= 0).all() or (change <= 0).all()):
            continue
        name = head.names[column]
        alone = not any(counts_on(head, other) for other in numbers if other != column)
        if regularity(times) > MOSTLY and alone and by_the_clock(times):
            return (column,)
        raise UserError(
            f"The numbers in column `{name}`, such as `{cells[0]}`, could be {form}: {show_time(int(times[0]))}.",
            str(head.table.path),
            f"Set `data.time_column={name}` if they are; if they are numbers of orders, say, or of telephones, leave "
            f"them out: `data.ignore_columns=[{name}]`; if they are values, name these with `data.value_columns` and "
            "set `data.time_column=none`.",
        )
    for column in numbers:
        if counts_on(head, column, downwards=True):
            name = head.names[column]
            raise UserError(
                f"Column `{name}` counts the rows backwards, from {head.known(column)[0]} on.",
                str(head.table.path),
                f"Set `data.time_column={name}` to have them in its order; if they are right as they stand, leave it "
                f"out on purpose: `data.ignore_columns=[{name}]`.",
            )
    return ()


def by_the_clock(times: NDArray[np.int64]) -> bool:
    """Tell whether steps are whole minutes, and times full ones: numbers of orders are not."""
    change = np.abs(np.diff(times))
    step = int(np.median(change)) if len(change) else 0
    return step >= 60 and step % 60 == 0 and not (times % min(step, 3600)).any()


def counts_on(head: Head, column: int, downwards: bool = False) -> bool:
    """Tell whether a column has whole numbers that go up, or down, by one from row to row."""
    cells = head.known(column)
    if len(cells) < FEWEST or not is_index(cells, strictly=True):
        return False
    steps = np.diff(parse_times([plain(cell) for cell in cells], known_form(INDEX)))
    return bool((steps == (-1 if downwards else 1)).all())


def stop_on_lost_times(config: SeriesDataConfig, head: Head, free: Sequence[int]) -> None:
    """Refuse a table whose rows would be taken as they stand although a text in it may say when they were.

    Raises:
        UserError: there is such a column, or none is written as the recipe says that times are.
    """
    for column in free:
        cells = head.known(column)
        if cells and not head.numeric(column) and may_be_time(cells, column == 0):
            raise unknown_times(head.names[column], cells, head.table)
    if config.time_format:
        raise UserError(
            f"No column is written as `{config.time_format}`.",
            str(head.table.path),
            f"Name the column of the times with `data.time_column` ({list_names(head.names[c] for c in free)}), "
            "or correct `data.time_format`.",
        )


def may_be_time(seen: Sequence[str], first: bool) -> bool:
    """Tell whether texts have the look of times: of dates, or of numbered steps that no two rows share."""
    if mostly(DATE_LIKE, seen) or only_names(seen):
        return True
    alone = len(set(seen)) > UNIQUE * len(seen)
    return alone and (first or in_order(seen)) and mostly(DIGIT, seen)


def mostly(pattern: re.Pattern[str], cells: Sequence[str]) -> bool:
    return bool(cells) and sum(bool(pattern.search(plain(cell))) for cell in cells) >= MOSTLY * len(cells)


def in_order(cells: Sequence[str], strictly: bool = False) -> bool:
    """Tell whether texts are sorted, numbers in them by their size.

    Args:
        strictly: whether no two may be equal.
    """
    if strictly and (len(set(cells)) < len(cells) or len(cells) < FEWEST):
        return False
    keys = [natural(cell) for cell in cells]
    return keys in (sorted(keys), sorted(keys, reverse=True))


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
