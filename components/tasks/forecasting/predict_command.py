"""Asks a served forecaster about the end of a series, for `labline predict` and the demo, and prints a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from components.tasks.forecasting.asked_files import change_reading, read_end
from components.tasks.forecasting.facts import ForecastExamplesFacts, ServedFacts
from components.tasks.forecasting.tables import ForecastRow, check_target, write_forecasts
from components.tasks.task import PredictOptions
from data.series.records import decode_window
from pipeline.artifacts import Examples
from pipeline.errors import UserError
from pipeline.figures import write_table
from serving.client.files import end_with_status, read_each
from serving.model_config import FOLDER, version_folder
from serving.samples import sample_records

if TYPE_CHECKING:
    from data.series.reading import Recent
    from serving.client import Client, ModelClient
    from serving.client.answers import Forecast


SERIES = Path("assets", "series.json")


def predict(client: ModelClient, name: str, files: list[Path], options: PredictOptions) -> None:
    """Print the forecasts of what follows the last rows of each file; files that cannot be read are told by name.

    The workspace tells how the model's data were read; `options.settings` say where these files are written otherwise;
    `options.out` is a CSV file that the forecasts are written to.

    Raises:
        UserError: the workspace does not have the model, or a file does not fit it.
        UsageError: `out` is no CSV file, or one of those that are read; or a setting is none of reading.
    """
    out, version = options.out, options.version
    check_target(out, files)
    facts = change_reading(read_facts(options.workspace, name, version, client.url), options.settings or ())
    places, ends = read_each(files, lambda file: read_end(file, facts))
    answers = []
    for place, recent in zip(places, ends, strict=True):
        made = client.forecast(name, *arrays(recent, facts, client, name, version), version=version)
        answers += [(files[place], series, answer) for series, answer in zip(recent, made, strict=True)]
    rows = [forecast_row(file, series, answer, facts) for file, series, answer in answers]
    if out:
        write_forecasts(rows, out)
    if options.as_json:
        print(json.dumps(rows))
    else:
        named = facts.reading.series_column or len(answers) > len(places)
        for file, series, answer in answers:
            print(table(f"{file}: {series.id}" if named else str(file), series, answer, facts))
        if out:
            print(f"written to {out}")
    end_with_status(files, places)


def read_facts(workspace: Path | None, name: str, version: int | None, url: str) -> ServedFacts:
    """Return what the exported model tells of its data.

    Raises:
        UserError: the workspace does not have it, or another version wrote it.
    """
    folder = version_folder(workspace / FOLDER / name, version) if workspace else None
    if folder is None or not (folder / SERIES).is_file():
        raise UserError(
            f"How to read a file for `{name}` is told by the exported model, which this workspace does not have.",
            url,
            "Name the workspace that pushed it with --workspace, or send histories yourself with "
            "`serving.client.Client.forecast`.",
        )
    try:
        return ServedFacts.model_validate_json((folder / SERIES).read_bytes())
    except ValidationError:
        raise UserError(
            "The exported model does not tell all that is needed to read a file for it.",
            str(folder / SERIES),
            "It was written by another version of labline; run the exporter again with `--fresh exporter`.",
        ) from None


def arrays(
    recent: list[Recent], facts: ServedFacts, client: ModelClient, name: str, version: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Return histories, times and covariates as the client sends them; times only where the model takes them."""
    timed = "with_times" in client.metadata(name, version) and all(series.times is not None for series in recent)
    return (
        np.stack([series.history for series in recent]),
        np.stack([np.asarray(series.times) for series in recent]) if timed else None,
        np.stack([series.covariates for series in recent]) if facts.covariates else None,
    )


def forecast_row(file: Path, series: Recent, answer: Forecast, facts: ServedFacts) -> ForecastRow:
    """Return one answer as JSON values."""
    return {
        "file": str(file),
        "series": series.id,
        "columns": facts.values,
        "level": facts.level,
        "times": series.write(series.ahead),
        "forecast": answer.forecast,
        "lower": answer.lower,
        "upper": answer.upper,
    }


def table(title: str, series: Recent, answer: Forecast, facts: ServedFacts) -> str:
    """Return the last known row and the forecasts with their bounds as lines of a table, one row a step and column."""
    steps = series.write(series.ahead) or [f"+{number}" for number in range(1, facts.horizon + 1)]
    percent = f"{100 * facts.level:g} %"
    many = len(facts.values) > 1
    rows = [
        (
            "time" if series.ahead is not None else "step",
            *(["column"] if many else []),
            "forecast",
            f"{percent} from",
            "to",
        )
    ]
    for place, column in enumerate(facts.values):
        parts = (answer.lower, answer.forecast, answer.upper)
        figures = write_table([[row[place] for row in step] for step in zip(*parts, strict=True)])
        for step, (lower, forecast, upper) in zip(steps, figures, strict=True):
            rows.append((step, *([column] if many else []), forecast, lower, upper))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "   ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([title, *lines])


def demonstrate(client: Client, name: str, examples: Examples, folder: Path) -> None:
    """Ask about one test window, and print the request, the answer and the truth.

    Args:
        folder: where the request is put.
    """
    facts = examples.facts_as(ForecastExamplesFacts)
    split, records = sample_records(examples, 1)
    window = decode_window(records[0], len(facts.values), len(facts.covariates))
    body = {"history": [window.history.tolist()]}
    if facts.covariates:
        body["covariates"] = [window.covariates.tolist()]
    request = folder / "asked.json"
    request.write_text(json.dumps({"inputs": body}) + "\n", "utf-8")
    print(f"asking about one window of the {split} split:")
    print(f"  curl -d @{request} {client.url}/v1/models/{name}:predict")
    answer = client.predict(name, inputs=body)
    print(f"  {'step':>4}  {'forecast':>10}  {'lower':>10}  {'upper':>10}  {'truth':>10}   ({facts.values[0]})")
    truth = window.target[:, 0].tolist()
    parts = [[row[0] for row in answer[part][0]] for part in ("forecast", "lower", "upper")]
    for number, figures in enumerate(write_table(list(zip(*parts, truth, strict=True))), 1):
        print(f"  {number:>+4}  " + "  ".join(f"{figure:>10}" for figure in figures))
