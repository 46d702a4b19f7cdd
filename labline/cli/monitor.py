"""`labline monitor NAME`: findings on the screen or as JSON, and a page of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from components.tasks import find_task
from data.validation.config import Limits
from labline.report.monitoring import write_page
from pipeline.errors import EXIT_ANOMALIES, UsageError, UserError, did_you_mean
from pipeline.progress import Progress
from pipeline.workspace import Workspace
from serving.model_config import FOLDER, REQUESTS
from serving.monitor.comparison import Comparison, Finding, compare, moment
from serving.monitor.options import MonitorOptions
from serving.monitor.request_reader import find_logs, find_records, read_heads
from serving.monitor.selection import ReadCounts, check_version, newest_version, read_rows
from serving.monitor.training_data import TrainingData, find_training_data

PAGE = "monitor.html"
MAX_FAULTS = 5  # named on the screen


def monitor(workspace: Workspace, options: MonitorOptions, as_json: bool) -> int:
    """Compare, write the page, print; return the exit status: 3 where something is beyond its limit.

    Raises:
        UserError: there are no logged requests, or it is not known what the model was trained on.
    """
    progress = Progress()
    logs = list(options.logs) or [workspace.path / REQUESTS / options.name]
    check_name(workspace, options.name)
    records, faults = find_records(find_logs(logs))
    progress.say(f"looking through {len(records):,} logged requests")
    heads = read_heads(records, faults)
    options = replace(options, version=options.version or newest_version(heads, logs))
    check_version(heads, logs, options.version)
    training = find_training_data(workspace, options.name, options.version)
    part = find_task(training.task).monitoring
    progress.say(f"reading the requests to {options.name} version {options.version}")
    counts = ReadCounts(records=len(records), faults=faults)
    timed = read_rows(heads, logs, options, training, part, counts)
    check_limits(options.limits, training)
    progress.say(f"comparing {len(timed):,} examples with the training data of run {training.run}")
    comparison = compare(training, part, timed, options.spans, options.limits)
    page = (options.out or workspace.path / REQUESTS / options.name / PAGE).absolute()
    page.parent.mkdir(parents=True, exist_ok=True)
    write_page(options, training, part, counts, comparison, page)
    if as_json:
        print(json.dumps(summary(options, training, counts, comparison, page)))
    else:
        print("\n".join(lines(options, counts, comparison, page)))
    return EXIT_ANOMALIES if comparison.findings else 0


def check_name(workspace: Workspace, name: str) -> None:
    """Refuse a model that this workspace does not have.

    Raises:
        UserError: as said.
    """
    served = workspace.path / FOLDER
    known = sorted(path.name for path in served.iterdir() if path.is_dir()) if served.is_dir() else []
    if name not in known:
        raise UserError(f"No model `{name}` was pushed in this workspace.", str(served), did_you_mean(name, known))


def check_limits(limits: Limits, training: TrainingData) -> None:
    """Refuse a limit for a feature that training did not measure.

    Raises:
        UsageError: as said.
    """
    known = training.schema.facts.features
    for name in limits.features:
        if name not in known:
            raise UsageError(f"Training measured no feature `{name}`.", "--limit", did_you_mean(name, known))


def summary(
    options: MonitorOptions, training: TrainingData, counts: ReadCounts, comparison: Comparison, page: Path
) -> dict[str, Any]:
    """Return the outcome as JSON values."""
    return {
        "model": options.name,
        "version": options.version,
        "trained_in": training.run,
        **asdict(counts),
        "findings": [asdict(finding) for finding in comparison.findings],
        "skew": {item.feature: {"distance": item.value, "limit": item.limit} for item in comparison.skew},
        "spans": [
            {
                "start": moment(span.start),
                "end": moment(span.end),
                "examples": span.examples,
                "drift": {item.feature: {"distance": item.value, "limit": item.limit} for item in span.drift},
            }
            for span in comparison.spans
        ],
        "report": str(page),
    }


def lines(options: MonitorOptions, counts: ReadCounts, comparison: Comparison, page: Path) -> list[str]:
    """Return the outcome in words, a line a finding."""
    text = [f"{options.name} version {options.version}: {counts.requests:,} requests, {counts.examples:,} examples"]
    if counts.matching > options.max_requests:
        text.append(f"  evenly spread over {counts.matching:,} such requests; --most looks at more")
    if counts.other_versions or counts.earlier or counts.not_measured:
        text.append(
            f"  not looked at: {counts.other_versions:,} requests of other versions, {counts.earlier:,} earlier ones, "
            f"{counts.not_measured:,} of other signatures"
        )
    if counts.repeated:
        text.append(
            f"  only {counts.distinct_examples:,} distinct examples in {counts.examples:,}: the same ones were sent "
            "again and again, as load and health checks do"
        )
    if counts.unreadable:
        text.append(f"  unreadable: {counts.unreadable:,} examples")
    text += [f"  log: {fault}" for fault in counts.faults[:MAX_FAULTS]]
    text += [f"  {line_of(finding, comparison)}" for finding in comparison.findings] or [
        "  nothing is beyond its limit"
    ]
    if not comparison.spans:
        text.append("  drift: too few examples to cut into spans")
    return [*text, f"  report  {page}"]


def line_of(finding: Finding, comparison: Comparison) -> str:
    """Return a finding as a line."""
    head = f"{finding.kind:10} {finding.feature:24}"
    if finding.distance is None or finding.limit is None:
        return f"{head} {finding.detail}"
    when = ""
    if finding.span:
        span = comparison.spans[finding.span - 1]
        when = f", span {finding.span}, {moment(span.start)} to {moment(span.end)}"
    return f"{head} distance {finding.distance:.3f}, limit {finding.limit:.3g} ({finding.detail}){when}"
