"""Files that a forecaster is asked about: read as its run read the data, but for settings given for these files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from components.tasks.forecasting.facts import ServedFacts
from data.series.advice import keep_clauses, settings_in
from data.series.config import TableReadingConfig
from data.series.reading import read_recent
from pipeline.errors import UsageError, UserError, did_you_mean
from pipeline.layers import read_overrides
from pipeline.progress import Progress
from pipeline.recipe import explain

if TYPE_CHECKING:
    from data.series.reading import Recent

SECTION = "data"
FIXED = {"frequency"}  # the step is what the model forecasts
RENAME = "Give the file's columns the names that the model's data had."


def read_end(file: Path, facts: ServedFacts) -> list[Recent]:
    """Return the last rows of a file's series.

    Raises:
        UserError: it does not fit the model; says what can be done about it here.
    """
    try:
        return read_recent(file, facts.model_dump(mode="json", exclude_unset=True), Progress())
    except UserError as error:
        if not settings_in(error.fix):
            raise
        raise UserError(error.what, error.where, advise(error, file)) from None


def advise(error: UserError, file: Path) -> str:
    """Return what can be done where the model is trained already: an error's advice but for the run's settings."""
    advice = keep_clauses(error.fix, may_be_given)
    given = [name for clause in advice for name in settings_in(clause)]
    if error.what.startswith("There is no column"):
        advice.insert(0, RENAME)
    if not given:
        return " ".join(advice) or "Mend the file."
    example = example_of(given[0], error.fix)
    how = f"The file is read as the model's data were; settings for it alone follow it: `{file.name} {example}`."
    return f"{' '.join(advice)}\n         {how}"


def may_be_given(name: str) -> bool:
    """Tell whether a setting of `data` may be another one for a file to be forecast."""
    return name in TableReadingConfig.model_fields and name not in FIXED


def example_of(name: str, advice: str) -> str:
    """Return a setting with the value that the advice gives, if it does."""
    found = re.search(rf"`(data\.{name}=[^`]+)`", advice)
    return found[1] if found else f"data.{name}=..."


def change_reading(facts: ServedFacts, settings: Iterable[str]) -> ServedFacts:
    """Return a model's facts with other settings of reading, written as `data.decimal=,`.

    Raises:
        UsageError: one does not say how a file is read, is none, or does not fit the model.
    """
    layer = read_overrides(settings)
    check_names(layer.values, facts)
    given = layer.values.get(SECTION, {})
    try:
        reading = TableReadingConfig.model_validate({**dict(facts.reading), **given})
    except ValidationError as error:
        raise explain(error, [layer], TableReadingConfig, SECTION) from None
    for name, wanted in (("value_columns", facts.values), ("covariate_columns", facts.covariates)):
        columns = getattr(reading, name) or ()
        if len(columns) != len(wanted):
            raise UsageError(
                f"`data.{name}` names {len(columns)} columns, the model has {len(wanted)}: {', '.join(wanted)}.",
                "command line",
                f"Name the file's columns for these, in this order: `data.{name}=[{', '.join(wanted)}]`.",
            )
    return facts.model_copy(update={"reading": reading})


def check_names(values: dict[str, Any], facts: ServedFacts) -> None:
    """Refuse settings that do not say how a file is read.

    Raises:
        UsageError: there is one.
    """
    allowed = [f"{SECTION}.{name}" for name in TableReadingConfig.model_fields if may_be_given(name)]
    for section, inner in values.items():
        for key in [f"{section}.{name}" for name in inner] if isinstance(inner, dict) else [section]:
            if key in allowed:
                continue
            name = key.removeprefix(f"{SECTION}.")
            if name in FIXED:
                raise UsageError(
                    f"The step between rows is the model's own, {facts.frequency or 'none'}.",
                    f"`{key}`",
                    "Train a model on rows of the other step.",
                )
            raise UsageError(
                f"`{key}` does not say how a file is read, and the model is trained already.",
                "command line",
                did_you_mean(key, allowed),
            )
