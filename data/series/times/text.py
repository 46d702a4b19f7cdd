"""The letters of times in one spelling: other scripts' digits, blanks and dashes as ASCII has them, place by place."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

DIACRITICS = range(0x300, 0x370)  # marks above and below Latin, Greek and Cyrillic letters
APOSTROPHES = "’‘ʼ´`′＇"
INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\ufeff\u2066\u2067\u2068\u2069"  # marks of direction and the like


def plain(text: str) -> str:
    """Return a text with ASCII digits, blanks, dashes and apostrophes, without blanks around it.

    The letters stand where they stood in `composed(text)`.
    """
    text = text.strip()
    if text.isascii():
        return text
    return "".join(map(plain_letter, composed(text)))


def plain_words(text: str) -> str:
    """Return a text as `plain` does, in small letters without accents; also place by place."""
    return "".join(map(small_letter, composed(text)))


def composed(text: str) -> str:
    """Return a text whose letters are one character each, accents included; marks that nobody sees are left out."""
    if text.isascii():
        return text.strip()
    kept = "".join(letter for letter in text if letter not in INVISIBLE)
    return unicodedata.normalize("NFC", kept).strip()


@functools.cache
def plain_letter(letter: str) -> str:
    """Return a digit, blank, dash or apostrophe as ASCII has it, other letters in their usual width."""
    digit = unicodedata.decimal(letter, -1)
    if digit >= 0:
        return str(int(digit))
    category = unicodedata.category(letter)
    if category == "Zs":
        return " "
    if category == "Pd" or letter == "\u2212":
        return "-"
    if letter in APOSTROPHES:
        return "'"
    wide = unicodedata.normalize("NFKC", letter)
    return wide if len(wide) == 1 else letter


@functools.cache
def small_letter(letter: str) -> str:
    """Return a letter small and without accents, if that is one letter still."""
    letter = plain_letter(letter)
    parts = unicodedata.normalize("NFKD", letter)
    if all(ord(mark) in DIACRITICS for mark in parts[1:]):
        letter = parts[:1]
    letter = letter.lower()[:1] or letter
    return "i" if letter == "ı" else letter


def without_exponent(text: str) -> str:
    """Return 1.5778368e9 as 1577836800; other texts as they are."""
    if "e" not in text.lower():
        return text
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


def all_plain(cells: Sequence[str], words: bool) -> list[str]:
    """Return cells as `plain` or `plain_words` gives them."""
    return [plain_words(cell) if words else without_exponent(plain(cell)) for cell in cells]
