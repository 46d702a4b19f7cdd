"""Parquet and Feather files: columns with types.

    sales.parquet  sales.feather               times with their zone, numbers as they are
    shops/north.parquet  shops/south.parquet   a folder of them: a series each

Their types say what is a time and what a number.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.tables.files import ARROW, list_tables, sources_of
from data.series.tables.lazily import layout_of, read_chunks

if TYPE_CHECKING:
    from data.series.tables.columns import Layout

__all__ = ["TASK", "detect", "open_layout", "read_chunks", "sources"]

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
    return layout_of(sources(path, config), config)
