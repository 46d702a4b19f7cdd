"""The templates of a page that is one file, and numbers as people write them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from pipeline.figures import write_figure, write_figures
from pipeline.pages import STYLES
from pipeline.pages.charts import histogram


def page_templates(*folders: Path) -> Environment:
    """Return the templates of some folders, beside the styles and tables that pages share."""
    environment = Environment(
        loader=FileSystemLoader([STYLES, *folders]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"number": number, "percent": percent}
    environment.globals["histogram"] = histogram
    return environment


def number(value: Any, column: Iterable[Any] = ()) -> str:
    """Write a number for reading.

    Args:
        column: of the table that it stands in; None and what is undefined in it are left out.
    """
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    known = tuple(item for item in column if isinstance(item, (int, float)))
    return column_figures(known).get(value) or write_figure(value)


@functools.lru_cache(maxsize=64)
def column_figures(column: tuple[float, ...]) -> dict[float, str]:
    """Return the figures of a column by their values."""
    return dict(zip(column, write_figures(column), strict=True))


def percent(value: float | None) -> str:
    """Write a share as a percentage."""
    return "–" if value is None else f"{100 * value:.4g} %"
