"""Years that are told because they may be others: with two digits of either century, or far from ours."""

from __future__ import annotations

import numpy as np

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.staging import BLOCK, Staged

FIRST, LAST = 1700, 2100  # years within which the times of data lie
EARLY, LATE = 1980, 2000  # years with two digits that begin before the one and end before the other may be 2040, too


def tell_years(staged: Staged, config: SeriesDataConfig, findings: SeriesFindings) -> None:
    """Tell the first and the last time where their years may be meant otherwise, and the recipe does not say them."""
    form = staged.form
    if form is None or not staged.dated or config.time_format:
        return
    ends = [bounds for start in range(0, staged.offsets[-1], BLOCK) if (bounds := ends_of(staged, start))]
    first, last = min(ends, key=lambda item: item[0][0])[0], max(ends, key=lambda item: item[1][0])[1]
    years = [int(np.datetime64(time, "s").astype("datetime64[Y]").astype(int)) + 1970 for time, _ in (first, last)]
    if "%y" in form.name and years[0] < EARLY and years[1] < LATE:
        file, line = staged.place(first[1])
        detail = f"from {staged.show(first[0])} to {staged.show(last[0])}; if so: data.time_format={form.name}"
        findings.add("unclear_century", file, line, detail)
    for year, (time, row) in zip(years, (first, last), strict=True):
        if not FIRST <= year <= LAST:
            findings.add("far_year", *staged.place(row), staged.show(time))


def ends_of(staged: Staged, start: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the last time of a block of rows, each with its row."""
    times = staged.read("times", start, min(start + BLOCK, staged.offsets[-1]))
    low, high = int(times.argmin()), int(times.argmax())
    return (int(times[low]), start + low), (int(times[high]), start + high)
