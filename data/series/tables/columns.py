"""What the columns of a table are (times, values, series, covariates), and how times and numbers are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.series.config import NO_TIME, SeriesDataConfig
from data.series.findings import list_names
from data.series.tables.cells import Table
from data.series.tables.decimals import find_decimal
from data.series.tables.formats import read_cells
from data.series.tables.numbers import MOSTLY, all_missing, answers, find_unit, numeric, split_unit, without_unit
from data.series.tables.series_columns import (
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
from data.series.tables.start import start_tables
from data.series.times.columns import find_column, find_time
from data.series.times.decision import find_time_form
from data.series.times.forms import TimeForm
from data.series.times.patterns import INDEX
from data.series.times.questions import stop_on_falling
from pipeline.errors import UserError

COUNTERS = re.compile(r"column_1|unnamed: 0|index|row|rownum|nr\.?|no\.?|#|id|obs|x", re.IGNORECASE)
MOST_NAMED = 12  # columns that are proposed to be forecast together
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
        answered: numbers of the covariates that say yes or no, which are 1 and 0.
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
    answered: frozenset[int] = frozenset()

    @property
    def shape(self) -> str:
        """The recipe's `data.layout`."""
        wide = self.tables[0].wide
        return "long" if wide is None else wide.layout

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
    start = start_tables(files, config, missing)
    tables, headers, names, columns, told = start.tables, start.headers, start.names, start.columns, start.told
    table = tables[0]
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
    if not series and start.series:
        series = tuple(column for column in start.series if column not in {*ignored, *covariates, *given})
        told.append(Told("chosen_column", table.name, 0, f"`{seen.joined(series)}` as data.series_column"))
    answered = frozenset(column for column in covariates if answers(columns[column], missing))
    stop_on_text_covariates(seen, [column for column in covariates if column not in answered])
    taken = {*ignored, *covariates, *given, *series}
    time = find_time(config, names, columns, missing, taken, table)
    form = find_time_form(config, names, columns, time, missing, tables, headers)
    if not series and time:
        series = known_series(seen, taken | set(time), time, told)
    taken |= {*time, *series}
    values = given or (() if table.wide is None else (len(names) - 1,))  # a wide table's values are its last column
    values = values or known_values(seen, taken, series, time, told) or find_values(seen, taken, time)
    if not time and not series:
        stop_on_texts(seen, taken | set(values))
    if not time and table.wide is None:
        left = [column for column in range(len(names)) if column not in taken | set(values)]
        stop_on_falling({names[column]: seen.known(column) for column in left}, table)
    for column in (*time, *series, *values, *covariates):
        find_column(names[column], "its name in the table", names, table)  # a model finds it by its name alone
    decimal, shown = str(config.decimal), True
    if decimal == "auto":
        decimal, shown = find_decimal(tables, headers, columns, (*values, *covariates), names, units)
    told += tell_unused(seen, taken | set(values))
    return Layout(
        tables, headers, tuple(names), time, form, series, values, covariates, decimal, missing, units, ignored,
        tuple(told), shown, answered,
    )  # fmt: skip


def stop_on_text_covariates(seen: Seen, covariates: Sequence[int]) -> None:
    """Refuse covariates that are texts.

    Raises:
        UserError: there is one.
    """
    for column in covariates:
        cells = seen.known(column)
        if cells and not numeric(cells, seen.missing, share=0.5):
            raise UserError(
                f"The covariate `{seen.names[column]}` is text, such as `{cells[0][:40]}`.",
                str(seen.table.path),
                "Write it as numbers: a column for each of its values, with 1 where a row has it and 0 elsewhere. Yes "
                "and no, and true and false, are read as 1 and 0.",
            )


def find_values(seen: Seen, taken: set[int], time: tuple[int, ...]) -> tuple[int, ...]:
    """Return the one numeric column that is left.

    Raises:
        UserError: there is none, or several.
    """
    names, columns = seen.names, seen.columns
    free = [column for column in range(len(names)) if column not in taken]
    numbers = [column for column in free if numeric(columns[column], seen.missing, share=0.5)]
    counted = [column for column in numbers if counts_rows(names[column], columns[column])]
    if len(numbers) == len(counted) + 1:
        numbers = [column for column in numbers if column not in counted]
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
        )
        + about_layout(names, numbers, time),
    )


def counts_rows(name: str, cells: Sequence[str]) -> bool:
    """Tell whether a column without a name of its own only counts the rows, as programs write it before all others."""
    first = cells[0] if cells[0] in ("0", "1") else ""
    return bool(
        first and COUNTERS.fullmatch(name) and list(cells) == [str(int(first) + row) for row in range(len(cells))]
    )


def about_layout(names: Sequence[str], numbers: Sequence[int], time: tuple[int, ...]) -> str:
    """Say how columns that are alike are read together: as many values, or as the steps of a series a row."""
    if time and len(numbers) <= MOST_NAMED:
        together = ",".join(names[column] for column in numbers)
        return f" All together, one forecast for each: `data.value_columns=[{together}]`."
    steps = not names[0].startswith("column_") and len({re.sub(r"\d+$", "", names[column]) for column in numbers}) == 1
    return " Where a row is a series and a column a step: `data.layout=wide_steps`." if steps and not time else ""


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
