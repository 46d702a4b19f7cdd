"""Which of the known forms the times of a column are written in, and in which language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.series.times.forms import TimeForm, known_form, unix_length
from data.series.times.parsing import UNREADABLE, parse_times
from data.series.times.patterns import (
    CLOCK_FIRST,
    DECIMAL_YEARS,
    HOURS,
    INDEX,
    LENIENT,
    NUMBERS,
    SWAPPED,
    UNIX,
    WITH_DAY,
    WITHOUT_DAY,
)
from data.series.times.text import plain, plain_words, without_exponent
from data.series.times.words import COMMON, ENGLISH, day_names, month_names, other_languages

WITH_WORDS = re.compile(r"(?=.*\d)(?=.*(?:[^\W\d_]{2}|[^\W\d_\x00-\x7f])).{4,60}", re.DOTALL)
FEWEST = 3  # different times that must be there for a language that is not common
MOST_WORDS = 60  # different words in a column of names of months and days, inflections included
WORDED = tuple(name for name in LENIENT if "%b" in name)
EXACT_WORDED = ("%d-%b-%Y", "%d/%b/%Y")
CLOCK_AT_ONCE = re.compile(r"\d{1,2}:\d{2}")
NUMBER_RIVALS = {"%Y%q": "excel days", "%Y%m": "%y%m%d", "%d%m%Y": "%m%d%Y"}
DAYS_OR_YEARS = ("%b-%y", "%b %y", "%b/%y")


@dataclass(frozen=True)
class Reading:
    """One way to read a column.

    Attributes:
        form: how its times are written.
        share: of the cells that are such times.
        times: int64 [n] what they say.
    """

    form: TimeForm
    share: float
    times: NDArray[np.int64]


def find_form(
    cells: Sequence[str], numbers: bool, languages: bool = False, zone: str = ""
) -> tuple[TimeForm, float] | None:
    """Return the form that most of `cells` are written in, with the share that it reads.

    Args:
        numbers: whether a plain number may be a time.
        languages: whether other names of months than English ones may be looked for.
        zone: the IANA name of the one whose clocks show the times; empty where it is not known.
    """
    found = find_readings(cells, numbers, languages, zone)
    return (found[0].form, found[0].share) if found else None


def find_readings(
    cells: Sequence[str], numbers: bool, languages: bool, zone: str = "", language: str = ""
) -> list[Reading]:
    """Return the best readings: as many cells are times in each of them, and no two say the same.

    The first one is that of the more usual form.

    Args:
        zone: the IANA name of the one whose clocks show the times; empty where it is not known.
        language: of the names of months; empty where it is not known.
    """
    cells = [without_exponent(plain(cell)) for cell in cells]  # fractions of a second are reported later
    if not cells:
        return []
    names = list(known_names(cells, numbers))
    if language and language != ENGLISH:
        found = list(read_with((name for name in names if "%b" not in name), cells, "", zone))
        found += read_with(iter((*EXACT_WORDED, *WORDED)), cells, language, zone)
    else:
        found = list(read_with(iter(names), cells, "", zone))
    seek = languages and not language and may_have_words(cells)
    if seek and max((item.share for item in found), default=0.0) < 1:
        found += other_words(cells, zone=zone)
    best = max((item.share for item in found), default=0.0)
    if best <= 0.5:
        return []
    kept = [item for item in found if item.share == best]
    if kept[0].form.name in NUMBERS:  # other numbers that make up a calendar's time do so by chance
        kept = [item for item in kept if item is kept[0] or item.form.name == NUMBER_RIVALS.get(kept[0].form.name)]
    return different(kept)


def known_names(cells: Sequence[str], numbers: bool) -> Iterator[str]:
    """Yield the names of the forms that could be meant."""
    clock = CLOCK_AT_ONCE.match(cells[0]) is not None
    for name in (*WITH_DAY, *WITHOUT_DAY, *(CLOCK_FIRST if clock else ()), *UNIX, "excel days", *DECIMAL_YEARS):
        if name in NUMBERS and not numbers:
            continue
        if name in UNIX and not all(unix_length(name, cell) for cell in cells):
            continue
        if name == HOURS and not all(cell >= "19" for cell in cells):  # unix seconds until 2030
            continue
        if name == "excel days" and not all(re.match(r"[1-7]\d{4}(?!\d)", cell) for cell in cells):
            continue
        yield name


def read_with(names: Iterator[str], cells: Sequence[str], language: str, zone: str = "") -> Iterator[Reading]:
    """Yield the forms that read at least one of the first cells."""
    for name in names:
        form = replace(known_form(name, language), zone=zone, fractions="floor")
        if not any(form.match(cell) for cell in (*cells[:3], cells[-1])):
            continue
        times = parse_times(cells, form)
        yield Reading(replace(form, fractions=""), float(np.mean(times != UNREADABLE)), times)


def different(readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings that say different things; languages are all kept, since later cells may tell them apart."""
    kept: list[Reading] = []
    for item in readings:
        alike = [other for other in kept if (other.times == item.times).all()]
        if not alike or (item.form.language and all(other.form.language != item.form.language for other in kept)):
            kept.append(item)
    return kept


def may_have_words(cells: Sequence[str]) -> bool:
    """Tell whether cells have words and digits, and so few different words that they may name months."""
    if sum(bool(WITH_WORDS.fullmatch(cell)) for cell in cells) <= 0.5 * len(cells):
        return False
    return len(words_of(cells)) <= MOST_WORDS


def words_of(cells: Sequence[str]) -> set[str]:
    return {word for cell in cells for word in re.split(r"[\d\s.,/'_-]+", plain_words(cell)) if word}


def other_words(cells: Sequence[str], names: Sequence[str] = (), zone: str = "") -> list[Reading]:
    """Return the readings with months in other languages than English: in common ones, else in any."""
    names = names or (*EXACT_WORDED, *WORDED)
    folded = [plain_words(cell) for cell in cells]
    for languages in (COMMON, other_languages):
        found: list[Reading] = []
        for language in languages if isinstance(languages, tuple) else languages():
            if language != ENGLISH and may_be_in(language, folded):
                found += read_with(iter(names), cells, language, zone)
        if languages is not COMMON:  # among hundreds of languages something is a month by chance
            found = [item for item in found if item.share == 1 and len(np.unique(item.times)) >= FEWEST]
        if any(item.share > 0.5 for item in found):
            return found
    return []


def may_be_in(language: str, folded: Sequence[str]) -> bool:
    """Tell whether one of the first cells, and the last one, has a name of a month in a language."""
    known = month_names(language)
    return all(any(name in cell for name in known) for cell in {folded[0], folded[-1]})


def only_names(cells: Sequence[str]) -> bool:
    """Tell whether cells are nothing but names of months or days, without a year."""
    words = {plain_words(cell).rstrip(" .") for cell in cells}
    if not 2 <= len(words) <= 12 or any(len(word) > 20 or re.search(r"\d", word) for word in words):
        return False
    return any(words <= names.keys() for language in COMMON for names in (month_names(language), day_names(language)))


def in_language(form: TimeForm, cells: Sequence[str], language: str) -> TimeForm:
    """Return a form that the recipe gives, in the language of the names in these cells.

    Args:
        language: that the recipe gives; empty where it is to be found out.
    """
    if language and language != ENGLISH:
        return known_form(form.name, language)
    if not re.search("%[abAB]", form.name) or language or not cells:
        return form
    share = float(np.mean(parse_times(cells, form) != UNREADABLE))
    found = other_words(cells, [form.name]) if share < 1 else []
    best = max(found, key=lambda item: item.share, default=None)
    return best.form if best is not None and best.share > share else form


def breaks_order(times: NDArray[np.int64]) -> int:
    """Count how often times, which mostly rise or mostly fall, do the opposite."""
    change = np.diff(times[times != UNREADABLE])
    return int(min((change < 0).sum(), (change > 0).sum()))


def days_for_years(name: str, cells: Sequence[str]) -> bool:
    """Tell whether the numbers behind names of months count on within a month: days, perhaps, and not years."""
    if name not in DAYS_OR_YEARS or len(cells) < 2:
        return False
    parts = [(re.sub(r"[\W\d_]", "", cell).lower(), int(re.sub(r"\D", "", cell) or 0)) for cell in map(plain, cells)]
    if max(number for _, number in parts) > 31:
        return False
    steps = [first[0] == second[0] and abs(second[1] - first[1]) == 1 for first, second in pairwise(parts)]
    return 2 * sum(steps) > len(steps)


def is_index(cells: Sequence[str], strictly: bool) -> bool:
    """Tell whether whole numbers count on from row to row, series after series."""
    form = known_form(INDEX)
    times = parse_times([plain(cell) for cell in cells], form)
    if (times == UNREADABLE).any() or len(times) < 2:
        return False
    change = np.diff(times)
    breaks = breaks_order(times)
    return breaks == 0 and bool((change != 0).all()) if strictly else 10 * breaks <= len(times)


def swapped_days(form: TimeForm) -> TimeForm | None:
    """Return the form with day and month changed for each other; None where there is none."""
    return known_form(SWAPPED[form.name], form.language) if form.name in SWAPPED else None
