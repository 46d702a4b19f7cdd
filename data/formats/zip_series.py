"""A zip with one table in it, as sites offer them: a text, a workbook or a Parquet file.

    sales.zip: sales.csv  readme.md      several tables: `data.sheet` names one

Files in it that are no tables are passed over.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from data.series.config import SeriesDataConfig
from data.series.tables.files import list_members, list_names
from data.series.tables.lazily import layout_of, read_chunks

if TYPE_CHECKING:
    from data.series.tables.columns import Layout

__all__ = ["TASK", "detect", "open_layout", "read_chunks", "sources"]

TASK = "forecasting"
OTHERS = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".xml", ".json"}  # of labelled photos


def detect(path: Path) -> bool:
    """Tell whether `path` is a zip with tables and without photos."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    names = list_names(path)
    return bool(list_members(path)) and not any(PurePosixPath(name).suffix.lower() in OTHERS for name in names)


def sources(path: Path, config: SeriesDataConfig) -> list[Path]:
    """List the zip."""
    return [path]


def open_layout(path: Path, config: SeriesDataConfig) -> Layout:
    """Say what the columns of the data at `path` are.

    Raises:
        UserError: it cannot be told.
    """
    return layout_of(sources(path, config), config)
