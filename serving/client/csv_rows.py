"""CSV files as requests: a row for each example."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, did_you_mean


def read_rows(file: Path, types: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a file as instances of a signature.

    Args:
        types: input name -> TensorFlow's type, such as `DT_FLOAT`.

    Raises:
        UserError: the file cannot be read, an input has no column, or a cell is not of its type.
    """
    table = read_table(file)
    if missing := [name for name in types if name not in table]:
        raise UserError(
            f"The signature takes `{missing[0]}`, and the file has no such column.",
            str(file),
            did_you_mean(missing[0], list(table)),
        )
    columns = {
        name: [read_cell(cell, kind, file, name, row) for row, cell in enumerate(table[name])]
        for name, kind in types.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def read_table(file: Path) -> dict[str, list[str]]:
    """Return the cells of a CSV file by the names in its first line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The file cannot be read: {error}.", str(file)) from None
    if len(rows) < 2:
        raise UserError("The file has no rows.", str(file), "Its first line names the columns; values follow.")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise UserError(f"Row {number} has {len(row)} cells instead of {len(rows[0])}.", str(file))
    return {name.strip(): [row[place].strip() for row in rows[1:]] for place, name in enumerate(rows[0])}


def read_cell(cell: str, kind: str, file: Path, name: str, row: int) -> Any:
    """Return a cell as a value of TensorFlow's type."""
    if kind == "DT_STRING":
        return cell
    if kind == "DT_BOOL" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if "INT" in kind:
        try:
            return int(cell)
        except ValueError:
            raise UserError(f"`{cell}` is no whole number.", f"{file}, column {name}, row {row + 1}") from None
    return read_number(cell, file, name, row)


def read_number(cell: str, file: Path, name: str, row: int) -> float:
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        raise UserError(f"`{cell}` is no number.", f"{file}, column {name}, row {row + 1}") from None
