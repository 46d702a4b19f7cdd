"""Cells with times to unix seconds (UTC): how a column writes them is found out from the column, or given by the recipe.

A way to write times is a pattern as in `strptime`, with %q for a quarter added. Two-digit years are 1930 to 2029, as in Excel.
Times without a zone are taken as they stand.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})", "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "b": r"(?P<b>[A-Za-z]{3,9})\.?", "B": r"(?P<b>[A-Za-z]{3,9})\.?", "q": r"(?P<q>[1-4])", "j": r"(?P<j>\d{3})", "G": r"(?P<G>\d{4})",
    "V": r"(?P<V>\d{1,2})", "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})", "a": "[A-Za-z]{2,9}", "A": "[A-Za-z]{2,9}", "%": "%",
}  # fmt: skip
SHORTHANDS = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
CLOCK = (
    r"(?:[ T]+(?:(?P<H>\d{1,2})(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?(?: ?(?P<p>[AaPp]\.?[Mm]\.?))?)"
    r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?"
)
MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
UNIX = {"unix seconds": (r"(?P<s>-?\d{1,11})(?:\.(?P<f>0+))?", 1), "unix milliseconds": (r"(?P<s>-?\d{1,14})", 1000)}
WITH_DAY = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%b %d, %Y", "%b %d %Y", "%Y%m%d",
)  # fmt: skip
HOURS = "%Y%m%d%H"  # ten digits, as unix seconds have
WITHOUT_DAY = (
    "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%m.%Y", "%b-%y", "%b %y", "%b-%Y", "%b %Y", "%b/%Y", "%b/%y", "%Y-%b", "%Y %b", "%YM%m",
    "%YQ%q", "%Y Q%q", "%Y-Q%q", "Q%q %Y", "Q%q-%Y", "%G-W%V", "%Y", "%Y%m", HOURS, "%Y%m%d%H%M", "%Y%m%d%H%M%S",
)  # fmt: skip
# a plain number is taken for a time only where the column's name says so
NUMBERS = ("%Y", "%Y%m", "%Y%m%d", HOURS, "%Y%m%d%H%M", "%Y%m%d%H%M%S", *UNIX)
FRACTION = re.compile(r"(?<=:\d\d)[.,]\d+")
SWAPPED = {
    "%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y",
}  # fmt: skip
TEMPLATES = 64  # ways of writing, by length and separators, that are read a column at a time; rarer ones cell by cell
UNREADABLE = -(2**63)  # stands in for what is no time


@dataclass(frozen=True)
class TimeForm:
    """A way to write times.

    Attributes:
        name: as the recipe's `data.time_format` has it.
        pattern: what a cell must match; its groups are named after the directives.
        scale: for unix times, how many make a second; else 0.
        zoned: whether times have a zone; None where some may have one and others not.
    """

    name: str
    pattern: re.Pattern[str]
    scale: int = 0
    zoned: bool | None = None

    def reads(self, match: re.Match[str]) -> bool:
        """Tell whether a match of the pattern has a zone where there must be one, and none where there must be none."""
        return self.zoned is None or bool(match.groupdict().get("z")) == self.zoned

    def asked_of(self, cell: str) -> str:
        """Name the form for a cell that is not in it; the zone only where that is what is wrong."""
        match = self.pattern.fullmatch(cell.strip())
        if match is None or self.reads(match):
            return self.name
        return f"{self.name} {'with a zone, as' if self.zoned else 'without a zone, as'} the other times are"

    def held_to(self, cells: Sequence[str]) -> TimeForm:
        """Return this form with or without zones for all, as most cells have it: an hour of another zone is another hour."""
        found = [bool(match.groupdict().get("z")) for cell in cells if (match := self.pattern.fullmatch(cell.strip()))]
        return replace(self, zoned=2 * sum(found) > len(found)) if any(found) else replace(self, zoned=False)


@functools.cache
def time_form(name: str) -> TimeForm:
    """Return the form of a `strptime` pattern or of a unix time.

    Raises:
        ValueError: the pattern has an unknown directive, or says no year.
    """
    if name in UNIX:
        pattern, scale = UNIX[name]
        return TimeForm(name, re.compile(pattern), scale)
    written = functools.reduce(lambda text, key: text.replace(key, SHORTHANDS[key]), SHORTHANDS, name)
    pattern = ""
    for directive, text in re.findall(r"%(.)|([^%]+)", written):
        if directive and directive not in DIRECTIVES:
            raise ValueError(f"%{directive} is not known; known are {', '.join('%' + known for known in DIRECTIVES)}")
        pattern += DIRECTIVES[directive] if directive else re.escape(text)
    try:
        compiled = re.compile(pattern)
    except re.error:
        raise ValueError("a directive stands there twice") from None
    if not compiled.groupindex.keys() & {"Y", "y", "G"}:
        raise ValueError("there is no year in it, such as %Y, and it is neither `unix seconds` nor `unix milliseconds`")
    return TimeForm(name, compiled)


@functools.cache
def known_form(name: str) -> TimeForm:
    """Return the form of a pattern; where it is a known one with a day, a time of day and a zone may follow.

    Raises:
        ValueError: as `time_form`.
    """
    form = time_form(name)
    pattern = form.pattern.pattern
    if name in NUMBERS and name not in UNIX:  # digits without separators: as many as there must be
        pattern = pattern.replace("{1,2}", "{2}")
    if name in WITH_DAY:
        pattern += CLOCK
    return TimeForm(name, re.compile(pattern), form.scale)


def find_form(cells: Sequence[str], numbers: bool) -> tuple[TimeForm, float] | None:
    """Return the form that most of `cells` are written in, with the share that it reads.

    Args:
        numbers: whether a plain number may be a time.
    """
    import numpy as np

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


def unix_length(name: str, cell: str) -> bool:
    """Tell seconds from milliseconds by their digits, for times after 1973."""
    digits = len(cell.strip().lstrip("-").split(".")[0])
    return 9 <= digits <= 10 if name == "unix seconds" else 12 <= digits <= 13


def parse_times(cells: Sequence[str], form: TimeForm) -> np.ndarray:
    """Return int64 [n] unix seconds, UNREADABLE for cells that are no times in this form; blanks around a time do not matter."""
    import numpy as np

    seconds = parse_alike(cells, form)
    padded = [row for row in np.flatnonzero(seconds == UNREADABLE).tolist() if cells[row] != cells[row].strip()]
    if padded:
        seconds[padded] = parse_alike([cells[row].strip() for row in padded], form)
    return seconds


def parse_alike(cells: Sequence[str], form: TimeForm) -> np.ndarray:
    """Parse cells without blanks around them; those written alike, with digits in the same places, are read together."""
    import numpy as np

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


def written_alike(letters: np.ndarray, first: np.ndarray, match: re.Match[str]) -> np.ndarray:
    """Tell which rows have digits where the first one's groups have them, and elsewhere the same letters."""
    import numpy as np

    digits = np.zeros(letters.shape[1], bool)
    for start, stop in spans(match).values():
        digits[start:stop] = [48 <= letter <= 57 for letter in first[start:stop]]
    alike = (letters[:, ~digits] == first[~digits]).all(axis=1)
    numbers = letters[:, digits]
    return alike & ((numbers >= 48) & (numbers <= 57)).all(axis=1)


def spans(match: re.Match[str]) -> dict[str, tuple[int, int]]:
    """Return where each group that took part stands."""
    return {name: match.span(name) for name in match.re.groupindex if match.span(name)[0] >= 0}


def read_parts(letters: np.ndarray, match: re.Match[str]) -> dict[str, np.ndarray]:
    """Return the number of each group for every row; words and zones are those of the match, with the rows' own digits."""
    import numpy as np

    parts: dict[str, np.ndarray] = {}
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


def to_number(letters: np.ndarray) -> np.ndarray:
    """Read the digits of each row as one number; other letters are passed over."""
    import numpy as np

    number = np.zeros(len(letters), np.int64)
    for column in letters.T:
        digit = (column >= 48) & (column <= 57)
        number = np.where(digit, number * 10 + column - 48, number)
    return number


def zone_seconds(letters: np.ndarray) -> np.ndarray:
    """Read +01:00, +0100, +01 or Z as seconds east of Greenwich."""
    import numpy as np

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


def join(parts: dict[str, Any], scale: int) -> np.ndarray:
    """Put the parts of times together; UNREADABLE where there is no such day or time of day, or a fraction of a second."""
    import numpy as np

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


def first_day(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of a day, from 1970-01-01 on, and whether there is such a day."""
    import numpy as np

    real = (month >= 1) & (month <= 12)
    months = (year - 1970) * 12 + np.where(real, month, 1) - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return starts + day - 1, real & (day >= 1) & (day <= following - starts)


def week_start(year: np.ndarray, week: np.ndarray) -> np.ndarray:
    """Return the Monday of an ISO week: week 1 is the one with the 4th of January."""
    import numpy as np

    fourth, _ = first_day(year, np.full_like(year, 1), np.full_like(year, 4))
    return fourth - (fourth + 3) % 7 + (week - 1) * 7


def show_time(seconds: int) -> str:
    """Write a time as people do: 1975-12-01, or with the time of day where it is not midnight."""
    import numpy as np

    text = str(np.datetime64(int(seconds), "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
