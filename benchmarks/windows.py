"""Prints the ratios of example_gen's windows a second to a plain loop's, and of its memory at two sizes of a CSV file.

    python benchmarks/windows.py [--rows 1000000] [--repeat 3]

The CSV file has 1,000,000 rows. Bars: at least 4 x the plain loop, whole and for the cutting of windows alone; memory
at 1,000,000 rows at most 1.3 x that at 100,000. History 48, horizon 3, stride 1. Every run is a process of its own, on
the same file, one after the other in turn; imports are left out of the times, since TensorFlow alone takes several
times as long to import as Beam. The plain loop is the program that one writes first: `csv`, then a `tf.train.Example`
with history and target for each window, then `TFRecordWriter`; it checks nothing and cuts no splits, and its records
have 2 features where example_gen's have 10. Memory is the largest resident size of the whole process tree.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BAR, MEMORY_BAR = 4.0, 1.3
HISTORY, HORIZON = 48, 3


def main() -> None:
    """Run everything in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the CSV file")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--one", nargs=3, metavar=("JOB", "CSV", "FOLDER"), help="used by the program itself")
    arguments = parser.parse_args()
    if arguments.one:
        job, table, folder = arguments.one
        return print(json.dumps(JOBS[job](Path(table), Path(folder))))
    tenth_name = f"example_gen of {arguments.rows // 10:,}"
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder) / "whole.csv", arguments.rows)
        tenth = write_table(Path(folder) / "tenth.csv", arguments.rows // 10)
        runs: dict[str, list[dict[str, float]]] = {job: [] for job in [*JOBS, tenth_name]}
        for _ in range(arguments.repeat):
            for job in JOBS:
                runs[job].append(run(job, table))
            runs[tenth_name].append(run("example_gen", tenth))
    report(runs, tenth_name)
    return None


def write_table(target: Path, rows: int) -> Path:
    """Write a CSV file with a value for each minute: a daily wave and noise."""
    import numpy as np

    steps = np.arange(rows)
    noise = np.random.default_rng(0).normal(size=rows)
    values = 20 + 10 * np.sin(steps / 1440 * 2 * np.pi) + noise
    times = np.datetime_as_string(np.datetime64("2010-01-01T00:00:00") + steps * np.timedelta64(60, "s"))
    with target.open("w") as file:
        file.write("date,value\n")
        file.writelines(
            f"{time.replace('T', ' ')},{value:.3f}\n"
            for time, value in zip(times.tolist(), values.tolist(), strict=True)
        )
    return target


def run(job: str, table: Path) -> dict[str, float]:
    """Run one job in a process of its own, watching the memory of it and of all it starts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", job, str(table), folder]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peaks = [0.0]
        watcher = threading.Thread(target=watch_memory, args=(process, peaks), daemon=True)
        watcher.start()
        out, err = process.communicate()
        watcher.join()
    if process.returncode:
        sys.exit(err)
    result: dict[str, float] = json.loads(out.splitlines()[-1])
    # the process's own peak is exact, that of the tree is sampled
    result["megabytes"] = max(result["megabytes"], *peaks)
    print(
        f"{job:12} {result['windows']:9,.0f} windows {result['seconds']:7.2f} s, "
        f"cutting alone {result['cutting']:7.2f} s "
        f"({result['processor']:6.2f} s of CPU)   {result['megabytes']:6.0f} MB",
        file=sys.stderr,
    )
    return result


def watch_memory(process: subprocess.Popen[str], peaks: list[float]) -> None:
    """Note the resident megabytes of a process and its descendants until it ends."""
    while process.poll() is None:
        peaks.append(sum(resident(number) for number in family(process.pid)) / 1024)
        time.sleep(0.05)


def family(number: int) -> list[int]:
    """Return a process and all its descendants."""
    members = [number]
    for file in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            members += [child for name in file.read_text().split() for child in family(int(name))]
        except OSError:
            continue
    return members


def resident(number: int, field: str = "VmRSS") -> int:
    """Return the resident kilobytes of a process, now or (VmHWM) at most; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def report(runs: dict[str, list[dict[str, float]]], tenth_name: str) -> None:
    """Print rates, ratios and whether the bars are reached."""

    def rate(job: str, kind: str) -> float:
        return statistics.median(item["windows"] / item[kind] for item in runs[job])

    for kind, title in (("seconds", "whole"), ("cutting", "cutting alone")):
        for job in JOBS:
            print(f"{job:14} {title:14} {rate(job, kind):10,.0f} windows/s")
        ratio = rate("example_gen", kind) / rate("plain loop", kind)
        print(
            f"example_gen / plain loop, {title:14} {ratio:6.2f}   bar {BAR}   {'reached' if ratio >= BAR else 'MISSED'}"
        )
    memory = {job: statistics.median(item["megabytes"] for item in items) for job, items in runs.items()}
    ratio = memory["example_gen"] / memory[tenth_name]
    verdict = "reached" if ratio <= MEMORY_BAR else "MISSED"
    print(
        f"memory, whole / a tenth                {ratio:7.2f}   bar {MEMORY_BAR}   {verdict}"
        f"   ({memory['example_gen']:.0f} MB / {memory[tenth_name]:.0f} MB)"
    )


def result_of(windows: int, seconds: float, cutting: float, processor: float) -> dict[str, float]:
    peak = resident(os.getpid(), "VmHWM") / 1024  # not getrusage's, which starts with that of the parent process
    return {"windows": windows, "seconds": seconds, "cutting": cutting, "processor": processor, "megabytes": peak}


def run_example_gen(table: Path, folder: Path) -> dict[str, float]:
    """Measure the ingest of series as a user runs it: FnApiRunner with Beam's default of one worker."""
    import pandas

    from components.tasks.forecasting.ingest import write_examples
    from data.config import BeamConfig
    from data.series import ingest as series_ingest
    from data.series import workers as series_workers
    from data.series.config import SeriesDataConfig
    from pipeline.artifacts import Examples
    from pipeline.component import Context

    assert pandas
    assert series_workers, "Beam would be loaded in its own time"
    examples, cutting = Examples.create(folder / "examples"), [0.0]
    cut_shards = series_ingest.cut_shards

    def timed(*arguments: Any) -> None:
        started = time.perf_counter()
        cut_shards(*arguments)
        cutting[0] = time.perf_counter() - started

    series_ingest.cut_shards = timed  # type: ignore[assignment]
    config = SeriesDataConfig(path=str(table), history=HISTORY, horizon=HORIZON)
    started, processor = time.perf_counter(), time.process_time()
    write_examples(examples, config, BeamConfig(), Context.standalone(folder))
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    return result_of(sum(examples.splits.values()), seconds, cutting[0], processor)


def run_plain_loop(table: Path, folder: Path) -> dict[str, float]:
    """Measure the program that one writes first."""
    import tensorflow as tf

    started, processor = time.perf_counter(), time.process_time()
    with table.open(newline="") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    read, number = time.perf_counter(), 0
    with tf.io.TFRecordWriter(str(folder / "windows.tfrecord")) as writer:
        for first in range(len(values) - HISTORY - HORIZON + 1):
            middle = first + HISTORY
            feature = {
                "history": tf.train.Feature(float_list=tf.train.FloatList(value=values[first:middle])),
                "target": tf.train.Feature(float_list=tf.train.FloatList(value=values[middle : middle + HORIZON])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
            number += 1
    ended = time.perf_counter()
    return result_of(number, ended - started, ended - read, time.process_time() - processor)


JOBS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "example_gen": run_example_gen,
    "plain loop": run_plain_loop,
}

if __name__ == "__main__":
    main()
