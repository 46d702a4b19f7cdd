"""How tables begin: their columns' names, the first rows, and which lines are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.series.config import SeriesDataConfig
from data.series.findings import list_names
from data.series.tables.cells import Sample, Table
from data.series.tables.footers import find_footer
from data.series.tables.formats import open_table
from data.series.tables.headers import read_head
from data.series.tables.series_columns import Told
from data.series.tables.wide import long_names, long_rows
from data.series.tables.wide_layouts import find_wide
from pipeline.errors import UserError

LONG_ROWS = 20_000  # steps of the first rows of a wide table that are looked at


@dataclass(frozen=True)
class Start:
    """The start of tables with the same columns.

    Attributes:
        tables: the files.
        headers: for each file the last line before its rows; 0 without a header.
        names: of the columns.
        columns: the cells of the first file's first rows.
        told: lines that are no rows, and how the table is understood.
        series: numbers of the columns that name the series of a table with several time steps in a row.
    """

    tables: tuple[Table, ...]
    headers: tuple[int, ...]
    names: list[str]
    columns: list[Sequence[str]]
    told: list[Told]
    series: tuple[int, ...] = ()


def start_tables(files: list[Path], config: SeriesDataConfig, missing: frozenset[str]) -> Start:
    """Look at the first rows.

    Raises:
        UserError: files have different columns, no rows, or it cannot be told which line is the header.
    """
    samples = [without_lines(open_table(path, config), config.skip_rows) for path in files]
    heads = [read_head(sample, missing, config.header_row) for sample in samples]
    table, names = samples[0].table, heads[0].names
    for sample, head in zip(samples[1:], heads[1:], strict=True):
        if head.names != names:
            raise UserError(
                f"The columns are {list_names(head.names)}, those of {table.path.name} {list_names(names)}.",
                str(sample.table.path),
                "All files of a folder need the same columns.",
            )
    body = [row.cells for row in samples[0].rows if row.line > heads[0].line and len(row.cells) == len(names)]
    if not body:
        raise UserError("There is a header and no line below it.", str(table.path), "Check `data.path`.")
    columns: list[Sequence[str]] = list(zip(*body, strict=True))
    told = [item for head in heads for item in head.told]
    tables = [
        bounded(sample.table, head.line, columns, missing, config, told)
        for sample, head in zip(samples, heads, strict=True)
    ]
    headers = tuple(head.line for head in heads)
    wide = find_wide(config, names, rows_within(columns, samples[0], heads[0].line, tables[0]), missing, table)
    if wide is None:
        return Start(tuple(tables), headers, names, columns, told)
    told.append(Told("wide_table", table.name, 0, f"data.layout={wide.layout}, {len(wide.steps):,} steps in a row"))
    rows = max(1, LONG_ROWS // len(wide.steps))
    long = long_rows(wide, [cells[:rows] for cells in columns])
    return Start(
        tuple(replace(item, wide=wide) for item in tables), headers, long_names(wide, names), [*long], told, wide.series
    )


def rows_within(columns: list[Sequence[str]], sample: Sample, header: int, table: Table) -> list[Sequence[str]]:
    """Return the first rows without those below the last row."""
    lines = [row.line for row in sample.rows if row.line > header and len(row.cells) == len(columns)]
    count = sum(line <= table.end for line in lines) if table.end else len(lines)
    return [cells[:count] for cells in columns]


def without_lines(sample: Sample, lines: Sequence[int]) -> Sample:
    """Return the start of a table without the lines that the recipe leaves out.

    Raises:
        UserError: none is left.
    """
    kept = [row for row in sample.rows if row.line not in lines]
    if lines and not kept:
        raise UserError("`data.skip_rows` leaves no line.", str(sample.table.path), "Correct `data.skip_rows`.")
    return sample._replace(rows=kept) if lines else sample


def bounded(
    table: Table,
    header: int,
    columns: Sequence[Sequence[str]],
    missing: frozenset[str],
    config: SeriesDataConfig,
    told: list[Told],
) -> Table:
    """Return a table with the lines left out that the recipe names, and those below its rows, which are told."""
    end, below = find_footer(table, header, columns, missing)
    told += [item for item in below if item.line not in config.skip_rows]
    return replace(table, left_out=frozenset(config.skip_rows), end=end)
