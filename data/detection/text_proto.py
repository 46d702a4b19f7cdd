"""Reads protocol buffers' text format without their schema: pipeline.config files and label maps.

The grammar is that of https://protobuf.dev/reference/protobuf/textformat-spec: fields, messages in `{}` or `<>`, lists
in `[]`, strings with escapes, several beside each other, comments. Every value keeps its line, so that what is wrong
can be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
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
ESCAPE = re.compile(
    r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U(00[01][0-9a-fA-F]{5})|(.))", re.DOTALL
)
CLOSES = {"{": "}", "<": ">"}
DEEPEST = 100  # messages inside each other, as protocol buffers' own reader has it
MARKED = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}  # how some files of Windows begin


@dataclass(frozen=True)
class Scalar:
    """A value that is no message.

    Attributes:
        value: text, number, or an enumeration's name (`word` is true then; `true` and `false` are words too).
        line: where it stands, counted from 1.
        word: it stands without quotes.
        written: a text as the file has it, its escapes as they are, without quotes.
    """

    value: str | int | float
    line: int
    word: bool = False
    written: str = ""


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


def read_text(path: Path, what: str) -> str:
    """Return the text of a file in text format.

    Args:
        path: the file.
        what: it is to be, such as "The label map".

    Raises:
        UserError: it cannot be read, or is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{what} cannot be read: {error.strerror}.", str(path), "Check the path.") from None
    try:
        text = content.decode(MARKED.get(content[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{what} is no text in UTF-8: byte {content[error.start]:#04x} is none of it.",
            f"{path}, line {line}",
            "Save it as UTF-8 in an editor, if it is a file in text format.",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
            broken = text[place : place + 20].partition("\n")[0]
            shown = broken if broken.isprintable() else ascii(broken)
            what = "A string is not closed" if broken[:1] in "\"'" else "This cannot be read"
            raise UserError(
                f"{what}: `{shown}`.", f"{source}, line {line}", "Mend the line; the file must be in text format."
            )
        if match.lastgroup == "newline":
            line += 1
        elif match.lastgroup != "space":
            yield Token(str(match.lastgroup), match.group(), line)
        place = match.end()


class Parser:
    """A place in a list of tokens."""

    def __init__(self, found: list[Token], source: str) -> None:
        self.tokens, self.source, self.place, self.depth = found, source, 0, 0

    def message(self, close: str | None, line: int) -> Message:
        """Read fields up to the closing mark, or to the end of the file."""
        found = Message(line)
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"More than {DEEPEST} messages stand inside each other", line)
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
        self.depth -= 1
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
            return self.strings(token)
        if token.kind == "number":
            return Scalar(self.number(token), token.line)
        if token.kind != "word":
            self.fail(f"`{name.text}` has no value", name.line)
        special = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}
        if token.text.lower() in special:
            return Scalar(special[token.text.lower()], token.line)
        return Scalar(token.text, token.line, word=True)

    def strings(self, first: Token) -> Scalar:
        """Join strings that stand beside each other."""
        parts = [first]
        while (token := self.peek()) is not None and token.kind == "string":
            parts.append(token)
            self.place += 1
        whole = b"".join(self.unescape(token) for token in parts)
        written = "".join(token.text[1:-1] for token in parts)
        try:
            return Scalar(whole.decode("utf-8"), first.line, written=written)
        except UnicodeDecodeError:
            return Scalar(whole.decode("latin-1"), first.line, written=written)

    def unescape(self, token: Token) -> bytes:
        """Return the bytes of a quoted string."""
        text, found, place = token.text[1:-1], bytearray(), 0
        for match in ESCAPE.finditer(text):
            octal, hexadecimal, short, long, letter = match.groups()
            found += text[place : match.start()].encode("utf-8", "surrogatepass")
            place = match.end()
            if octal:
                found.append(int(octal, 8) & 255)
            elif hexadecimal:
                found.append(int(hexadecimal, 16))
            elif short or long:
                found += chr(min(int(short or long, 16), 0x10FFFF)).encode("utf-8", "surrogatepass")
            elif letter in ESCAPES:
                found.append(ESCAPES[letter])
            else:
                self.fail(f"There is no escape `\\{letter}` in `{token.text}`", token.line, without_backslashes(text))
        return bytes(found + text[place:].encode("utf-8", "surrogatepass"))

    def number(self, token: Token) -> int | float:
        """Return a number's value."""
        try:
            return number(token.text)
        except ValueError:  # thousands of digits
            self.fail(f"The number `{token.text[:20]}` cannot be read", token.line)

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def fail(self, what: str, line: int, fix: str = "Mend the line; the file must be in text format.") -> NoReturn:
        raise UserError(f"{what}.", f"{self.source}, line {line}", fix)


def number(text: str) -> int | float:
    """Return a number: 7, 0x1f, 010 (octal), 1.5, 1e-3, 2f."""
    if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[-+]?0[0-7]+", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text.rstrip("fF"))


def without_backslashes(text: str) -> str:
    """Say how a string is written that has single backslashes in it, such as a path of Windows."""
    plain = text.replace("\\\\", "\\")
    slashes, doubled = plain.replace("\\", "/"), plain.replace("\\", "\\\\")
    return f'A backslash begins an escape. Of a path write `"{slashes}"`, of anything else `"{doubled}"`.'
