"""From a raw table to shards of windows: read it in blocks, clean the series, plan the windows, write the shards.

The raw rows and the clean series are files from which any part can be read, so memory stays flat however long the
series are. The shards are written by a Beam pipeline; what a shard holds depends on the plan alone, so the result is
the same whatever the number of workers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import formats
from data.config import BeamConfig
from data.series.cleaning import write_series
from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.frequency import Frequency
from data.series.measuring import Measured, find_frequency, measure
from data.series.records import FILLED, VALUES, Shape, write_names
from data.series.scaling import measure_scaling
from data.series.sentinels import report_sentinels
from data.series.settling import settle
from data.series.staging import Staged, stage
from data.series.tables.columns import Layout, advise
from data.series.windows import Cuts, Plan, Span, check_windows, choose_history, find_cuts, plan_windows
from data.series.workers import PLAN, SCALES, WriteShards
from data.shards import plan_shards, write_all
from pipeline.errors import UserError
from pipeline.figures import write_figure
from pipeline.progress import Progress

SMALLEST_SCALE, LARGEST_SCALE = 1e-18, 1e18  # their squares are numbers of 32 bits still


@dataclass
class Survey:
    """What is known of the series before windows are written.

    Attributes:
        format: name of the data's format.
        layout: what the columns are.
        staged: the raw rows.
        kept: the series that are used.
        frequency: their step; None without times.
        season: rows a season.
        history: rows of a window's history.
        cuts: where validation and test begin.
        findings: everything that is wrong with the data.
        filled: rows that were filled; known when they are written.
    """

    format: str
    layout: Layout
    staged: Staged
    kept: list[Measured]
    frequency: Frequency | None
    season: int
    history: int
    cuts: Cuts
    findings: SeriesFindings
    filled: int = 0

    @property
    def spans(self) -> list[Span]:
        return [series.span for series in self.kept]

    def shape(self, config: SeriesDataConfig) -> Shape:
        """Return the sizes of the records."""
        layout = self.layout
        return Shape(self.history, config.horizon, len(layout.values), len(layout.covariates), layout.dated)


def survey(path: Path, config: SeriesDataConfig, folder: Path, progress: Progress) -> Survey:
    """Read all rows, check them, and decide on the step, the cuts and the history.

    Args:
        path: the raw data.
        config: the recipe's `data` section.
        folder: for the raw rows; what is in it is removed.
        progress: where to tell how far it is.

    Raises:
        UserError: lines that cannot be used, or nothing that can.
    """
    name = formats.detect(path, config.task) if config.format == "auto" else config.format
    module = formats.find(name, config.task)
    findings = SeriesFindings()
    layout = module.open_layout(path, config)
    progress.say(describe_layout(layout, path, name))
    staged = stage(module.read_chunks(layout, findings, config.missing), layout, folder, progress)
    report_sentinels(staged, findings)
    settle(staged, layout, config, findings, path)
    frequency = find_frequency(staged, config, findings) if staged.offsets[-1] else None
    measured = [measure(staged, number, frequency, config, findings) for number in range(len(staged.ids))]
    if {"duplicate_time", "unordered_time"} & set(findings.errors()):
        findings.advice = advise(layout)
    findings.stop_on_errors(path)
    series = [item for item in measured if item is not None]
    if not series:
        raise UserError("There is no row with a value.", str(path), "Check `data.path` and `data.value_columns`.")
    frequency = next((item.grid.frequency for item in series if item.grid is not None), None)
    season = config.season if config.season != "auto" else frequency.season if frequency else 1
    if config.fill == "seasonal" and season == 1:
        raise UserError(
            "These data have no season, so `seasonal` cannot fill what is missing.",
            "data.fill",
            "Set `data.season` to the rows of a season, or `data.fill=linear`.",
        )
    changing = leave_out_constant(series, staged, path, findings)
    spans = [item.span for item in changing]
    history, remark = choose_history(config, season, spans, find_cuts(spans, config.split), str(path))
    if remark:
        progress.say(remark)
    kept = leave_out_short(changing, staged, history + config.horizon, path, findings)
    cuts = find_cuts([item.span for item in kept], config.split)
    return Survey(name, layout, staged, kept, frequency, season, history, cuts, findings)


def describe_layout(layout: Layout, path: Path, name: str) -> str:
    """Say how the table was understood."""
    parts = [f"values {', '.join(layout.chosen(layout.values))}"]
    parts.append(f"times {layout.time_column} ({layout.form.described})" if layout.form else "no times")
    if layout.series:
        parts.append(f"series {layout.series_column}")
    if layout.covariates:
        parts.append(f"covariates {', '.join(layout.chosen(layout.covariates))}")
    if layout.unused:
        parts.append(f"left out {', '.join(layout.unused)}")
    return f"reading {path} ({name}): {', '.join(parts)}"


def leave_out_constant(series: list[Measured], staged: Staged, path: Path, findings: SeriesFindings) -> list[Measured]:
    """Return the series of which at least one column changes.

    Raises:
        UserError: none does.
    """
    if max(item.span.rows for item in series) < 2:
        raise UserError("There is a single row; a series needs many.", str(path), "Check `data.path`.")
    kept = []
    for item in series:
        name = staged.ids[item.number]
        if len(item.constant) == staged.types["values"][1]:
            value = staged.read("values", item.start, item.start + 1)[0, 0]
            findings.add("constant_series", name, 0, f"{item.span.rows:,} rows of {write_figure(value, 9)}", name)
            continue
        kept.append(item)
    if not kept:
        raise UserError(
            "The values never change, so there is nothing to forecast.", str(path), "Check `data.value_columns`."
        )
    return kept


def leave_out_short(
    series: list[Measured], staged: Staged, rows: int, path: Path, findings: SeriesFindings
) -> list[Measured]:
    """Return the series into which a window of so many rows fits.

    Raises:
        UserError: it fits into none.
    """
    kept = []
    for item in series:
        if item.span.rows >= rows:
            kept.append(item)
            continue
        file, line = staged.place(item.start)
        name = staged.ids[item.number]
        findings.add("short_series", file, line, f"{name}: {item.span.rows:,} rows, a window has {rows:,}", name)
    if not kept:
        longest = max(item.span.rows for item in series)
        raise UserError(
            f"No series is as long as a window: {rows:,} rows of history and horizon, the longest series has "
            f"{longest:,}.",
            str(path),
            "Set `data.history` or `data.horizon` to less.",
        )
    return kept


def write_windows(
    found: Survey, config: SeriesDataConfig, beam: BeamConfig, target: Path, where: str, progress: Progress
) -> tuple[Plan, dict[str, Any]]:
    """Write the clean series and `<split>-<number>-of-<count>.tfrecord` files.

    Return the plan and the constants of the training part.

    Raises:
        UserError: something cannot be filled, or a split has no window.
    """
    plan, scaling = prepare_windows(found, config, target, where)
    cut_shards(found, plan, config, beam, target, progress)
    return plan, scaling


def prepare_windows(found: Survey, config: SeriesDataConfig, target: Path, where: str) -> tuple[Plan, dict[str, Any]]:
    """Do all of it but the shards."""
    write_series(found.staged, found.kept, found.cuts, config, found.season, target, found.findings)
    found.findings.stop_on_errors(Path(where))
    layout, names = found.layout, [found.staged.ids[item.number] for item in found.kept]
    rows = [span.rows for span in found.spans]
    offsets = write_names(target, names, rows, layout.chosen(layout.values), layout.chosen(layout.covariates))
    plan, scaling = plan_and_scale(found, config, target, offsets)
    check_sizes(layout.chosen(layout.values), scaling, where)
    check_windows(plan, config, found.spans, found.cuts, where)
    report_windows(found, plan)
    return plan, scaling


def check_sizes(columns: list[str], scaling: dict[str, Any], where: str) -> None:
    """Refuse columns that a network of 32 bits cannot scale: the squares of their changes would be 0 or infinite.

    Raises:
        UserError: one changes by too little or too much.
    """
    for column, size in zip(columns, scaling["scale"], strict=True):
        if not SMALLEST_SCALE <= size <= LARGEST_SCALE:
            raise UserError(
                f"Column `{column}` changes by {size:.3g} at a time, too {'little' if size < 1 else 'much'} for "
                "numbers of 32 bits.",
                where,
                f"Give it in another unit: {'multiplied' if size < 1 else 'divided'} by "
                f"1e{abs(round(math.log10(size)))}.",
            )


def plan_and_scale(
    found: Survey, config: SeriesDataConfig, target: Path, offsets: list[int]
) -> tuple[Plan, dict[str, Any]]:
    """Plan the windows and measure the training part; what the workers need goes beside the raw rows."""
    values, filled = (np.load(target / name, mmap_mode="r") for name in (VALUES, FILLED))

    def read_filled(series: int, start: int, stop: int) -> NDArray[np.bool_]:
        rows: NDArray[np.bool_] = filled[offsets[series] + start : offsets[series] + stop]
        return rows

    found.filled = int(filled.sum())
    looks_ahead = config.fill in ("linear", "seasonal")
    plan = plan_windows(found.spans, found.cuts, found.history, config.horizon, config.stride, read_filled, looks_ahead)

    def report(kind: str, series: int, column: int) -> None:
        name = found.staged.ids[found.kept[series].number]
        found.findings.add(kind, name, 0, f"column `{found.staged.columns[column]}`", name)

    training = [(offset, found.cuts.bounds(span)[0]) for offset, span in zip(offsets, found.spans, strict=False)]
    scaling, scales = measure_scaling(values, filled, training, found.season, report)
    np.save(found.staged.folder / SCALES, scales)
    np.save(found.staged.folder / PLAN, np.concatenate(list(plan.runs.values())))
    return plan, scaling


def report_windows(found: Survey, plan: Plan) -> None:
    """Add what the plan shows: series without training windows, windows left out for what was filled."""
    trained = set(plan.runs["train"]["series"].tolist())
    for number, item in enumerate(found.kept):
        if number not in trained:
            name = found.staged.ids[item.number]
            rows = found.cuts.bounds(item.span)[0]
            found.findings.add("untrained_series", name, 0, f"{rows:,} rows in the training part", name)
    for split, count in plan.left_out.items():
        if count:
            found.findings.add("filled_target", split, 0, f"{count:,} windows", "", split)
            found.findings.add_many("filled_target", count - 1)


def cut_shards(
    found: Survey, plan: Plan, config: SeriesDataConfig, beam: BeamConfig, target: Path, progress: Progress
) -> None:
    """Write the windows as the plan says."""
    work = WriteShards(found.staged.folder, target, found.shape(config), config.stride)
    write_all(plan_shards(plan.counts(), config.examples_per_shard), work, beam, target, "writing windows", progress)
