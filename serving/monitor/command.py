"""`labline monitor NAME`: findings on the screen or as JSON, and a page of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from components.validation.config import Limits
from pipeline.errors import EXIT_ANOMALIES, UsageError, UserError, did_you_mean
from pipeline.progress import Progress
from pipeline.workspace import Workspace
from serving.model_config import FOLDER, REQUESTS
from serving.monitor.comparison import Comparison, Finding, compare, moment
from serving.monitor.options import Wish
from serving.monitor.request_reader import find_logs, find_records, read_headings
from serving.monitor.selection import Seen, check_version, newest_version, read_rows
from serving.monitor.training_data import TrainingData, find_training_data

PAGE = "monitor.html"
MOST_FAULTS = 5  # named on the screen


def monitor(workspace: Workspace, wish: Wish, as_json: bool) -> int:
    """Compare, write the page, print; return the exit status: 3 where something is beyond its limit.

    Raises:
        UserError: there are no logged requests, or it is not known what the model was trained on.
    """
    from serving.monitor.page import write_page

    progress = Progress()
    places = list(wish.logs) or [workspace.path / REQUESTS / wish.name]
    check_name(workspace, wish, places)
    records, faults = find_records(find_logs(places))
    progress.say(f"looking through {len(records):,} logged requests")
    headings = read_headings(records, faults)
    wish = replace(wish, version=wish.version or newest_version(headings, places))
    check_version(headings, places, wish.version)
    training = find_training_data(workspace, wish.name, wish.version)
    progress.say(f"reading the requests to {wish.name} version {wish.version}")
    seen = Seen(records=len(records), faults=faults)
    timed = read_rows(headings, places, wish, training, seen)
    check_limits(wish.limits, training)
    progress.say(f"comparing {len(timed):,} examples with the training data of run {training.run}")
    found = compare(training, timed, wish.spans, wish.limits)
    target = (wish.out or workspace.path / REQUESTS / wish.name / PAGE).absolute()
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
    served = workspace.path / FOLDER
    known = sorted(path.name for path in served.iterdir() if path.is_dir()) if served.is_dir() else []
    if wish.name not in known:
        raise UserError(
            f"No model `{wish.name}` was pushed in this workspace.", str(served), did_you_mean(wish.name, known)
        )


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
        "findings": [asdict(finding) for finding in found.findings],
        "skew": {item.feature: {"distance": item.value, "limit": item.limit} for item in found.skew},
        "spans": [
            {
                "start": moment(span.start),
                "end": moment(span.end),
                "examples": span.examples,
                "drift": {item.feature: {"distance": item.value, "limit": item.limit} for item in span.drift},
            }
            for span in found.spans
        ],
        "report": str(page),
    }


def lines(wish: Wish, seen: Seen, found: Comparison, page: Path) -> list[str]:
    """Return the outcome in words, a line a finding."""
    text = [f"{wish.name} version {wish.version}: {seen.requests:,} requests, {seen.examples:,} examples"]
    if seen.matching > wish.most:
        text.append(f"  evenly spread over {seen.matching:,} such requests; --most looks at more")
    if seen.other_versions or seen.earlier or seen.not_measured:
        text.append(
            f"  not looked at: {seen.other_versions:,} requests of other versions, {seen.earlier:,} earlier ones, "
            f"{seen.not_measured:,} of other signatures"
        )
    if seen.repeated:
        text.append(
            f"  only {seen.distinct_examples:,} distinct examples in {seen.examples:,}: the same ones were sent again and "
            "again, as load and health checks do"
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
        when = f", span {finding.span}, {moment(span.start)} to {moment(span.end)}"
    return f"{head} distance {finding.distance:.3f}, limit {finding.limit:.3g} ({finding.detail}){when}"
