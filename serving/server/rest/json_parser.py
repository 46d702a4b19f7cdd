"""JSON as RapidJSON reads it: parsed values of a request body, with its tolerance and its error messages.

`orjson` reads what both agree on, which is nearly everything. What it refuses, or silently reads otherwise (a key
that stands twice), goes to the exact parser below: `NaN` and `Inf` tokens, any depth, text after the top-level value,
raw bytes that are not UTF-8, a byte order mark, the first of two equal keys.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import orjson

from serving.server.errors import invalid

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]*)?")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
WORDS = re.compile(r"null|true|false|-?(?:NaN|Infinity|Inf)")
WORD_VALUES = {"null": None, "true": True, "false": False}
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


def parse(body: bytes) -> Any:
    """Return the value of a JSON body; integers are `int` and numbers with a fraction or exponent `float`.

    Raises:
        RequestError: not JSON; the message names the reason and the offset in bytes.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ExactParser(body).parse()
    # each key has one colon: more colons than keys means a key that stands twice, or a harmless colon in a string
    colons = body.count(b":")
    if isinstance(value, dict) and colons != len(value) and not holds_keys(value, colons):
        return ExactParser(body).parse()
    return value


def holds_keys(value: dict[str, Any], count: int) -> bool:
    """Say whether an object and all in it have so many keys; quick for rows that are flat objects."""
    rows = value.get("instances")
    if type(rows) is list and set(map(type, rows)) == {dict} and len(value) + sum(map(len, rows)) == count:
        return True
    return count_keys(value) == count


def count_keys(value: dict[str, Any]) -> int:
    """Count the keys of an object and of the objects in it, lists of plain values being passed by at C speed."""
    count = 0
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            count += len(item)
            todo.extend(child for child in item.values() if isinstance(child, dict | list))
        elif not set(map(type, item)).isdisjoint((dict, list)):
            todo.extend(child for child in item if isinstance(child, dict | list))
    return count


class ExactParser:
    """An iterative parser: half a million brackets deep is no problem."""

    def __init__(self, body: bytes) -> None:
        self.text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        self.removed = 3 if body.startswith(b"\xef\xbb\xbf") else 0
        self.at = 0

    def parse(self) -> Any:
        """Return the first value of the text; what follows it is not read."""
        if not self.peek():
            self.fail("The document is empty.", self.at)
        root: list[Any] = []
        stack: list[Any] = [root]
        names: list[str] = []  # of the open objects, the member that is being read
        while True:
            value, opened = self.read_value()
            if opened:
                stack.append(value)
                if not self.closes(value, empty=True):
                    if isinstance(value, dict):
                        names.append(self.read_name())
                    continue
                value = stack.pop()
            while True:  # put the finished value into what holds it, and close what ends with it
                holder = stack[-1]
                if holder is root:
                    return value
                if isinstance(holder, list):
                    holder.append(value)
                else:
                    holder.setdefault(names.pop(), value)
                if not self.closes(holder, empty=False):
                    break
                value = stack.pop()
            if isinstance(stack[-1], dict):
                names.append(self.read_name())

    def peek(self) -> str:
        """Skip white space and return the next character, empty at the end."""
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def read_value(self) -> tuple[Any, bool]:
        """Read a scalar, or open a list or an object; the second value says which."""
        character = self.peek()
        if character in ("[", "{") and character:
            self.at += 1
            return ([] if character == "[" else {}), True
        if character == '"':
            return self.read_string(), False
        if found := WORDS.match(self.text, self.at):
            self.at = found.end()
            word = found.group()
            return (WORD_VALUES[word] if word in WORD_VALUES else float(word)), False
        return self.read_number(), False

    def closes(self, holder: Any, empty: bool) -> bool:
        """Read what follows an opening bracket or a value: the end of `holder`, or the comma before the next value."""
        character = self.peek()
        if character == ("]" if isinstance(holder, list) else "}"):
            self.at += 1
            return True
        if empty:
            return False
        if character == ",":
            self.at += 1
            return False
        if isinstance(holder, list):
            self.fail("Missing a comma or ] after an array element.", self.at)
        self.fail("Missing a comma or } after an object member.", self.at)

    def read_name(self) -> str:
        """Read a member's name and its colon."""
        if self.peek() != '"':
            self.fail("Missing a name for object member.", self.at)
        name = self.read_string()
        if self.peek() != ":":
            self.fail("Missing a colon after a name of object member.", self.at)
        self.at += 1
        return name

    def read_number(self) -> int | float:
        """Read a number; an integer that needs more than 64 bits becomes a float."""
        start = self.at
        found = NUMBER.match(self.text, start)
        if not found:
            self.fail("Invalid value.", start + self.begun(start))
        fraction, exponent = found.groups()
        if fraction == ".":
            self.fail("Miss fraction part in number.", found.end(1))
        if exponent and not exponent[-1].isdigit():
            self.fail("Miss exponent in number.", found.end(2))
        self.at = found.end()
        digits = found.group()
        if fraction is None and exponent is None and len(digits) <= 20:
            integer = int(digits)
            if SMALLEST_INTEGER <= integer <= LARGEST_INTEGER:
                return integer
        number = float(digits)
        if number in (float("inf"), float("-inf")):
            self.fail("Number too big to be stored in double.", start)
        return number

    def begun(self, start: int) -> int:
        """Return how many characters of a word or a sign RapidJSON takes before it sees that they are no value."""
        sign = int(self.text.startswith("-", start))
        words = ("NaN", "Infinity") if sign else ("null", "true", "false", "NaN", "Infinity")
        return sign + max(
            length for word in words for length in range(len(word)) if self.text.startswith(word[:length], start + sign)
        )

    def read_string(self) -> str:
        """Read a string with its escapes; bytes that are not UTF-8 stay as they are."""
        start = self.at
        self.at += 1
        parts: list[str] = []
        while True:
            found = PLAIN.match(self.text, self.at)
            assert found is not None
            parts.append(found.group())
            self.at = found.end()
            character = self.text[self.at : self.at + 1]
            if character == '"':
                self.at += 1
                return "".join(parts)
            if character != "\\":
                reason = "Invalid encoding in string." if character else "Missing a closing quotation mark in string."
                self.fail(reason, self.at if character else start)
            parts.append(self.read_escape())

    def read_escape(self) -> str:
        """Read an escape sequence."""
        start = self.at
        letter = self.text[start + 1 : start + 2]
        self.at += 2
        if letter != "u":
            if letter not in ESCAPES:
                self.fail("Invalid escape character in string.", start)
            return ESCAPES[letter]
        unit = self.read_hex(start)
        if not 0xD800 <= unit <= 0xDFFF:
            return chr(unit)
        low = 0
        if unit < 0xDC00 and self.text[self.at : self.at + 2] == "\\u":
            self.at += 2
            low = self.read_hex(start)
        if not 0xDC00 <= low <= 0xDFFF:
            self.fail("The surrogate pair in string is invalid.", start)
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))

    def read_hex(self, start: int) -> int:
        """Read four hexadecimal digits."""
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
            self.fail("Incorrect hex digit after \\u escape in string.", start)
        self.at += 4
        return int(digits, 16)

    def fail(self, reason: str, at: int) -> NoReturn:
        """Refuse the body, naming the place in bytes."""
        offset = self.removed + len(self.text[:at].encode("utf-8", "surrogateescape"))
        raise invalid(f"JSON Parse error: {reason} at offset: {offset}")
