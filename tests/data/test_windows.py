"""Windows lie where the plan says, steps and seasons are found out, gaps are filled as asked; nothing crosses a cut."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.sample import SPLITS
from data.series.config import SeriesDataConfig, TimeSplitConfig
from data.series.filling import BLOCK, Gap, fill_column, find_gaps
from data.series.frequency import Frequency, read_frequency
from data.series.grid import fit_grid, infer_frequency
from data.series.scaling import measure_scaling
from data.series.windows import Cuts, Span, choose_history, find_cuts, plan_windows
from pipeline.errors import UserError

NONE_FILLED = lambda series, start, stop: np.zeros(stop - start, bool)  # noqa: E731


def seconds(start: str, stop: str, unit: str) -> Any:
    return np.arange(start, stop, dtype=f"datetime64[{unit}]").astype("datetime64[s]").astype("int64")


# the plan


def windows_of(
    spans: list[Span],
    cuts: Cuts,
    history: int,
    horizon: int,
    stride: int = 1,
    filled: Any = NONE_FILLED,
    looks_ahead: bool = False,
) -> list[tuple[str, int, int]]:
    """Return (split, series, first target row) of every window, in order."""
    plan = plan_windows(spans, cuts, history, horizon, stride, filled, looks_ahead)
    return [
        (split, int(series), int(row) + stride * number)
        for split in SPLITS
        for series, row, count in plan.runs[split].tolist()
        for number in range(count)
    ]


def test_milk_is_cut_at_134_and_151() -> None:
    cuts = find_cuts([Span(-96, 168)], TimeSplitConfig())
    assert (cuts.steps, cuts.validation, cuts.test) == (168, 134, 151)
    assert cuts.bounds(Span(-96, 168)) == (134, 151)


def test_shares_that_floats_cannot_hold_are_cut_where_one_expects() -> None:
    assert find_cuts([Span(0, 10)], TimeSplitConfig(train=0.7, validation=0.2, test=0.1)).test == 9


def test_the_cut_is_at_the_same_time_for_all_series() -> None:
    spans = [Span(0, 100), Span(50, 50), Span(95, 5), Span(0, 10)]
    cuts = find_cuts(spans, TimeSplitConfig())
    assert [cuts.bounds(span) for span in spans] == [(80, 90), (30, 40), (0, 0), (10, 10)]


def test_steps_without_any_series_are_not_counted() -> None:
    cuts = find_cuts([Span(0, 50), Span(1000, 50)], TimeSplitConfig())
    assert (cuts.steps, cuts.validation_at, cuts.test_at) == (100, 1030, 1040)


@pytest.mark.parametrize(("history", "horizon", "stride"), [(5, 3, 1), (1, 1, 1), (12, 7, 3), (60, 10, 1), (85, 5, 2)])
def test_no_window_crosses_a_cut_and_none_is_forgotten(history: int, horizon: int, stride: int) -> None:
    spans = [Span(0, 100), Span(40, 60), Span(10, 30)]
    cuts = find_cuts(spans, TimeSplitConfig())
    found = windows_of(spans, cuts, history, horizon, stride)
    expected = []
    for split in SPLITS:
        for series, span in enumerate(spans):
            validation, test = cuts.bounds(span)
            first, stop = {"train": (0, validation), "validation": (validation, test), "test": (test, span.rows)}[split]
            rows = [row for row in range(max(first, history), span.rows) if row + horizon <= stop]
            expected += [(split, series, row) for row in rows[::stride]]
    assert found == expected


def test_training_windows_lie_wholly_in_the_training_part_and_later_histories_reach_back() -> None:
    span = [Span(0, 100)]
    found = windows_of(span, find_cuts(span, TimeSplitConfig()), 20, 4)
    assert [row for split, _, row in found if split == "train"] == list(range(20, 77))
    assert [row for split, _, row in found if split == "validation"] == list(range(80, 87))
    assert [row for split, _, row in found if split == "test"] == list(range(90, 97))


def test_filled_targets_are_not_judged_but_may_be_learnt() -> None:
    filled = np.zeros(100, bool)
    filled[[30, 85, 98]] = True
    span = [Span(0, 100)]
    cuts = find_cuts(span, TimeSplitConfig())
    found = windows_of(span, cuts, 20, 2, filled=lambda series, start, stop: filled[start:stop])
    assert [row for split, _, row in found if split == "validation"] == [80, 81, 82, 83, 86, 87, 88]
    assert [row for split, _, row in found if split == "test"] == [90, 91, 92, 93, 94, 95, 96]
    assert {29, 30} < {row for split, _, row in found if split == "train"}
    plan = plan_windows(span, cuts, 20, 2, 1, lambda series, start, stop: filled[start:stop], looks_ahead=False)
    assert plan.left_out == {"train": 0, "validation": 2, "test": 2}


@pytest.mark.parametrize("stride", [1, 2])
def test_a_window_that_ends_in_a_gap_filled_from_its_own_target_is_not_judged(stride: int) -> None:
    filled = np.zeros(100, bool)
    filled[[79, 84, 85, 95]] = True
    span = [Span(0, 100)]
    cuts = find_cuts(span, TimeSplitConfig())
    found = windows_of(span, cuts, 20, 1, stride, lambda series, start, stop: filled[start:stop], looks_ahead=True)
    judged = [row for split, _, row in found if split != "train"]
    assert judged == [row for row in range(80, 100, stride) if not filled[row] and not filled[row - 1]]


@pytest.mark.parametrize(
    ("season", "rows", "expected"), [(12, 134, 36), (24, 9000, 60), (52, 800, 116), (1440, 99_999, 512), (12, 50, 19)]
)
def test_the_history_is_two_seasons_and_more_as_far_as_the_training_part_goes(
    season: int, rows: int, expected: int
) -> None:
    config = SeriesDataConfig(path="x", horizon=12)
    spans = [Span(0, rows)]
    history, remark = choose_history(config, season, spans, Cuts(rows, rows, rows, rows, rows), "x")
    assert history == expected
    assert bool(remark) == (rows == 50)


def test_too_short_a_training_part_says_what_would_fit() -> None:
    spans, cuts = [Span(0, 30)], Cuts(30, 24, 27, 24, 27)
    with pytest.raises(UserError) as caught:
        choose_history(SeriesDataConfig(path="x", history=20, horizon=12), 12, spans, cuts, "x")
    assert "`data.history` to 12" in caught.value.fix
    with pytest.raises(UserError, match="24 rows, too few"):
        choose_history(SeriesDataConfig(path="x", horizon=24), 12, spans, cuts, "x")


# steps


@pytest.mark.parametrize(
    ("times", "expected", "season"),
    [
        (seconds("1962-01", "1976-01", "M"), "1 month", 12),
        (seconds("1962-01", "1976-01", "M")[::3], "1 quarter", 4),
        (seconds("1962-01", "1976-01", "M")[::2], "2 months", 6),
        (seconds("1700", "1980", "Y"), "1 year", 1),
        (seconds("1990-01", "2000-01", "M")[1:] - 86_400, "1 month", 12),
        (seconds("2010-01-01", "2012-01-01", "D"), "1 day", 7),
        (seconds("2010-01-01", "2012-01-01", "D")[::7], "1 week", 52),
        (seconds("2010-01-01", "2012-01-01", "D")[::28], "4 weeks", 13),
        (seconds("2010-01-01", "2010-02-01", "h") + 1800, "1 hour", 24),
        (seconds("2010-01-01", "2010-02-01", "m")[::15], "15 minutes", 96),
        (seconds("2010-01-01T00", "2010-01-01T02", "s")[::7], "7 seconds", 1),
        ([t for t in seconds("2010-01-01", "2011-01-01", "D") if (t // 86_400 + 3) % 7 < 5], "1 business day", 5),
    ],
)
def test_the_step_is_found_and_every_time_lies_on_its_grid(
    times: NDArray[np.int64], expected: str, season: int
) -> None:
    times = np.asarray(times)
    frequency = infer_frequency(Counter(np.diff(times).tolist()), times)
    assert (str(frequency), frequency.season) == (expected, season)
    grid = fit_grid(frequency, times)
    index, exact = grid.index(times)
    assert exact.all()
    assert (np.diff(index) == 1).all()
    assert (grid.times(index) == times).all()
    between, exact = grid.index(times[:-1] + 1)
    assert (between == index[:-1]).all()
    assert not exact.any()
    assert read_frequency(expected) == Frequency(frequency.unit, frequency.count)


def test_missing_steps_do_not_change_the_step() -> None:
    times = np.delete(seconds("1962-01", "1976-01", "M"), [5, 6, 30, 90])
    frequency = infer_frequency(Counter(np.diff(times).tolist()), times)
    assert str(frequency) == "1 month"
    index, exact = fit_grid(frequency, times).index(times)
    assert exact.all()
    assert np.diff(index)[[4, 27, 86]].tolist() == [3, 2, 2]


@pytest.mark.parametrize("text", ["fortnight", "0 days", "1.5 hours", ""])
def test_what_is_no_frequency_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="frequency"):
        SeriesDataConfig(path="x", frequency=text)


# filling


def filled(values: list[float], method: str, season: int = 1, cuts: tuple[int, ...] = ()) -> list[float]:
    column = np.array(values, float)
    fill_column(column, method, season, cuts)
    found: list[float] = column.tolist()
    return found


NAN = float("nan")


def test_the_three_ways_to_fill() -> None:
    assert filled([1, NAN, NAN, 4], "forward") == [1, 1, 1, 4]
    assert filled([1, NAN, NAN, 4], "linear") == [1, 2, 3, 4]
    wave = [10.0 * (number % 4) + number for number in range(24)]
    for gap, tolerance in ((slice(9, 11), 1e-9), (slice(20, 24), 1e-9), (slice(9, 15), 2.5)):
        column = np.array(wave)
        column[gap] = NAN
        message = "a season and a trend are continued exactly, over more than a season nearly so"
        assert filled(column.tolist(), "seasonal", 4) == pytest.approx(wave, abs=tolerance), message


def test_gaps_over_a_cut_are_filled_from_the_past_alone() -> None:
    for method in ("linear", "seasonal"):
        values = [float(number % 4 * 5 + number) for number in range(20)]
        values[10:13] = [NAN] * 3
        one = filled(values, method, 4, cuts=(12,))
        other = filled(values[:13] + [1000.0] * 7, method, 4, cuts=(12,))
        assert one[:13] == other[:13]
        assert filled(values, method, 4, cuts=(13,))[:13] == one[:13], "the value behind the gap lies behind the cut"
        assert filled(values, method, 4, cuts=(10,)) == filled(values, method, 4), (
            "what lies behind the cut may be used"
        )


def test_what_a_method_cannot_fill_is_said() -> None:
    column = np.array([1, NAN, 3, 4, 5, NAN])
    assert fill_column(column.copy(), "linear", 1, ()).hopeless == [Gap(5, 6)]
    assert fill_column(column.copy(), "seasonal", 3, ()).hopeless == [Gap(1, 2)]
    assert fill_column(column.copy(), "forward", 1, ()).hopeless == []


def test_gaps_are_found_across_blocks() -> None:
    column = np.zeros(3 * BLOCK)
    column[BLOCK - 2 : BLOCK + 3] = NAN
    column[2 * BLOCK] = NAN
    column[-1] = NAN
    assert list(find_gaps(column)) == [
        Gap(BLOCK - 2, BLOCK + 3),
        Gap(2 * BLOCK, 2 * BLOCK + 1),
        Gap(3 * BLOCK - 1, 3 * BLOCK),
    ]


# scaling


def test_constants_are_those_of_the_training_part_and_of_known_values() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(70_000, 2)) * [1, 100] + [5, -300]
    gaps = np.zeros(70_000, bool)
    gaps[100:110] = True
    constants, scales = measure_scaling(values, gaps, [(0, 66_000), (68_000, 1_000)], season=7)
    parts = [values[:66_000], values[68_000:69_000]]
    known = [~gaps[:66_000], ~gaps[68_000:69_000]]
    together = np.concatenate([part[use] for part, use in zip(parts, known, strict=True)])
    assert constants["mean"] == pytest.approx(together.mean(axis=0))
    assert constants["deviation"] == pytest.approx(together.std(axis=0))
    for lag, name in ((1, "change"), (7, "seasonal_change")):
        changes = [(part[lag:] - part[:-lag])[use[lag:] & use[:-lag]] for part, use in zip(parts, known, strict=True)]
        assert constants[name] == pytest.approx(np.concatenate(changes).std(axis=0))
    assert scales[1] == pytest.approx(abs(changes[1]).mean(axis=0))
    assert constants["scale"] == pytest.approx(abs(np.concatenate(changes)).mean(axis=0))


def test_a_series_without_a_training_part_has_the_scale_of_all_series_in_their_unit() -> None:
    values = np.concatenate([np.arange(20.0) * 1000, np.full(10, 7.0), np.arange(10.0) * 1000])[:, None]
    _, scales = measure_scaling(values, np.zeros(40, bool), [(0, 20), (20, 10), (30, 0)], season=1)
    together = 19 * 1000 / (19 + 9)  # mean size of the changes of the first two series
    assert scales[:, 0] == pytest.approx([1000, together, together])


def test_constants_are_above_nothing_where_nothing_changes() -> None:
    constants, scales = measure_scaling(np.full((10, 1), 3.0), np.zeros(10, bool), [(0, 8), (8, 0)], season=12)
    assert constants == {"mean": [3.0], "deviation": [1.0], "change": [1.0], "seasonal_change": [1.0], "scale": [1.0]}
    assert scales.tolist() == [[1.0], [1.0]]
    _, scales = measure_scaling(np.arange(10.0).reshape(10, 1) * 2, np.zeros(10, bool), [(0, 8)], season=12)
    assert scales.tolist() == [[2.0]], "no season yet: the change from row to row"
