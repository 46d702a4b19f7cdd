"""Paths as annotations state them, and how alike two folders are."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from pathlib import PureWindowsPath
from urllib.parse import unquote

from data.file_tree import extension_of, stem_of
from data.sample import EXTENSIONS, Split
from data.split_names import ABOUT_PICTURES, split_of, words_of

Parts = tuple[str, ...]
COLLECTIVE = ABOUT_PICTURES | {"captions", "person", "keypoints", "default", "result", "results"}


def same(part: str) -> str:
    return part


def composed(part: str) -> str:
    """Return a name in small letters and in one Unicode form; a Mac's disk writes letters and accents apart."""
    return part.lower() if part.isascii() else unicodedata.normalize("NFC", part.casefold())


@functools.lru_cache(maxsize=1 << 16)
def decoded(part: str) -> str:
    """Return a name as `composed`, with %20 and the like read as what they stand for."""
    return composed(unquote(part) if "%" in part else part)


SPELLINGS: tuple[Callable[[str], str], ...] = (same, str.casefold, composed, decoded)


@functools.lru_cache(maxsize=1 << 16)
def parts_of_path(path: str) -> Parts:
    """Return the folders and the name of a stated path: of Windows or Unix, of a web address, relative or not."""
    address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+://[^/]*", path.strip())
    path = path.strip()[address.end() if address else 0 :]
    path = path.partition("?d=")[2] or (path.partition("?")[0] if address else path)  # Label Studio's local files
    drive = PureWindowsPath(path).drive if "\\" in path or path[1:2] == ":" else ""
    parts: list[str] = []
    for part in path.removeprefix(drive).replace("\\", "/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return tuple(parts)


def is_whole(photo: Parts, stated: Parts, spelling: Callable[[str], str], stems: bool) -> bool:
    """Tell whether one path ends with the whole of the other; a photo beside all others needs its folder stated too.

    Args:
        stems: whether the endings may differ.
    """
    length = min(len(photo), len(stated))
    if length == 1 and len(stated) > 1:
        return False
    return common_end(photo, stated, spelling, stems or extension_of(stated[-1]) not in EXTENSIONS) == length


def common_end(photo: Parts, stated: Parts, spelling: Callable[[str], str], stems: bool) -> int:
    """Return how many names two paths share from their ends.

    Args:
        stems: whether the files' endings may differ.
    """
    one, other = spelling(photo[-1]), spelling(stated[-1])
    if one != other and not (stems and stem_of(one) in (other, stem_of(other))):
        return 0
    count = 1
    for first, second in zip(photo[-2::-1], stated[-2::-1], strict=False):
        if first != second and spelling(first) != spelling(second):
            break
        count += 1
    return count


@functools.lru_cache(maxsize=1 << 12)
def split_of_parts(folders: Parts) -> Split | None:
    return next((split for part in reversed(folders) if (split := split_of(part))), None)


@functools.lru_cache(maxsize=1 << 12)
def telling_words(folders: Parts, further: frozenset[str] = ABOUT_PICTURES) -> tuple[str, ...]:
    """Return the words of folders' names but for those that say what kind of files is in them."""
    return tuple(word for part in folders for word in words_of(composed(part)) if word not in further)


@functools.lru_cache(maxsize=1 << 14)
def is_parallel(photos: Parts, annotations: Parts) -> bool:
    """Tell whether two folders differ in nothing but words for kinds of files, as `a/images` and `a/labels` do."""
    return photos == annotations or telling_words(photos) == telling_words(annotations)


def is_beside(photos: Parts, annotations: Parts) -> bool:
    """Tell whether a folder is parallel by more than being called `images`: that alone is no choice of one of two."""
    return is_parallel(photos, annotations) and (len(photos) == len(annotations) or bool(telling_words(photos)))


def is_named_alike(photos: Parts, file: Parts, stated: Parts) -> bool:
    """Tell whether a file of many annotations and a folder of photos are named alike: instances_train, images/train."""
    words = telling_words((*file[:-1], stem_of(file[-1])), COLLECTIVE)
    words += telling_words(stated[:-1], COLLECTIVE)
    return bool(words) and telling_words(photos, COLLECTIVE) == words


def shared_start(one: Parts, other: Parts) -> int:
    """Return how many folders two files share from the top."""
    count = 0
    for first, second in zip(one[:-1], other, strict=False):
        if first != second:
            break
        count += 1
    return count
