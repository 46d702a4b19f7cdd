"""The ways to write times that are known, and those that the recipe gives.

A way to write times is a pattern as in `strptime`, with %q for a quarter added.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)", "b": r"(?P<b>[A-Za-z]{3,9})\.?", "B": r"(?P<b>[A-Za-z]{3,9})\.?",
    "q": r"(?P<q>[1-4])", "j": r"(?P<j>\d{3})", "G": r"(?P<G>\d{4})", "V": r"(?P<V>\d{1,2})",
    "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})", "a": "[A-Za-z]{2,9}", "A": "[A-Za-z]{2,9}", "%": "%",
}  # fmt: skip
SHORTHANDS = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
CLOCK = (
    r"(?:[ T]+(?:(?P<H>\d{1,2})(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"(?: ?(?P<p>[AaPp]\.?[Mm]\.?))?)"
    r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?"
)
UNIX = {"unix seconds": (r"(?P<s>-?\d{1,11})(?:\.(?P<f>0+))?", 1), "unix milliseconds": (r"(?P<s>-?\d{1,14})", 1000)}
WITH_DAY = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%b %d, %Y", "%b %d %Y", "%Y%m%d",
)  # fmt: skip
HOURS = "%Y%m%d%H"  # ten digits, as unix seconds have
WITHOUT_DAY = (
    "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%m.%Y", "%b-%y", "%b %y", "%b-%Y", "%b %Y", "%b/%Y", "%b/%y", "%Y-%b", "%Y %b",
    "%YM%m", "%YQ%q", "%Y Q%q", "%Y-Q%q", "Q%q %Y", "Q%q-%Y", "%G-W%V", "%Y", "%Y%m", HOURS, "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
)  # fmt: skip
# a plain number is taken for a time only where the column's name says so
NUMBERS = ("%Y", "%Y%m", "%Y%m%d", HOURS, "%Y%m%d%H%M", "%Y%m%d%H%M%S", *UNIX)
SWAPPED = {
    "%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y",
}  # fmt: skip


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
        """Return this form with or without zones for all, as most cells have it; zones may not be mixed."""
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


def unix_length(name: str, cell: str) -> bool:
    """Tell seconds from milliseconds by their digits, for times after 1973."""
    digits = len(cell.strip().lstrip("-").split(".")[0])
    return 9 <= digits <= 10 if name == "unix seconds" else 12 <= digits <= 13
