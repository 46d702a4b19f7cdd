"""Cells with times to unix seconds (UTC), written as the recipe says or as is found out from the column.

Two-digit years are 1930 to 2029, as in Excel. Times without a zone are taken as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.series.times.forms import TimeForm
from data.series.times.patterns import DECIMAL_YEARS, EXCEL, INDEX
from data.series.times.text import all_plain, plain_words
from data.series.times.words import month_names

DAY, BILLION = 86_400, 1_000_000_000
AFTERNOON = ("下午", "午後", "오후")
WORDS = ("b", "n", "p")  # groups that are read as a whole
MUTE = ("a", "r")  # groups of weekdays and places, which say nothing more
TEMPLATES = 64  # ways of writing, by length and separators, that are read a column at a time; rarer ones cell by cell
UNREADABLE = -(2**63)  # stands in for what is no time


def parse_times(cells: Sequence[str], form: TimeForm) -> NDArray[np.int64]:
    """Return int64 [n] unix seconds, UNREADABLE for cells that are no times in this form.

    Blanks around a time do not matter, nor in which script its digits and blanks are.
    """
    if form.worded:
        return parse_alike(all_plain(cells, words=True), form)
    seconds = parse_alike(cells, form)
    others = [row for row in np.flatnonzero(seconds == UNREADABLE).tolist() if may_be_plain(cells[row])]
    if others:
        seconds[others] = parse_alike(all_plain([cells[row] for row in others], words=False), form)
    return seconds


def may_be_plain(cell: str) -> bool:
    """Tell whether a cell is another one without blanks around it, or with other letters or no exponent."""
    return not cell.isascii() or cell != cell.strip() or "e" in cell or "E" in cell


def parse_alike(cells: Sequence[str], form: TimeForm) -> NDArray[np.int64]:
    """Parse cells without blanks around them.

    Those written alike, with digits in the same places, are read together.
    """
    seconds = np.full(len(cells), UNREADABLE, np.int64)
    if not len(cells):
        return seconds
    letters: NDArray[Any]
    try:
        texts = np.array(cells, dtype="S")
        letters = texts.view(np.uint8).reshape(len(cells), -1)
    except UnicodeEncodeError:
        texts = np.array(cells, dtype="U")
        letters = texts.view(np.uint32).reshape(len(cells), -1)
    left = np.arange(len(cells))
    for _ in range(TEMPLATES):
        if not len(left):
            return seconds
        match = form.pattern.fullmatch(text_of(texts[left[0]]))
        if match is None:
            left = left[texts[left] != texts[left[0]]]
            continue
        alike = written_alike(letters[left], letters[left[0]], match)
        rows = left[alike]
        if form.reads(match):
            seconds[rows] = join(read_parts(letters[rows], match, form), form)
        left = left[~alike]
    seconds[left] = parse_singly([text_of(text) for text in texts[left].tolist()], form)
    return seconds


def text_of(text: bytes | str) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def parse_singly(texts: Sequence[str], form: TimeForm) -> NDArray[np.int64]:
    """Parse cells of many layouts: each is matched by itself, all are put together at once."""
    seconds = np.full(len(texts), UNREADABLE, np.int64)
    found: dict[frozenset[str], list[tuple[int, re.Match[str]]]] = {}
    for row, text in enumerate(texts):
        match = form.pattern.fullmatch(text)
        if match is not None and form.reads(match):
            found.setdefault(frozenset(spans(match)), []).append((row, match))
    for groups, matches in found.items():
        parts = {
            name: np.array([number_of(name, match[name], form) for _, match in matches], np.int64)
            for name in sorted(groups)
        }
        seconds[[row for row, _ in matches]] = join(parts, form)
    return seconds


def number_of(name: str, text: str, form: TimeForm) -> int:
    """Return what a group of a single cell says."""
    if name in TEXTS:
        return TEXTS[name](text, form)
    if name == "f":
        return int(text[:9].ljust(9, "0"))
    return int(text)


def written_alike(letters: NDArray[Any], first: NDArray[Any], match: re.Match[str]) -> NDArray[np.bool_]:
    """Tell which rows have digits where the first one's groups have them, and elsewhere the same letters."""
    digits = np.zeros(letters.shape[1], bool)
    for name, (start, stop) in spans(match).items():
        if name in WORDS:  # Vietnamese months are numbers
            continue
        digits[start:stop] = [48 <= letter <= 57 for letter in first[start:stop]]
    alike = (letters[:, ~digits] == first[~digits]).all(axis=1)
    numbers = letters[:, digits]
    found: NDArray[np.bool_] = alike & ((numbers >= 48) & (numbers <= 57)).all(axis=1)
    return found


def spans(match: re.Match[str]) -> dict[str, tuple[int, int]]:
    """Return where each group that took part and says something stands."""
    return {name: match.span(name) for name in match.re.groupindex if name not in MUTE and match.span(name)[0] >= 0}


def read_parts(letters: NDArray[Any], match: re.Match[str], form: TimeForm) -> dict[str, NDArray[np.int64]]:
    """Return the number of each group for every row.

    Words and zones are those of the match, with the rows' own digits.
    """
    parts: dict[str, NDArray[np.int64]] = {}
    for name, (start, stop) in spans(match).items():
        if name == "z" and match["z"][-1].isdigit():
            parts[name] = zone_seconds(letters[:, start:stop], match["z"])
        elif name in TEXTS:
            parts[name] = np.full(len(letters), TEXTS[name](match[name], form))
        elif name == "f":
            kept = min(stop - start, 9)
            parts[name] = to_number(letters[:, start : start + kept]) * 10 ** (9 - kept)
        else:
            negative = letters[:, start] == ord("-")
            number = to_number(letters[:, start:stop])
            parts[name] = np.where(negative, -number, number)
    return parts


def to_number(letters: NDArray[Any]) -> NDArray[np.int64]:
    """Read the digits of each row as one number; other letters are passed over."""
    number = np.zeros(len(letters), np.int64)
    for column in letters.T:
        digit = (column >= 48) & (column <= 57)
        number = np.where(digit, number * 10 + column - 48, number)
    return number


def zone_seconds(letters: NDArray[Any], first: str) -> NDArray[np.int64]:
    """Read +01:00, +0100, +01 or UTC+1 as seconds east of Greenwich, with each row's own digits."""
    number = to_number(letters)
    if sum(letter.isdigit() for letter in first) <= 2:
        number *= 100
    seconds = number // 100 * 3600 + number % 100 * 60
    return np.where((letters == ord("-")).any(axis=1), -seconds, seconds)


def zone_of(text: str, form: TimeForm) -> int:
    """Return the seconds east of Greenwich that a zone's offset or abbreviation says."""
    if text[-1].isdigit():
        return int(zone_seconds(np.array([[ord(letter) for letter in text]]), text)[0])
    return form.offsets[text.upper()]


def month_of(word: str, form: TimeForm) -> int:
    """Return 1..12 for a month, full or shortened; 0 for another word."""
    return month_names(form.language).get(plain_words(word).rstrip(" ."), 0)


def noon_of(word: str, form: TimeForm) -> int:
    """Return the hours to add to those before or after noon."""
    return 12 if word[0] in "Pp" or word in AFTERNOON else 0


# groups of letters, with what they say; the others are digits
TEXTS: dict[str, Callable[[str, TimeForm], int]] = {"b": month_of, "p": noon_of, "n": noon_of, "z": zone_of}


def join(parts: dict[str, NDArray[np.int64]], form: TimeForm) -> NDArray[np.int64]:
    """Put the parts of times together; UNREADABLE where there is no such time, or a fraction of a second."""
    zero = np.zeros_like(next(iter(parts.values())))
    if form.scale:
        whole = (parts["s"] % form.scale == 0) & (parts.get("f", zero) == 0)
        part = (parts["s"] % form.scale + parts.get("f", zero) / BILLION) / form.scale
        later = (part >= 0.5) if form.fractions == "round" else zero
        return np.where(whole | bool(form.fractions), parts["s"] // form.scale + later, UNREADABLE)
    if form.name in EXCEL:
        clock: NDArray[np.int64] = np.rint(parts.get("f", zero) * (DAY / BILLION)).astype(np.int64)
        return (parts["s"] - EXCEL[form.name]) * DAY + clock
    if form.name in DECIMAL_YEARS:
        return join_decimal(parts["Y"], parts.get("f", zero) / BILLION, DECIMAL_YEARS[form.name])
    if form.name == INDEX:
        return np.where(parts.get("f", zero) == 0, parts["s"], UNREADABLE)
    first, valid = join_days(parts, zero)
    hour, minute, second = parts.get("H", parts.get("I", zero)), parts.get("M", zero), parts.get("S", zero)
    noon = parts.get("p", parts.get("n"))
    if noon is not None:
        # with a sign before it, some clocks of 24 hours go on to count
        valid &= ((hour >= 1) & (hour <= 12)) | (("n" in parts) & (hour == 0) & (noon == 0))
        hour = hour % 12 + noon
    midnight = (hour == 24) & (minute == 0) & (second == 0)
    valid &= ((hour < 24) | midnight) & (minute < 60) & (second < 60)
    fraction = parts.get("f", zero)
    if form.fractions == "round":
        second = second + (2 * fraction >= BILLION)
    elif not form.fractions:
        valid &= fraction == 0
    seconds = first * DAY + hour * 3600 + minute * 60 + second - parts.get("z", zero)
    return np.where(valid, seconds, UNREADABLE)


def join_days(
    parts: dict[str, NDArray[np.int64]], zero: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of the day, from 1970-01-01 on, and whether there is such a day."""
    year = parts.get("Y", parts.get("G"))
    if year is None:
        year = np.where(parts["y"] < 30, 2000, 1900) + parts["y"]
    month = parts.get("m", parts.get("b", zero + 1))
    if "q" in parts:
        month = parts["q"] * 3 - 2
    elif "h" in parts:
        month = parts["h"] * 6 - 5
    first, valid = first_day(year, month, parts.get("d", zero + 1))
    if "V" in parts:
        first, valid = week_start(year, parts["V"]), parts["V"] >= 1
        valid &= first + 3 < first_day(year + 1, zero + 1, zero + 1)[0]  # a week's Thursday lies in its year
        day = parts.get("u", zero + 1)
        first, valid = first + day - 1, valid & (day >= 1) & (day <= 7)
    if "j" in parts:
        following = first_day(year + 1, zero + 1, zero + 1)[0]
        first, valid = first + parts["j"] - 1, valid & (parts["j"] >= 1) & (first + parts["j"] <= following)
    if "x" in parts:
        valid &= parts["x"] % 100 == (year + 1) % 100
    return first, valid


def join_decimal(year: NDArray[np.int64], fraction: NDArray[np.float64], place: float) -> NDArray[np.int64]:
    """Return the first of the month that a fraction of a year lies in.

    Args:
        place: where in the month the times lie: 0 for its start, a half for its middle.
    """
    months = fraction * 12 - place
    nearest = np.rint(months).astype(np.int64)
    valid = (np.abs(months - nearest) <= (0.13 if place else 0.06)) & (nearest >= 0) & (nearest <= 12)
    first, _ = first_day(year + nearest // 12, nearest % 12 + 1, np.ones_like(nearest))
    return np.where(valid, first * DAY, UNREADABLE)


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
