"""The whole line on a series, as a user runs it: from a CSV to a served forecaster that beats every naive forecast."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from tests.conftest import CommandLine

ForecastingLine: TypeAlias = tuple[CommandLine, dict[str, Any], Path]

SETTINGS = (
    "name=tides",
    "data.horizon=2",
    "data.history=24",
    "data.season=12",
    "trainer.network=lstm",
    "trainer.options.units=[16]",
    "trainer.epochs=40",
    "trainer.optimizer.learning_rate=0.005",
    "trainer.optimizer.schedule=cosine",
)


def write_series(path: Path, rows: int) -> Path:
    """Write hourly values whose next ones follow from the last in a way that no straight line or season does.

    A logistic map: chaotic, so that naive forecasts are helpless, but its next value is a parabola of the last.
    """
    values = [0.4]
    for _ in range(rows - 1):
        values.append(3.7 * values[-1] * (1 - values[-1]))
    times = np.datetime64("2020-01-01T00:00") + np.arange(rows).astype("timedelta64[h]")
    lines = [f"{time};{100 * value:.4f}".replace(".", ",") for time, value in zip(times, values, strict=True)]
    path.write_text("Zeit;Pegel\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def forecasting_line(tmp_path_factory: pytest.TempPathFactory, command_line: type[CommandLine]) -> ForecastingLine:
    """A workspace with one finished run, that run's JSON, and the file."""
    folder = tmp_path_factory.mktemp("tides")
    command = command_line(folder / "workspace")
    file = write_series(folder / "pegel.csv", 1200)
    return command, run(command, file), file


def run(command: CommandLine, file: Path, *overrides: str) -> dict[str, Any]:
    answer = command("run", "forecasting", f"data.path={file}", *SETTINGS, *overrides, "--json")
    record: dict[str, Any] = json.loads(answer.stdout)
    return record


def test_one_command_leads_from_a_series_to_a_pushed_forecaster_that_beats_every_baseline(
    forecasting_line: ForecastingLine,
) -> None:
    _, record, _ = forecasting_line
    assert record["blessed"] is True, record
    assert record["pushed"]["name"] == "tides" and (Path(record["pushed"]["path"]) / "saved_model.pb").is_file()
    assert record["metrics"].keys() >= {"test/rmse", "test/mae", "test/mase", "test/smape", "test/coverage"}


def test_the_report_draws_the_series_and_names_every_baseline(forecasting_line: ForecastingLine) -> None:
    page = Path(forecasting_line[1]["report"]).read_text()
    for name in ("last value", "seasonal naive", "drift", "Holt-Winters", "SARIMA", "Diebold-Mariano", "Backtest"):
        assert name in page
    assert page.count("<svg") > 8 and "data:image/png" in page
    assert 'src="http' not in page and "@import" not in page


def test_a_second_run_reuses_everything_without_loading_tensorflow_beam_or_statsmodels(
    forecasting_line: ForecastingLine,
) -> None:
    command, _, file = forecasting_line
    code = (
        f"import sys; sys.argv = ['labline', 'run', 'forecasting', 'data.path={file}', *{SETTINGS!r}, '--json']\n"
        "from labline.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'statsmodels', 'pandas', 'matplotlib'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    environment = os.environ | {"LABLINE_WORKSPACE": str(command.workspace)}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    printed, status, modules = answer.stdout.splitlines()
    steps = {step["component"]: step["status"] for step in json.loads(printed)["steps"]}
    assert (
        set(steps.values()) == {"reused", "ran"} and steps.pop("pusher") == "ran" and set(steps.values()) == {"reused"}
    )
    assert (status, modules) == ("0", "[]")


def test_the_served_forecaster_is_asked_with_a_file_and_prints_a_table(forecasting_line: ForecastingLine) -> None:
    command, _, file = forecasting_line
    server = command.start("serve", "--engine", "embedded", "--port", "0", "--grpc-port", "0")
    try:
        deadline = time.monotonic() + 120
        while (
            not (command.workspace / "serving.json").exists() and time.monotonic() < deadline and server.poll() is None
        ):
            time.sleep(0.1)
        answer = json.loads(command("predict", "tides", file, "--json").stdout)[0]
        assert answer["times"] == ["2020-02-20T00:00", "2020-02-20T01:00"]
        last = float(file.read_text().splitlines()[-1].split(";")[1].replace(",", ".")) / 100
        assert answer["forecast"][0][0] == pytest.approx(370 * last * (1 - last), abs=6)
        assert answer["lower"][0][0] < answer["forecast"][0][0] < answer["upper"][0][0]
        table = command("predict", "tides", file).stdout
        assert "forecast" in table and "80 % from" in table and "2020-02-20T01:00" in table
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0


def test_gaps_stop_the_run_with_their_lines_and_the_setting_that_fills_them(
    forecasting_line: ForecastingLine, tmp_path: Path
) -> None:
    command, _, file = forecasting_line
    lines = file.read_text().splitlines(keepends=True)
    gappy = tmp_path / "gappy.csv"
    gappy.write_text("".join(lines[:500] + lines[503:]))
    refused = command("run", "forecasting", f"data.path={gappy}", *SETTINGS, check=False)
    assert refused.returncode == 1
    assert "gappy.csv, line 501" in refused.stderr and "data.fill=linear" in refused.stderr


def test_a_model_that_only_repeats_the_last_value_is_not_blessed_and_is_told_so(
    forecasting_line: ForecastingLine,
) -> None:
    command, _, file = forecasting_line
    answer = command(
        "run",
        "forecasting",
        f"data.path={file}",
        *SETTINGS,
        "trainer.epochs=1",
        "trainer.optimizer.learning_rate=0.000001",
        "--require-blessing",
        check=False,
    )
    assert answer.returncode == 4
    assert "NOT blessed" in answer.stdout and "No better than" in answer.stdout
