"""`labline monitor NAME`: findings on the screen or as JSON, and a page of them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from components.tasks import find_part
from pipeline.errors import EXIT_ANOMALIES, UsageError, UserError, did_you_mean
from pipeline.progress import Progress
from pipeline.workspace import Workspace
from serving.monitor.comparison import Comparison, Finding, compare
from serving.monitor.limits import Limits
from serving.monitor.measuring import Row
from serving.monitor.request_reader import (
    FOLDER,
    Asked,
    find_logs,
    find_records,
    read_logged,
    read_requests,
    spread,
    version_of,
)
from serving.monitor.training_data import TrainingData, find_training_data
from serving.monitor.wish import Wish

PAGE = "monitor.html"
MOST_FAULTS = 5  # named on the screen


@dataclass
class Seen:
    """What was read.

    Attributes:
        records: in the logs, of any kind.
        requests: looked at: predict requests of this version that could be measured.
        unreadable: examples of these that could not be read, such as pictures that are none.
    """

    records: int = 0
    requests: int = 0
    other_versions: int = 0
    not_measured: int = 0
    unreadable: int = 0
    faults: list[str] = field(default_factory=list)


def monitor(workspace: Workspace, wish: Wish, as_json: bool) -> int:
    """Compare, write the page, print; return the exit status: 3 where something is beyond its limit.

    Raises:
        UserError: there are no logged requests, or it is not known what the model was trained on.
    """
    from serving.monitor.page import write_page

    progress = Progress()
    places = list(wish.logs) or [workspace.path / FOLDER / wish.name]
    check_name(workspace, wish, places)
    wish = replace(wish, version=wish.version or newest_version(places, wish))
    training = find_training_data(workspace, wish.name, wish.version)
    progress.say(f"reading the requests to {wish.name} version {wish.version}")
    seen, timed = read_rows(places, wish, training)
    check_limits(wish.limits, training)
    progress.say(f"comparing {len(timed):,} examples with the training data of run {training.run}")
    found = compare(training, timed, wish.spans, wish.limits)
    target = (wish.out or workspace.path / FOLDER / wish.name / PAGE).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_page(wish, training, seen, found, target)
    print(
        json.dumps(summary(wish, training, seen, found, target))
        if as_json
        else "\n".join(lines(wish, seen, found, target))
    )
    return EXIT_ANOMALIES if found.findings else 0


def check_name(workspace: Workspace, wish: Wish, places: list[Path]) -> None:
    """Refuse a model that this workspace does not have.

    Raises:
        UserError: as said.
    """
    served = workspace.path / "served_models"
    known = sorted(path.name for path in served.iterdir() if path.is_dir()) if served.is_dir() else []
    if wish.name not in known:
        raise UserError(
            f"No model `{wish.name}` was pushed in this workspace.", str(served), did_you_mean(wish.name, known)
        )


def newest_version(places: list[Path], wish: Wish) -> int:
    """Return the highest version that any of the logged requests was answered by.

    Raises:
        UserError: none of the requests tells, or there are none.
    """
    records, _ = find_records(find_logs(places))
    versions = {version_of(record) for _, record in read_logged(spread(records, wish.most), [])}
    if not max(versions, default=0):
        raise UserError(
            "The logged requests do not tell which version answered them."
            if versions
            else "There are no predict requests in the logs.",
            ", ".join(map(str, places)),
            "Name a version with --version." if versions else "",
        )
    return max(versions)


def read_rows(places: list[Path], wish: Wish, training: TrainingData) -> tuple[Seen, list[tuple[float, Row]]]:
    """Return what was read, and a row of features with its time for each example.

    Raises:
        UserError: nothing is left to look at.
    """
    measure = find_part(training.task, "monitoring").measure
    records, faults = find_records(find_logs(places))
    seen = Seen(records=len(records), faults=faults)
    timed: list[tuple[float, Row]] = []
    for asked in read_requests(spread(records, wish.most), faults):
        if asked.version not in (0, wish.version):
            seen.other_versions += 1
        elif asked.time >= wish.since:
            count_request(seen, asked, measure(asked, training.facts), timed)
    if not timed:
        raise UserError(
            f"None of the {len(records):,} logged requests can be compared: {seen.other_versions:,} are of other versions, "
            f"{seen.not_measured:,} of signatures without anything that training measured, {seen.unreadable:,} examples unreadable.",
            ", ".join(map(str, places)),
            "Choose another --version or an earlier --since.",
        )
    return seen, timed


def count_request(seen: Seen, asked: Asked, rows: list[Row | None], timed: list[tuple[float, Row]]) -> None:
    """Add a request's rows."""
    if not rows:
        seen.not_measured += 1
        return
    seen.requests += 1
    seen.unreadable += sum(row is None for row in rows)
    timed += [(asked.time, row) for row in rows if row is not None]


def check_limits(limits: Limits, training: TrainingData) -> None:
    """Refuse a limit for a feature that training did not measure.

    Raises:
        UsageError: as said.
    """
    known = training.schema.properties["features"]
    for name in limits.features:
        if name not in known:
            raise UsageError(f"Training measured no feature `{name}`.", "--limit", did_you_mean(name, known))


def summary(wish: Wish, training: TrainingData, seen: Seen, found: Comparison, page: Path) -> dict[str, Any]:
    """Return the outcome as JSON values."""
    return {
        "model": wish.name,
        "version": wish.version,
        "trained_in": training.run,
        **asdict(seen),
        "examples": found.requests.datasets[0].num_examples,
        "findings": [asdict(finding) for finding in found.findings],
        "skew": {item.feature: {"distance": item.value, "limit": item.limit} for item in found.skew},
        "spans": [
            {
                "start": written(span.start),
                "end": written(span.end),
                "examples": span.examples,
                "drift": {item.feature: {"distance": item.value, "limit": item.limit} for item in span.drift},
            }
            for span in found.spans
        ],
        "report": str(page),
    }


def lines(wish: Wish, seen: Seen, found: Comparison, page: Path) -> list[str]:
    """Return the outcome in words, a line a finding."""
    examples = found.requests.datasets[0].num_examples
    text = [f"{wish.name} version {wish.version}: {seen.requests:,} requests, {examples:,} examples"]
    if seen.other_versions or seen.not_measured:
        text.append(
            f"  not looked at: {seen.other_versions:,} requests of other versions, {seen.not_measured:,} of other signatures"
        )
    if seen.unreadable:
        text.append(f"  unreadable: {seen.unreadable:,} examples")
    text += [f"  log: {fault}" for fault in seen.faults[:MOST_FAULTS]]
    text += [f"  {line_of(finding, found)}" for finding in found.findings] or ["  nothing is beyond its limit"]
    if not found.spans:
        text.append("  drift: too few examples to cut into spans")
    return [*text, f"  report  {page}"]


def line_of(finding: Finding, found: Comparison) -> str:
    """Return a finding as a line."""
    head = f"{finding.kind:10} {finding.feature:24}"
    if finding.distance is None or finding.limit is None:
        return f"{head} {finding.detail}"
    when = ""
    if finding.span:
        span = found.spans[finding.span - 1]
        when = f", span {finding.span}, {written(span.start)} to {written(span.end)}"
    return f"{head} distance {finding.distance:.3f}, limit {finding.limit:.3g} ({finding.detail}){when}"


def written(seconds: float) -> str:
    """Write a time (UTC)."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
