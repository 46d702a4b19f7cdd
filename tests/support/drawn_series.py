"""Drawn tables of series: what their author meant, and the text that a program of some country wrote of it."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st

GERMAN = ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
SPANISH = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)  # fmt: skip


def seconds(time: datetime) -> int:
    return int(time.replace(tzinfo=timezone.utc).timestamp())


FORMS: dict[str, tuple[str, Callable[[datetime], str]]] = {
    "iso day": ("day", lambda time: f"{time:%Y-%m-%d}"),
    "german day": ("day", lambda time: f"{time:%d.%m.%Y}"),
    "british day": ("day", lambda time: f"{time:%d/%m/%Y}"),
    "american day": ("day", lambda time: f"{time:%m/%d/%Y}"),
    "compact day": ("day", lambda time: f"{time:%Y%m%d}"),
    "english day": ("day", lambda time: f"{time:%B %d, %Y}"),
    "chinese day": ("day", lambda time: f"{time.year}年{time.month}月{time.day}日"),
    "unix day": ("day", lambda time: str(seconds(time))),
    "iso hour": ("hour", lambda time: f"{time:%Y-%m-%d %H:%M}"),
    "iso zone": ("hour", lambda time: f"{time:%Y-%m-%dT%H:%M:%S}Z"),
    "american hour": ("hour", lambda time: f"{time:%m/%d/%Y %I:%M %p}"),
    "unix ms": ("hour", lambda time: str(seconds(time) * 1000)),
    "unix ns": ("hour", lambda time: str(seconds(time) * 10**9)),
    "iso month": ("month", lambda time: f"{time:%Y-%m}"),
    "short month": ("month", lambda time: f"{time:%b-%y}"),
    "german month": ("month", lambda time: f"{GERMAN[time.month - 1]} {time.year}"),
    "spanish month": ("month", lambda time: f"{SPANISH[time.month - 1]} {time.year}"),
    "quarter": ("quarter", lambda time: f"{time.year}Q{(time.month + 2) // 3}"),
    "french quarter": ("quarter", lambda time: f"T{(time.month + 2) // 3} {time.year}"),
    "year": ("year", lambda time: str(time.year)),
}


@dataclass(frozen=True)
class Drawn:
    """A table of series as its author meant it, and how it is written.

    Attributes:
        series: by name (one without a name has the empty one) the times and values of its rows.
        form: of the times, one of FORMS.
        order: of the rows: `oldest`, `newest` first or `mixed`.
        decimal, delimiter: marks.
        around: what stands about the table: `title`, `footer`, `comment column`, `blank lines`.
        packed: the kind of file: `csv`, `gz` or `zip`.
    """

    series: dict[str, list[tuple[datetime, float]]]
    form: str
    order: str
    decimal: str
    delimiter: str
    around: tuple[str, ...]
    packed: str


def step(time: datetime, kind: str) -> datetime:
    """Return the time that follows."""
    if kind in ("hour", "day"):
        return time + timedelta(**{f"{kind}s": 1})
    months = {"month": 1, "quarter": 3, "year": 12}[kind]
    place = time.year * 12 + time.month - 1 + months
    return time.replace(year=place // 12, month=place % 12 + 1)


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    """Draw one to three series of 30 to 50 rows."""
    form = draw(st.sampled_from(sorted(FORMS)))
    kind = FORMS[form][0]
    series = {}
    for name in [""] if draw(st.booleans()) else ["north", "south", "west"][: draw(st.integers(2, 3))]:
        time = datetime(
            draw(st.integers(1980, 2015)), 1 if kind in ("quarter", "year") else draw(st.integers(1, 12)), 1
        )
        rows = []
        for number in range(draw(st.integers(30, 50))):
            noise = draw(st.integers(-999, 999)) / 10
            rows.append((time, round(200 + 3 * number + noise, 1)))
            time = step(time, kind)
        series[name] = rows
    return Drawn(
        series,
        form,
        draw(st.sampled_from(["oldest", "oldest", "newest", "mixed"])),
        *draw(st.sampled_from([(".", ","), (".", "\t"), (",", ";"), (".", ";"), (",", "\t")])),
        tuple(draw(st.lists(st.sampled_from(["title", "footer", "comment column", "blank lines"]), unique=True))),
        draw(st.sampled_from(["csv", "csv", "gz", "zip"])),
    )


def write_table(drawn: Drawn, folder: Path, shuffle: Callable[[list[list[str]]], None]) -> Path:
    """Write the table, and return its path."""
    write = FORMS[drawn.form][1]
    rows = [
        ([name] if name else []) + [write(time), str(value).replace(".", drawn.decimal)]
        for name, values in drawn.series.items()
        for time, value in values
    ]
    if drawn.order == "newest":
        rows.reverse()
    elif drawn.order == "mixed":
        shuffle(rows)
    header = (["region"] if "" not in drawn.series else []) + ["date", "sales"]
    if "comment column" in drawn.around:
        header.append("note")
        rows = [[*row, "checked" if number == 3 else ""] for number, row in enumerate(rows)]
    lines = [header, *rows]
    if "blank lines" in drawn.around:
        lines.insert(len(lines) // 2, [])
    if "title" in drawn.around:
        lines = [["Sales of the regions"], [], *lines]
    if "footer" in drawn.around:
        lines = [*lines, [], ["Source: the office of statistics"]]
    stream = io.StringIO()
    csv.writer(stream, delimiter=drawn.delimiter, lineterminator="\n").writerows(lines)
    content = stream.getvalue().encode()
    path = folder / f"table.csv{'' if drawn.packed == 'csv' else '.' + drawn.packed}"
    if drawn.packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("table.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if drawn.packed == "gz" else content)
    return path
