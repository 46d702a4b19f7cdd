"""Staged rows brought to what is measured: in their zone's time, in order, and one row for each step where asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.frequency import read_frequency
from data.series.row_order import put_in_order
from data.series.staging import Staged
from data.series.stepping import resample, snap
from data.series.tables.columns import Layout
from data.series.tables.file_parts import settle_files
from data.series.times.clocks import to_unix, to_wall
from data.series.times.doubtful_years import tell_years
from data.series.times.parsing import show_time
from data.series.times.patterns import EXCEL, INDEX
from pipeline.errors import UserError

DAY = 86_400
EARLIEST, LATEST = -9_200_000_000, 9_200_000_000  # seconds that pandas' times still hold


def settle(staged: Staged, layout: Layout, config: SeriesDataConfig, findings: SeriesFindings, path: Path) -> None:
    """Do all of it in the files of the staged rows, and tell.

    Raises:
        UserError: the times are in two forms at once, the settings do not fit them, or it is not said what files are.
    """
    asked = {key: getattr(config, key) for key in ("time_zone", "snap", "resample")}
    unmet = [f"`data.{key}`" for key, value in asked.items() if value] if not staged.dated else []
    if unmet:
        raise UserError(
            "There are no times that could be brought into a zone or onto even steps.",
            str(path),
            f"Name their column with `data.time_column`, or leave out {' and '.join(unmet)}.",
        )
    settle_files(staged, layout, config, path)
    if not staged.times or not staged.offsets[-1]:
        return
    settle_zone(staged, findings, path)
    alone = bool(layout.series) or all(item.kind != "unused_text" for item in layout.told)
    put_in_order(staged, config, findings, alone)
    findings.stop_on(("mixed_dates", "no_such_time"), path)
    tell_years(staged, config, findings)
    if any(read_frequency(step).seconds >= DAY for step in (config.snap, config.resample) if step):
        go_by_calendar(staged)
    if config.snap:
        snap(staged, config.snap, findings)
    if config.resample:
        resample(staged, config.resample, config.resample_by, findings)


def settle_zone(staged: Staged, findings: SeriesFindings, path: Path) -> None:
    """Turn what a zone's clocks show into unix times, but for days and longer steps: these go by the calendar.

    Raises:
        UserError: the times are too early or too late for a zone.
    """
    form = staged.form
    if form is None or not form.zone or form.name == INDEX:
        return
    series = [number for number in range(len(staged.ids)) if staged.offsets[number] < staged.offsets[number + 1]]
    times = {number: staged.read("times", *bounds(staged, number)) for number in series}
    if any(item.min() < EARLIEST or item.max() > LATEST for item in times.values()):
        raise UserError(
            "There are times before 1678 or after 2262, for which a zone's clocks are not known.",
            str(path),
            "Leave `data.time_zone` out.",
        )
    absolute = bool(form.zoned) or (form.scale > 0 and form.name not in EXCEL)
    wall = {number: to_wall(item, form.zone) if absolute else item for number, item in times.items()}
    daily = len({int(clock) for item in wall.values() for clock in np.unique(item % DAY)[:2]}) == 1
    staged.form = replace(form, wall=daily)
    for number in series:
        if daily and absolute:
            staged.write_times(number, wall[number])
        elif not daily and not absolute:
            unix, never = to_unix(wall[number], form.zone)
            for row in np.flatnonzero(never).tolist():
                file, line = staged.place(staged.offsets[number] + row)
                shown = show_time(int(wall[number][row]))
                findings.add("no_such_time", file, line, f"{shown} in {form.zone}", staged.ids[number])
            staged.write_times(number, unix)


def go_by_calendar(staged: Staged) -> None:
    """Turn unix times into what the clocks of their zone show, for days to be theirs."""
    form = staged.form
    if form is None or not form.zone or form.wall or form.name == INDEX:
        return
    for number in range(len(staged.ids)):
        if staged.offsets[number] < staged.offsets[number + 1]:
            staged.write_times(number, to_wall(staged.read("times", *bounds(staged, number)), form.zone))
    staged.form = replace(form, wall=True)


def bounds(staged: Staged, number: int) -> tuple[int, int]:
    return staged.offsets[number], staged.offsets[number + 1]
