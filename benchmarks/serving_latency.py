"""Prints by how many milliseconds an answer over REST is slower than the bare call of the signature, for a small model.

    python benchmarks/serving_latency.py [--rounds 5] [--seconds 3]

Bar: at most 1.5 ms at the median, for one client of half_plus_two. Both take turns, and the figure is the median over
the rounds of the difference of the medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from served import Bare, model_server, write_half_plus_two

from serving.load_generator import run_load


def main() -> None:
    """Let the bare call and the server take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    requests = [("/v1/models/half_plus_two:predict", b'{"instances": [1.0, 2.0, 5.0]}')]
    with tempfile.TemporaryDirectory() as scratch:
        base_path = write_half_plus_two(Path(scratch, "half_plus_two"))
        bare = Bare(base_path / "1")
        with model_server("half_plus_two", base_path) as url:
            run_load(url, requests, clients=1, seconds=1)
            differences = []
            for number in range(1, arguments.rounds + 1):
                limit = median_of_calls(bare, arguments.seconds)
                result = run_load(url, requests, clients=1, seconds=arguments.seconds)
                differences.append(result.percentile(50) * 1e3 - limit)
                print(
                    f"round {number}: bare {limit:.3f} ms; REST p50 {result.percentile(50) * 1e3:.3f}, "
                    f"p95 {result.percentile(95) * 1e3:.3f}, p99 {result.percentile(99) * 1e3:.3f} ms",
                    flush=True,
                )
    print(f"above the bare call: {statistics.median(differences):.3f} ms (bar 1.5)")


def median_of_calls(bare: Bare, seconds: float) -> float:
    """Return the milliseconds of a bare call."""
    tensors, times = {"x": tf.constant([1.0, 2.0, 5.0])}, []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        started = time.perf_counter()
        bare.fetch(tensors)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


if __name__ == "__main__":
    main()
