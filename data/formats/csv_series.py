"""CSV, TSV and other text tables: columns of values, a column with times or none, one series or many.

    sales.csv  sales.tsv  sales.txt      packed or not (.gz, .bz2, .xz), in UTF-8 or as Excel's Unicode text
    shops/north.csv  shops/south.csv     a folder of them: a series each

Lines above the header and below the rows (titles, comments, units, sources) are left out and told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.tables.files import TEXTS, list_tables, sources_of
from data.series.tables.lazily import layout_of, read_chunks

if TYPE_CHECKING:
    from data.series.tables.columns import Layout

__all__ = ["TASK", "detect", "open_layout", "read_chunks", "sources"]

TASK = "forecasting"


def detect(path: Path) -> bool:
    """Tell whether `path` is a text table or a folder of them."""
    return bool(list_tables(path, TEXTS))


def sources(path: Path, config: SeriesDataConfig) -> list[Path]:
    """List the files, in the order in which they are read.

    Raises:
        UserError: there is none, or there are tables of other kinds as well.
    """
    return sources_of(path, TEXTS, "CSV, TSV or TXT file")


def open_layout(path: Path, config: SeriesDataConfig) -> Layout:
    """Say what the columns of the data at `path` are.

    Raises:
        UserError: it cannot be told.
    """
    return layout_of(sources(path, config), config)
