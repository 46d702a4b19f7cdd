"""What is asked about times: those in no known form, of weeks or another calendar, and rows that fall without times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.series.tables.cells import Table
from data.series.times.form_choice import days_for_years, find_form
from data.series.times.forms import TimeForm
from data.series.times.parsing import UNREADABLE, parse_times
from data.series.times.patterns import INDEX
from data.series.times.text import plain
from data.series.times.zones import AMBIGUOUS
from pipeline.errors import UserError

OTHER_CALENDARS = ((1330, 1460), (2440, 2600))  # the last 70 years and some to come
WEEKS = re.compile(
    r"(?<![^\W\d_])(?:year|iso|y)?[ _-]?(?:weeks?|wk|kw|cw|wochen?|kalenderwoche|semaine|semana|settimana|uge|vecka)"
    r"(?![^\W\d_])",
    re.IGNORECASE,
)
WEEK_NUMBER = re.compile(r"(?:1[5-9]|2[01])\d\d[ ./_-]?(?:0[1-9]|[1-4]\d|5[0-3])")
ISO_DATE, OTHER_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.*"), re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{4}.*")
SHOWN = 40  # letters of a cell
FALLING = 0.9  # share of rows that are earlier than the one before where the newest come first
FEWEST = 5  # rows whose order says something
SEEN = 1000  # rows looked at


def unknown_times(label: str, cells: Sequence[str], table: Table) -> UserError:
    """Return what is said of a column whose times cannot be read, with what can help."""
    example = next((cell for cell in cells if cell), "")
    said = f"The times in column `{cut(label)}`, such as `{cut(example)}`, are"
    zone = re.search(r"[A-Z]{3,4}$", example.strip())
    if zone and zone[0] in AMBIGUOUS:
        places = AMBIGUOUS[zone[0]]
        return UserError(
            f"{said} in {zone[0]}, the time of several places.",
            str(table.path),
            f"Say which: {', '.join(f'`data.time_zone={place}`' for place in places)} or another.",
        )
    iso = next(filter(ISO_DATE.fullmatch, map(plain, cells)), "")
    other = next(filter(OTHER_DATE.fullmatch, map(plain, cells)), "")
    if iso and other:
        return UserError(
            f"The times in column `{cut(label)}` are in two forms at once, such as `{cut(iso)}` and `{cut(other)}`.",
            str(table.path),
            "Write all of them one way, best as 2018-01-31. A program may have guessed each for itself and taken days "
            "up to 12 for months: compare them with where they come from, or export them again.",
        )
    ways = ["say how they are written with `data.time_format`, for example %d/%m/%Y"]
    if are_weeks(label, cells):
        ways = [f"set `data.time_format={week_format(example)}` if they are ISO weeks"]
    if falls(cells):
        ways.append(
            "if they are no times, turn the rows round: they fall from row to row, and rows without times are taken in "
            "their order, the first as the oldest"
        )
    else:
        ways.append(
            "if they are no times, `data.time_column=none` takes the rows in their order, the first as the oldest"
        )
    ways[0] = ways[0][0].upper() + ways[0][1:]
    return UserError(f"{said} in no known form.", str(table.path), "; ".join(ways) + ".")


def stop_on_doubt(form: TimeForm, cells: Sequence[str], label: str, table: Table) -> None:
    """Ask about times that are readable and may yet mean something else.

    Raises:
        UserError: they may be days for years, weeks for months, or years of another calendar.
    """
    if days_for_years(form.name, cells):
        raise UserError(
            f"The times in column `{label}`, such as `{cells[0]}`, could be days of a year that is not said, or years.",
            str(table.path),
            f"If the numbers are years, set `data.time_format={form.name}`; if they are days, write the dates with "
            "their year.",
        )
    months = "%m" in form.name and "%d" not in form.name
    if months and are_weeks(label, cells):
        raise UserError(
            f"The times in column `{label}`, such as `{cells[0]}`, could be weeks, as its name says, or months.",
            str(table.path),
            f"Set `data.time_format={week_format(cells[0])}` if they are ISO weeks, `data.time_format={form.name}` if "
            "they are months.",
        )
    stop_on_other_calendars(form, cells, label, table)


def are_weeks(label: str, cells: Sequence[str]) -> bool:
    """Tell whether a column is one of weeks by its name, and its cells could be a year and a week each."""
    return bool(WEEKS.search(label)) and all(map(WEEK_NUMBER.fullmatch, map(plain, filter(None, cells))))


def week_format(cell: str) -> str:
    """Return how a year and a week are written: 201901 or 2019-01."""
    return f"%G{re.sub(r'[0-9]', '', plain(cell))}%V"


def stop_on_other_calendars(form: TimeForm, cells: Sequence[str], label: str, table: Table) -> None:
    """Ask about years that are rather those of the Persian, the Islamic or the Buddhist calendar.

    Raises:
        UserError: there are such years.
    """
    times = parse_times(cells, form)
    for cell, time in zip(cells, times.tolist(), strict=True):
        year = int(np.datetime64(time, "s").astype("datetime64[Y]").astype(int)) + 1970 if time != UNREADABLE else 0
        if form.name != INDEX and any(first <= year <= last for first, last in OTHER_CALENDARS):
            raise UserError(
                f"The years in column `{label}`, such as that of `{cell}`, may be those of another calendar.",
                str(table.path),
                "Write the times in the Gregorian calendar (2019-01-31); if they are in it, set "
                f"`data.time_format={form.name}`.",
            )


def stop_on_falling(columns: Mapping[str, Sequence[str]], table: Table) -> None:
    """Refuse rows without times beside a column that falls from row to row, as times do where the newest come first.

    Args:
        columns: those that nothing is read from, and that are not left out on purpose, by their names.

    Raises:
        UserError: one falls.
    """
    for name, cells in columns.items():
        if falls(cells):
            raise UserError(
                "Without times, rows are taken in their order, the first as the oldest; but column "
                f"`{cut(name)}` falls from row to row, from `{cut(cells[0])}` on, as where the newest come first.",
                str(table.path),
                f"Turn the rows round if the newest come first, or have the times read: `data.time_column={name}`. If "
                f"the rows stand right, leave the column out on purpose: `data.ignore_columns=[{name}]`.",
            )


def falls(cells: Sequence[str]) -> bool:
    """Tell whether texts with numbers in them, or times, become smaller from row to row."""
    cells = [plain(cell) for cell in cells if cell][:SEEN]
    if len(cells) < FEWEST or not all(map(re.compile(r"\d").search, cells)):
        return False
    keys = [natural(cell) for cell in cells]
    if len(set(cells)) == len(cells) and keys == sorted(keys, reverse=True):
        return True
    if (numbers := numbers_of(cells)) is not None:
        return bool((np.diff(numbers) < 0).all()) and min(numbers) >= 1
    found = find_form(cells, numbers=False)
    if found is None:
        return False
    times = parse_times(cells, found[0])
    return mostly_falling(np.diff(times[times != UNREADABLE]))


def numbers_of(cells: Sequence[str]) -> list[float] | None:
    """Return plain numbers; None where one cell is none."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None


def mostly_falling(change: NDArray[np.int64]) -> bool:
    """Tell whether nearly all steps go down, but for the hour that comes twice."""
    moved = change[change != 0]
    return len(moved) >= FEWEST and bool((moved < 0).mean() >= FALLING)


def natural(cell: str) -> list[tuple[bool, str]]:
    """Return a key to sort texts by, numbers in them by their size."""
    return [(not part.isdecimal(), part.zfill(20)) for part in re.split(r"(\d+)", cell)]


def cut(text: str) -> str:
    """Return the first letters of a text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
