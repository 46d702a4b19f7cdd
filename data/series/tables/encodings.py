"""Encodings that a text may be in which is not UTF-8, by what its bytes say."""

from __future__ import annotations

import re
import unicodedata

SEEN = 1 << 16  # bytes looked at
LONG_WORD = 3  # letters of a word that shows a script
WESTERN = ("cp1252", "western Europe's Windows")
# those of which nearly every letter means something only in their own language, with ranges of its letters
OTHERS = (
    ("shift_jis", "Japanese", r"[\u3040-\u30ff\u4e00-\u9fff\uff66-\uff9f]"),
    ("euc_kr", "Korean", r"[\uac00-\ud7af]"),
    ("gb18030", "Chinese", r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]"),
    ("big5", "Chinese of Taiwan", r"[\u4e00-\u9fff]"),
    ("cp1251", "Cyrillic", r"[\u0400-\u045f]"),
    ("cp1253", "Greek", r"[\u0370-\u03ff]"),
    ("cp1255", "Hebrew", r"[\u05d0-\u05ea]"),
    ("cp1256", "Arabic", r"[\u0600-\u06ff]"),
)
# first bytes of the usual signs, the rare ones left out: what looks like them by chance lies anywhere
USUAL_SIGNS = {"euc_kr": (0xB0, 0xC8), "gb18030": (0xA1, 0xD7), "big5": (0xA1, 0xC6)}
CENTRAL = ("cp1250", "central Europe's Windows")
WORD = re.compile(r"[^\W\d_]+")
KANA = re.compile(r"[\u3040-\u30ff]")
USUAL = frozenset("äöüßÄÖÜéèêëàâáãåæçíìîïñóòôõøúùûÉÈÀÇÑÓÁÍÚ°µ²³€£§«»–’“”")
CENTRAL_LETTERS = frozenset("äöüßÄÖÜ°ąćęłńóśźżáčďéěíňřšťúůýžőűâîșțşţđĄĆĘŁŃŚŹŻČĎĚŇŘŠŤŮŽŐŰ")


def propose_encodings(block: bytes, tried: str | None) -> str:
    """Return as advice the settings that the bytes speak for, the likeliest first."""
    block = block[:SEEN]
    found = [(name, what) for name, what, letters in OTHERS if is_written_in(block, name, letters)]
    if not found:
        western, central = (share_of(block, name, known) for name, known in LATIN)
        found = [WESTERN, CENTRAL] if western >= central else [CENTRAL, WESTERN]
    kept = [(name, what) for name, what in found if name != tried] or [("latin-1", "any byte a letter")]
    return ", or ".join(f"`data.encoding={name}` ({what})" for name, what in kept[:2])


LATIN = (("cp1252", USUAL), ("cp1250", CENTRAL_LETTERS))


def is_written_in(block: bytes, encoding: str, letters: str) -> bool:
    """Tell whether nearly all that is not ASCII is of a script, and its words are of it alone."""
    text = decoded(block, encoding)
    beyond = [letter for letter in text if not letter.isascii()]
    if not beyond or sum(bool(re.match(letters, letter)) for letter in beyond) < 0.9 * len(beyond):
        return False
    if encoding in USUAL_SIGNS:
        first, last = USUAL_SIGNS[encoding]
        signs = [letter.encode(encoding) for letter in beyond]
        usual = sum(len(sign) == 2 and first <= sign[0] <= last and sign[1] >= 0x80 for sign in signs)
        return usual >= (0.5 if encoding == "big5" else 0.9) * len(signs)
    words = [word for word in WORD.findall(text) if not word.isascii()]
    mixed = sum(any(letter.isascii() for letter in word) for word in words)
    if encoding == "shift_jis" and not KANA.search(text):
        return (
            all(unicodedata.name(letter, "").startswith("CJK UNIFIED") for letter in beyond)
            and beyond[0] in "日年月時値"
        )
    return mixed <= 0.1 * len(words) and max(map(len, words), default=0) >= LONG_WORD


def share_of(block: bytes, encoding: str, known: frozenset[str]) -> float:
    """Return the share of letters beyond ASCII that are usual in languages of an encoding."""
    beyond = [letter for letter in decoded(block, encoding) if not letter.isascii()]
    return sum(letter in known for letter in beyond) / max(len(beyond), 1)


def decoded(block: bytes, encoding: str) -> str:
    """Return a text, or nothing where more than its last letter is not in the encoding."""
    for cut in range(4):
        try:
            return block[: len(block) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
