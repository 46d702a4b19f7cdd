"""Prints how many pictures a second the embedded server answers, against the bare signature and against itself without batching.

    python benchmarks/serving_throughput.py [--clients 32] [--rounds 5] [--seconds 4]

Bars: at least .8 of the bare signature called with 32 pictures in a loop, and at least 3 times the server without batching. The
model is the network `cnn` for MNIST with its own signature, from the PNG on; each request is one picture in base64. The load shares
the processors with the server. All three take turns, each alone on the machine, and the ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from served import Bare, digit_pictures, model_server, picture_body, write_mnist_cnn

from serving.load_generator import LoadResult, Request, run_load

BATCH = 32
BATCHING = """max_batch_size { value: 32 }
batch_timeout_micros { value: %d }
max_enqueued_batches { value: 100 }
num_batch_threads { value: %d }
"""


def main() -> None:
    """Let the three take turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--timeout_micros", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flag", action="append", default=[], help="a further flag of the server that batches")
    arguments = parser.parse_args()
    pictures = digit_pictures(512)
    requests = [("/v1/models/mnist:predict", picture_body([picture])) for picture in pictures]
    with tempfile.TemporaryDirectory() as scratch:
        base_path = write_mnist_cnn(Path(scratch, "mnist"))
        parameters = Path(scratch, "batching.config")
        parameters.write_text(BATCHING % (arguments.timeout_micros, arguments.threads))
        bare = Bare(base_path / "1")
        batching = ("--enable_batching", f"--batching_parameters_file={parameters}", *arguments.flag)
        with model_server("mnist", base_path, *batching) as on, model_server("mnist", base_path) as off:
            rounds = []
            for number in range(arguments.rounds + 1):
                seconds = arguments.seconds if number else 1.0
                limit = bare.rate({"image_bytes": pictures[:BATCH]}, BATCH, seconds)
                results = [ask(url, requests, arguments.clients, seconds) for url in (on, off)]
                if number:  # the first is to warm up
                    rounds.append((limit, *results))
                    show(number, *rounds[-1])
    of_bare = [on.throughput / limit for limit, on, _ in rounds]
    of_off = [on.throughput / off.throughput for _, on, off in rounds]
    print(f"of the bare signature: {statistics.median(of_bare):.2f} (bar .8; {min(of_bare):.2f}-{max(of_bare):.2f})")
    print(
        f"of the server without batching: {statistics.median(of_off):.2f} (bar 3; {min(of_off):.2f}-{max(of_off):.2f})"
    )


def ask(url: str, requests: list[Request], clients: int, seconds: float) -> LoadResult:
    result = run_load(url, requests, clients=clients, seconds=seconds)
    if result.failures:
        raise SystemExit(f"{result.failures} requests failed: {result.statuses} {result.errors}")
    return result


def show(number: int, limit: float, on: LoadResult, off: LoadResult) -> None:
    print(
        f"round {number}: bare {limit:.0f} pictures/s; batching {on.throughput:.0f}/s, p50 {on.percentile(50) * 1e3:.1f} ms, "
        f"p99 {on.percentile(99) * 1e3:.1f} ms; without {off.throughput:.0f}/s, p50 {off.percentile(50) * 1e3:.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
