"""The examples to compare: of a log's requests those of one version, time and kind, as many as are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pipeline.errors import UserError
from serving.monitor.options import MonitorOptions
from serving.monitor.request_reader import RequestHead, read_requests, spread
from serving.monitor.task import LoggedRequest, MonitoringPart, Row
from serving.monitor.training_data import TrainingData

MAX_TRIED = 10  # requests of a signature, to learn whether training measured anything that it is given
MIN_REPEATED = 30  # examples; of fewer, it is no wonder if some are alike
MAX_DISTINCT_SHARE = 0.1  # of the examples, up to which it is told that they are the same ones

Measure = Callable[[LoggedRequest], "list[Row | None]"]


@dataclass
class ReadCounts:
    """What was read of the logs, and what was left out.

    Attributes:
        records: in the logs, of any kind.
        earlier: requests of this version from before the time asked for.
        not_measured: requests that hold nothing that training measured.
        matching: requests of this version, time and kind; where they are too many, not all are looked at.
        requests, examples: looked at.
        distinct_examples: of these, different ones.
        unreadable: examples that could not be read, such as images that are none.
    """

    records: int = 0
    other_versions: int = 0
    earlier: int = 0
    not_measured: int = 0
    matching: int = 0
    requests: int = 0
    examples: int = 0
    distinct_examples: int = 0
    unreadable: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def repeated(self) -> bool:
        """Whether most examples came again and again, so that distances say little about what people send."""
        return self.examples >= MIN_REPEATED and self.distinct_examples <= MAX_DISTINCT_SHARE * self.examples


def newest_version(heads: list[RequestHead], logs: list[Path]) -> int:
    """Return the highest version that any of the logged requests was answered by.

    Raises:
        UserError: none of the requests tells, or there are none.
    """
    newest = max((head.version for head in heads), default=0)
    if not newest:
        raise UserError(
            "The logged requests do not tell which version answered them."
            if heads
            else "There are no predict requests in the logs.",
            ", ".join(map(str, logs)),
            "Name a version with --version." if heads else "",
        )
    return newest


def check_version(heads: list[RequestHead], logs: list[Path], version: int) -> None:
    """Refuse a version that answered none of the logged requests; where a request does not tell, it may have.

    Raises:
        UserError: as said.
    """
    asked = {head.version for head in heads}
    if heads and not asked & {0, version}:
        raise UserError(
            f"None of the logged requests was answered by version {version}.",
            ", ".join(map(str, logs)),
            f"Versions that were asked: {', '.join(map(str, sorted(asked)))}.",
        )


def read_rows(
    heads: list[RequestHead],
    logs: list[Path],
    options: MonitorOptions,
    training: TrainingData,
    part: MonitoringPart,
    counts: ReadCounts,
) -> list[tuple[float, Row]]:
    """Return a row of features with its time for each example that is wanted, and count what was left out.

    Raises:
        UserError: nothing is left to look at.
    """

    def measure(request: LoggedRequest) -> list[Row | None]:
        return part.measure(request, training.examples)

    chosen = spread(choose(heads, options, measure, counts), options.max_requests)
    timed: list[tuple[float, Row]] = []
    distinct: set[int] = set()
    for request in read_requests([head.record for head in chosen], counts.faults):
        count_request(counts, request, measure(request), timed, distinct)
    counts.examples, counts.distinct_examples = len(timed), len(distinct)
    if not timed:
        raise UserError(
            f"None of the {counts.records:,} logged requests can be compared: {counts.other_versions:,} are of other "
            f"versions, {counts.earlier:,} too early, {counts.not_measured:,} of signatures without anything that "
            f"training measured, {counts.unreadable:,} examples unreadable.",
            ", ".join(map(str, logs)),
            "Choose another --version or an earlier --since.",
        )
    return timed


def choose(
    heads: list[RequestHead], options: MonitorOptions, measure: Measure, counts: ReadCounts
) -> list[RequestHead]:
    """Return the requests of the version, time and signatures that count."""
    ours = [head for head in heads if head.version in (0, options.version)]
    timely = [head for head in ours if head.time >= options.since]
    measured = measured_signatures(timely, measure)
    matching = [head for head in timely if head.signature in measured]
    counts.other_versions, counts.earlier = len(heads) - len(ours), len(ours) - len(timely)
    counts.not_measured, counts.matching = len(timely) - len(matching), len(matching)
    return matching


def measured_signatures(heads: list[RequestHead], measure: Measure) -> set[str]:
    """Return the signatures that are given anything that training measured, by the first few requests of each."""
    tried: dict[str, list[RequestHead]] = {}
    for head in heads:
        first = tried.setdefault(head.signature, [])
        if len(first) < MAX_TRIED:
            first.append(head)
    return {
        signature
        for signature, first in tried.items()
        if any(measure(request) for request in read_requests([head.record for head in first], []))
    }


def count_request(
    counts: ReadCounts,
    request: LoggedRequest,
    rows: list[Row | None],
    timed: list[tuple[float, Row]],
    distinct: set[int],
) -> None:
    """Add a request's rows, and what tells its examples from others."""
    if not rows:
        counts.not_measured += 1
        return
    counts.requests += 1
    counts.unreadable += sum(row is None for row in rows)
    timed += [(request.time, row) for row in rows if row is not None]
    distinct |= {example_key(request.inputs, number) for number, row in enumerate(rows) if row is not None}


def example_key(inputs: dict[str, NDArray[Any]], number: int) -> int:
    """Return a number that equal examples share: a hash of what was sent."""
    sent: list[Any] = []
    for name, values in sorted(inputs.items()):
        value = values[number] if values.ndim and number < len(values) else values
        sent += [
            name,
            value if isinstance(value, bytes) else repr(value.tolist()) if value.dtype == object else value.tobytes(),
        ]
    return hash(tuple(sent))
