"""Which files are tables of series, by their names: one file, a folder of them, or a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    from data.series.tables.cells import Kind

TEXTS = (".csv", ".tsv", ".txt")
SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ARROW = (".parquet", ".pq", ".feather", ".arrow")
PACKED = (".gz", ".bz2", ".xz")


def kind_of(name: str) -> Kind:
    """Return what kind of table a file is by its name."""
    lower = name.lower()
    return "sheet" if lower.endswith(SHEETS) else "arrow" if lower.endswith(ARROW) else "text"


def list_tables(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the tables at a path by their names: the file itself, or those in a folder; none if there are none."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if is_table(file, suffixes))
    return [path] if is_table(path, suffixes) else []


def is_table(path: Path, suffixes: Sequence[str]) -> bool:
    """Tell by its name whether a file is a table of these kinds; Excel's and the Mac's own helpers are none."""
    return path.is_file() and named_so(path.name, suffixes)


def named_so(name: str, suffixes: Sequence[str]) -> bool:
    lower = name.lower()
    if tuple(suffixes) == TEXTS:
        lower = next((lower.removesuffix(packed) for packed in PACKED if lower.endswith(packed)), lower)
    return lower.endswith(tuple(suffixes)) and not lower.startswith((".", "~$"))


def sources_of(path: Path, suffixes: Sequence[str], what: str) -> list[Path]:
    """List the tables at a path in the order in which they are read.

    Args:
        what: what there should be, for the error.

    Raises:
        UserError: there is none, or tables of another kind lie beside them.
    """
    files = list_tables(path, suffixes)
    if not files:
        raise UserError(f"There is no {what}.", str(path), "Check `data.path`.")
    others = [name for kind in (TEXTS, SHEETS, ARROW) if kind != tuple(suffixes) for name in list_tables(path, kind)]
    if others:
        raise UserError(
            f"This folder has tables of several kinds: {files[0].name} and {others[0].name}.",
            str(path),
            "Name one file as `data.path`, or keep tables of one kind in the folder, a series each.",
        )
    return files


def list_members(path: Path) -> list[str]:
    """Return the names of the tables in a zip; none if it is damaged."""
    kept = [name for name in list_names(path) if "__MACOSX" not in PurePosixPath(name).parts]
    return [name for name in kept if any(named_so(PurePosixPath(name).name, kind) for kind in (TEXTS, SHEETS, ARROW))]


def list_names(path: Path) -> list[str]:
    """Return the names of all files in a zip; none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as file:
            return [item.filename for item in file.infolist() if not item.is_dir()]
    except (zipfile.BadZipFile, OSError):
        return []
