"""The templates of a page that is one file, and numbers as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

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


def number(value: Any) -> str:
    """Write a number for reading: four significant digits, thousands apart."""
    if value is None:
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def percent(value: float | None) -> str:
    """Write a share as a percentage."""
    return "–" if value is None else f"{100 * value:.4g} %"
