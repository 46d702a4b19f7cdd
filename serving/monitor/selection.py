"""The examples to compare: of a log's requests those of one version, time and kind, as many as are wanted, and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tasks import find_task
from pipeline.errors import UserError
from serving.monitor.measuring import Row
from serving.monitor.options import Wish
from serving.monitor.request_reader import Asked, Heading, read_requests, spread
from serving.monitor.training_data import TrainingData

if TYPE_CHECKING:
    import numpy as np

MOST_TRIED = 10  # requests of a signature, to learn whether training measured anything that it is given
LEAST_REPEATED = 30  # examples; of fewer, it is no wonder if some are alike
FEW = 0.1  # share of distinct examples up to which it is told

Measure = Callable[[Asked], "list[Row | None]"]


@dataclass
class Seen:
    """What was read.

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
        return self.examples >= LEAST_REPEATED and self.distinct_examples <= FEW * self.examples


def newest_version(headings: list[Heading], places: list[Path]) -> int:
    """Return the highest version that any of the logged requests was answered by.

    Raises:
        UserError: none of the requests tells, or there are none.
    """
    newest = max((heading.version for heading in headings), default=0)
    if not newest:
        raise UserError(
            "The logged requests do not tell which version answered them."
            if headings
            else "There are no predict requests in the logs.",
            ", ".join(map(str, places)),
            "Name a version with --version." if headings else "",
        )
    return newest


def check_version(headings: list[Heading], places: list[Path], version: int) -> None:
    """Refuse a version that answered none of the logged requests; where a request does not tell, it may have.

    Raises:
        UserError: as said.
    """
    asked = {heading.version for heading in headings}
    if headings and not asked & {0, version}:
        raise UserError(
            f"None of the logged requests was answered by version {version}.",
            ", ".join(map(str, places)),
            f"Versions that were asked: {', '.join(map(str, sorted(asked)))}.",
        )


def read_rows(
    headings: list[Heading], places: list[Path], wish: Wish, training: TrainingData, seen: Seen
) -> list[tuple[float, Row]]:
    """Return a row of features with its time for each example that is wanted, and count in `seen` what was left out.

    Raises:
        UserError: nothing is left to look at.
    """
    part = find_task(training.task).monitoring

    def measure(asked: Asked) -> list[Row | None]:
        return part.measure(asked, training.facts)

    chosen = spread(choose(headings, wish, measure, seen), wish.most)
    timed: list[tuple[float, Row]] = []
    distinct: set[int] = set()
    for asked in read_requests([heading.place for heading in chosen], seen.faults):
        count_request(seen, asked, measure(asked), timed, distinct)
    seen.examples, seen.distinct_examples = len(timed), len(distinct)
    if not timed:
        raise UserError(
            f"None of the {seen.records:,} logged requests can be compared: {seen.other_versions:,} are of other versions, "
            f"{seen.earlier:,} too early, {seen.not_measured:,} of signatures without anything that training measured, "
            f"{seen.unreadable:,} examples unreadable.",
            ", ".join(map(str, places)),
            "Choose another --version or an earlier --since.",
        )
    return timed


def choose(headings: list[Heading], wish: Wish, measure: Measure, seen: Seen) -> list[Heading]:
    """Return the requests of the version, time and signatures that count."""
    ours = [heading for heading in headings if heading.version in (0, wish.version)]
    timely = [heading for heading in ours if heading.time >= wish.since]
    measured = measured_signatures(timely, measure)
    matching = [heading for heading in timely if heading.signature in measured]
    seen.other_versions, seen.earlier = len(headings) - len(ours), len(ours) - len(timely)
    seen.not_measured, seen.matching = len(timely) - len(matching), len(matching)
    return matching


def measured_signatures(headings: list[Heading], measure: Measure) -> set[str]:
    """Return the signatures that are given anything that training measured, by the first few requests of each."""
    tried: dict[str, list[Heading]] = {}
    for heading in headings:
        first = tried.setdefault(heading.signature, [])
        if len(first) < MOST_TRIED:
            first.append(heading)
    return {
        signature
        for signature, first in tried.items()
        if any(measure(asked) for asked in read_requests([heading.place for heading in first], []))
    }


def count_request(
    seen: Seen, asked: Asked, rows: list[Row | None], timed: list[tuple[float, Row]], distinct: set[int]
) -> None:
    """Add a request's rows, and what tells its examples from others."""
    if not rows:
        seen.not_measured += 1
        return
    seen.requests += 1
    seen.unreadable += sum(row is None for row in rows)
    timed += [(asked.time, row) for row in rows if row is not None]
    distinct |= {example_key(asked.inputs, number) for number, row in enumerate(rows) if row is not None}


def example_key(inputs: dict[str, np.ndarray], number: int) -> int:
    """Return a number that equal examples share: a hash of what was sent."""
    sent: list[Any] = []
    for name, values in sorted(inputs.items()):
        value = values[number] if values.ndim and number < len(values) else values
        sent += [
            name,
            value if isinstance(value, bytes) else repr(value.tolist()) if value.dtype == object else value.tobytes(),
        ]
    return hash(tuple(sent))
