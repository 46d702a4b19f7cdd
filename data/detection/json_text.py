"""JSON files as other programs write them: with any mark of their coding, and as large as COCO's own.

They are read entry by entry: of a file of 450 MB no more than its text and what is kept of it are in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_JSON_BYTES = 1 << 30  # COCO's largest annotations take half of it
WHITE = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder()


def decode_json(data: bytes) -> str:
    """Return the text of a json file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        ValueError: it is in another coding.
    """
    try:
        return data.decode(json.detect_encoding(data)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1:,} is no UTF-8; save it in UTF-8") from None


def load_json(data: bytes) -> Any:
    """Return what a small json file holds.

    Raises:
        ValueError: it is none, or nested too deep; says line and column.
    """
    try:
        return json.loads(decode_json(data))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def entries_of(text: str) -> Iterator[tuple[str, Any]]:
    """Yield what a json file's outermost object has: key and value, but of a list an iterator over its items.

    An outermost list comes as the value of the key ``, anything else too.

    Raises:
        ValueError: it is no json, or ends early; says line and column.
    """
    reader = JsonReader(text)
    if reader.next() == "{":
        yield from reader.pairs()
    elif reader.next() == "[":
        items = reader.items()
        yield "", items
        exhaust(items)
    else:
        yield "", reader.value()
    if reader.next():
        raise reader.error("Extra data")


def exhaust(items: Iterator[Any]) -> None:
    for _ in items:
        pass


class JsonReader:
    """Reads a text from its start on.

    Attributes:
        place: of the next letter.
    """

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Yield key and value of an object, or an iterator over a list's items."""
        self.place += 1
        while self.next() != "}":
            key = self.value()
            if not isinstance(key, str) or self.next() != ":":
                raise self.error("Expecting a name and ':'")
            self.place += 1
            if self.next() == "[":
                items = self.items()
                yield key, items
                exhaust(items)
            else:
                yield key, self.value()
            if not self.goes_on("}"):
                break
        self.place += 1

    def items(self) -> Iterator[Any]:
        """Yield the items of a list."""
        self.place += 1
        while self.next() != "]":
            yield self.value()
            if not self.goes_on("]"):
                break
        self.place += 1

    def goes_on(self, end: str) -> bool:
        """Tell whether a comma follows, and step over it, and not the end."""
        found = self.next()
        if found not in (",", end):
            raise self.error(f"Expecting ',' or '{end}'")
        self.place += found == ","
        return found == ","

    def next(self) -> str:
        """Return the next letter that is no space; empty at the end of the text."""
        found = WHITE.match(self.text, self.place)
        self.place = found.end() if found else self.place
        return self.text[self.place : self.place + 1]

    def value(self) -> Any:
        self.next()
        try:
            value, self.place = DECODER.raw_decode(self.text, self.place)
        except RecursionError:
            raise self.error("Nested too deep") from None
        except json.JSONDecodeError:
            raise
        except ValueError:  # Python reads no whole number of more than 4,300 digits
            raise self.error("A number with too many digits") from None
        return value

    def error(self, words: str) -> ValueError:
        return json.JSONDecodeError(words, self.text, self.place)
