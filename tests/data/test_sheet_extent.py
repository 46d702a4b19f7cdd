"""A workbook with a cell far from its table is refused before all cells between are laid out in memory."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from data.formats import excel_series
from data.series.config import SeriesDataConfig
from pipeline.errors import UserError
from tests.support.workbooks import Cell, write_ods, write_xlsx

DAYS: list[list[Cell]] = [[datetime(2024, 1, 1 + day), day * 1.5] for day in range(30)]
ROWS: list[list[Cell]] = [["date", "sales"], *DAYS]


def changed(path: Path, part: str, old: str, new: str) -> Path:
    """Put one text in the place of another in a part of a workbook."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(stream, "w") as after:
        for name in before.namelist():
            text = before.read(name).decode()
            assert name != part or old in text
            after.writestr(name, text.replace(old, new) if name == part else text)
    path.write_bytes(stream.getvalue())
    return path


def values(path: Path, *wanted: str) -> tuple[str, ...]:
    layout = excel_series.open_layout(path, SeriesDataConfig(path=str(path), value_columns=wanted or None))
    return tuple(layout.chosen(layout.values))


@pytest.mark.parametrize("cell", ["XFD1048576", "ZZZZ9", "C99999999", "AC1048576", "B9999999999999999999"])
def test_a_cell_far_away_is_refused_with_advice(tmp_path: Path, cell: str) -> None:
    path = write_xlsx(tmp_path / "sales.xlsx", {"Sheet": ROWS})
    changed(path, "xl/worksheets/sheet1.xml", 'r="B31"', f'r="{cell}"')
    with pytest.raises(UserError, match="more cells than there is memory for") as error:
        values(path)
    assert "Delete what stands far from the table" in error.value.fix


def test_wide_and_long_sheets_that_are_filled_are_read(tmp_path: Path) -> None:
    names = ["date", *(f"{first}{second} sales" for first in "abcdef" for second in "xyzuvwpqrs")]
    wide: list[list[Cell]] = [[*names], *([datetime(2024, 1, 1 + day), *range(day, day + 60)] for day in range(20))]
    path = write_xlsx(tmp_path / "wide.xlsx", {"Sheet": wide})
    assert len(values(path, *names[1:])) == 60
    path = write_ods(tmp_path / "sales.ods", {"Sheet": ROWS})
    assert values(path) == ("sales",)


def test_a_sheet_of_libreoffice_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "sales.ods", {"Sheet": ROWS})
    changed(path, "content.xml", "</table:table>", "<table:table>")
    with pytest.raises(UserError, match="damaged"):
        values(path)


def test_a_value_that_is_repeated_over_all_rows_is_refused(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "sales.ods", {"Sheet": ROWS})
    repeated = '<table:table-cell table:number-columns-repeated="16000" office:value-type="float" office:value="3.0"'
    changed(path, "content.xml", '<table:table-cell office:value-type="float" office:value="3.0"', repeated)
    with pytest.raises(UserError, match=r"16,000 times"):
        values(path)
