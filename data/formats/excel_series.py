"""Workbooks of Excel and LibreOffice, with dates and numbers as they are stored.

    sales.xlsx  sales.xls  sales.xlsb  sales.ods     one sheet that is not empty, or the one that `data.sheet` names
    shops/north.xlsx  shops/south.xlsx               a folder of them: a series each

Of formulas, the values that were stored last are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.tables.files import SHEETS, list_tables, sources_of
from data.series.tables.lazily import layout_of, read_chunks

if TYPE_CHECKING:
    from data.series.tables.columns import Layout

__all__ = ["TASK", "detect", "open_layout", "read_chunks", "sources"]

TASK = "forecasting"


def detect(path: Path) -> bool:
    """Tell whether `path` is a workbook or a folder of them."""
    return bool(list_tables(path, SHEETS))


def sources(path: Path, config: SeriesDataConfig) -> list[Path]:
    """List the files, in the order in which they are read.

    Raises:
        UserError: there is none, or there are tables of other kinds as well.
    """
    return sources_of(path, SHEETS, "workbook of Excel or LibreOffice")


def open_layout(path: Path, config: SeriesDataConfig) -> Layout:
    """Say what the columns of the data at `path` are.

    Raises:
        UserError: it cannot be told.
    """
    return layout_of(sources(path, config), config)
