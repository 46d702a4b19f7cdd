"""Texts that lie beside photos, in whatever encoding a program of the user's wrote them."""

from __future__ import annotations

import codecs

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(data: bytes) -> str:
    """Return a text in UTF-8, or in UTF-16 or UTF-32 as Windows' programs write it; its mark is left out.

    Raises:
        UnicodeDecodeError: it is in none of these.
    """
    return data.decode(encoding_of(data))


def encoding_of(data: bytes) -> str:
    """Return a text's encoding by its mark; without one by the zeros between Latin letters of UTF-16, else UTF-8."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    start = data[:512]
    if b"\0" in start and len(start) > 3:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if max(even, odd) > len(start) // 4 and min(even, odd) == 0:
            return "utf-16-le" if odd else "utf-16-be"
    return "utf-8"


def lines_of(data: bytes) -> list[str]:
    """Return the lines of a text that are not blank, without what stands around them; bytes of other encodings as they
    can be shown.
    """
    text = data.decode(encoding_of(data), "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]
