"""Prints how many pictures a second the embedded server answers, against the bare signature and without batching.

    python benchmarks/serving_throughput.py [--clients 32] [--rounds 11] [--seconds 1]

Bars: at least .8 of the bare signature called with 32 pictures in a loop, and at least 3 times the server itself
without batching. The model is the network `cnn` for MNIST with its own signature, from the PNG on; each request is one
picture in base64. The load shares the processors with the server. The bare signature (before and after each round),
the server that batches, one without batching, and one without batching that computes each operation in one thread,
too, take turns, each alone on the machine; the ratios are medians over the rounds. The batching settings are those for
a small network on a CPU (docs/serving.md): half of the clients in a batch, so that the others are read and answered
meanwhile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from served import Bare, digit_images, image_body, model_server, write_mnist_cnn

from serving.load_generator import LoadResult, Request, run_load

BATCH = 32
ONE_THREAD = "--tensorflow_intra_op_parallelism=1"
BATCHING = """max_batch_size { value: %d }
batch_timeout_micros { value: %d }
max_enqueued_batches { value: 100 }
num_batch_threads { value: %d }
"""


def main() -> None:
    """Let the three take turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rows", type=int, default=16, help="of a batch")
    parser.add_argument("--timeout_micros", type=int, default=400)
    parser.add_argument("--threads", type=int, default=max((os.cpu_count() or 1) - 1, 1), help="that compute batches")
    parser.add_argument("--flag", action="append", help=f"of the server that batches, instead of {ONE_THREAD}")
    arguments = parser.parse_args()
    images = digit_images(512)
    requests = [("/v1/models/mnist:predict", image_body([image])) for image in images]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        base_path = write_mnist_cnn(Path(scratch, "mnist"))
        parameters = Path(scratch, "batching.config")
        parameters.write_text(BATCHING % (arguments.rows, arguments.timeout_micros, arguments.threads))
        batching = ("--enable_batching", f"--batching_parameters_file={parameters}", *(arguments.flag or [ONE_THREAD]))
        flags = {"batching": batching, "without": (), "without, one thread": (ONE_THREAD,)}
        urls = {name: stack.enter_context(model_server("mnist", base_path, *given)) for name, given in flags.items()}
        bare = Bare(base_path / "1")
        rounds = [turn(bare, images[:BATCH], urls, requests, arguments) for _ in range(arguments.rounds + 1)][1:]
    for name, bar in {"bare": " (bar .8)", "without": " (bar 3)", "without, one thread": ""}.items():
        ratios = sorted(rates["batching"] / rates[name] for rates in rounds)
        print(f"batching against {name}: {statistics.median(ratios):.2f}{bar}; {ratios[0]:.2f} to {ratios[-1]:.2f}")


def turn(
    bare: Bare, images: list[bytes], urls: dict[str, str], requests: list[Request], arguments: argparse.Namespace
) -> dict[str, float]:
    """Let each work alone for a while; return pictures a second by name."""
    before = bare.rate({"image_bytes": images}, BATCH, arguments.seconds / 2)
    results = {name: ask(url, requests, arguments.clients, arguments.seconds) for name, url in urls.items()}
    after = bare.rate({"image_bytes": images}, BATCH, arguments.seconds / 2)
    rates = {"bare": (before + after) / 2, **{name: result.throughput for name, result in results.items()}}
    told = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    batched = results["batching"]
    print(f"pictures/s: {told}; p50 {batched.percentile(50) * 1e3:.1f} ms, p99 {batched.percentile(99) * 1e3:.1f} ms")
    return rates


def ask(url: str, requests: list[Request], clients: int, seconds: float) -> LoadResult:
    result = run_load(url, requests, clients=clients, seconds=seconds)
    if result.failures:
        raise SystemExit(f"{result.failures} requests failed: {result.statuses} {result.errors}")
    return result


if __name__ == "__main__":
    main()
