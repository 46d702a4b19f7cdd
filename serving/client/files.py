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
        Of each that could be read, its position among the files; and what was read.

    Raises:
        UserError: none could be read; a single file's own error.
    """
    positions: list[int] = []
    contents: list[Content] = []
    for position, file in enumerate(files):
        try:
            contents.append(read(file))
            positions.append(position)
        except UserError as error:
            if len(files) == 1:
                raise
            print_error(file, error)
    if not contents:
        raise UserError(f"None of the {len(files)} files can be read.", fix="What is wrong with each stands above.")
    return positions, contents


def print_error(file: Path, error: UserError) -> None:
    """Print what is wrong with a file."""
    shown = UserError(error.what, "" if error.where == str(file) else error.where, error.fix)
    print(f"error: {file}: {shown}", file=sys.stderr, flush=True)


def end_with_status(files: Sequence[Path], answered: Sequence[int]) -> None:
    """End a command that answered about some of its files alone as one that failed.

    Args:
        answered: positions of the files that were answered.

    Raises:
        UserError: there are others.
    """
    left_out = [str(file) for position, file in enumerate(files) if position not in set(answered)]
    if left_out:
        what = f"{len(left_out)} of {len(files)} files could not be read; the others are answered."
        raise UserError(what, ", ".join(left_out), "What is wrong with each stands above.")
