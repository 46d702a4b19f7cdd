"""How long a run takes in which every step is reused, beside an import of TensorFlow, which is what it must do without.

Usage: python benchmarks/reuse.py [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Run the digits recipe once, then again and again, in turn with the peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        run = [
            sys.executable,
            "-m",
            "labline.cli.main",
            "run",
            "digits",
            "trainer.epochs=2",
            "evaluator.thresholds={}",
            "--workspace",
            folder + "/w",
        ]
        peer = [sys.executable, "-c", "import tensorflow"]
        print(f"first run               {seconds(run):6.2f} s")
        pairs = [(seconds(run), seconds(peer)) for _ in range(runs)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"all reused, median of {runs}  {ours:6.2f} s "
        f"(from {min(pair[0] for pair in pairs):.2f} to {max(pair[0] for pair in pairs):.2f})"
    )
    print(f"import tensorflow        {theirs:6.2f} s, {theirs / ours:.1f} times as long")


def seconds(command: list[str]) -> float:
    """Time a command."""
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
