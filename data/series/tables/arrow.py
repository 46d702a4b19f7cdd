"""Tables of Parquet and Feather files, whose columns have types: nothing is read from texts that was a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.parquet

from data.series.tables.cells import Cells, Column, Row, Sample, Table
from data.series.tables.opening import open_binary
from data.series.tables.sheets import spell_number
from pipeline.errors import UserError

SAMPLE_ROWS = 1000
BLOCK = 1 << 16  # rows


def read_sample(path: Path, member: str = "") -> Sample:
    """Return the columns of a file with its first rows.

    Raises:
        UserError: it is no such file, or has no rows.
    """
    table = load(path, member)
    if not len(table):
        raise UserError("This file has no rows.", str(path), "Check `data.path`.")
    names = [name if name else f"column_{number}" for number, name in enumerate(table.column_names, 1)]
    first = table.slice(0, SAMPLE_ROWS)
    columns = [as_texts(first.column(number)) for number in range(table.num_columns)]
    rows = [Row(line, list(cells)) for line, cells in enumerate(zip(*columns, strict=True), 1)]
    return Sample(Table(path, "", len(names), kind="arrow", member=member), rows, names)


def read_cells(table: Table, texts: Sequence[int], numbers: Sequence[int], skip: int) -> Iterator[Cells]:
    """Yield columns, block by block; a row's line is its number, from 1."""
    loaded = load(table.path, table.member, [*texts, *numbers])
    for start in range(0, len(loaded), BLOCK):
        part = loaded.slice(start, BLOCK)
        columns: dict[int, Column] = {}
        for place, number in enumerate(dict.fromkeys([*texts, *numbers])):
            column = part.column(place)
            columns[number] = as_texts(column) if number in texts else as_numbers(column)
        lines = np.arange(start + 1, start + len(part) + 1, dtype=np.int64)
        yield Cells(lines, columns)


def load(path: Path, member: str, columns: Sequence[int] | None = None) -> Any:
    """Return Arrow's table, or some of its columns.

    Raises:
        UserError: it cannot be read.
    """
    name = (member or path.name).lower()
    try:
        with open_binary(path, member) as file:
            source = pyarrow.BufferReader(file.read()) if member else pyarrow.memory_map(str(path))
            if name.endswith((".parquet", ".pq")):
                found = pyarrow.parquet.ParquetFile(source)
                wanted = None if columns is None else [found.schema_arrow.names[number] for number in columns]
                return found.read(columns=wanted if wanted is None else list(dict.fromkeys(wanted)))
            table = pyarrow.feather.read_table(source)
            table = table if columns is None else table.select(list(dict.fromkeys(columns)))
            table.validate(full=True)  # a damaged one would end the program without a word
            return table
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"This file cannot be read: {error}.", str(path), "Write it anew, or as CSV.") from None


def as_numbers(column: Any) -> Column:
    """Return float64 where the column is one of numbers, else texts."""
    kind = column.type
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        numbers = column.cast(pyarrow.float64(), safe=False).to_numpy()
        return np.array(numbers, np.float64)
    if pyarrow.types.is_boolean(kind):
        return np.array(column.cast(pyarrow.int8()).cast(pyarrow.float64()).to_numpy(), np.float64)
    return as_texts(column)


def as_texts(column: Any) -> list[str]:
    """Return the cells as texts; times with their zone's difference from UTC, nothing where there is none."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return as_texts(column.cast(kind.value_type))
    if pyarrow.types.is_timestamp(kind):
        return times_as_texts(column, kind)
    if pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        values = column.cast(pyarrow.float64(), safe=False).to_pylist()
        return ["" if value is None or value != value else spell_number(value) for value in values]
    return ["" if value is None else str(value).strip() for value in column.to_pylist()]


def times_as_texts(column: Any, kind: Any) -> list[str]:
    """Return timestamps as ISO 8601 to the second, or finer where they are."""
    values = column.cast(pyarrow.timestamp("ns", tz=kind.tz), safe=False).to_pandas()
    finer = bool((values.dropna().astype("int64") % 1_000_000_000 != 0).any())
    form = "%Y-%m-%d %H:%M:%S.%f" if finer else "%Y-%m-%d %H:%M:%S"
    written = values.dt.strftime(form + ("%z" if kind.tz else ""))
    return ["" if cell is None or cell != cell else str(cell) for cell in written.tolist()]
