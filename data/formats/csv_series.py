"""CSV, TSV and other text tables: columns of values, a column with times or none, one series or many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from pipeline.errors import UserError

if TYPE_CHECKING:
    from data.series.chunks import Chunk
    from data.series.columns import Layout

TASK = "forecasting"
SUFFIXES = (".csv", ".tsv", ".txt")


def detect(path: Path) -> bool:
    """Tell whether `path` is a text table or a folder of them."""
    return bool(list_tables(path))


def sources(path: Path, config: SeriesDataConfig) -> list[Path]:
    """List the files, in the order in which they are read.

    Raises:
        UserError: there is none.
    """
    files = list_tables(path)
    if not files:
        raise UserError("There is no CSV, TSV or TXT file.", str(path), "Check `data.path`.")
    return files


def list_tables(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if is_table(file))
    return [path] if is_table(path) else []


def is_table(path: Path) -> bool:
    """Tell by its name whether a file is a text table; .gz is allowed."""
    name = path.name.lower().removesuffix(".gz")
    return path.is_file() and name.endswith(SUFFIXES) and not name.startswith(".")


def open_layout(path: Path, config: SeriesDataConfig) -> Layout:
    """Say what the columns of the data at `path` are.

    Raises:
        UserError: it cannot be told.
    """
    from data.series.columns import find_layout  # with numpy, which finding the files does without

    return find_layout(sources(path, config), config)


def read_chunks(layout: Layout, findings: SeriesFindings, more_missing: tuple[str, ...] = ()) -> Iterator[Chunk]:
    """Yield the rows of all files; see `data.series.chunks`."""
    from data.series import chunks

    return chunks.read_chunks(layout, findings, more_missing)
