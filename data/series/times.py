"""Cells with times to unix seconds (UTC), written as the recipe says or as is found out from the column.

Two-digit years are 1930 to 2029, as in Excel. Times without a zone are taken as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.series.time_forms import (
    HOURS,
    NUMBERS,
    UNIX,
    WITH_DAY,
    WITHOUT_DAY,
    TimeForm,
    known_form,
    unix_length,
)

MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
FRACTION = re.compile(r"(?<=:\d\d)[.,]\d+")
TEMPLATES = 64  # ways of writing, by length and separators, that are read a column at a time; rarer ones cell by cell
UNREADABLE = -(2**63)  # stands in for what is no time


def find_form(cells: Sequence[str], numbers: bool) -> tuple[TimeForm, float] | None:
    """Return the form that most of `cells` are written in, with the share that it reads.

    Args:
        numbers: whether a plain number may be a time.
    """
    cells = [FRACTION.sub("", cell.strip()) for cell in cells]  # reported later, cell by cell, where it is not 0
    best: tuple[TimeForm, float] | None = None
    for name in (*WITH_DAY, *WITHOUT_DAY, *UNIX):
        if name in NUMBERS and not numbers:
            continue
        form = known_form(name)
        if name in UNIX and not all(unix_length(name, cell) for cell in cells):
            continue
        if name == HOURS and not all(cell >= "19" for cell in cells):  # unix seconds until 2030
            continue
        if not any(form.pattern.fullmatch(cell) for cell in (*cells[:3], cells[-1])):
            continue
        share = float(np.mean(parse_times(cells, form) != UNREADABLE))
        if share > (best[1] if best else 0.5):
            best = form, share
    return best


def parse_times(cells: Sequence[str], form: TimeForm) -> NDArray[np.int64]:
    """Return int64 [n] unix seconds, UNREADABLE for cells that are no times in this form.

    Blanks around a time do not matter.
    """
    seconds = parse_alike(cells, form)
    padded = [row for row in np.flatnonzero(seconds == UNREADABLE).tolist() if cells[row] != cells[row].strip()]
    if padded:
        seconds[padded] = parse_alike([cells[row].strip() for row in padded], form)
    return seconds


def parse_alike(cells: Sequence[str], form: TimeForm) -> NDArray[np.int64]:
    """Parse cells without blanks around them.

    Those written alike, with digits in the same places, are read together.
    """
    seconds = np.full(len(cells), UNREADABLE, np.int64)
    if not len(cells):
        return seconds
    try:
        texts = np.array(cells, dtype="S")
    except UnicodeEncodeError:
        texts = np.array([cell.encode("ascii", "replace") for cell in cells])
    letters = texts.view(np.uint8).reshape(len(cells), -1)
    left = np.arange(len(cells))
    for _ in range(TEMPLATES):
        if not len(left):
            return seconds
        match = form.pattern.fullmatch(texts[left[0]].decode())
        if match is None:
            left = left[texts[left] != texts[left[0]]]
            continue
        alike = written_alike(letters[left], letters[left[0]], match)
        rows = left[alike]
        if form.reads(match):
            seconds[rows] = join(read_parts(letters[rows], match), form.scale)
        left = left[~alike]
    for row in left:
        match = form.pattern.fullmatch(texts[row].decode())
        if match is not None and form.reads(match):
            seconds[row] = join(read_parts(letters[row : row + 1], match), form.scale)[0]
    return seconds


def written_alike(letters: NDArray[np.uint8], first: NDArray[np.uint8], match: re.Match[str]) -> NDArray[np.bool_]:
    """Tell which rows have digits where the first one's groups have them, and elsewhere the same letters."""
    digits = np.zeros(letters.shape[1], bool)
    for start, stop in spans(match).values():
        digits[start:stop] = [48 <= letter <= 57 for letter in first[start:stop]]
    alike = (letters[:, ~digits] == first[~digits]).all(axis=1)
    numbers = letters[:, digits]
    found: NDArray[np.bool_] = alike & ((numbers >= 48) & (numbers <= 57)).all(axis=1)
    return found


def spans(match: re.Match[str]) -> dict[str, tuple[int, int]]:
    """Return where each group that took part stands."""
    return {name: match.span(name) for name in match.re.groupindex if match.span(name)[0] >= 0}


def read_parts(letters: NDArray[np.uint8], match: re.Match[str]) -> dict[str, NDArray[np.int64]]:
    """Return the number of each group for every row.

    Words and zones are those of the match, with the rows' own digits.
    """
    parts: dict[str, NDArray[np.int64]] = {}
    for name, (start, stop) in spans(match).items():
        if name == "b":
            parts[name] = np.full(len(letters), month_of(match["b"]))
        elif name == "p":
            parts[name] = np.full(len(letters), 12 if match["p"][0] in "Pp" else 0)
        elif name == "z":
            parts[name] = zone_seconds(letters[:, start:stop])
        else:
            negative = letters[:, start] == ord("-")
            number = to_number(letters[:, start:stop])
            parts[name] = np.where(negative, -number, number)
    return parts


def to_number(letters: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Read the digits of each row as one number; other letters are passed over."""
    number = np.zeros(len(letters), np.int64)
    for column in letters.T:
        digit = (column >= 48) & (column <= 57)
        number = np.where(digit, number * 10 + column - 48, number)
    return number


def zone_seconds(letters: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Read +01:00, +0100, +01 or Z as seconds east of Greenwich."""
    if letters.shape[1] == 0 or letters[0, 0] not in b"+-":
        return np.zeros(len(letters), np.int64)
    number = to_number(letters)
    if letters.shape[1] <= 3:
        number *= 100
    seconds = number // 100 * 3600 + number % 100 * 60
    return np.where(letters[:, 0] == ord("-"), -seconds, seconds)


def month_of(word: str) -> int:
    """Return 1..12 for an English month, full or shortened; 0 for another word."""
    matches = [number for number, name in enumerate(MONTH_NAMES, 1) if name.startswith(word.lower())]
    return 9 if word.lower() == "sept" else matches[0] if len(matches) == 1 else 0


def join(parts: dict[str, NDArray[np.int64]], scale: int) -> NDArray[np.int64]:
    """Put the parts of times together; UNREADABLE where there is no such time, or a fraction of a second."""
    if scale:
        whole = (parts["s"] % scale == 0) & (parts.get("f", 0) == 0)
        return np.where(whole, parts["s"] // scale, UNREADABLE)
    zero = np.zeros_like(next(iter(parts.values())))
    year = parts.get("Y", parts.get("G"))
    if year is None:
        year = np.where(parts["y"] < 30, 2000, 1900) + parts["y"]
    month = parts.get("m", parts.get("b", parts["q"] * 3 - 2 if "q" in parts else zero + 1))
    day = parts.get("d", zero + 1)
    first, valid = first_day(year, month, day)
    if "V" in parts:
        first, valid = week_start(year, parts["V"]), (parts["V"] >= 1) & (parts["V"] <= 53)
    if "j" in parts:
        first, valid = first + parts["j"] - 1, valid & (parts["j"] >= 1) & (parts["j"] <= 366)
    hour, minute, second = parts.get("H", parts.get("I", zero)), parts.get("M", zero), parts.get("S", zero)
    if "p" in parts:
        valid &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + parts["p"]
    valid &= (hour < 24) & (minute < 60) & (second < 60) & (parts.get("f", zero) == 0)
    seconds = first * 86_400 + hour * 3600 + minute * 60 + second - parts.get("z", zero)
    return np.where(valid, seconds, UNREADABLE)


def first_day(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of a day, from 1970-01-01 on, and whether there is such a day."""
    real = (month >= 1) & (month <= 12)
    months = (year - 1970) * 12 + np.where(real, month, 1) - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return starts + day - 1, real & (day >= 1) & (day <= following - starts)


def week_start(year: NDArray[np.int64], week: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the Monday of an ISO week: week 1 is the one with the 4th of January."""
    fourth, _ = first_day(year, np.full_like(year, 1), np.full_like(year, 4))
    monday: NDArray[np.int64] = fourth - (fourth + 3) % 7 + (week - 1) * 7
    return monday


def show_time(seconds: int) -> str:
    """Write a time as people do: 1975-12-01, or with the time of day where it is not midnight."""
    text = str(np.datetime64(int(seconds), "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
