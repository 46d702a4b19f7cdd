"""Prints what a long load does to the embedded server: failed good requests, and how its memory grows.

    python benchmarks/serving_soak.py [--requests 100000] [--bad 100] [--clients 16]

Bars: no good request fails, no answer mixes two versions, and memory stays flat within 5 % after warm-up. Good
requests go on all the time while a second load sends `--bad` bad requests a second (broken JSON, wrong types, unknown
models, shapes that the graph refuses) and three new versions are put in place, each answering with its own number.
Batching is on, so that bad and good requests meet.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from served import memory_of, model_server, process_of

from serving.load_generator import LoadResult, run_load

VERSIONS = 4
BAD = [
    ("/v1/models/m:predict", b""),
    ("/v1/models/m:predict", b'{"instances": [1.0'),
    ("/v1/models/m:predict", b'{"instances": ["a"]}'),
    ("/v1/models/m:predict", b'{"instances": [[1.0]]}'),
    ("/v1/models/m:predict", b'{"instances": [-1.0]}'),
    ("/v1/models/m:predict", b'{"instances": []}'),
    ("/v1/models/m:predict", b'{"instances": [1.0], "signature_name": "none"}'),
    ("/v1/models/none:predict", b"{}"),
    ("/v1/models/m/versions/99:predict", b'{"instances": [1.0]}'),
    ("/v1/models/m:predict?x", b"{}"),
    ("/v1/models/m/labels/none:predict", b"{}"),
    ("/v1/nonsense", b"{}"),
    ("/v1/models/m:classify", b"{}"),
]


def main() -> None:
    """Load, swap, and look at the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--bad", type=float, default=100)
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made, base_path = Path(scratch, "made"), Path(scratch, "m")
        for number in range(1, VERSIONS + 1):
            write_version(made / str(number), number)
        put_in_place(made, base_path, 1)
        with model_server("m", base_path, "--enable_batching") as url:
            soak = Soak(url, made, base_path, arguments.clients)
            soak.run(arguments.requests, arguments.bad)
    soak.report()


def write_version(folder: Path, number: int) -> None:
    """Write a SavedModel that answers x + 1000 * number twice, and refuses negatives and all but one dimension."""

    def add(x: Any) -> dict[str, Any]:
        checks = [tf.debugging.assert_non_negative(x, "negative"), tf.debugging.assert_equal(tf.rank(x), 1)]
        with tf.control_dependencies(checks):
            return {"y": x + 1000.0 * number, "again": x + 1000.0 * number}

    module = tf.Module()
    module.weights = tf.Variable(tf.zeros([1024, 1024]))  # 4 MiB: a version that is not freed shows
    module.function = tf.function(add).get_concrete_function(tf.TensorSpec(None, name="x"))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.function})


def put_in_place(made: Path, base_path: Path, number: int) -> None:
    """Copy under a name that is no version, and rename."""
    shutil.copytree(made / str(number), base_path / f"tmp-{number}")
    (base_path / f"tmp-{number}").rename(base_path / str(number))


class Soak:
    """The load under way."""

    def __init__(self, url: str, made: Path, base_path: Path, clients: int) -> None:
        self.url, self.made, self.base_path, self.clients = url, made, base_path, clients
        self.pid = process_of(url)
        self.wrong: list[bytes] = []
        self.versions: Counter[int] = Counter()
        self.memory: list[tuple[float, float]] = []
        self.done = 0
        self.good: LoadResult | None = None
        self.bad: LoadResult | None = None
        self.ended = threading.Event()

    def run(self, count: int, bad_rate: float) -> None:
        """Send the good requests, with everything else beside them."""
        self.started = time.perf_counter()
        others = [
            threading.Thread(target=job, daemon=True) for job in (self.swap(count), self.watch, self.annoy(bad_rate))
        ]
        for thread in others:
            thread.start()
        values = [random.Random(7).randrange(900) for _ in range(500)]
        requests = [("/v1/models/m:predict", json.dumps({"instances": [value]}).encode()) for value in values]

        def check(number: int, status: int, body: bytes) -> None:
            self.done += 1
            try:
                answer = json.loads(body)["predictions"][0]
                version = round(answer["y"] - values[number]) // 1000
                right = status == 200 and answer["y"] == answer["again"] == values[number] + 1000 * version
            except (ValueError, KeyError):
                right = False
            if right:
                self.versions[version] += 1
            else:
                self.wrong.append(body)

        self.good = run_load(self.url, requests, clients=self.clients, count=count, on_answer=check)
        self.ended.set()
        for thread in others:
            thread.join()

    def swap(self, count: int) -> Any:
        """Put each further version in place after its share of the requests."""

        def swap() -> None:
            for number in range(2, VERSIONS + 1):
                while self.done < count * (number - 1) / VERSIONS and not self.ended.wait(0.05):
                    pass
                put_in_place(self.made, self.base_path, number)

        return swap

    def watch(self) -> None:
        while not self.ended.wait(0.5):
            self.memory.append((self.done, memory_of(self.pid)))

    def annoy(self, rate: float) -> Any:
        def annoy() -> None:
            while not self.ended.is_set():
                result = run_load(self.url, BAD, clients=4, seconds=5, rate=rate)
                self.bad = (
                    result
                    if self.bad is None
                    else LoadResult(
                        result.latencies,
                        self.bad.statuses + result.statuses,
                        self.bad.seconds + result.seconds,
                        self.bad.errors + result.errors,
                    )
                )

        return annoy

    def report(self) -> None:
        """Print what happened."""
        assert self.good is not None and self.bad is not None
        total = self.good.answers + self.good.failures
        warm = [memory for done, memory in self.memory if done > total / VERSIONS * 1.2]
        tenth = max(len(warm) // 10, 1)
        growth = statistics.median(warm[-tenth:]) / statistics.median(warm[:tenth]) - 1
        print(
            f"good: {self.good.answers} answered, {self.good.failures} failed, {len(self.wrong)} wrong or mixed, "
            f"{self.good.throughput:.0f}/s, p50 {self.good.percentile(50) * 1e3:.2f} ms, "
            f"p99 {self.good.percentile(99) * 1e3:.2f} ms; "
            f"by version {dict(sorted(self.versions.items()))}"
        )
        sent = sum(self.bad.statuses.values())
        print(
            f"bad: {sent} ({sent / self.bad.seconds:.0f}/s), "
            f"{dict(sorted(self.bad.statuses.items()))} {dict(self.bad.errors)}"
        )
        print(
            f"memory after the first swap {warm[0]:.0f} MiB, at the end {warm[-1]:.0f} MiB, most {max(warm):.0f} MiB: "
            f"growth {growth:+.1%} (bar 5 %)"
        )
        if self.wrong:
            print("first wrong answer:", self.wrong[0][:300])


if __name__ == "__main__":
    main()
