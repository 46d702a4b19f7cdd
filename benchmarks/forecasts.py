"""Forecasts real series through the whole line, several seeds each, and prints the test errors beside every baseline's.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/forecasts.py [NAME ...] [--seeds N ...] [--workspace DIR] [key=value ...]
NAME: milk, milk_12, hourly_temperature, daily_temperature, daily_temperature_7, melbourne, melbourne_7 with the
      default network and its default settings; lstm_milk and lstm_temperature, the published ones. Without a NAME
      all of them.
DIR holds series/: monthly_milk_production_pounds.csv, beijing_hourly_temp_2010_2014.csv,
beijing_daily_mean_temp_2010_2014.csv and daily_min_temperatures.csv. The last 10 % of each are the test part, the 10 %
before them validation.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEEDS = (7, 8, 9, 10, 11)


@dataclass(frozen=True)
class Case:
    """A series, how far ahead, and what is to be reached.

    Attributes:
        file: below DIR/series.
        settings: recipe keys beside the path.
        bar: in words.
    """

    file: str
    settings: tuple[str, ...]
    bar: str


MILK, HOURLY = "monthly_milk_production_pounds.csv", "beijing_hourly_temp_2010_2014.csv"
DAILY, MELBOURNE = "beijing_daily_mean_temp_2010_2014.csv", "daily_min_temperatures.csv"
BASELINES = "below every baseline"
CASES = {
    "milk": Case(MILK, ("data.horizon=1",), "below 6.08 (SARIMA)"),
    "milk_12": Case(MILK, ("data.horizon=12",), BASELINES),
    "hourly_temperature": Case(HOURLY, ("data.horizon=1",), "at most 1.25"),
    "daily_temperature": Case(DAILY, ("data.horizon=1",), BASELINES),
    "daily_temperature_7": Case(DAILY, ("data.horizon=7",), BASELINES),
    "melbourne": Case(MELBOURNE, ("data.horizon=1", "data.fill=linear"), BASELINES),
    "melbourne_7": Case(MELBOURNE, ("data.horizon=7", "data.fill=linear"), BASELINES),
    "lstm_milk": Case(MILK, ("trainer.network=lstm_milk",), "45.4 +- 3, as published"),
    "lstm_temperature": Case(HOURLY, ("trainer.network=lstm_temperature",), "1.48 +- .1, as published"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases, and recipe keys as key=value")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--workspace", type=Path, default=Path("build/forecasts"))
    arguments = parser.parse_intermixed_args()
    overrides = [name for name in arguments.names if "=" in name]
    for name in [name for name in arguments.names if "=" not in name] or list(CASES):
        runs = [run(name, seed, overrides, arguments.workspace) for seed in arguments.seeds]
        print(json.dumps(summary(name, arguments.seeds, runs), indent=1), flush=True)


def run(name: str, seed: int, overrides: list[str], workspace: Path) -> dict[str, Any]:
    """Run the recipe once; return its metrics, verdict, the seconds of the training and the evaluation's details."""
    case = CASES[name]
    folder = os.environ.get("LABLINE_TEST_DATA")
    if not folder:
        raise SystemExit("Set LABLINE_TEST_DATA to the folder that holds series/.")
    path = Path(folder) / "series" / case.file
    command = [
        sys.executable,
        "-m",
        "labline.cli.main",
        "run",
        "forecasting",
        f"name={name}",
        f"data.path={path}",
        *case.settings,
        f"trainer.seed={seed}",
        f"serving.name={name}-{seed}",
        *overrides,
        "--json",
        "--workspace",
        str(workspace),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result = json.loads(done.stdout)
    record = json.loads((Path(result["report"]).parent / "run.json").read_text())
    evaluation = workspace / record["artifacts"]["evaluation"]
    seconds = json.loads((Path(result["logs"]) / "training_time.json").read_text())["seconds"]
    details = json.loads((evaluation / "details.json").read_text())
    return {"metrics": result["metrics"], "blessed": result["blessed"], "seconds": seconds, "details": details}


def summary(name: str, seeds: list[int], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the seeds reached, and the baselines on the same windows."""
    errors = [run["metrics"]["test/rmse"] for run in runs]
    return {
        "case": name,
        "bar": CASES[name].bar,
        "seeds": seeds,
        "test RMSE": [round(error, 4) for error in errors],
        "median": round(statistics.median(errors), 4),
        "blessed": [run["blessed"] for run in runs],
        "coverage of the 80 % intervals": [round(run["metrics"]["test/coverage"], 3) for run in runs],
        "seconds of training": [round(run["seconds"]) for run in runs],
        "windows": runs[0]["details"]["windows"],
        "baselines": {row["name"]: round(row["rmse"], 4) for row in runs[0]["details"]["baselines"]},
        "p of luck against the best baseline": [run["details"]["diebold_mariano"]["p"] for run in runs],
        "from one origin": one_origin(runs),
        "by step": [round(row["rmse"], 3) for row in runs[0]["details"]["by_step"]],
    }


def one_origin(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the RMSE of the test part's first window or windows: the model's, of each seed, and the baselines'."""
    first = [run["details"]["backtest"]["origins"][0] for run in runs]
    baselines = {name: round(rmse, 4) for name, rmse in sorted(first[0]["baselines"].items(), key=lambda row: row[1])}
    return {
        "from": first[0]["first"],
        "windows": first[0]["windows"],
        "model": [round(row["rmse"], 4) for row in first],
        "baselines": baselines,
    }


if __name__ == "__main__":
    main()
