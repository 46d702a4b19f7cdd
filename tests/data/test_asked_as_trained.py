"""What was trained is what is asked: a file is read for its model exactly as it was read for the training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import prepare_windows, survey
from data.series.reading import read_recent
from data.series.records import read_folder
from data.series.resolving import resolve
from pipeline.progress import Progress

QUIET = Progress(quiet=True)
ROWS = 90
HOURS = np.datetime64("2023-10-25T22:00") + np.arange(ROWS) * np.timedelta64(1, "h")


def days() -> list[np.datetime64]:
    return list(np.datetime64("2023-01-05") + np.arange(ROWS))


def write(folder: Path, head: str, row: Callable[[int], str], encoding: str = "utf-8") -> Path:
    (folder / "table.csv").write_text("\n".join([head, *map(row, range(ROWS)), ""]), encoding)
    return folder / "table.csv"


def german(folder: Path) -> Path:
    return write(folder, "Tag;Umsatz", lambda row: f"{days()[row].item():%d.%m.%Y};1.{100 + row * 7 % 90},{row % 10}")


def thousands(folder: Path) -> Path:
    return write(folder, "day,sales", lambda row: f'{days()[row]},"1{row % 9},{100 + row * 7 % 90}"')


def old_encoding(folder: Path) -> Path:
    return write(folder, "Tag;Größe", lambda row: f"{days()[row]};{row * 7 % 90}", "cp1252")


def epoch(folder: Path) -> Path:
    return write(folder, "t,load", lambda row: f"{1_700_000_000_000 + 3_600_000 * row},{row * 7 % 90}")


def named_months(folder: Path) -> Path:
    return write(folder, "Monat,x", lambda row: f"{MONTHS[row % 12]} {2010 + row // 12},{row * 7 % 90}")


def parts(folder: Path) -> Path:
    return write(folder, "year,month,x", lambda row: f"{2010 + row // 12},{row % 12 + 1},{row * 7 % 90}")


def newest_first(folder: Path) -> Path:
    return write(folder, "day,x", lambda row: f"{days()[ROWS - 1 - row]},{row * 7 % 90}")


def untimed(folder: Path) -> Path:
    return write(folder, "x", lambda row: f"{row * 7 % 90}")


def stores(folder: Path) -> Path:
    return write(folder, "day,store,x", lambda row: f"{days()[row % 45]},{'ab'[row // 45]},{row * 7 % 90}")


def gaps(folder: Path) -> Path:
    return write(folder, "day,x", lambda row: f"{days()[row]},{'' if row % 11 == 5 else row * 7 % 90}")


def spelled_gaps(folder: Path) -> Path:
    return write(folder, "day,x", lambda row: f"{days()[row]},{'off' if row % 11 == 10 else row * 7 % 90}")


def known_ahead(folder: Path) -> Path:
    return write(folder, "day,x,holiday,note", lambda row: f"{days()[row]},{row * 7 % 90},{row % 7 // 6},{row % 3}")


def with_zone(folder: Path) -> Path:
    return write(folder, "time,x", lambda row: f"{HOURS[row]}:00+02:00,{row * 7 % 90}")


def clocks(folder: Path) -> Path:
    shown = [moment + np.timedelta64(2 if row < 75 else 1, "h") for row, moment in enumerate(HOURS)]
    return write(folder, "Zeit,x", lambda row: f"{shown[row].item():%d.%m.%Y %H:%M},{row * 7 % 90}")


def days_of_a_place(folder: Path) -> Path:
    return write(folder, "time,x", lambda row: f"{days()[row] + 60}T00:00:00+0{1 + (row >= 21)}:00,{row * 7 % 90}")


def future(folder: Path) -> Path:
    return write(folder, "day,x", lambda row: f"{days()[row]},{'' if row >= ROWS - 4 else row * 7 % 90}")


MONTHS = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
          "Dezember"]  # fmt: skip
INPUTS: list[tuple[Callable[[Path], Path], dict[str, Any]]] = [
    (german, {}),
    (thousands, {"decimal": "."}),
    (old_encoding, {"encoding": "cp1252"}),
    (epoch, {}),
    (named_months, {}),
    (parts, {}),
    (newest_first, {}),
    (untimed, {}),
    (stores, {"series_column": "store"}),
    (gaps, {"fill": "linear"}),
    (spelled_gaps, {"fill": "seasonal", "missing": ("off",)}),
    (known_ahead, {"value_columns": ("x",), "covariate_columns": ("holiday",)}),
    (with_zone, {}),
    (clocks, {"time_zone": "Europe/Berlin"}),
    (days_of_a_place, {"time_zone": "Europe/Berlin"}),
    (future, {"fill": "forward"}),
]


@pytest.mark.parametrize(("make", "settings"), INPUTS, ids=[make.__name__ for make, _ in INPUTS])
def test_a_file_is_read_for_its_model_as_it_was_for_the_training(
    tmp_path: Path, make: Callable[[Path], Path], settings: dict[str, Any]
) -> None:
    path = make(tmp_path)
    config = SeriesDataConfig(path=str(path), horizon=2, history=8, **settings)
    found = survey(path, config, tmp_path / "rows", QUIET)
    (tmp_path / "clean").mkdir()
    prepare_windows(found, config, tmp_path / "clean", str(path))
    if config.covariate_columns:  # what is to be forecast needs them
        with path.open("a") as file:
            file.writelines(f"{days()[-1] + step},,{step % 2},\n" for step in (1, 2))
    facts = {
        "values": found.layout.chosen(found.layout.values),
        "covariates": found.layout.chosen(found.layout.covariates),
        "history": found.history,
        "horizon": config.horizon,
        "season": found.season,
        "frequency": found.frequency.as_property() if found.frequency else None,
        "reading": resolve(config, found.layout, found.frequency).model_dump(mode="json"),
    }
    trained, asked = read_folder(tmp_path / "clean"), read_recent(path, facts, QUIET)
    assert [series.id for series in asked] == [series.id for series in trained]
    for before, now in zip(trained, asked, strict=True):
        assert now.history.tolist() == np.array(before.values[-found.history :]).tolist()
        assert (now.times is None) == (before.times is None)
        if now.times is not None and before.times is not None and now.ahead is not None:
            assert now.times.tolist() == np.array(before.times[-found.history :]).tolist()
            assert now.ahead[0] > now.times[-1]
            written = now.write(now.times)
            assert written is not None
            assert make is parts or all(cell in path.read_text(errors="replace") for cell in written), written
