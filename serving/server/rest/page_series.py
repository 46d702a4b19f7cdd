"""A table of series that a person gives the page, read with exactly the settings of the model's own data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from data.series.advice import keep_clauses
from data.series.resolving import OF_A_PLACE, reading_of
from pipeline.errors import UserError
from pipeline.progress import Progress
from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.rest.page import answer_json, find_facts
from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response

NAME = "pasted.csv"


class Remarks(Progress):
    """Keeps what is said of the rows, for the page."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def answer_series(context: RequestContext) -> Response:
    """Answer with the last rows of a table, which is the body; the query names model and version.

    `times=optional` in it: rows without a column of times will do.
    """
    asked = dict(parse_qsl(context.request.target.partition("?")[2]))
    number = asked.get("version", "")
    facts = series_facts(context.core, asked.get("model", ""), int(number) if is_version(number) else None)
    if isinstance(facts, Response):
        return facts
    try:
        return answer_json(200, read_table(context.body(), facts, asked.get("times") == "optional"))
    except UserError as error:
        return answer_json(400, {"error": told(error)})


def is_version(text: str) -> bool:
    return text.isdecimal() and len(text) < 20


def series_facts(core: Core, model: str, version: int | None) -> dict[str, Any] | Response:
    """Return what a forecaster tells of its data, or the answer that there is none."""
    try:
        with core.manager.lend(model, version) as handle:
            facts: dict[str, Any] | None = find_facts(handle.servable).shown["series"]
    except RequestError as error:
        return answer_json(error.http_status, {"error": error.message})
    return facts or answer_json(404, {"error": "This version does not tell how its data were read."})


def read_table(content: bytes, facts: dict[str, Any], times_optional: bool) -> dict[str, Any]:
    """Return `names` of the values, `history` [H, V], `times` [H] in unix seconds and `past` [H] as the table has them,
    `ahead` [P] the times that follow, alike, `covariates` [H + P, K], and `remarks`; null for what there is not.

    Raises:
        UserError: the table does not fit the model.
    """
    from data.series.reading import read_recent  # with pandas, which a server does without

    remarks = Remarks()
    reading = {name: value for name, value in reading_of(facts).items() if name not in OF_A_PLACE}
    with tempfile.TemporaryDirectory(prefix="labline-page-") as folder:
        (Path(folder) / NAME).write_bytes(content)
        try:
            found = read_recent(Path(folder) / NAME, {**facts, "reading": reading}, remarks)
        except UserError as error:
            if not times_optional or error.what != f"There is no column `{reading.get('time_column')}`.":
                raise
            untimed = {**reading, "time_column": "none", "time_format": None}
            found = read_recent(Path(folder) / NAME, {**facts, "reading": untimed}, remarks)
    if len(found) > 1:
        names = ", ".join(series.id for series in found[:3])
        raise UserError(f"These rows are of {len(found)} series ({names} ...).", fix="Paste the rows of one.")
    series = found[0]
    return {
        "names": facts["values"],
        "history": series.history.tolist(),
        "times": None if series.times is None else series.times.tolist(),
        "past": series.write(series.times),
        "ahead": series.write(series.ahead),
        "covariates": series.covariates.tolist() if facts["covariates"] else None,
        "remarks": [text.partition(f"{NAME}: ")[2] or text for text in remarks.said],
    }


def told(error: UserError) -> str:
    """Return an error with what can be done about it on the page, where no settings can be given."""
    kept = " ".join(keep_clauses(error.fix, lambda name: False))
    settings = "" if kept == error.fix else " `labline predict` takes other settings of reading for a file."
    where = error.where.rpartition(NAME)[2].lstrip(", ")
    text = f"{where[:1].upper()}{where[1:]}: {error.what}" if where else error.what
    return f"{text} {kept}{settings}".replace(f"{NAME}, line", "line").strip()
