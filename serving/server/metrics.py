"""Metrics: prometheus_client's counters and histograms under TensorFlow Serving's names.

The library counts. The text is written here: its own writer ends the name of every counter in `_total` and cannot
write what is not UTF-8, and TensorFlow Serving's counters have names of their own, such as
`:tensorflow:serving:request_count`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from prometheus_client import Counter, Gauge, Histogram

SERVING = ":tensorflow:serving:"
BATCHING = SERVING + "batching_session:"
Metric = Counter | Gauge | Histogram
MOST_SERIES = 2000  # of one metric; model names come from clients, who must not be able to fill the memory


def exponential(first: float, factor: float, count: int) -> tuple[float, ...]:
    """Return the upper bounds of a histogram's buckets; one more, without end, follows them."""
    return tuple(first * factor**exponent for exponent in range(count))


MICROSECONDS = exponential(10, 1.8, 33)  # up to about 20 minutes
BUCKETS = {
    SERVING + "request_example_counts": exponential(1, 2, 15),
    BATCHING + "queuing_latency": exponential(100, 1.2, 52),  # up to about a second
    BATCHING + "processed_batch_size": exponential(1, 2, 20),
    BATCHING + "padding_size": exponential(1, 2, 20),
}


@dataclass
class Family:
    """One metric, and its series: one for each combination of labels' values."""

    metric: Metric
    labels: tuple[str, ...]
    series: dict[tuple[str, ...], Metric] = field(default_factory=dict)


class Metrics:
    """The counters of one server; safe to use from any thread, and cheap.

    Of one metric at most `MOST_SERIES` combinations of labels are kept apart; all further ones are counted together,
    with `other` for every label.
    """

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.lock = threading.Lock()
        # each request asks for some of these
        self.answer_series = lru_cache(MOST_SERIES)(self.find_answer_series)
        self.runtime_series = lru_cache(MOST_SERIES)(self.find_runtime_series)
        self.batch_series = lru_cache(MOST_SERIES)(self.find_batch_series)

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter, such as `:tensorflow:serving:request_count`."""
        self.counter(name, **labels).inc(by)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put a value into a histogram, such as microseconds into `:tensorflow:serving:request_latency`."""
        self.histogram(name, **labels).observe(value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        self.find(Gauge, name, labels).set(value)

    def answered(self, model: str, api: str, entrypoint: Literal["REST", "GRPC"], code: str, began: float) -> None:
        """Count a request that a model was named in, and how long a successful one took.

        Args:
            api: `predict`, `classify`, `regress` over REST; `Predict`, `Classify`, `Regress` over gRPC.
            code: `OK`, or the status code of the error.
            began: when the request came, on `time.perf_counter()`.
        """
        microseconds = (time.perf_counter() - began) * 1e6
        count, latency = self.answer_series(model, api, entrypoint, code)
        count.inc()
        if latency is not None:
            latency.observe(microseconds)

    def find_answer_series(self, model: str, api: str, entrypoint: str, code: str) -> tuple[Counter, Histogram | None]:
        """Return where answers of one kind are counted, and where the time that they took, if it is."""
        count = self.counter(SERVING + "request_count", model_name=model, status=code)
        if code != "OK":
            return count, None
        latency = SERVING + "request_latency"
        return count, self.histogram(latency, model_name=model, API=api, entrypoint=entrypoint)

    def computed(self, model: str, api: Literal["Predict", "Classify", "Regress"], seconds: float) -> None:
        """Note how long the model's computation took."""
        self.runtime_series(model, api).observe(seconds * 1e6)

    def find_runtime_series(self, model: str, api: str) -> Histogram:
        return self.histogram(SERVING + "runtime_latency", model_name=model, API=api, runtime="TF1")

    def batched(self, model: str, waited: Iterable[float], rows: int, padding: int) -> None:
        """Count a batch.

        Args:
            waited: seconds from each call's coming to the batch's run.
            rows: of the batch, with those that only fill it up.
            padding: rows that only fill it up.
        """
        count, latency, size, padding_size = self.batch_series(model)
        count.inc()
        for seconds in waited:
            latency.observe(seconds * 1e6)
        size.observe(rows)
        padding_size.observe(padding)

    def find_batch_series(self, model: str) -> tuple[Counter, Histogram, Histogram, Histogram]:
        """Return where a model's batches are counted, their calls' waits, their rows, and those that only fill up."""
        count = self.counter(BATCHING + "wrapped_run_count", model_name=model)
        latency, size, padding_size = (
            self.histogram(BATCHING + name, model_name=model)
            for name in ("queuing_latency", "processed_batch_size", "padding_size")
        )
        return count, latency, size, padding_size

    def counter(self, name: str, **labels: str) -> Counter:
        found: Counter = self.find(Counter, name, labels)
        return found

    def histogram(self, name: str, **labels: str) -> Histogram:
        found: Histogram = self.find(Histogram, name, labels)
        return found

    def find(self, kind: type[Metric], name: str, labels: dict[str, str]) -> Any:
        """Return a series, made at its first use; new ones have no place of their own when there are too many."""
        with self.lock:
            if name not in self.families:
                buckets: dict[str, Any] = {"buckets": BUCKETS.get(name, MICROSECONDS)} if kind is Histogram else {}
                self.families[name] = Family(kind(name, "", tuple(labels), registry=None, **buckets), tuple(labels))
            family = self.families[name]
            if not labels:
                return family.metric
            key = tuple(labels[label].encode("utf-8", "replace").decode() for label in family.labels)
            if key not in family.series:
                if len(family.series) >= MOST_SERIES:
                    key = ("other",) * len(key)
                family.series[key] = family.metric.labels(*key)
            return family.series[key]

    def value(self, name: str) -> float:
        """Return a counter's sum over all its labels, or the number of values in a histogram; 0 for an unknown name."""
        with self.lock:
            family = self.families.get(name)
        samples = read_samples(family) if family else ()
        return sum(value for suffix, _, value in samples if suffix in ("", "_count"))

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        lines: list[str] = []
        with self.lock:
            families = sorted(self.families.items())
        for name, family in families:
            lines.append(f"# TYPE {name} {next(iter(family.metric.describe())).type}")
            lines += [f"{name}{suffix}{braces(labels)} {value:.17g}" for suffix, labels, value in read_samples(family)]
        return ("\n".join(lines) + "\n").encode()


def read_samples(family: Family) -> Iterator[tuple[str, dict[str, str], float]]:
    """Go through a metric's numbers: what each adds to the metric's name, its labels and its value."""
    (collected,) = family.metric.collect()
    for sample in collected.samples:
        suffix = sample.name.removeprefix(collected.name)
        if suffix != "_created":  # when the library began to count
            yield "" if suffix == "_total" else suffix, sample.labels, sample.value


def braces(labels: dict[str, str]) -> str:
    """Return labels as Prometheus writes them."""
    return "{" + ",".join(f'{name}="{escape(name, value)}"' for name, value in labels.items()) + "}"


def escape(name: str, value: str) -> str:
    if name == "le" and value != "+Inf":
        return f"{float(value):.6g}"
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def metric_name(path: str) -> str:
    """Return the name of a metric that is known by its path, as in `/tensorflow/serving/request_count`."""
    return re.sub(r"[^a-zA-Z0-9_]", ":", path)
