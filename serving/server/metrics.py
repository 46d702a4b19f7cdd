"""Metrics: counters and histograms under TensorFlow Serving's names, in Prometheus' text format."""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SERVING = ":tensorflow:serving:"
BATCHING = SERVING + "batching_session:"
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
class Histogram:
    """Values counted by bucket; `bounds` are the buckets' upper ends, and one bucket more has none."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Answers(NamedTuple):
    """Where answers of one kind are counted, and where the time that they took, if it is."""

    numbers: dict[frozenset[tuple[str, str]], float]
    key: frozenset[tuple[str, str]]
    latency: Histogram | None


class Batches(NamedTuple):
    """Where the batches of one model are counted."""

    numbers: dict[frozenset[tuple[str, str]], float]
    key: frozenset[tuple[str, str]]
    waiting: Histogram
    size: Histogram
    padding: Histogram


@dataclass
class Series:
    """One metric: a value for each combination of labels."""

    kind: Literal["counter", "gauge", "histogram"]
    bounds: tuple[float, ...] = ()
    labels: dict[frozenset[tuple[str, str]], dict[str, str]] = field(default_factory=dict)
    numbers: dict[frozenset[tuple[str, str]], float] = field(default_factory=dict)
    histograms: dict[frozenset[tuple[str, str]], Histogram] = field(default_factory=dict)


class Metrics:
    """The counters of one server; safe to use from any thread, and cheap.

    Of one metric at most `MOST_SERIES` combinations of labels are kept apart; all further ones are counted together, with
    `other` for every label.
    """

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.lock = threading.Lock()
        self.answers: dict[tuple[str, ...], Answers] = {}  # so that each answer need not look for its places again
        self.runtimes: dict[tuple[str, str], Histogram] = {}
        self.batches: dict[str, Batches] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter, such as `:tensorflow:serving:request_count`."""
        with self.lock:
            series = self.find(name, "counter")
            key = keep(series, labels)
            series.numbers[key] = series.numbers.get(key, 0) + by

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put a value into a histogram, such as microseconds into `:tensorflow:serving:request_latency`."""
        with self.lock:
            self.histogram(name, labels).add(value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        with self.lock:
            series = self.find(name, "gauge")
            series.numbers[keep(series, labels)] = value

    def answered(self, model: str, api: str, entrypoint: Literal["REST", "GRPC"], code: str, began: float) -> None:
        """Count a request that a model was named in, and how long a successful one took.

        Args:
            api: `predict`, `classify`, `regress` over REST; `Predict`, `Classify`, `Regress` over gRPC.
            code: `OK`, or the status code of the error.
            began: when the request came, on `time.perf_counter()`.
        """
        microseconds = (time.perf_counter() - began) * 1e6
        with self.lock:
            places = self.answers.get((model, api, entrypoint, code)) or self.find_answers(model, api, entrypoint, code)
            places.numbers[places.key] = places.numbers.get(places.key, 0) + 1
            if places.latency is not None:
                places.latency.add(microseconds)

    def find_answers(self, model: str, api: str, entrypoint: str, code: str) -> Answers:
        """Find where answers of a kind are counted, and remember it; the lock must be held."""
        series = self.find(SERVING + "request_count", "counter")
        latency = None
        if code == "OK":
            labels = {"model_name": model, "API": api, "entrypoint": entrypoint}
            latency = self.histogram(SERVING + "request_latency", labels)
        found = Answers(series.numbers, keep(series, {"model_name": model, "status": code}), latency)
        if len(self.answers) < MOST_SERIES:
            self.answers[model, api, entrypoint, code] = found
        return found

    def computed(self, model: str, api: Literal["Predict", "Classify", "Regress"], seconds: float) -> None:
        """Note how long the model's computation took."""
        with self.lock:
            if (model, api) not in self.runtimes:  # only models that exist come here
                labels = {"model_name": model, "API": api, "runtime": "TF1"}
                self.runtimes[model, api] = self.histogram(SERVING + "runtime_latency", labels)
            self.runtimes[model, api].add(seconds * 1e6)

    def batched(self, model: str, waited: Iterable[float], rows: int, padding: int) -> None:
        """Count a batch.

        Args:
            waited: seconds from each call's coming to the batch's run.
            rows: of the batch, with those that only fill it up.
            padding: rows that only fill it up.
        """
        with self.lock:
            places = self.batches.get(model) or self.find_batches(model)
            places.numbers[places.key] = places.numbers.get(places.key, 0) + 1
            for seconds in waited:
                places.waiting.add(seconds * 1e6)
            places.size.add(rows)
            places.padding.add(padding)

    def find_batches(self, model: str) -> Batches:
        """Find where a model's batches are counted, and remember it; the lock must be held."""
        labels = {"model_name": model}
        series = self.find(BATCHING + "wrapped_run_count", "counter")
        names = ("queuing_latency", "processed_batch_size", "padding_size")
        histograms = [self.histogram(BATCHING + name, labels) for name in names]
        self.batches[model] = Batches(
            series.numbers, keep(series, labels), *histograms
        )  # only models that exist come here
        return self.batches[model]

    def value(self, name: str) -> float:
        """Return a counter's sum over all its labels, or the number of values in a histogram; 0 for an unknown name."""
        with self.lock:
            series = self.series.get(name)
            if series is None:
                return 0
            return sum(series.numbers.values()) + sum(sum(item.counts) for item in series.histograms.values())

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        lines: list[str] = []
        with self.lock:
            for name in sorted(self.series):
                series = self.series[name]
                lines.append(f"# TYPE {name} {series.kind}")
                lines += [f"{name}{braces(series.labels[key])} {value:.17g}" for key, value in series.numbers.items()]
                for key, histogram in series.histograms.items():
                    lines += write_histogram(name, series.labels[key], series.bounds, histogram)
        return ("\n".join(lines) + "\n").encode("utf-8", "replace")

    def histogram(self, name: str, labels: dict[str, str]) -> Histogram:
        """Return a histogram, made at its first use; the lock must be held."""
        series = self.find(name, "histogram")
        key = keep(series, labels)
        if key not in series.histograms:
            series.histograms[key] = Histogram(series.bounds, [0] * (len(series.bounds) + 1))
        return series.histograms[key]

    def find(self, name: str, kind: Literal["counter", "gauge", "histogram"]) -> Series:
        """Return a metric, made at its first use; the lock must be held."""
        series = self.series.get(name)
        if series is None:
            bounds = BUCKETS.get(name, MICROSECONDS) if kind == "histogram" else ()
            series = self.series[name] = Series(kind, bounds)
        return series


def keep(series: Series, labels: dict[str, str]) -> frozenset[tuple[str, str]]:
    """Return the key of a combination of labels; new ones are refused a place of their own when there are too many."""
    key = frozenset(labels.items())
    if key not in series.labels:
        if len(series.labels) >= MOST_SERIES:
            labels = dict.fromkeys(labels, "other")
            key = frozenset(labels.items())
        series.labels[key] = labels
    return key


def write_histogram(name: str, labels: dict[str, str], bounds: tuple[float, ...], histogram: Histogram) -> list[str]:
    """Return a histogram's lines; each bucket counts the values of the smaller ones, too."""
    lines, below = [], 0
    for bound, count in zip([*(f"{bound:.6g}" for bound in bounds), "+Inf"], histogram.counts, strict=True):
        below += count
        lines.append(f"{name}_bucket{braces({**labels, 'le': bound})} {below}")
    lines.append(f"{name}_sum{braces(labels)} {histogram.total:.17g}")
    lines.append(f"{name}_count{braces(labels)} {below}")
    return lines


def braces(labels: dict[str, str]) -> str:
    """Return labels as Prometheus writes them."""
    return "{" + ",".join(f'{label_name(name)}="{escape(value)}"' for name, value in labels.items()) + "}"


def label_name(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def metric_name(path: str) -> str:
    """Return the name of a metric that is known by its path, as in `/tensorflow/serving/request_count`."""
    return re.sub(r"[^a-zA-Z0-9_]", ":", path)
