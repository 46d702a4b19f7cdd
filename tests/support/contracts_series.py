"""The contract of a data format of series: whatever is in data/formats for forecasting must pass
`check_series_format`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.formats import SeriesFormat
from data.series.config import SeriesDataConfig
from data.series.findings import KINDS, SeriesFindings
from data.series.tables.chunks import Chunk
from data.series.tables.columns import Layout


def check_series_format(module: SeriesFormat, path: Path, config: SeriesDataConfig | None = None) -> list[Chunk]:
    """Detect, lay out, read and fingerprint the data at `path`; return the chunks.

    Raises:
        AssertionError: the format breaks its contract.
    """
    config = config or SeriesDataConfig(path=str(path))
    before = content(path)
    assert module.TASK == "forecasting"
    assert module.detect(path), "detect() must know its own fixture"
    layout = module.open_layout(path, config)
    assert layout == module.open_layout(path, config), "two looks at the data must find the same"
    assert layout.values, "something must be forecast"
    findings = SeriesFindings()
    chunks = list(module.read_chunks(layout, findings, config.missing))
    assert chunks, "the fixture must have rows"
    assert set(findings.counts) <= set(KINDS)
    for chunk in chunks:
        check_chunk(chunk, layout)
    sources = module.sources(path, config)
    assert sources, "something must be fingerprinted"
    assert all(file.is_file() for file in sources)
    assert sources == module.sources(path, config)
    assert content(path) == before, "the user's files must not change"
    return chunks


def check_chunk(chunk: Chunk, layout: Layout) -> None:
    """Rows are numbers with the lines they stand in, rising."""
    rows = len(chunk.lines)
    assert chunk.lines.dtype == np.int64
    assert (chunk.lines >= 1).all()
    assert (np.diff(chunk.lines) >= (layout.shape == "long")).all(), "only steps in a row have a line together"
    assert chunk.values.shape == (rows, len(layout.values))
    assert chunk.covariates.shape == (rows, len(layout.covariates))
    assert chunk.values.dtype == chunk.covariates.dtype == np.float64
    assert (chunk.times is None) == (layout.form is None)
    assert chunk.times is None or (chunk.times.dtype == np.int64 and len(chunk.times) == rows)
    assert (chunk.series is None) == (not layout.series)
    assert chunk.series is None or len(chunk.series) == rows


def content(path: Path) -> dict[str, bytes]:
    """Return the content of a file or of every file below a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file): file.read_bytes() for file in files}
