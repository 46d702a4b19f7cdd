"""The whole line on handwritten digits, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import ROOT
from tests.conftest import DigitsLine
from tests.support.light import loaded_by

STEPS = [
    "example_gen",
    "statistics_gen",
    "schema_gen",
    "example_validator",
    "trainer",
    "evaluator",
    "exporter",
    "infra_validator",
    "pusher",
]


def statuses(record: dict[str, Any]) -> dict[str, str]:
    return {step["component"]: step["status"] for step in record["steps"]}


def test_one_command_leads_from_pictures_to_a_blessed_and_pushed_model(digits_line: DigitsLine) -> None:
    command, record = digits_line
    assert list(statuses(record)) == STEPS
    assert set(statuses(record).values()) == {"ran"}
    assert record["blessed"] is True
    assert record["metrics"]["test/accuracy"] > 0.8
    assert record["pushed"]["name"] == "digits" and record["pushed"]["version"] == 1
    assert (Path(record["pushed"]["path"]) / "saved_model.pb").is_file()
    assert "models.config" in [path.name for path in (command.workspace / "served_models").iterdir()]
    assert list(Path(record["logs"]).rglob("events.out.tfevents*"))


def test_the_report_is_one_page_that_loads_nothing_from_elsewhere(digits_line: DigitsLine) -> None:
    page = Path(digits_line[1]["report"]).read_text()
    assert "digits" in page and "trainer" in page and "data:image/png" in page
    assert 'src="http' not in page and '<link rel="stylesheet"' not in page and "@import" not in page


def test_a_second_run_reuses_everything_without_loading_tensorflow_or_beam(digits_line: DigitsLine) -> None:
    command, first = digits_line
    code = (
        f"import sys, json; sys.argv = ['labline', 'run', 'image_classification', *{command.DIGITS!r}, '--json']\n"
        "from labline.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'tensorflow_data_validation', 'tfx_bsl', 'matplotlib'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    environment = os.environ | command.environment | {"LABLINE_WORKSPACE": str(command.workspace)}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    printed, status, modules = answer.stdout.splitlines()
    record = json.loads(printed)
    assert statuses(record) == dict.fromkeys(STEPS, "reused") | {"pusher": "ran"}
    assert record["metrics"] == first["metrics"]
    assert (status, modules) == ("0", "[]")
    assert Path(record["report"]).stat().st_size > 10_000
    versions = [path for path in (command.workspace / "served_models" / "digits").iterdir() if path.name.isdigit()]
    assert len(versions) == 1


def test_questions_after_a_run_are_answered(digits_line: DigitsLine) -> None:
    command, record = digits_line
    assert record["run"] in command("runs").stdout
    assert "test/accuracy" in command("show", record["run"]).stdout
    assert "trainer.epochs" in command("why", "trainer").stdout
    assert "example_gen" in command("lineage", "digits/1").stdout
    assert command("report").stdout.strip().endswith("report.html")


def test_the_pushed_model_is_served_asked_and_stopped(digits_line: DigitsLine, digits_data: Path) -> None:
    command, _ = digits_line
    server = command.start("serve", "--engine", "embedded", "--port", "0", "--grpc-port", "0")
    try:
        deadline = time.monotonic() + 120
        while (
            not (command.workspace / "serving.json").exists() and time.monotonic() < deadline and server.poll() is None
        ):
            time.sleep(0.1)
        images = [sorted((digits_data / "digits" / name).glob("*.png"))[0] for name in ("0", "1")]
        answers = json.loads(command("predict", "digits", *images, "--json").stdout)
        assert [answer["label"] for answer in answers] == ["0", "1"]
        assert "(0 0." in command("predict", "digits", *images).stdout
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0
    asked = command("predict", "digits", images[0], check=False)
    assert asked.returncode == 1 and "labline serve" in asked.stderr


@pytest.mark.slow
def test_asking_for_a_blessing_that_is_not_given_ends_with_4(digits_line: DigitsLine) -> None:
    command, _ = digits_line
    threshold = "evaluator.thresholds={test/accuracy: 0.9999}"
    answer = command("run", "image_classification", *command.DIGITS, threshold, "--require-blessing", check=False)
    assert answer.returncode == 4
    assert "NOT blessed" in answer.stdout and "0.9999" in answer.stdout


def test_bad_data_stop_the_run_with_3_and_a_report_that_names_them(
    digits_line: DigitsLine, digits_data: Path, tmp_path: Path
) -> None:
    command, _ = digits_line
    images = tmp_path / "photos"
    for name in ("0", "1", "2"):
        (images / name).mkdir(parents=True)
        for image in sorted((digits_data / "digits" / name).glob("*.png"))[:20]:
            shutil.copy(image, images / name)
    for number in range(6):
        (images / "0" / f"broken{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n not really")
    answer = command("run", "image_classification", f"data.path={images}", "--json", check=False)
    record = json.loads(answer.stdout)
    assert answer.returncode == 3
    assert statuses(record)["example_validator"] == "ran" and "trainer" not in statuses(record)
    assert "broken0.png" in Path(record["report"]).read_text()
    assert len(list(images.rglob("*"))) == 3 + 60 + 6


@pytest.mark.slow
def test_a_run_killed_at_several_moments_ends_in_the_same_state(
    tmp_path: Path, digits_line: DigitsLine, digits_data: Path
) -> None:
    undisturbed = digits_line[1]
    command = type(digits_line[0])(tmp_path / "workspace", {"LABLINE_DATA_DIR": str(digits_data)})
    killed_in = set()
    for delay in (1.5, 4, 9, 14, 20, 24, 28):
        process = command.start("run", "image_classification", *command.DIGITS)
        time.sleep(delay)
        if process.poll() is None:
            killed_in |= {path.parent.name for path in command.workspace.glob("artifacts/*/.*.partial")}
        process.kill()
        process.communicate()
    assert len(killed_in) >= 2, "the kills hit too few steps to show anything"
    record = command.run()
    assert record["metrics"] == undisturbed["metrics"]
    assert {step["component"]: step["fingerprint"] for step in record["steps"]} == {
        step["component"]: step["fingerprint"] for step in undisturbed["steps"]
    }


@pytest.mark.slow
def test_two_runs_at_once_both_succeed_and_do_the_work_once(
    tmp_path: Path, digits_line: DigitsLine, digits_data: Path
) -> None:
    command = type(digits_line[0])(tmp_path / "workspace", {"LABLINE_DATA_DIR": str(digits_data)})
    processes = [command.start("run", "image_classification", *command.DIGITS, "--json") for _ in range(2)]
    outputs = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    records = [json.loads(out) for out, _ in outputs]
    for step in STEPS[:-1]:
        assert sorted(statuses(record)[step] for record in records) == ["ran", "reused"]
    versions = [path for path in (command.workspace / "served_models" / "digits").iterdir() if path.name.isdigit()]
    assert len(versions) == 1


@pytest.mark.slow
def test_editing_a_network_reruns_only_the_steps_that_use_it(
    tmp_path: Path, digits_line: DigitsLine, digits_data: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(
        ROOT, project, ignore=shutil.ignore_patterns(".venv", ".git", "workspace", "__pycache__", "*.egg-info")
    )
    environment = os.environ | {
        "LABLINE_DATA_DIR": str(digits_data),
        "LABLINE_WORKSPACE": str(tmp_path / "workspace"),
        "PYTHONPATH": str(project),
    }

    def run() -> dict[str, Any]:
        words = [
            sys.executable,
            "-m",
            "labline.cli.main",
            "run",
            "image_classification",
            *digits_line[0].DIGITS,
            "--json",
        ]
        answer = subprocess.run(words, capture_output=True, text=True, check=True, env=environment, cwd=project)
        record: dict[str, Any] = json.loads(answer.stdout)
        return record

    run()
    network = project / "components" / "networks" / "dense.py"
    network.write_text(network.read_text() + "\n# a remark\n")
    assert statuses(run())["trainer"] == "reused"
    assert '"relu"' in network.read_text()
    network.write_text(network.read_text().replace('"relu"', '"tanh"'))
    second = run()
    assert [name for name, status in statuses(second).items() if status == "reused"] == STEPS[:4]
    assert "components/networks/dense.py" in next(
        step["reason"] for step in second["steps"] if step["component"] == "trainer"
    )


def test_runs_and_a_run_in_which_all_is_reused_load_nothing_heavy(digits_line: DigitsLine) -> None:
    command, _ = digits_line
    environment = {**command.environment, "LABLINE_WORKSPACE": str(command.workspace)}
    assert loaded_by("runs", **environment) == (0, "[]")
    assert loaded_by("run", "image_classification", *command.DIGITS, "--json", **environment) == (0, "[]")
