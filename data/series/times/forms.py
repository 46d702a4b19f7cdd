"""The ways to write times that are known, and those that the recipe gives.

A way to write times is a pattern as in `strptime`, with %q for a quarter and %h for a half year added, or a name for
what is no calendar date: `unix seconds`, `excel days`, `decimal years`, `fiscal years`, `index`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from data.series.times.patterns import (
    CLOCK,
    CLOCK_FIRST,
    DIRECTIVES,
    ENGLISH_DAY,
    ENGLISH_MONTH,
    INDEX,
    LENIENT,
    NAMED,
    NUMBERS,
    OFFSET,
    SHORTHANDS,
    UNIX,
    UNIX_DIGITS,
    WITH_DAY,
    WORDS,
    ZONE,
)
from data.series.times.text import plain, plain_words
from data.series.times.words import day_names, month_names
from data.series.times.zones import zone_offsets

DOT = re.compile(r"[^\W\d]\.")
MOST_NAMES = 12  # of months or days that are remembered
MIDNIGHT = re.compile(r"[ T]24(:00)*$")


@dataclass(frozen=True)
class TimeForm:
    """A way to write times.

    Attributes:
        name: as the recipe's `data.time_format` has it.
        pattern: what a cell must match; its groups are named after the directives.
        scale: for unix times, how many make a second; else 0.
        zoned: whether times have a zone; None where some may have one and others not.
        language: of the names in it; empty for English.
        zone: the IANA name of the zone whose clocks show these times, empty for none.
        like: some cells that show how all are written, for others to be written alike.
        wall: whether seconds are those that clocks show, not unix seconds.
        fractions: what becomes of fractions of a second: nothing, for they are no times then; `floor` or `round`.
    """

    name: str
    pattern: re.Pattern[str]
    scale: int = 0
    zoned: bool | None = None
    language: str = ""
    zone: str = ""
    like: tuple[str, ...] = ()
    wall: bool = False
    fractions: Literal["", "floor", "round"] = ""

    @property
    def worded(self) -> bool:
        """Whether there are names in it, so that letters' size and accents do not matter."""
        return bool(self.language)

    @property
    def certain(self) -> bool:
        """Whether it cannot be mistaken for another one: the year comes first, with four digits."""
        return self.name.startswith(("%Y", "%G", "unix", INDEX)) or bool(set(self.name) & {"年", "년"})

    @property
    def offsets(self) -> Mapping[str, int]:
        """Seconds east of Greenwich by abbreviation."""
        return zone_offsets(self.zone)

    @property
    def described(self) -> str:
        """Return the name with what else was found out, for people to read."""
        more = [f"in {self.language}"] if self.language else []
        more += [self.zone] if self.zone else []
        more += ["24:00 is 0:00 of the next day"] if any(MIDNIGHT.search(cell) for cell in self.like) else []
        return ", ".join([self.name, *more])

    def match(self, cell: str) -> re.Match[str] | None:
        """Match a cell, with other scripts' digits, blanks and dashes as ASCII has them."""
        cell = plain_words(cell) if self.worded else plain(cell)
        found = self.pattern.fullmatch(cell)
        return found if found is not None and self.knows(found) else None

    def knows(self, match: re.Match[str]) -> bool:
        """Tell whether the abbreviation of a zone in a match is known."""
        zone = match.groupdict().get("z")
        return not zone or zone[-1].isdigit() or zone.upper() in self.offsets

    def reads(self, match: re.Match[str]) -> bool:
        """Tell whether a match of the pattern has a zone where there must be one, and none where there must be none."""
        return (self.zoned is None or bool(match.groupdict().get("z")) == self.zoned) and self.knows(match)

    def asked_of(self, cell: str) -> str:
        """Name the form for a cell that is not in it; the zone only where that is what is wrong."""
        match = self.match(cell)
        if match is None or self.reads(match):
            return self.name
        return f"{self.name} {'with a zone, as' if self.zoned else 'without a zone, as'} the other times are"

    def held_to(self, cells: Sequence[str]) -> TimeForm:
        """Return this form with or without zones for all, as most cells have it; zones may not be mixed."""
        matches = [match for cell in cells if (match := self.match(cell))]
        zones = [bool(match.groupdict().get("z")) for match in matches]
        places = {match.groupdict().get("r") or "" for match in matches}
        zone = places.pop() if len(places) == 1 else ""
        like = telling([cell for cell in cells if self.match(cell)], matches)
        return replace(self, zoned=2 * sum(zones) > len(zones), zone=self.zone or zone, like=like)


def telling(cells: Sequence[str], matches: Sequence[re.Match[str]]) -> tuple[str, ...]:
    """Return the few of some cells that show how all are written: the longest, and those with the shortest parts."""
    if not cells:
        return ()
    kept = {max(cells, key=len): None}
    for name in matches[0].re.groupindex:
        found = [(len(match[name]), cell) for match, cell in zip(matches, cells, strict=True) if match[name]]
        if found:
            kept[min(found, key=lambda item: item[0])[1]] = None
    for name in sorted({"a", "b"} & matches[0].re.groupindex.keys()):
        words = {match[name]: cell for match, cell in zip(matches, cells, strict=True) if match[name]}
        kept |= dict.fromkeys(list(words.values())[:MOST_NAMES])
    for sought in (MIDNIGHT, DOT):
        kept |= dict.fromkeys([cell for cell in cells if sought.search(cell)][:1])
    return tuple(kept)


def time_form(name: str, language: str = "") -> TimeForm:
    """Return the form of a `strptime` pattern or of a unix time, letter by letter.

    Raises:
        ValueError: the pattern has an unknown directive, or says no year.
    """
    return form_of(name, language, known=False)


def known_form(name: str, language: str = "") -> TimeForm:
    """Return the form of a pattern; where it is a known one with a day, a time of day and a zone may follow.

    Raises:
        ValueError: as `time_form`.
    """
    return form_of(name, language, known=True)


@functools.cache
def form_of(name: str, language: str, known: bool) -> TimeForm:
    """Return a form; a known one bears what may stand around it, too."""
    if name in UNIX:
        pattern, scale = UNIX[name]
        return TimeForm(name, re.compile(pattern), scale)
    if name in NAMED:
        return TimeForm(name, re.compile(NAMED[name]))
    written = functools.reduce(lambda text, key: text.replace(key, SHORTHANDS[key]), SHORTHANDS, name)
    if known and name in CLOCK_FIRST:
        return TimeForm(name, compiled(clock_first(name, language), language), language=language)
    if known and name in LENIENT:
        pattern = spelled(LENIENT[name], language, literal=False)
    else:
        pattern = spelled(written, language, literal=True)
    if known and name in NUMBERS:  # digits without separators: as many as there must be
        pattern = pattern.replace("{1,2}", "{2}").replace(r"(?P<Y>\d{4})", r"(?P<Y>(?:1[5-9]|2[01])\d\d)")
    if known and name in WITH_DAY:
        pattern = (weekday(language) if "%b" in name or name[1] in "dmY" else "") + pattern + CLOCK
    elif known and "%H" in name and "z" not in pattern and name not in NUMBERS:
        pattern += ZONE
    form = TimeForm(name, compiled(pattern, language), language=language)
    if not form.pattern.groupindex.keys() & {"Y", "y", "G"}:
        raise ValueError(
            "there is no year in it, such as %Y, and it is none of the names " + ", ".join([*UNIX, *NAMED])
        )
    return form


def spelled(written: str, language: str, literal: bool) -> str:
    """Return a pattern with directives as a regular expression.

    Args:
        literal: what stands between the directives are letters to be met, no expression.
    """
    pattern = ""
    for directive, text in re.findall(r"%(.)|([^%]+)", written):
        if text:
            plain_text = plain_inside(text, language) if literal else text
            pattern += re.escape(plain_text) if literal else text
        elif directive == "z":
            pattern += rf"(?P<z>{OFFSET})"
        elif directive in WORDS:
            pattern += month(language) if directive in "bB" else rf"(?P<a>{day(language)})\.?"
        elif directive in DIRECTIVES:
            pattern += DIRECTIVES[directive]
        else:
            known = ", ".join("%" + letter for letter in (*DIRECTIVES, *WORDS, "z"))
            raise ValueError(f"%{directive} is not known; known are {known}")
    return pattern


def plain_inside(text: str, language: str) -> str:
    """Return the letters between directives as cells are read, blanks around them kept."""
    inner = plain_words(text) if language else plain(text)
    before, after = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
    return " " * before + inner + " " * after if inner else plain(f"x{text}x")[1:-1]


def compiled(pattern: str, language: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE if language else 0)
    except re.error:
        raise ValueError("a directive stands there twice") from None


def month(language: str) -> str:
    return rf"(?P<b>{alternatives(tuple(month_names(language))) if language else ENGLISH_MONTH})\.?"


def day(language: str) -> str:
    return alternatives(tuple(day_names(language))) if language else ENGLISH_DAY


def weekday(language: str) -> str:
    """Return the expression of a weekday's name that may stand before a date."""
    return rf"(?:(?P<a>{day(language)})\.?,? )?"


def clock_first(name: str, language: str) -> str:
    clock = r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}))?(?: ?(?P<p>[AaPp]\.? ?[Mm]\.?))?,? +"
    date = name.removeprefix("%H:%M ")
    lenient = date in LENIENT
    return clock + weekday(language) + spelled(LENIENT[date] if lenient else date, language, literal=not lenient)


@functools.cache
def alternatives(names: tuple[str, ...]) -> str:
    """Return an expression of any of the names, the longer ones first."""
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))


def unix_length(name: str, cell: str) -> bool:
    """Tell seconds from milliseconds by their digits, for times after 1973."""
    least, most = UNIX_DIGITS[name]
    return least <= len(cell.strip().lstrip("-").split(".")[0]) <= most
