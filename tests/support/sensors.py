"""Tables of sensors that a test writes, and what a run says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey
from pipeline.errors import UserError
from pipeline.progress import Progress


def look(file: Path, columns: Mapping[str, Sequence[object]], **config: Any) -> Survey:
    """Write a table and look at its rows as a run does."""
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    file.write_text("\n".join([",".join(columns), *lines]) + "\n")
    settings = SeriesDataConfig.model_validate({"path": str(file), **config})
    return survey(file, settings, file.parent / "rows", Progress())


def stop(file: Path, columns: Mapping[str, Sequence[object]], **config: Any) -> UserError:
    """Return the error that a table is refused with."""
    with pytest.raises(UserError) as caught:
        look(file, columns, **config)
    return caught.value


def values(number: int) -> list[str]:
    return [f"{50 + step % 7 + step / 100:.2f}" for step in range(number)]


def days(number: int, step: timedelta = timedelta(days=1)) -> list[datetime]:
    return [datetime(2019, 1, 1) + number * step for number in range(number)]
