"""Times written as a file has them: in its form, with its digits, names and zone."""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import date, datetime, timedelta

from data.series.times.forms import TimeForm
from data.series.times.patterns import DECIMAL_YEARS, EXCEL, INDEX
from data.series.times.text import composed
from data.series.times.words import write_name
from data.series.times.zones import abbreviation_at, offset_at

DAY = 86_400
ORDINAL = re.compile(r"\b(\d{1,2})(st|nd|rd|th)\b", re.IGNORECASE)
MORNING_OR_LATER = {"上午": "下午", "下午": "上午", "午前": "午後", "午後": "午前", "오전": "오후", "오후": "오전"}


def write_time(seconds: int, form: TimeForm) -> str:
    """Write a time as the form's own cells are written.

    Args:
        seconds: as these cells were read, in the form's own zone.
    """
    like = max(form.like, key=len, default="")
    if form.name == INDEX:
        return write_number(seconds, like)
    if form.scale:
        return write_number((seconds - (zone_shift(seconds, form, None) if form.wall else 0)) * form.scale, like)
    if form.name in EXCEL:
        clock = seconds if form.wall else seconds + zone_shift(seconds, form, None)
        return write_fraction(EXCEL[form.name] + clock / DAY, like)
    if form.name in DECIMAL_YEARS:
        moment = moment_of(seconds)
        return write_fraction(moment.year + (moment.month - 1 + DECIMAL_YEARS[form.name]) / 12, like)
    match = form.match(like)
    shift = zone_shift(seconds, form, match)
    moment = moment_of(seconds if form.wall else seconds + shift)
    if match is None:
        return written_plainly(moment)
    text, written, place = composed(like), "", 0
    for start, stop, name in sorted((*match.span(name), name) for name in match.re.groupindex):
        if start < 0:
            continue
        written += text[place:start]
        part = text[start:stop]
        if name in "ab" and (dotted(name, form) or text[stop : stop + 1] == "."):
            part, stop = f"{part}.", stop + (text[stop : stop + 1] == ".")
        written += write_part(name, part, moment, shift, seconds, form, match)
        place = stop
    return in_digits_of(like, ORDINAL.sub(ordinal, written + text[place:]))


@functools.lru_cache(maxsize=256)
def dotted(name: str, form: TimeForm) -> bool:
    """Tell whether a name of a month or a day is followed by a dot in any of the form's cells."""
    found = [(composed(cell), match) for cell in form.like if (match := form.match(cell)) and match[name]]
    return any(cell[match.end(name) :].startswith(".") for cell, match in found)


@functools.lru_cache(maxsize=256)
def names_seen(name: str, form: TimeForm) -> tuple[str, ...]:
    """Return the names of months or days in the form's cells."""
    return tuple(dict.fromkeys(match[name] for cell in form.like if (match := form.match(cell)) and match[name]))


def ordinal(match: re.Match[str]) -> str:
    """Write 2nd where the day before stood with another ending."""
    number = int(match[1])
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return match[1] + (ending if match[2].islower() else ending.upper())


def in_digits_of(like: str, text: str) -> str:
    """Write the digits of a text in the script of another one's."""
    digit = next((letter for letter in like if letter.isdecimal()), "0")
    if digit.isascii():
        return text
    zero = ord(digit) - unicodedata.decimal(digit)
    return re.sub("[0-9]", lambda found: chr(zero + int(found[0])), text)


def moment_of(seconds: int) -> datetime:
    """Return the calendar's time, without a zone."""
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def written_plainly(moment: datetime) -> str:
    return moment.isoformat(" ").removesuffix(" 00:00:00")


def write_number(number: int, like: str) -> str:
    """Write a whole number, with the zeros behind the point that another has."""
    zeros = re.search(r"\.0+$", like)
    return f"{number}{zeros[0] if zeros else ''}"


def write_fraction(number: float, like: str) -> str:
    """Write a number with as many digits behind the point, or the comma, as another has."""
    behind = re.search(r"[.,](\d+)$", like)
    written = f"{number:.{len(behind[1]) if behind else 0}f}"
    return written.replace(".", ",") if behind and behind[0][0] == "," else written


def zone_shift(seconds: int, form: TimeForm, match: re.Match[str] | None) -> int:
    """Return how many seconds the clocks of a form are before Greenwich's."""
    if form.zone:
        return offset_at(seconds - (offset_at(seconds, form.zone) if form.wall else 0), form.zone)
    zone = match.groupdict().get("z") if match else None
    if not zone:
        return 0
    if not zone[-1].isdigit():
        return form.offsets.get(zone.upper(), 0)
    digits = re.sub(r"\D", "", zone)
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    return (-1 if "-" in zone else 1) * (hours * 3600 + minutes * 60)


def write_part(
    name: str, like: str, moment: datetime, shift: int, seconds: int, form: TimeForm, match: re.Match[str]
) -> str:
    """Write one part of a time as another time has it."""
    if name == "b":
        return write_name(form.language, "months", moment.month, like, names_seen(name, form))
    if name == "a":
        return write_name(form.language, "days", moment.weekday(), like, names_seen(name, form))
    if name in ("p", "n"):
        return half_of_day(like, moment)
    if name == "z":
        return write_zone(like, shift, seconds - (shift if form.wall else 0), form)
    if name == "r":
        return like
    number = part_of(name, moment, halved=bool({"p", "n"} & {key for key, text in match.groupdict().items() if text}))
    return f"{number:0{width_of(name, form, like)}d}" if name not in ("x", "f") else f"{number}".zfill(2)[-len(like) :]


@functools.lru_cache(maxsize=256)
def width_of(name: str, form: TimeForm, like: str) -> int:
    """Return the fewest digits that a part has in any of the form's cells."""
    if name in ("Y", "G", "j", "q", "h", "u"):
        return len(like)
    found = [match[name] for cell in form.like if (match := form.match(cell)) and match.groupdict().get(name)]
    return min((len(text) for text in found), default=2)


def part_of(name: str, moment: datetime, halved: bool) -> int:
    """Return the number that a group says."""
    iso = date(moment.year, moment.month, moment.day).isocalendar()
    numbers = {
        "Y": moment.year,
        "y": moment.year % 100,
        "x": moment.year + 1,
        "m": moment.month,
        "d": moment.day,
        "H": ((moment.hour - 1) % 12 + 1) if halved else moment.hour,
        "I": (moment.hour - 1) % 12 + 1,
        "M": moment.minute,
        "S": moment.second,
        "f": 0,
        "q": (moment.month + 2) // 3,
        "h": 1 if moment.month < 7 else 2,
        "j": moment.timetuple().tm_yday,
        "G": iso.year,
        "V": iso.week,
        "u": iso.weekday,
    }
    return numbers[name]


def half_of_day(like: str, moment: datetime) -> str:
    """Write AM or PM as another time has it."""
    later = moment.hour >= 12
    if like in MORNING_OR_LATER:
        return like if (like in ("下午", "午後", "오후")) == later else MORNING_OR_LATER[like]
    letter = "p" if later else "a"
    return (letter.upper() if like[0].isupper() else letter) + like[1:]


def write_zone(like: str, shift: int, seconds: int, form: TimeForm) -> str:
    """Write a zone as another time has it: as an offset, or as an abbreviation."""
    if not like[-1].isdigit():
        return abbreviation_at(seconds, form.zone) if form.zone and like != "Z" else like
    before = like[: re.search("[+-]", like).start()]  # type: ignore[union-attr]  # an offset has a sign
    digits = like[len(before) + 1 :]
    hours, minutes = divmod(abs(shift) // 60, 60)
    sign = "-" if shift < 0 else "+"
    if len(digits) <= 2:
        return f"{before}{sign}{hours:0{len(digits)}d}"
    return f"{before}{sign}{hours:02d}{':' if ':' in digits else ''}{minutes:02d}"
