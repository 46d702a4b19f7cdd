"""Parquet and Feather files: columns with types.

sales.parquet  sales.feather               times with their zone, numbers as they are
shops/north.parquet  shops/south.parquet   a folder of them: a series each
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.tables.files import ARROW, list_tables, sources_of

if TYPE_CHECKING:
    from data.series.tables.chunks import Chunk
    from data.series.tables.columns import Layout

TASK = "forecasting"


def detect(path: Path) -> bool:
    """Tell whether `path` is a Parquet or Feather file or a folder of them."""
    return bool(list_tables(path, ARROW))


def sources(path: Path, config: SeriesDataConfig) -> list[Path]:
    """List the files, in the order in which they are read.

    Raises:
        UserError: there is none, or there are tables of other kinds as well.
    """
    return sources_of(path, ARROW, "Parquet or Feather file")


def open_layout(path: Path, config: SeriesDataConfig) -> Layout:
    """Say what the columns of the data at `path` are.

    Raises:
        UserError: it cannot be told.
    """
    from data.series.tables.columns import find_layout  # with numpy, which finding the files does without

    return find_layout(sources(path, config), config)


def read_chunks(layout: Layout, findings: SeriesFindings, more_missing: tuple[str, ...] = ()) -> Iterator[Chunk]:
    """Yield the rows of all files; see `data.series.tables.chunks`."""
    from data.series.tables import chunks

    return chunks.read_chunks(layout, findings, more_missing)
