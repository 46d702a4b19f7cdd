"""Asks a served forecaster about the end of a series, for `labline predict` and the demo, and prints its answers as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts import Examples
from pipeline.errors import UserError
from pipeline.progress import Progress

if TYPE_CHECKING:
    from data.series.reading import Recent
    from serving.client import Client

OUTPUT = "forecast"  # of the default signature: how a served forecaster is known
SERIES = Path("assets", "series.json")
READS_WORKSPACE = True  # how a file is read stands in the exported model, whatever server is asked


def predict(
    client: Client, name: str, files: list[Path], version: int | None, workspace: Path | None, top: int, as_json: bool
) -> None:
    """Print the forecasts of what follows the last rows of each file.

    Args:
        workspace: of the server, which tells how the model's data were read.
        top: not used here.

    Raises:
        UserError: the workspace does not have the model, or a file does not fit it.
    """
    from data.series.reading import read_recent

    del top
    facts = read_facts(workspace, name, version, client.url)
    answers = []
    for file in files:
        recent = read_recent(file, facts, Progress())
        made = client.forecast(name, *arrays(recent, facts, client, name, version), version=version)
        answers += [(file, series, answer) for series, answer in zip(recent, made, strict=True)]
    if as_json:
        print(json.dumps([describe(file, series, answer, facts) for file, series, answer in answers]))
        return
    named = facts["csv"]["series_column"] or len(answers) > len(files)
    for file, series, answer in answers:
        print(table(f"{file}: {series.id}" if named else str(file), series, answer, facts))


def read_facts(workspace: Path | None, name: str, version: int | None, url: str) -> dict[str, Any]:
    """Return what the exported model tells of its data.

    Raises:
        UserError: the workspace does not have it.
    """
    from serving.model_config import FOLDER, version_folder

    folder = version_folder(workspace / FOLDER / name, version) if workspace else None
    if folder is None or not (folder / SERIES).is_file():
        raise UserError(
            f"How to read a file for `{name}` is told by the exported model, which this workspace does not have.",
            url,
            "Name the workspace that pushed it with --workspace, or send histories yourself with `serving.client.Client.forecast`.",
        )
    return json.loads((folder / SERIES).read_text("utf-8"))


def arrays(
    recent: list[Recent], facts: dict[str, Any], client: Client, name: str, version: int | None
) -> tuple[Any, Any, Any]:
    """Return histories, times and covariates as the client sends them; times only where the model takes them."""
    import numpy as np

    timed = "with_times" in client.metadata(name, version) and all(series.times is not None for series in recent)
    return (
        np.stack([series.history for series in recent]),
        np.stack([np.asarray(series.times) for series in recent]) if timed else None,
        np.stack([series.covariates for series in recent]) if facts["covariates"] else None,
    )


def describe(file: Path, series: Recent, answer: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Return one answer as JSON values: arrays [P][V] by `columns`."""
    return {
        "file": str(file), "series": series.id, "columns": facts["values"], "level": facts["level"], "times": times_of(series),
        "forecast": answer.forecast, "lower": answer.lower, "upper": answer.upper,
    }  # fmt: skip


def times_of(series: Recent) -> list[str] | None:
    """Return the times of the forecast rows; days where all of them are at midnight."""
    if series.ahead is None:
        return None
    daily = all(int(time) % 86400 == 0 for time in series.ahead)
    return [
        str(time) for time in series.ahead.astype("datetime64[s]").astype("datetime64[D]" if daily else "datetime64[s]")
    ]


def table(title: str, series: Recent, answer: Any, facts: dict[str, Any]) -> str:
    """Return the last known row and the forecasts with their bounds as lines of a table, one row a step and column."""
    steps = times_of(series) or [f"+{number}" for number in range(1, facts["horizon"] + 1)]
    percent = f"{100 * facts['level']:g} %"
    many = len(facts["values"]) > 1
    rows = [
        (
            "time" if series.ahead is not None else "step",
            *(["column"] if many else []),
            "forecast",
            f"{percent} from",
            "to",
        )
    ]
    for place, column in enumerate(facts["values"]):
        for number, step in enumerate(steps):
            figures = [f"{getattr(answer, part)[number][place]:,.4g}" for part in ("forecast", "lower", "upper")]
            rows.append((step, *([column] if many else []), *figures))
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
    from data.series.records import decode_window
    from serving.samples import sample_records

    facts = examples.properties
    split, records = sample_records(examples, 1)
    window = decode_window(records[0], len(facts["values"]), len(facts["covariates"]))
    body = {"history": [window.history.tolist()]}
    if facts["covariates"]:
        body["covariates"] = [window.covariates.tolist()]
    request = folder / "asked.json"
    request.write_text(json.dumps({"inputs": body}) + "\n", "utf-8")
    print(f"asking about one window of the {split} split:")
    print(f"  curl -d @{request} {client.url}/v1/models/{name}:predict")
    answer = client.predict(name, inputs=body)
    print(f"  {'step':>4}  {'forecast':>10}  {'lower':>10}  {'upper':>10}  {'truth':>10}   ({facts['values'][0]})")
    for number in range(facts["horizon"]):
        figures = [answer[part][0][number][0] for part in ("forecast", "lower", "upper")] + [window.target[number][0]]
        print(f"  {number + 1:>+4}  " + "  ".join(f"{figure:>10,.4g}" for figure in figures))
