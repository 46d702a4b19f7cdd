"""Files of a question: those that cannot be read are told by name, and the others are answered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.errors import UserError

Content = TypeVar("Content")


def read_each(files: Sequence[Path], read: Callable[[Path], Content]) -> tuple[list[int], list[Content]]:
    """Read what can be read, and tell of the rest on standard error.

    Returns:
        Of each that could be read, its place among the files; and what was read.

    Raises:
        UserError: none could be read; a single file's own error.
    """
    places, found = [], []
    for place, file in enumerate(files):
        try:
            found.append(read(file))
            places.append(place)
        except UserError as error:
            if len(files) == 1:
                raise
            tell(file, error)
    if not found:
        raise UserError(f"None of the {len(files)} files can be read.", fix="What is wrong with each stands above.")
    return places, found


def tell(file: Path, error: UserError) -> None:
    """Print what is wrong with a file."""
    place = UserError(error.what, "" if error.where == str(file) else error.where, error.fix)
    print(f"error: {file}: {place}", file=sys.stderr, flush=True)


def end_with_status(files: Sequence[Path], answered: Sequence[int]) -> None:
    """End a command that answered about some of its files alone as one that failed.

    Args:
        answered: places of the files that were answered.

    Raises:
        UserError: there are others.
    """
    left_out = [str(file) for place, file in enumerate(files) if place not in set(answered)]
    if left_out:
        what = f"{len(left_out)} of {len(files)} files could not be read; the others are answered."
        raise UserError(what, ", ".join(left_out), "What is wrong with each stands above.")
