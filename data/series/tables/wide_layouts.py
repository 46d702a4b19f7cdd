"""Which tables have several time steps in a row, by the names of their columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations, pairwise

from data.series.config import SeriesDataConfig
from data.series.tables.cells import Table, Wide
from data.series.tables.numbers import numeric
from data.series.tables.series_columns import MOST_TOGETHER, MOST_TRIED
from data.series.times.columns import PARTS, part_of
from data.series.times.form_choice import find_form
from data.series.times.forms import known_form
from data.series.times.parsing import UNREADABLE, parse_times
from data.series.times.patterns import QUARTER, QUARTERS, WEEK
from data.series.times.words import month_names
from pipeline.errors import UserError

LEAST = 3  # columns named by times that make a table wide by themselves
LEAST_SHARE = 0.5  # of all columns
MANY = 12  # columns with numbers that count on, about which it is asked whether they are steps
LANGUAGES_TRIED = ("", "de", "fr", "es", "it", "pt", "nl", "pl")
FIRST, LAST = -14_831_769_600, 7_258_118_400  # 1500 and 2200, within which the times of data lie
DRESSED = re.compile(r"X(?=\d)|YR(?=\d{4}$)|\s*\[YR\d{4}\]$|(?<=^\d{4})\.0$", re.IGNORECASE)  # X1960, 1960 [YR1960]
MONTH_NUMBER = re.compile(r"[mM]?(0?[1-9]|1[0-2])")
WEEK_CELL = re.compile(rf"{WEEK} ?\d{{1,2}}")
STEP = re.compile(r"(.*?)(\d+)")


def find_wide(
    config: SeriesDataConfig,
    names: Sequence[str],
    columns: Sequence[Sequence[str]],
    missing: frozenset[str],
    table: Table,
) -> Wide | None:
    """Return how a table with several time steps in a row is one with a step a row; None where a row is one.

    Raises:
        UserError: the recipe says that it is, and the columns do not show how.
    """
    wanted = config.layout
    if wanted == "long":
        return None
    found = None
    if wanted in ("auto", "wide_months"):
        found = find_months(names, columns, missing)
    if found is None and wanted in ("auto", "wide_times"):
        found = find_times(names, columns, missing, config.time_format, wanted == "auto")
    if wanted == "wide_steps":
        found = find_steps(names, columns, missing)
    if found is None and wanted != "auto":
        what = {"wide_times": "times", "wide_months": "the twelve months beside one of years", "wide_steps": "numbers"}
        raise UserError(
            f"`data.layout={wanted}`, and no columns are named by {what[wanted]}.",
            str(table.path),
            f"The columns are {', '.join(names[:12])}. Correct `data.layout`; `long` is a row for each time step.",
        )
    if wanted == "auto" and found is None and not config.value_columns:
        ask_about_steps(find_steps(names, columns, missing), names, columns, missing, table)
    if found is not None and found.year is None and not found.kept and len(columns[0]) > 1:
        raise nameless(table)
    if found is not None and wanted == "auto":
        stop_on_parts(found, names, columns, table)
    return found


def stop_on_parts(wide: Wide, names: Sequence[str], columns: Sequence[Sequence[str]], table: Table) -> None:
    """Refuse tables of which rows and columns together say the times, in another way than years and months do.

    Raises:
        UserError: the rows are parts of the columns' times, or the months begin within a year.
    """
    if part := parts_in_rows(wide, names, columns):
        raise UserError(
            f"This table has a row a {part} and a column a longer time, such as `{wide.times[0]}`.",
            str(table.path),
            "Turn it, so that it has a row a year and a column a month, or a row for each of the times. If each row is "
            "a series of its own, say so: `data.layout=wide_times`.",
        )
    if wide.year is not None and begins_within_year(wide.steps):
        first = names[min(wide.steps)]
        raise UserError(
            f"The months begin with `{first}`: are all twelve of the year in `{names[wide.year]}`, or of two years?",
            str(table.path),
            "If all are of that year, set `data.layout=wide_months`; if a year begins with another month than January, "
            "write a row for each month of each year.",
        )


def begins_within_year(columns: Sequence[int]) -> bool:
    """Tell whether the columns of January to December follow each other as months do, but begin within a year."""
    for order in (list(columns), list(columns[::-1])):
        start = order.index(min(order))
        if start > 0 and order[start:] + order[:start] == sorted(order):
            return True
    return False


def ask_about_steps(
    steps: Wide | None, names: Sequence[str], columns: Sequence[Sequence[str]], missing: frozenset[str], table: Table
) -> None:
    """Ask what many numbered columns are, where no column has times.

    Raises:
        UserError: there are such columns.
    """
    if steps is None or len(steps.steps) < MANY:
        return
    if any(find_form(seen, numbers=False) for column in steps.kept if (seen := known(columns[column], missing))):
        return
    first, last = names[steps.steps[0]], names[steps.steps[-1]]
    raise UserError(
        f"The columns `{first}` to `{last}` could be the steps of a series in each row, or columns of their own.",
        str(table.path),
        "Set `data.layout=wide_steps` if a row is a series and a column a step, `data.layout=long` if a row is a step.",
    )


def find_months(names: Sequence[str], columns: Sequence[Sequence[str]], missing: frozenset[str]) -> Wide | None:
    """Return the layout of a row a year and a column a month."""
    years = [column for column in range(len(names)) if is_years(columns[column], missing)]
    for language in LANGUAGES_TRIED:
        known = month_names(language)
        months: dict[int, int] = {}
        for column, name in enumerate(names):
            numbered = MONTH_NUMBER.fullmatch(name.strip())
            month = int(numbered[1]) if numbered else known.get(fold(name))
            if month is not None:
                months.setdefault(month, column)
        if len(months) == 12 and years:
            steps = tuple(months[month] for month in range(1, 13))
            kept = tuple(column for column in range(len(names)) if column not in (*steps, years[0]))
            named = tuple(place for place, column in enumerate(kept) if groups(columns[column], missing))
            return Wide("wide_months", kept, steps, tuple(f"{month:02d}" for month in range(1, 13)), years[0], named)
    return None


def fold(name: str) -> str:
    """Return a name small and without accents or a point."""
    letters = unicodedata.normalize("NFKD", name.strip().rstrip(".").casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def is_years(cells: Sequence[str], missing: frozenset[str]) -> bool:
    seen = [cell for cell in cells if cell.casefold() not in missing]
    return bool(seen) and all(re.fullmatch(r"(1[5-9]|2[01])\d\d", cell) for cell in seen)


def groups(cells: Sequence[str], missing: frozenset[str]) -> bool:
    """Tell whether texts repeat, as the names of series do in the rows of their years."""
    seen = [cell for cell in cells if cell.casefold() not in missing]
    return 1 < len(set(seen)) <= 0.7 * len(seen) and not numeric(seen, missing)


def find_times(
    names: Sequence[str],
    columns: Sequence[Sequence[str]],
    missing: frozenset[str],
    time_format: str | None,
    plainly: bool,
) -> Wide | None:
    """Return the layout of a row a series and a column a time.

    Args:
        plainly: whether nothing but that will do.
    """
    written = [DRESSED.sub("", name.strip()) for name in names]
    could = [column for column, name in enumerate(written) if any(letter.isdigit() for letter in name)]
    if len(could) < (LEAST if plainly else 1):
        return None
    cells = [written[column] for column in could]
    form = known_form(time_format) if time_format else None
    if form is None:
        found = find_form(cells, numbers=True, languages=True)
        form = found[0] if found is not None else None
    if form is None:
        return None
    seconds = parse_times(cells, form)
    steps = [
        column
        for column, second in zip(could, seconds.tolist(), strict=True)
        if second != UNREADABLE and FIRST <= second <= LAST
    ]
    kept = [column for column in range(len(names)) if column not in steps]
    if plainly:
        few = len(steps) < max(LEAST, LEAST_SHARE * len(names))
        if few or not numeric([cell for column in steps for cell in columns[column]], missing, share=0.5):
            return None
        if any(find_form(filled, numbers=False) for column in kept if (filled := known(columns[column], missing))):
            return None
    if not steps:
        return None
    times = tuple(written[column] for column in steps)
    return Wide("wide_times", tuple(kept), tuple(steps), times, None, name_rows([columns[c] for c in kept], missing))


def find_steps(names: Sequence[str], columns: Sequence[Sequence[str]], missing: frozenset[str]) -> Wide | None:
    """Return the layout of a row a series and a column a step, named by numbers that count on: V2, V3, V4."""
    runs: dict[str, list[tuple[int, int]]] = {}
    for column, name in enumerate(names):
        if match := STEP.fullmatch(name.strip()):
            runs.setdefault(match[1], []).append((int(match[2]), column))
    best = max(runs.values(), key=len, default=[])
    best = [item for item in best if numeric(columns[item[1]], missing) or is_empty(columns[item[1]], missing)]
    if len(best) < 2 or any(one[0] + 1 != two[0] for one, two in pairwise(best)):
        return None
    steps = tuple(column for _, column in best)
    kept = tuple(column for column in range(len(names)) if column not in steps)
    return Wide("wide_steps", kept, steps, (), None, name_rows([columns[column] for column in kept], missing))


def nameless(table: Table) -> UserError:
    return UserError(
        "This table has a row a series and nothing that names the rows.",
        str(table.path),
        "Add a column with a name for each row, or set `data.layout=long` if a row is a time step.",
    )


def name_rows(columns: Sequence[Sequence[str]], missing: frozenset[str]) -> tuple[int, ...]:
    """Return the fewest columns that tell all rows apart, a text without empty cells before others; all if none do."""
    texts = [column for column in range(len(columns)) if not numeric(columns[column], missing)]
    texts.sort(key=lambda column: "" in columns[column])
    for pool in (texts, [*texts, *(column for column in range(len(columns)) if column not in texts)]):
        for number in range(1, MOST_TOGETHER + 1):
            for chosen in combinations(pool[:MOST_TRIED], number):
                rows = list(zip(*(columns[column] for column in chosen), strict=True))
                if len(set(rows)) == len(rows) and all(map(any, rows)):
                    return tuple(sorted(chosen))
    return tuple(range(len(columns)))


def parts_in_rows(wide: Wide, names: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """Return the part of a year, month or day that each row is, so that the columns' times are but a part; else none.

    That are names of months, or numbers from 1 on in a column that is called so.
    """
    for column in wide.kept if wide.year is None and wide.times else ():
        cells = [fold(cell) for cell in columns[column]]
        if cells in ([str(number) for number in range(1, 13)], [f"{number:02d}" for number in range(1, 13)]):
            return "month"
        if len(cells) >= 3 and any(all(cell in month_names(name) for cell in cells) for name in LANGUAGES_TRIED):
            return "month"
        if len(cells) == 4 and all(
            re.fullmatch(rf"{QUARTER}?[ .]?{n}[.]?|{n}[ .]?{QUARTERS}?", cell.strip())
            for n, cell in enumerate(columns[column], 1)
        ):
            return "quarter"
        part = "week" if all(WEEK_CELL.fullmatch(cell) for cell in columns[column]) else part_of(names[column])
        numbers = [int(digits[0]) for cell in cells if (digits := re.findall(r"\d+", cell))]
        if part in PARTS[1:] and len(numbers) == len(cells) > 2 and all(b - a == 1 for a, b in pairwise(numbers)):
            return part
    return ""


def known(cells: Sequence[str], missing: frozenset[str]) -> list[str]:
    return [cell for cell in cells if cell.casefold() not in missing and not numeric([cell], missing)][:200]


def is_empty(cells: Sequence[str], missing: frozenset[str]) -> bool:
    return all(cell.casefold() in missing for cell in cells)
