"""What is in a table of series and what is wrong with it, without writing anything: `labline data check FILE.csv`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from data.locate import locate
from data.series.config import SeriesDataConfig
from data.series.ingest import prepare_windows, survey
from pipeline.progress import Progress


def inspect(config: SeriesDataConfig, progress: Progress) -> dict[str, Any]:
    """Look at all rows as example_gen does.

    Returns:
        `path`, `format`, `values` and `covariates` (names of columns), `time` (column and how it is written),
        `frequency`, `season`, `first` and `last` (times), `series` (how many), `splits` (name -> windows), `history`
        and `horizon` (rows of a window), `found` and `used` (rows read, and time steps that example_gen would write),
        `findings` (what is wrong, in the Anomalies form).

    Raises:
        UserError: no such data, lines that cannot be used, or series too short for a window.
    """
    path, config = locate(config, progress)
    with tempfile.TemporaryDirectory(prefix="labline-check-") as folder:
        found = survey(path, config, Path(folder) / "rows", progress)
        plan, _ = prepare_windows(found, config, Path(folder), str(path))
        layout, rows = found.layout, found.staged.offsets[-1]
        summary: dict[str, Any] = {
            "path": str(path),
            "format": found.format,
            "values": ", ".join(layout.chosen(layout.values)),
            "covariates": ", ".join(layout.chosen(layout.covariates)) or "none",
            "time": f"{layout.time_column} ({layout.form.described})" if layout.form else "none",
            "frequency": str(found.frequency) if found.frequency else "none",
            "season": found.season,
        }
        if found.staged.times:
            ends = [
                found.staged.read("times", row, row + 1)[0]
                for item in found.kept
                for row in (item.start, item.stop - 1)
            ]
            summary |= {"first": found.staged.show(min(ends)), "last": found.staged.show(max(ends))}
        return summary | {
            "series": len(found.kept),
            "history": found.history,
            "horizon": config.horizon,
            "splits": plan.counts(),
            "found": rows,
            "used": sum(span.rows for span in found.spans),
            "findings": found.findings.report(rows),
        }
