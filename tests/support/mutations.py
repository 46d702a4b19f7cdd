"""Small damages to files, as transfers, editors and hands do them; the same ones for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NUMBERS = (b"1e39", b"-1", b"99999999999999999999", b"nan", b"inf", b"0x", b"1_000", b"1,5", b"-0", b"9" * 5000)
PIECES = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"{", b"}", b"<", b">", b"[", b"]", b"\\", b"\n", b"\r",
          b",", b";", b":", b"#", b"&", b"*", b"\t", b"\xc3", b"\xe2\x80\xa8", b"\x85", b"\x1c", b"\x1a", b"%00", b"- ",
          b"!!python/object/apply:os.system", b"<!DOCTYPE a [<!ENTITY b 'c'>]>")  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "shift-jis", "utf-7", "cp037")
Mutation = Callable[[random.Random, bytes], bytes]


def mutate(chance: random.Random, content: bytes) -> bytes:
    """Return a content with one to three damages."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        content = chance.choice(MUTATIONS)(chance, content)
    return content


def flip(chance: random.Random, content: bytes) -> bytes:
    """Change some bytes at random."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def cut_end(chance: random.Random, content: bytes) -> bytes:
    """Break off, as a transfer does."""
    return content[: chance.randint(0, len(content))]


def cut_start(chance: random.Random, content: bytes) -> bytes:
    return content[chance.randint(0, min(40, len(content))) :]


def cut_out(chance: random.Random, content: bytes) -> bytes:
    begin, end = piece(chance, content)
    return content[:begin] + content[end:]


def repeat(chance: random.Random, content: bytes) -> bytes:
    begin, end = piece(chance, content)
    return content[:end] + content[begin:end] * chance.choice((1, 1, 30)) + content[end:]


def move(chance: random.Random, content: bytes) -> bytes:
    begin, end = piece(chance, content)
    rest = content[:begin] + content[end:]
    place = chance.randint(0, len(rest))
    return rest[:place] + content[begin:end] + rest[place:]


def insert(chance: random.Random, content: bytes) -> bytes:
    place = chance.randint(0, len(content))
    return content[:place] + chance.choice(PIECES) * chance.choice((1, 1, 2, 300)) + content[place:]


def renumber(chance: random.Random, content: bytes) -> bytes:
    """Put an unusual number in the place of one."""
    numbers = list(re.finditer(rb"\d[\d.]*", content))
    if not numbers:
        return content
    found = chance.choice(numbers)
    return content[: found.start()] + chance.choice(NUMBERS) + content[found.end() :]


def encode(chance: random.Random, content: bytes) -> bytes:
    """Save the text in another encoding."""
    text = content.decode("utf-8", "replace")
    return text.encode(chance.choice(ENCODINGS), "replace")


def end_lines(chance: random.Random, content: bytes) -> bytes:
    return content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"\x00", b"")))


def nest(chance: random.Random, content: bytes) -> bytes:
    """Put brackets inside each other."""
    opening, closing = chance.choice(((b"[", b"]"), (b"{", b"}"), (b"a {", b"}"), (b"<a>", b"</a>"), (b"- ", b"")))
    depth, place = chance.choice((50, 3000)), chance.randint(0, len(content))
    return content[:place] + opening * depth + closing * depth + content[place:]


def piece(chance: random.Random, content: bytes) -> tuple[int, int]:
    """Return where some part begins and ends."""
    begin = chance.randint(0, len(content))
    return begin, min(len(content), begin + chance.choice((1, 5, 40, 400)))


MUTATIONS: tuple[Mutation, ...] = (
    flip, cut_end, cut_start, cut_out, repeat, move, insert, renumber, encode, end_lines, nest,
)  # fmt: skip
