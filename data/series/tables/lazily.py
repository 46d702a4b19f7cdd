"""What the formats of series share; numpy is loaded when rows are read, for finding the files does without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings

if TYPE_CHECKING:
    from data.series.tables.chunks import Chunk
    from data.series.tables.columns import Layout


def layout_of(files: list[Path], config: SeriesDataConfig) -> Layout:
    """Say what the columns of some files are.

    Raises:
        UserError: it cannot be told.
    """
    from data.series.tables.columns import find_layout

    return find_layout(files, config)


def read_chunks(layout: Layout, findings: SeriesFindings, more_missing: tuple[str, ...] = ()) -> Iterator[Chunk]:
    """Yield the rows of all files; see `data.series.tables.chunks`."""
    from data.series.tables import chunks

    return chunks.read_chunks(layout, findings, more_missing)
