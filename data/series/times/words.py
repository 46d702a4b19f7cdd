"""The names of months and days in the languages of the Unicode repository, full and shortened, in all their forms.

They are loaded only where a column has words that are not English.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data.series.times.text import plain_words

if TYPE_CHECKING:
    from babel import Locale

ENGLISH = "en"
# tried first, all of them together; the others only where none of these fits
COMMON = (
    "en", "es", "de", "fr", "it", "pt", "nl", "ru", "pl", "sv", "da", "nb", "nn", "fi", "cs", "sk", "hu", "ro", "bg",
    "hr", "sl", "sr", "sr_Latn", "bs", "mk", "sq", "el", "tr", "uk", "be", "lt", "lv", "et", "is", "ga", "ca", "gl",
    "eu", "de_AT", "id", "ms", "vi", "th", "hi", "bn", "fa", "ar", "he", "ja", "ko", "zh", "kk", "ka", "hy", "az",
    "ur", "ta", "te", "mr", "af", "sw", "fil",
)  # fmt: skip
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# as Excel and Windows shorten them, where that is another way
OF_WINDOWS = {
    "de": ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"),
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agt", "Sep", "Okt", "Nop", "Des"),
}
SHORTEST = 3  # letters that a shortened name must have
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
USES, LENGTHS = ("format", "stand-alone"), ("wide", "abbreviated")


@functools.cache
def other_languages() -> tuple[str, ...]:
    """Return the languages that are not common, with the scripts that each is written in."""
    from babel import localedata  # hundreds of languages, for few tables

    names = [name.split("_") for name in localedata.locale_identifiers()]
    kept = ["_".join(parts) for parts in names if len(parts) == 1 or (len(parts) == 2 and len(parts[1]) == 4)]
    return tuple(name for name in sorted(kept) if name not in COMMON and name != "root")


@functools.cache
def styles(language: str, what: str) -> tuple[tuple[str, ...], ...]:
    """Return all ways to write the twelve months, or the seven days from Monday on.

    Args:
        what: `months` or `days`.
    """
    if language in ("", ENGLISH):
        names = ENGLISH_MONTHS if what == "months" else ENGLISH_DAYS
        return (names, tuple(name[:3] for name in names), tuple(with_sept(name) for name in names))
    found = locale(language)
    keys = range(1, 13) if what == "months" else range(7)
    tables = [getattr(found, what).get(use, {}).get(length, {}) for use in USES for length in LENGTHS]
    found_styles = [tuple(str(table[key]) for key in keys) for table in tables if set(keys) <= set(table)]
    more = [OF_WINDOWS[language]] if what == "months" and language in OF_WINDOWS else []
    return (*found_styles, *more)


def with_sept(name: str) -> str:
    return "Sept" if name == "September" else name[:3]


@functools.cache
def locale(language: str) -> Locale:
    from babel import Locale  # as above

    return Locale.parse(language)


def known_language(language: str) -> bool:
    """Tell whether a language has names of months here."""
    return language in COMMON or language in other_languages()


@functools.cache
def month_names(language: str) -> dict[str, int]:
    """Return the number of the month by its name, small and without accents; names of several months are left out."""
    return numbered(language, "months")


@functools.cache
def day_names(language: str) -> dict[str, int]:
    """Return the number of the day of the week, 0 for Monday, by its name."""
    return numbered(language, "days")


def numbered(language: str, what: str) -> dict[str, int]:
    first = 1 if what == "months" else 0
    exact: dict[str, set[int]] = {}
    short: dict[str, set[int]] = {}
    for names in styles(language, what):
        for number, name in enumerate(names, first):
            for spelling in spellings(name):
                exact.setdefault(spelling, set()).add(number)
                for length in range(SHORTEST, len(spelling)):
                    short.setdefault(spelling[:length], set()).add(number)
    known = {**short, **exact}
    return {
        name: next(iter(numbers))
        for name, numbers in known.items()
        if len(numbers) == 1 and name.strip(" .-") and not name.isdigit()
    }


def spellings(name: str) -> Iterator[str]:
    """Yield a name as texts in small letters have it, also with ae for an umlaut; dots at its end are left out."""
    yield plain_words(name).rstrip(" .")
    if name != (spread := name.translate(UMLAUTS)):
        yield plain_words(spread).rstrip(" .")


def write_name(language: str, what: str, number: int, like: str, seen: Sequence[str]) -> str:
    """Write a month (1 to 12) or a day (0 for Monday) as others were: full or shortened, in small or large letters.

    Args:
        like: the name that stands in its place.
        seen: other names that are written alike, to tell a full May from a shortened one.
    """
    sought = {plain_words(name).rstrip(" .") for name in (like, *seen)}
    shares = [len(sought & {plain_words(name).rstrip(" .") for name in names}) for names in styles(language, what)]
    fitting = [names for names, share in zip(styles(language, what), shares, strict=True) if share == max(shares)]
    if not max(shares):
        fitting = [tuple(name[: len(like.rstrip(" ."))] for name in styles(language, what)[0])]
    with_dots = [names for names in fitting if any(name.endswith(".") for name in names)]
    place = number - 1 if what == "months" else number
    if not like.endswith("."):
        name = fitting[0][place].rstrip(".")
    elif with_dots:
        name = with_dots[0][place]
    else:
        name = f"{fitting[0][place]}."
    return name.upper() if like.isupper() else name.lower() if like.islower() else name[:1].upper() + name[1:]
