"""The plan of the windows: where the splits are cut, how long a history is, and which windows go into which split.

A window is a history and, right after it, a target. It belongs to the split in which its whole target lies; its history
may reach back over a cut, since what is past is known. A window whose target crosses a cut is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.sample import SPLITS
from data.series.config import SeriesDataConfig, TimeSplitConfig
from pipeline.errors import UserError

SHORTEST_HISTORY, LONGEST_HISTORY = 36, 512
BEYOND_SEASONS = 12  # rows: with two seasons and these, the network sees each change over a season a few times


@dataclass(frozen=True)
class Span:
    """Where a series lies on the grid of time steps.

    Attributes:
        first: number of its first row's time step.
        rows: how many rows it has, one for each step.
    """

    first: int
    rows: int


@dataclass(frozen=True)
class Cuts:
    """Where validation and test begin.

    Attributes:
        steps: number of distinct time steps of all series.
        validation, test: how many of these steps lie before each cut.
        validation_at, test_at: numbers on the grid of the first step after each cut.
    """

    steps: int
    validation: int
    test: int
    validation_at: int
    test_at: int

    def bounds(self, span: Span) -> tuple[int, int]:
        """Return the first row of a series that lies in validation, and the first one in test."""
        validation, test = (min(max(cut - span.first, 0), span.rows) for cut in (self.validation_at, self.test_at))
        return validation, test


def find_cuts(spans: Sequence[Span], split: TimeSplitConfig) -> Cuts:
    """Cut the distinct time steps of all series in the shares of the splits."""
    covered: list[list[int]] = []  # stretches of steps in which there is a series
    for first, stop in sorted((span.first, span.first + span.rows) for span in spans):
        if covered and first <= covered[-1][1]:
            covered[-1][1] = max(covered[-1][1], stop)
        else:
            covered.append([first, stop])
    steps = sum(stop - first for first, stop in covered)
    validation = min(steps, math.floor(steps * split.train + 1e-9))  # .7 + .2 is a little less than .9
    test = min(steps, math.floor(steps * (split.train + split.validation) + 1e-9))
    return Cuts(steps, validation, test, step_at(covered, validation), step_at(covered, test))


def step_at(covered: list[list[int]], number: int) -> int:
    """Return the place on the grid of a distinct time step; behind all if there is none of that number."""
    for first, stop in covered:
        if number < stop - first:
            return first + number
        number -= stop - first
    return covered[-1][1]


def choose_history(
    config: SeriesDataConfig, season: int, spans: Sequence[Span], cuts: Cuts, where: str
) -> tuple[int, str]:
    """Return how many rows the network sees, and a remark if fewer than the rule says.

    The rule: two seasons and BEYOND_SEASONS rows, within SHORTEST_HISTORY and LONGEST_HISTORY, and such that at least
    half of the longest training part's rows can be targets.

    Raises:
        UserError: no training window fits.
    """
    longest = max(cuts.bounds(span)[0] for span in spans)
    if config.history != "auto":
        if config.history + config.horizon > longest:
            raise UserError(
                f"A window needs {config.history} + {config.horizon} rows; the training part has {longest:,}.",
                where,
                f"Set `data.history` to {max(1, longest - config.horizon)} at most, or leave it to `auto`."
                if longest > config.horizon
                else f"Set `data.horizon` below {longest}.",
            )
        return config.history, ""
    wanted = min(max(2 * season + BEYOND_SEASONS, SHORTEST_HISTORY), LONGEST_HISTORY)
    history = min(wanted, (longest - config.horizon) // 2)
    if history < 1:
        raise UserError(
            f"The training part has {longest:,} row{'s' * (longest != 1)}, too few for a horizon of {config.horizon}.",
            where,
            "Use a longer series or a smaller `data.horizon`.",
        )
    remark = f"the history is {history} rows instead of {wanted}: the training part has only {longest:,}"
    return history, remark if history < wanted else ""


@dataclass(frozen=True)
class Plan:
    """The windows of each split, as runs.

    Attributes:
        runs: for each split, structured [n] with `series`, `row` (the first window's first target row) and `count`; the
            windows of a run are `stride` rows apart.
        left_out: for each split, how many windows are left out for values that were filled.
    """

    runs: dict[str, NDArray[np.void]]
    left_out: dict[str, int]

    def counts(self) -> dict[str, int]:
        """Return the number of windows of each split."""
        return {name: int(runs["count"].sum()) for name, runs in self.runs.items()}


ReadFilled = Callable[[int, int, int], NDArray[np.bool_]]  # series, first row, row after the last -> bool [n]


def plan_windows(
    spans: Sequence[Span],
    cuts: Cuts,
    history: int,
    horizon: int,
    stride: int,
    read_filled: ReadFilled,
    looks_ahead: bool,
) -> Plan:
    """Say which windows go into which split.

    A filled value is never judged: validation and test leave such targets out. They leave out windows whose last
    history row was filled too, where a fill knows the value behind its gap: that value is the first one to be forecast.

    Args:
        looks_ahead: whether fills know the value behind their gap.
    """
    runs: dict[str, list[tuple[int, int, int]]] = {name: [] for name in SPLITS}
    left_out: dict[str, int] = dict.fromkeys(SPLITS, 0)
    for series, span in enumerate(spans):
        validation, test = cuts.bounds(span)
        for name, start, stop in zip(SPLITS, (0, validation, test), (validation, test, span.rows), strict=True):
            row = max(start, history)
            number = len(range(row, stop - horizon + 1, stride))
            if not number:
                continue
            if name == "train":
                runs[name].append((series, row, number))
                continue
            filled = read_filled(series, row - 1, stop)
            good = unfilled_targets(filled[1:], horizon)
            if looks_ahead:
                good &= ~filled[: len(good)]
            good = good[::stride][:number]
            left_out[name] += number - int(good.sum())
            runs[name] += [(series, row + first * stride, count) for first, count in stretches(good)]
    kind = [("series", "<i4"), ("row", "<i8"), ("count", "<i8")]
    return Plan({name: np.array(items, kind) for name, items in runs.items()}, left_out)


def unfilled_targets(filled: NDArray[np.bool_], horizon: int) -> NDArray[np.bool_]:
    """Return for each row whether it and the following ones, `horizon` in all, are known."""
    total = np.concatenate([[0], np.cumsum(filled)])
    found: NDArray[np.bool_] = total[horizon:] == total[:-horizon]
    return found


def stretches(good: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and length of each stretch of true values."""
    edges = np.flatnonzero(np.diff(good.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop - start)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def check_windows(plan: Plan, config: SeriesDataConfig, spans: Sequence[Span], cuts: Cuts, where: str) -> None:
    """Refuse a plan in which a split that the recipe wants has no window.

    Raises:
        UserError: there is such a split.
    """
    for number, (name, count) in enumerate(plan.counts().items()):
        if count or getattr(config.split, name) == 0:
            continue
        ends = [(0, *cuts.bounds(span), span.rows) for span in spans]
        longest = max(end[number + 1] - end[number] for end in ends)
        if plan.left_out[name]:
            what = (
                f"All {plan.left_out[name]:,} windows of the {name} part have a target, or end in a gap, that was "
                "filled."
            )
            fix = "Fill in the missing values of that part yourself, or move the cuts with `data.split`."
        else:
            what = f"No window fits into the {name} part: it has {longest:,} rows, the horizon needs {config.horizon}."
            fix = (
                f"Set `data.horizon` to {longest} at most."
                if longest
                else "Use a longer series or another `data.split`."
            )
            fix += f" Or give the part a larger share: `data.split.{name}`."
        raise UserError(what, where, fix)
