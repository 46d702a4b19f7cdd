"""Which columns say the series that a row belongs to, and what is told of the columns that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple

from data.series.findings import list_names
from data.series.tables.cells import Table
from data.series.tables.numbers import numeric
from data.series.times.columns import find_column, looks_like_times
from pipeline.errors import UserError

JOINED = "+"
# columns as tools of forecasting call them: what says the series, then the value
KNOWN = {"unique_id": "y", "item_id": "target", "series_id": "value", "ts_id": "value", "id": "value"}
MOST_TOGETHER, MOST_TRIED = 3, 8  # columns that say the series together, and columns tried for it


class Told(NamedTuple):
    """A finding about a table as a whole: its kind, the file, the line or 0, and the detail."""

    kind: str
    file: str
    line: int
    detail: str


@dataclass(frozen=True)
class Seen:
    """The first rows of a table.

    Attributes:
        table: the table, or the first of several.
        names: of the columns.
        columns: their cells.
        missing: folded spellings of a missing value.
    """

    table: Table
    names: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    missing: frozenset[str]

    def known(self, column: int) -> list[str]:
        """Return the cells of a column that are not missing."""
        return [cell for cell in self.columns[column] if cell.casefold() not in self.missing]

    def numeric(self, column: int) -> bool:
        return numeric(self.columns[column], self.missing)

    def repeats(self, column: int) -> bool:
        """Tell whether a column has several different cells, and far fewer than rows."""
        cells = self.known(column)
        return 1 < len(set(cells)) <= 0.7 * len(cells)

    def together(self, column: int) -> bool:
        """Tell whether equal cells of a column stand side by side."""
        cells = self.columns[column]
        return sum(one != two for one, two in pairwise(cells)) + 1 == len(set(cells))

    def comes_round(self, column: int) -> bool:
        """Tell whether a column has few whole numbers that come round again and again, or stand side by side."""
        cells = self.known(column)
        if not self.repeats(column) or not all(map(str.isdigit, cells)):
            return False
        turn = len(set(cells))
        round_again = all(one == two for one, two in zip(cells, cells[turn:], strict=False))
        return 2 * turn <= len(cells) and (round_again or self.together(column))

    def joined(self, columns: Iterable[int]) -> str:
        """Return the name that the recipe has for columns together."""
        return JOINED.join(self.names[column] for column in columns)


def find_columns(name: str, key: str, names: Sequence[str], table: Table) -> tuple[int, ...]:
    """Return the numbers of columns that are one, or several joined by +.

    Raises:
        UserError: one is not there.
    """
    wanted = [name] if name in names else name.split(JOINED)
    return tuple(find_column(part.strip(), key, names, table) for part in wanted)


def known_series(seen: Seen, taken: set[int], time: tuple[int, ...], told: list[Told]) -> tuple[int, ...]:
    """Return the column that says the series by the name that forecasting tools give it; a counter of rows is none."""
    lower = [name.lower() for name in seen.names]
    for name in KNOWN:
        if name in lower and (column := lower.index(name)) not in taken:
            cells = seen.known(column)
            several = len(set(cells)) > 1
            if cells and len(set(cells)) <= 0.7 * len(cells) and (several or name != "id"):
                told.append(tell_chosen(seen, column, "data.series_column"))
                return (column,)
    return ()


def known_values(
    seen: Seen, taken: set[int], series: tuple[int, ...], time: tuple[int, ...], told: list[Told]
) -> tuple[int, ...]:
    """Return the column with the values where the columns have the three names that a forecasting tool gives them."""
    lower = [name.lower() for name in seen.names]
    wanted = KNOWN.get(lower[series[0]]) if len(series) == 1 and time else None
    if wanted is None or wanted not in lower or lower.index(wanted) in taken:
        return ()
    column = lower.index(wanted)
    others = [c for c in range(len(lower)) if c not in taken and c != column and seen.numeric(c)]
    if others:
        told.append(tell_chosen(seen, column, "data.value_columns"))
    return (column,) if seen.numeric(column) else ()


def tell_chosen(seen: Seen, column: int, key: str) -> Told:
    return Told("chosen_column", seen.table.path.name, 0, f"`{seen.names[column]}` as {key}")


def stop_on_texts(seen: Seen, taken: set[int]) -> None:
    """Refuse a table without times in which a text that repeats, or a whole number, could say a row's series.

    Raises:
        UserError: there is such a column.
    """
    free = [column for column in range(len(seen.names)) if column not in taken]
    texts = [
        column
        for column in free
        if not seen.numeric(column)
        and seen.repeats(column)
        and not looks_like_times(seen.columns[column], seen.missing, numbers=False)
    ]
    what = "text"
    if not texts:
        texts, what = [column for column in free if seen.comes_round(column)], "number"
    if not texts:
        return
    named = list_names(seen.names[column] for column in texts)
    one = len(texts) == 1
    raise UserError(
        f"{'Column' if one else 'Columns'} {named}: the {what} repeats, there are no times, and nothing says which "
        "series a row belongs to.",
        str(seen.table.path),
        f"If {'it says' if one else 'they say'} the series: `data.series_column={seen.joined(texts)}`. If all rows are "
        f"one series, leave {'it' if one else 'them'} out on purpose: "
        f"`data.ignore_columns=[{','.join(seen.names[column] for column in texts)}]`.",
    )


def propose(seen: Seen, free: Iterable[int], time: tuple[int, ...]) -> tuple[int, ...]:
    """Return the fewest columns that tell apart the rows of equal times.

    Where no time comes twice, return a text whose rows stand together, as in series one below the other.
    """
    times = list(zip(*(seen.columns[column] for column in time), strict=True))
    candidates = [column for column in free if column not in time and seen.repeats(column)]
    if len(set(times)) == len(times):
        return next(((column,) for column in candidates if not seen.numeric(column) and seen.together(column)), ())
    candidates.sort(key=lambda column: (seen.numeric(column), len(set(seen.columns[column]))))
    for number in range(1, MOST_TOGETHER + 1):
        for columns in combinations(sorted(candidates[:MOST_TRIED]), number):
            rows = list(zip(*(seen.columns[column] for column in (*time, *columns)), strict=True))
            if len(set(rows)) == len(rows):
                return columns
    return ()


def tell_unused(seen: Seen, used: set[int]) -> list[Told]:
    """Tell every column that is left out; a text that repeats is worth a warning."""
    told = []
    for column, name in enumerate(seen.names):
        if column in used or not (cells := seen.known(column)):
            continue
        text = not seen.numeric(column) and seen.repeats(column)
        example = f"`{one_line(name)}`, such as `{one_line(cells[0])}`"
        told.append(Told("unused_text" if text else "unused_column", seen.table.path.name, 0, example))
    return told


def one_line(text: str) -> str:
    return " ".join(text.split())[:40]
