"""Reads protocol buffers' text format without their schema: pipeline.config files and label maps.

The grammar is that of https://protobuf.dev/reference/protobuf/textformat-spec: fields, messages in `{}` or `<>`, lists
in `[]`, strings with escapes, several beside each other, comments. Every value keeps its line, so that what is wrong
can be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from pipeline.errors import UserError

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?)(?![\w.]))
      | (?P<word>-?[A-Za-z_][\w./-]*)
      | (?P<mark>[{}<>\[\]:,;])""",
    re.VERBOSE,
)
ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34, "?": 63}
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
CLOSES = {"{": "}", "<": ">"}


@dataclass(frozen=True)
class Scalar:
    """A value that is no message.

    Attributes:
        value: text, number, or an enumeration's name (`word` is true then; `true` and `false` are words too).
        line: where it stands, counted from 1.
        word: it stands without quotes.
    """

    value: str | int | float
    line: int
    word: bool = False


@dataclass
class Message:
    """Fields by name, each with all its values in their order."""

    line: int
    fields: dict[str, list[Scalar | Message]] = field(default_factory=dict)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int


def parse(text: str, source: str) -> Message:
    """Read a file's text.

    Args:
        text: the file's content.
        source: the file's name, for errors.

    Raises:
        UserError: it is not in text format; says the line.
    """
    return Parser(list(tokens(text, source)), source).message(None, 1)


def tokens(text: str, source: str) -> Iterator[Token]:
    """Cut a text into strings, numbers, words and marks."""
    line, place = 1, 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            broken = text[place : place + 20].splitlines()[0]
            what = "A string is not closed" if broken[0] in "\"'" else "This cannot be read"
            raise UserError(
                f"{what}: `{broken}`.", f"{source}, line {line}", "Mend the line; the file must be in text format."
            )
        if match.lastgroup == "newline":
            line += 1
        elif match.lastgroup != "space":
            yield Token(str(match.lastgroup), match.group(), line)
        place = match.end()


class Parser:
    """A place in a list of tokens."""

    def __init__(self, found: list[Token], source: str) -> None:
        self.tokens, self.source, self.place = found, source, 0

    def message(self, close: str | None, line: int) -> Message:
        """Read fields up to the closing mark, or to the end of the file."""
        found = Message(line)
        while (token := self.peek()) is not None and token.text != close:
            if token.kind != "word":
                self.fail(f"Expected a field's name, found `{token.text}`", token.line)
            self.place += 1
            found.fields.setdefault(token.text, []).extend(self.values(token))
            if (mark := self.peek()) is not None and mark.text in (",", ";"):
                self.place += 1
        if close is not None:
            if token is None:
                self.fail(f"A `{close}` is missing for what opens here", line)
            self.place += 1
        return found

    def values(self, name: Token) -> list[Scalar | Message]:
        """Read what follows a field's name: a message, a scalar or a list of either."""
        token = self.peek()
        colon = token is not None and token.text == ":"
        if colon:
            self.place += 1
            token = self.peek()
        if token is not None and token.text == "[" and token.kind == "mark":
            return self.list_of_values(token)
        if not colon and (token is None or token.text not in CLOSES):
            self.fail(f"Expected `:` or `{{` after `{name.text}`", name.line)
        return [self.value(name)]

    def list_of_values(self, opening: Token) -> list[Scalar | Message]:
        """Read `[a, b, c]`."""
        self.place += 1
        found: list[Scalar | Message] = []
        while (token := self.peek()) is not None and token.text != "]":
            found.append(self.value(token))
            token = self.peek()
            if token is None or token.text not in (",", "]"):
                self.fail("Expected `,` or `]` in this list", opening.line)
            if token.text == ",":
                self.place += 1
        if token is None:
            self.fail("A `]` is missing for what opens here", opening.line)
        self.place += 1
        return found

    def value(self, name: Token) -> Scalar | Message:
        """Read one message or scalar."""
        token = self.peek()
        if token is None:
            self.fail(f"`{name.text}` has no value", name.line)
        self.place += 1
        if token.text in CLOSES and token.kind == "mark":
            return self.message(CLOSES[token.text], token.line)
        if token.kind == "string":
            return Scalar(self.strings(token), token.line)
        if token.kind == "number":
            return Scalar(number(token.text), token.line)
        if token.kind != "word":
            self.fail(f"`{name.text}` has no value", name.line)
        special = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}
        if token.text.lower() in special:
            return Scalar(special[token.text.lower()], token.line)
        return Scalar(token.text, token.line, word=True)

    def strings(self, first: Token) -> str:
        """Join strings that stand beside each other."""
        whole = unescape(first.text)
        while (token := self.peek()) is not None and token.kind == "string":
            whole += unescape(token.text)
            self.place += 1
        try:
            return whole.decode("utf-8")
        except UnicodeDecodeError:
            return whole.decode("latin-1")

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def fail(self, what: str, line: int) -> NoReturn:
        raise UserError(f"{what}.", f"{self.source}, line {line}", "Mend the line; the file must be in text format.")


def number(text: str) -> int | float:
    """Return a number: 7, 0x1f, 010 (octal), 1.5, 1e-3, 2f."""
    if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[-+]?0[0-7]+", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text.rstrip("fF"))


def unescape(quoted: str) -> bytes:
    """Return the bytes of a quoted string."""

    def replace(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, letter = match.groups()
        if octal:
            return bytes([int(octal, 8) & 255])
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        known = ESCAPES.get(letter.decode("latin-1"))
        return bytes([known]) if known is not None else letter

    return ESCAPE.sub(replace, quoted[1:-1].encode("utf-8"))
