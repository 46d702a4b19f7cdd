"""Whatever a table looks like, each value comes out at its time and in its series, or the run stops."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import formats
from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from pipeline.errors import UserError
from tests.support.workbooks import write_xlsx

Points = dict[tuple[str, str], float]
NAMES = ("north", "south", "Köln, Süd", "a/b")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]], Points]:
    """Return a header, rows of (series, date, value) in some order of columns, and what they say."""
    series = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    start = date(draw(st.integers(1971, 2050)), draw(st.integers(1, 12)), draw(st.integers(1, 28)))
    number = draw(st.integers(5, 30))
    scale = draw(st.sampled_from([1e-3, 1.0, 1e3, 1e6]))
    digits = draw(st.integers(0, 4))
    cells = st.one_of(st.none(), st.floats(-9.99, 9.99).map(lambda value: round(value * scale, digits) + 0.0))
    rows: list[list[Any]] = []
    points: Points = {}
    for name in series:
        for step in range(number):
            value = draw(cells) if draw(st.integers(0, 5)) == 0 else round((step % 7 - 2.25) * scale, digits)
            day = start + timedelta(days=step)
            rows.append([name, day, value])
            points[name, str(day)] = np.nan if value is None else value
    if draw(st.booleans()):
        rows.sort(key=lambda row: row[1])
    return ["shop", "day", "sales"], rows, points


def write_number(value: float | None, decimal: str, grouped: bool) -> str:
    if value is None:
        return ""
    text = f"{value:,.4f}".rstrip("0").rstrip(".") if grouped else f"{value:.4f}".rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,")) if decimal == "," else text


def read(path: Path, **settings_: Any) -> Points | None:
    """Return what a table says; None where it cannot be used."""
    try:
        config = SeriesDataConfig(path=str(path), **settings_)
        module = formats.find(formats.detect(path, "forecasting"), "forecasting")
        layout, findings = module.open_layout(path, config), SeriesFindings()
        chunks = list(module.read_chunks(layout, findings, config.missing))
        findings.stop_on_errors(path)
    except UserError as error:
        assert error.fix, "an error says how to go on"
        return None
    points: Points = {}
    for chunk in chunks:
        names = chunk.series or [""] * len(chunk.lines)
        assert chunk.times is not None, "dates are never left out in silence"
        for name, time, value in zip(names, chunk.times.tolist(), chunk.values[:, 0].tolist(), strict=True):
            key = name, str(np.datetime64(time, "s").astype("datetime64[D]"))
            assert key not in points or layout.series == (), "no two rows are one point"
            points[key] = value
    return points


def check(found: Points | None, wanted: Points, read_at_all: bool) -> None:
    """Compare what came out with what was written."""
    assert found is not None or not read_at_all, "a plain table is read"
    if found is not None:
        assert found.keys() == wanted.keys()
        wrong = {key: value for key, value in found.items() if not np.array_equal(value, wanted[key], equal_nan=True)}
        assert not wrong


@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(".,"),
    st.booleans(),
    st.permutations(range(3)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gzip"]),
    st.sampled_from(["", "Sales of the shops\n\n", "# made by us\n"]),
    st.sampled_from(["", "\nSource: the shops\n"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_of_texts_come_back_or_the_run_stops(
    table: tuple[list[str], list[list[Any]], Points],
    delimiter: str,
    decimal: str,
    grouped: bool,
    order: Sequence[int],
    form: str,
    encoding: str,
    above: str,
    below: str,
    end: str,
    quoted: bool,
) -> None:
    header, rows, points = table
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_MINIMAL)
    if quoted:
        writer = csv.writer(target, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow([header[place] for place in order])
    for name, day, value in rows:
        cells = [name, day.strftime(form), write_number(value, decimal, grouped)]
        writer.writerow([cells[place] for place in order])
    text = above.replace("\n", end) + target.getvalue() + below.replace("\n", end)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("t.csv.gz" if encoding == "gzip" else "t.csv")
        path.write_bytes(gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding))
        if not (delimiter == decimal == "," and grouped):  # 1.250 between commas has a decimal point
            check(read(path, series_column="shop"), points, False)
        if form in ("%Y-%m-%d", "%d.%m.%Y"):
            check(read(path, series_column="shop", decimal=decimal, time_format=form), points, True)


@given(tables(), st.permutations(range(3)), st.sampled_from([[], [["Sales of the shops"], []]]), st.booleans())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_of_workbooks_come_back(
    table: tuple[list[str], list[list[Any]], Points], order: Sequence[int], above: list[list[Any]], footer: bool
) -> None:
    header, rows, points = table
    written = [*above, [header[place] for place in order], *([row[place] for place in order] for row in rows)]
    written += [[], ["Source: the shops"]] if footer else []
    with tempfile.TemporaryDirectory() as folder:
        path = write_xlsx(Path(folder) / "t.xlsx", {"Data": written})
        check(read(path, series_column="shop"), points, True)


@given(tables(), st.sampled_from(",;\t"), st.sampled_from(".,"))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_of_wide_tables_come_back_or_the_run_stops(
    table: tuple[list[str], list[list[Any]], Points], delimiter: str, decimal: str
) -> None:
    _, rows, points = table
    days = sorted({day for _, day, _ in rows})
    names = list(dict.fromkeys(name for name, _, _ in rows))
    values = {(name, day): value for name, day, value in rows}
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter)
    writer.writerow(["shop", *map(str, days)])
    for name in names:
        writer.writerow([name, *(write_number(values[name, day], decimal, False) for day in days)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(target.getvalue())
        check(read(path), points, False)
        check(read(path, decimal=decimal, layout="wide_times"), points, True)
