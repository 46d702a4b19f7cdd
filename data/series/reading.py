"""The last rows of a file of series, read and cleaned as training's were: what a served forecaster is asked with."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import formats
from data.findings import NAMED
from data.series.cleaning import write_series
from data.series.config import AskedDataConfig, SeriesDataConfig, TableReadingConfig
from data.series.findings import SeriesFindings
from data.series.frequency import Frequency
from data.series.measuring import Measured, find_frequency, measure
from data.series.records import Series, read_folder, write_names
from data.series.settling import settle
from data.series.staging import Staged, stage
from data.series.times.forms import TimeForm
from data.series.times.parsing import show_time
from data.series.times.writing import write_time
from data.series.windows import Cuts
from pipeline.errors import UserError
from pipeline.progress import Progress


@dataclass(frozen=True)
class Recent:
    """The end of a series.

    Attributes:
        id: its name.
        history: float64 [H, V], the last known rows.
        times: int64 [H] unix seconds (UTC); None without times.
        ahead: int64 [P] the times of the rows that follow, or the numbers that count them; None without any.
        covariates: float64 [H + P, K], those of the rows that follow too.
        form: how times are written in the file; None without times.
    """

    id: str
    history: NDArray[np.float64]
    times: NDArray[np.int64] | None
    ahead: NDArray[np.int64] | None
    covariates: NDArray[np.float64]
    form: TimeForm | None = None

    def write(self, times: NDArray[np.int64] | None) -> list[str] | None:
        """Return times as the file has them; None for none."""
        return None if times is None else [self.write_one(int(time)) for time in times.tolist()]

    def write_one(self, time: int) -> str:
        return show_time(time) if self.form is None else write_time(time, self.form)


def read_recent(path: Path, facts: dict[str, Any], progress: Progress) -> list[Recent]:
    """Return the last rows of every series in a file that has as many as the model looks at; what is left out is said.

    Args:
        facts: what the exported model tells of its data: `history`, `horizon`, `season`, `frequency`, `covariates`, and
            `reading`, how its file was read: the fields of TableReadingConfig.
        progress: is told what was filled or turned round, and which series are left out.

    Raises:
        UserError: columns are missing, lines cannot be used, or all series are shorter than the history.
    """
    if not path.exists():
        raise UserError("There is no such file.", str(path), "Name a file with the model's columns.")
    config = settings_of(path, facts)
    module = formats.find(formats.detect(path, config.task), config.task)
    findings = SeriesFindings()
    layout = module.open_layout(path, config)
    with tempfile.TemporaryDirectory(prefix="labline-ask-") as name:
        folder = Path(name)
        staged = stage(module.read_chunks(layout, findings, config.missing), layout, folder / "rows", progress)
        settle(staged, layout, config, findings, path)
        frequency = with_day(find_frequency(staged, config, findings) if staged.offsets[-1] else None, facts)
        measured = [measure(staged, number, frequency, config, findings) for number in range(len(staged.ids))]
        findings.stop_on_errors(path)
        kept = [item for item in measured if item is not None]
        if not kept:
            raise UserError("There is no row with a value.", str(path), "Fill in the last rows that are known.")
        known = max(item.span.first + item.span.rows for item in kept)
        everything = Cuts(known, known, known, known, known)  # all of it is past
        write_series(staged, kept, everything, config, facts["season"], folder, findings)
        findings.stop_on_errors(path)
        tell(findings, path, progress)
        names, rows = [staged.ids[item.number] for item in kept], [item.span.rows for item in kept]
        write_names(folder, names, rows, layout.chosen(layout.values), layout.chosen(layout.covariates))
        pairs = list(zip(read_folder(folder), kept, strict=True))
        return [
            replace(last_rows(series, item, staged, facts, path, progress), form=staged.form)
            for series, item in long_enough(pairs, facts, path, progress)
        ]


def tell(findings: SeriesFindings, path: Path, progress: Progress) -> None:
    """Say what was done to the rows: nothing is filled or turned round in silence."""
    for item in findings.report(0):
        if item["name"] != "future_row":  # the forecasts' times say so
            first = item["examples"][0] if item["examples"] else {"file": path.name, "detail": ""}
            place = f" First {first['file']}: {first['detail']}"
            progress.say(f"{path}: {item['count']:,} x {item['name']}. {item['description']}{place}")


def long_enough(
    pairs: list[tuple[Series, Measured]], facts: dict[str, Any], path: Path, progress: Progress
) -> list[tuple[Series, Measured]]:
    """Return the series with as many rows as the model looks at: training leaves out short ones too.

    Raises:
        UserError: none has.
    """
    wanted = facts["history"]
    short = [
        f"Series `{series.id}` has {len(series.values):,} rows" for series, _ in pairs if len(series.values) < wanted
    ]
    if short and len(short) == len(pairs):
        more = f" All {len(short):,} series are too short." if len(short) > 1 else ""
        raise UserError(
            f"{short[0]}; the model looks at {wanted}.{more}", str(path), f"Give at least the last {wanted} rows."
        )
    for what in short[:NAMED]:
        progress.say(f"{what}, the model looks at {wanted}: left out")
    if len(short) > NAMED:
        progress.say(f"and {len(short) - NAMED:,} more series that are too short")
    return [(series, item) for series, item in pairs if len(series.values) >= wanted]


def settings_of(path: Path, facts: dict[str, Any]) -> SeriesDataConfig:
    """Return settings that read a file as the model's data were read."""
    reading = TableReadingConfig.model_validate(facts["reading"])
    return AskedDataConfig(path=str(path), horizon=facts["horizon"], **dict(reading))


def with_day(frequency: Frequency | None, facts: dict[str, Any]) -> Frequency | None:
    """Return the step with the day of the month that the model's rows stand for.

    The few rows may not show it: the last days of two quarters may both be 30ths.
    """
    known = facts["frequency"] or {}
    return replace(frequency, day=known["day"]) if frequency is not None and "day" in known else frequency


def last_rows(
    series: Series, item: Measured, staged: Staged, facts: dict[str, Any], path: Path, progress: Progress
) -> Recent:
    """Return the end of one cleaned series."""
    rows, horizon = facts["history"], facts["horizon"]
    end, later = item.span.first + item.span.rows, staged.offsets[item.number + 1] - item.stop
    ahead = item.grid.times(np.arange(end, end + horizon)) if item.grid is not None else None
    covariates = series.covariates[-rows:]
    if facts["covariates"]:
        following = staged.read("covariates", item.stop, item.stop + min(horizon, later))
        if len(following) < horizon or not np.isfinite(following).all():
            raise UserError(
                f"Series `{series.id}`: {', '.join(facts['covariates'])} must be known for the {horizon} rows after "
                "the last value.",
                str(path),
                "Add these rows, the values left empty and the covariates filled in.",
            )
        covariates = np.concatenate([covariates, following])
    if ahead is not None:
        check_times(staged, item, ahead[:later], path)
    if later > horizon:
        progress.say(f"{path}: `{series.id}` has {later:,} rows without values; the model forecasts {horizon:,}")
    return Recent(
        series.id,
        np.array(series.values[-rows:]),
        None if series.times is None else np.array(series.times[-rows:]),
        ahead,
        np.array(covariates),
    )


def check_times(staged: Staged, item: Measured, ahead: NDArray[np.int64], path: Path) -> None:
    """Refuse rows without values whose times are not those of the steps to be forecast."""
    given = staged.read("times", item.stop, item.stop + len(ahead))
    for row, (found, wanted) in enumerate(zip(given.tolist(), ahead.tolist(), strict=True), item.stop):
        if found != wanted:
            file, line = staged.place(row)
            raise UserError(
                f"The row of {staged.show(found)} stands where {staged.show(wanted)} is to be forecast.",
                f"{path if path.is_file() else path / file}, line {line}",
                "Give one row for each step after the last value.",
            )
