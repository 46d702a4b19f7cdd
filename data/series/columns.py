"""What the columns of a table are (times, values, series, covariates), and how times and numbers are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.series.cells import Sample, Table
from data.series.config import NO_TIME, SeriesDataConfig
from data.series.decimals import find_decimal
from data.series.findings import list_names
from data.series.footers import find_footer
from data.series.headers import read_head
from data.series.numbers import MOSTLY, all_missing, find_unit, numeric, split_unit, without_unit
from data.series.series_columns import (
    JOINED,
    Seen,
    Told,
    find_columns,
    known_series,
    known_values,
    propose,
    stop_on_texts,
    tell_unused,
)
from data.series.tables import open_table, read_cells
from data.series.time_columns import find_column, find_time
from data.series.time_decision import find_time_form
from data.series.time_forms import TimeForm
from data.series.time_patterns import INDEX
from pipeline.errors import UserError

ADVISED = 1_000_000  # rows that are looked at to find what tells series apart


@dataclass(frozen=True)
class Layout:
    """How a table's columns become series.

    Attributes:
        tables: the files.
        headers: for each file the last line before its rows; 0 without a header.
        names: of the columns.
        time: numbers of the columns that make up the time; empty without times.
        form: how times are written.
        series: numbers of the columns that say the series together; empty where a file is one.
        values, covariates: numbers of columns.
        decimal: decimal mark.
        missing: folded spellings of a missing value.
        units: the sign of currency or per cent that the cells of a column have, by its number.
        ignored: numbers of the columns that the recipe leaves out.
        told: what was found about the table as a whole.
        decimal_shown: whether the numbers show their decimal mark, or the recipe says it.
    """

    tables: tuple[Table, ...]
    headers: tuple[int, ...]
    names: tuple[str, ...]
    time: tuple[int, ...]
    form: TimeForm | None
    series: tuple[int, ...]
    values: tuple[int, ...]
    covariates: tuple[int, ...]
    decimal: str
    missing: frozenset[str]
    units: Mapping[int, str] = field(default_factory=dict)
    ignored: tuple[int, ...] = ()
    told: tuple[Told, ...] = ()
    decimal_shown: bool = True

    @property
    def series_column(self) -> str | None:
        """The recipe's `data.series_column` for another file of this kind."""
        return JOINED.join(self.chosen(self.series)) or None

    @property
    def time_column(self) -> str:
        """The recipe's `data.time_column` for another file of this kind."""
        return "+".join(self.names[column] for column in self.time) or NO_TIME

    @property
    def dated(self) -> bool:
        """Whether rows have times, and not only numbers that count them."""
        return self.form is not None and self.form.name != INDEX

    @property
    def unused(self) -> list[str]:
        """The names of the columns that nothing is read from."""
        used = {*self.time, *self.series, *self.values, *self.covariates}
        return [name for column, name in enumerate(self.names) if column not in used]

    def chosen(self, columns: Sequence[int]) -> list[str]:
        """Return the names of columns."""
        return [self.names[column] for column in columns]


def find_layout(files: list[Path], config: SeriesDataConfig) -> Layout:
    """Look at the first rows and say what the columns are.

    Raises:
        UserError: a column is not there, or it cannot be told which one is meant or how it is written.
    """
    missing = all_missing(config.missing)
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
    tables = tuple(
        bounded(sample.table, head.line, columns, missing, config, told)
        for sample, head in zip(samples, heads, strict=True)
    )
    headers = tuple(head.line for head in heads)
    units = {number: unit for number, cells in enumerate(columns) if (unit := find_unit(cells, missing, MOSTLY))}
    for number, unit in units.items():
        columns[number] = without_unit(columns[number], unit, missing)
    seen = Seen(table, tuple(names), columns, missing)
    ignored = tuple(
        find_column(name, "data.ignore_columns", names, table)
        for name in config.ignore_columns
        if name in names or not config.of_model
    )
    covariates = tuple(find_column(name, "data.covariate_columns", names, table) for name in config.covariate_columns)
    given = tuple(find_column(name, "data.value_columns", names, table) for name in config.value_columns or ())
    series = find_columns(config.series_column, "data.series_column", names, table) if config.series_column else ()
    taken = {*ignored, *covariates, *given, *series}
    time = find_time(config, names, columns, missing, taken, table)
    form = find_time_form(config, names, columns, time, missing, tables, headers)
    if not series and time:
        series = known_series(seen, taken | set(time), time, told)
    taken |= {*time, *series}
    values = given or known_values(seen, taken, series, time, told) or find_values(seen, taken, time)
    if not time and not series:
        stop_on_texts(seen, taken | set(values))
    decimal, shown = str(config.decimal), True
    if decimal == "auto":
        decimal, shown = find_decimal(tables, headers, columns, (*values, *covariates), names, units)
    told += tell_unused(seen, taken | set(values))
    return Layout(
        tables, headers, tuple(names), time, form, series, values, covariates, decimal, missing, units, ignored,
        tuple(told), shown,
    )  # fmt: skip


def without_lines(sample: Sample, lines: Sequence[int]) -> Sample:
    """Return the start of a table without the lines that the recipe leaves out."""
    return sample._replace(rows=[row for row in sample.rows if row.line not in lines]) if lines else sample


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


def find_values(seen: Seen, taken: set[int], time: tuple[int, ...]) -> tuple[int, ...]:
    """Return the one numeric column that is left.

    Raises:
        UserError: there is none, or several.
    """
    names, columns = seen.names, seen.columns
    free = [column for column in range(len(names)) if column not in taken]
    numbers = [column for column in free if numeric(columns[column], seen.missing, share=0.5)]
    if len(free) == 1 or len(numbers) == 1:
        return tuple(numbers or free)
    if not numbers:
        raise UserError(
            "No column of numbers is left to forecast.",
            str(seen.table.path),
            f"The columns are {list_names(names)}. Name some with "
            f"`data.value_columns`.{about_units(names, columns, free)}",
        )
    repeated = propose(seen, free, time) if time else ()
    likely = next((column for column in reversed(numbers) if column not in repeated), numbers[-1])
    raise UserError(
        f"Several columns could be forecast: {list_names(names[column] for column in numbers)}.",
        str(seen.table.path),
        f"Name the one, or those, to forecast: `data.value_columns=[{names[likely]}]`. Others are left out; "
        + (
            f"`data.series_column={seen.joined(repeated)}` tells the series apart, since times come more than once; "
            "those known in advance go to `data.covariate_columns`."
            if repeated
            else "those known in advance go to `data.covariate_columns`, one that says the series to "
            "`data.series_column`."
        ),
    )


def about_units(names: Sequence[str], columns: Sequence[Sequence[str]], free: list[int]) -> str:
    """Say of a column whose cells have different signs of currency or per cent why it is none of numbers."""
    for column in free:
        units = dict.fromkeys(split_unit(cell)[1] for cell in columns[column])
        if any(units):
            found = " and ".join(f"`{unit}`" if unit else "none" for unit in units)
            return (
                f" The numbers in column `{names[column]}` have different signs, {found}: give all of them the same "
                "one."
            )
    return ""


def advise(layout: Layout) -> str:
    """Return how rows of equal times, or in no order of time, can be told apart; empty where no column does it.

    All rows are looked at, ADVISED at most.
    """
    free = [
        column
        for column in range(len(layout.names))
        if column not in {*layout.time, *layout.values, *layout.covariates, *layout.ignored}
    ]
    if not free or not layout.time:
        return ""
    wanted, columns = (*layout.time, *free), {column: list[str]() for column in (*layout.time, *free)}
    rows = 0
    for table, header in zip(layout.tables, layout.headers, strict=True):
        for cells in read_cells(table, wanted, (), (), lambda line, detail: None, header):
            rows += len(cells.lines)
            for column in wanted if rows <= ADVISED else ():
                columns[column] += cells.texts(column)
    empty: list[str] = []
    all_columns = [columns.get(column, empty) for column in range(len(layout.names))]
    seen = Seen(layout.tables[0], layout.names, all_columns, layout.missing)
    found = propose(seen, free, layout.time)
    if not found:
        return ""
    return f"Set `data.series_column={seen.joined(found)}`: it tells the rows of equal times apart."
