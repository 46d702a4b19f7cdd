"""The rows of text tables as times and numbers, a block of the file at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.series.findings import SeriesFindings
from data.series.tables.cells import Cells, Table, Wide
from data.series.tables.columns import Layout
from data.series.tables.formats import read_cells
from data.series.tables.numbers import Given, as_answers, to_numbers, without_unit
from data.series.times.decision import join_parts
from data.series.times.form_choice import swapped_days
from data.series.times.parsing import UNREADABLE, parse_times


class Chunk(NamedTuple):
    """Some rows, in the order of the file.

    Attributes:
        file: the file's number in the list of files.
        lines: int64 [n] line of each row.
        times: int64 [n] unix seconds; None without times.
        series: name of each row's series; None where the file is one series.
        values: float64 [n, V]; NaN where missing, infinite where the finding is already reported.
        covariates: float64 [n, K], likewise.
    """

    file: int
    lines: NDArray[np.int64]
    times: NDArray[np.int64] | None
    series: list[str] | None
    values: NDArray[np.float64]
    covariates: NDArray[np.float64]


def read_chunks(layout: Layout, findings: SeriesFindings, more_missing: tuple[str, ...] = ()) -> Iterator[Chunk]:
    """Yield the rows of all files; lines that cannot be used are reported and left out.

    Args:
        more_missing: the recipe's spellings of a missing value.

    Raises:
        UserError: a file is no text in UTF-8 or the recipe's encoding.
    """
    for told in layout.told:
        findings.add(*told)
    numbers = (*layout.values, *layout.covariates)
    texts = tuple(dict.fromkeys((*layout.time, *layout.series)))
    fast = tuple(
        column for column in numbers if layout.decimal == "." and column not in {*layout.units, *layout.answered}
    )
    slow = tuple(column for column in numbers if column not in fast)
    given = Given(more_missing, layout.decimal)
    for file, (table, header) in enumerate(zip(layout.tables, layout.headers, strict=True)):
        name, last = table.path.name, header

        def ragged(line: int, detail: str, name: str = name) -> None:
            findings.add("ragged_line", name, line, detail)

        for cells in read_cells(table, (*texts, *slow), fast, given.spellings, ragged, header):
            last = int(cells.lines[-1])
            yield read_chunk(file, table, layout, given, without_headers(cells, layout, name, findings), findings)
        for line in sorted(table.left_out):
            if line > max(last, table.end) + 1:
                findings.add("unused_skip", name, line, "not there")
    for spelling in given.unseen:
        findings.add("unused_missing", layout.tables[0].path.name, 0, f"`{spelling}`")


def without_headers(cells: Cells, layout: Layout, name: str, findings: SeriesFindings) -> Cells:
    """Return rows without those that are the header once more, as in exports that were joined."""
    columns = [(layout.names[number], column) for number, column in cells.columns.items()]
    if any(not isinstance(column, list) or header not in column for header, column in columns):
        return cells
    again = np.all([np.array(column) == header for header, column in columns], axis=0)
    for line in cells.lines[again].tolist():
        findings.add("repeated_header", name, line, "the header once more")
    return cells.chosen(~again)


def read_chunk(file: int, table: Table, layout: Layout, given: Given, cells: Cells, findings: SeriesFindings) -> Chunk:
    """Turn a block's cells into times and numbers."""

    def as_numbers(column: int) -> NDArray[np.float64]:
        def bad(row: int, kind: str, cell: str) -> None:
            label = layout.names[column] if table.wide is None else step_name(table.wide, row)
            detail = f"`{cell[:40]}` in column `{label}`"
            findings.add(kind, table.path.name, int(cells.lines[row]), detail)

        written = cells.columns[column]
        if column in layout.answered:
            written = as_answers(cells.texts(column))
        if column in layout.units:
            written = without_unit(cells.texts(column), layout.units[column], layout.missing)
        return to_numbers(written, layout.decimal, layout.missing, bad, given, not layout.decimal_shown)

    rows = len(cells.lines)
    values = np.empty((rows, len(layout.values)))
    covariates = np.empty((rows, len(layout.covariates)))
    for target, columns in ((values, layout.values), (covariates, layout.covariates)):
        for number, column in enumerate(columns):
            target[:, number] = as_numbers(column)
    good = np.ones(rows, bool)
    series, times = None, None
    if layout.series:
        series = join_names([cells.texts(column) for column in layout.series], table.wide is not None)
        report_unnamed(series, good, cells, table, findings)
    if layout.form is not None:
        written = join_parts(layout.chosen(layout.time), [cells.texts(column) for column in layout.time])
        times = parse_times(written, layout.form)
        other = swapped_days(layout.form)
        for row in np.flatnonzero(times == UNREADABLE).tolist():
            cell, kind = written[row][:40], "not_a_time"
            detail = f"`{cell}` is no time in the form {layout.form.asked_of(written[row])}"
            if other is not None and parse_times([written[row]], other)[0] != UNREADABLE:
                detail, kind = f"`{cell}` has day and month the other way round than {layout.form.name}", "mixed_dates"
            findings.add(kind, table.path.name, int(cells.lines[row]), detail)
        good &= times != UNREADABLE
    if good.all():
        return Chunk(file, cells.lines, times, series, values, covariates)
    kept = None if series is None else [name for name, use in zip(series, good, strict=True) if use]
    return Chunk(file, cells.lines[good], times if times is None else times[good], kept, values[good], covariates[good])


def step_name(wide: Wide, row: int) -> str:
    """Name the column that a row out of a wide table was."""
    step = row % len(wide.steps)
    return wide.times[step] if wide.times else f"step {step + 1}"


def join_names(columns: Sequence[Sequence[str]], partly: bool = False) -> list[str]:
    """Return the series' names from one column, or from several with a slash between; empty where one is.

    A slash within a cell is marked, so that no two series get one name.

    Args:
        partly: whether some of the cells may be empty.
    """
    if len(columns) == 1:
        return [cell.strip() for cell in columns[0]]
    marked = [[cell.strip().replace("\\", r"\\").replace("/", r"\/") for cell in column] for column in columns]
    whole = any if partly else all
    return ["/".join(parts) if whole(parts) else "" for parts in zip(*marked, strict=True)]


def report_unnamed(
    series: list[str], good: NDArray[np.bool_], cells: Cells, table: Table, findings: SeriesFindings
) -> None:
    """Report rows without a series' name, and mark them in `good`."""
    if "" in series:
        for row, name in enumerate(series):
            if not name:
                findings.add("no_series", table.path.name, int(cells.lines[row]), "the cell with the series is empty")
                good[row] = False
