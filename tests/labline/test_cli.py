"""The command line: quick where nothing is computed, strict about its arguments, JSON where asked."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from components.recipes import load
from tests.pipeline.conftest import ToyLine

NAMES = ("name", "serving.name")  # both come from the folder


def labline(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "labline.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_help_takes_less_than_half_a_second_of_cpu() -> None:
    # processor time, not the clock: a busy machine does not change it much
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = labline("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert answer.returncode == 0 and "run" in answer.stdout
    assert spent < 0.5


def test_configuration_errors_load_neither_tensorflow_nor_beam() -> None:
    code = (
        "import sys; sys.argv = ['labline', 'run', 'image_classification', 'trainer.network=nothing']\n"
        "from labline.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'tensorflow_data_validation', 'matplotlib', 'pandas'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.stdout.splitlines() == ["2", "[]"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "nothing"], 2, "There is no recipe `nothing`"),
        (["run"], 2, "RECIPE"),
        (["run", "image_classification", "data.path=/no/such/folder"], 1, "/no/such/folder"),
        (["run", "image_classification", "trainer.epochs=0"], 2, "trainer.epochs"),
        (["run", "image_classification", "--fresh", "trainr"], 2, "Did you mean `trainer`?"),
        (["runs"], 1, "There is no workspace here"),
        (["dance"], 2, "dance"),
    ],
)
def test_exit_status_tells_whose_mistake_it_was(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    answer = labline(*arguments, LABLINE_WORKSPACE=str(tmp_path / "workspace"), LABLINE_DATA_DIR=str(tmp_path / "data"))
    assert answer.returncode == status, answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_failed_run_with_json_still_prints_one_json_object(tmp_path: Path) -> None:
    answer = labline(
        "run",
        "image_classification",
        "data.path=/no/such/folder",
        "--json",
        LABLINE_WORKSPACE=str(tmp_path / "workspace"),
    )
    record = json.loads(answer.stdout)
    assert "/no/such/folder" in record["error"]


def test_recipe_show_prints_every_value_with_its_origin() -> None:
    shown = json.loads(labline("recipe", "show", "image_classification", "trainer.seed=3", "--json").stdout)
    assert shown["trainer.seed"] == {"value": 3, "origin": "command line"}
    assert shown["data.path"] == {"value": "digits", "origin": "image_classification.yaml line 7"}
    assert "meaning" in labline("recipe", "show", "image_classification").stdout.splitlines()[0]


def test_new_makes_a_recipe_that_loads_with_the_same_values_and_a_network_of_ones_own(tmp_path: Path) -> None:
    project = tmp_path / "birds"
    assert labline("new", project).returncode == 0
    mine, shipped = load(str(project / "recipe.yaml")), load("image_classification")
    same = {key: value for key, (value, _) in mine.values.items() if key not in NAMES}
    assert same == {key: value for key, (value, _) in shipped.values.items() if key not in NAMES}
    assert load(str(project), [f"trainer.network={project}/my_network.py"]).recipe.trainer.epochs == 10
    assert labline("new", project).returncode == 1


def test_uncommenting_every_line_of_a_new_recipe_gives_the_same_values(tmp_path: Path) -> None:
    project = tmp_path / "birds"
    labline("new", project)
    lines = (project / "recipe.yaml").read_text().splitlines()
    (project / "recipe.yaml").write_text("\n".join([lines[0], *(line.removeprefix("# ") for line in lines[1:])]))
    mine, shipped = load(str(project)), load("image_classification")
    assert {key: value for key, (value, _) in mine.values.items() if key not in NAMES} == {
        key: value for key, (value, _) in shipped.values.items() if key not in NAMES
    }


def test_the_catalogue_is_listed() -> None:
    names = {entry["name"] for entry in json.loads(labline("data", "list", "--json").stdout)}
    assert {"digits", "mnist", "fashion_mnist", "cifar10", "cifar100"} <= names


def test_doctor_finds_this_machine_fit(tmp_path: Path) -> None:
    answer = labline("doctor", "--json", "--workspace", tmp_path / "none")
    found = {item["what"]: item for item in json.loads(answer.stdout)}
    assert found.keys() >= {"python", "tensorflow", "GPU", "disk", "serving"}
    assert answer.returncode == 0
    for name in ("python", "tensorflow", "keras", "apache-beam", "tensorflow-data-validation"):
        assert found[name]["status"] == "good", found[name]


def test_the_home_folder_may_be_written_as_a_tilde(line: ToyLine, tmp_path: Path) -> None:
    line.run()
    answer = labline("runs", "--workspace", f"~/{line.workspace.name}", HOME=str(line.workspace.parent))
    assert answer.returncode == 0 and line.last.run in answer.stdout
    assert labline("runs", HOME=str(line.workspace.parent), LABLINE_WORKSPACE="~/workspace").stdout == answer.stdout


def test_tensorboard_opens_on_the_logs_of_a_workspace(line: ToyLine) -> None:
    line.run()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "labline.cli.main",
        "tensorboard",
        "--workspace",
        str(line.workspace),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as board:
        try:
            for _ in range(300):
                assert board.poll() is None, board.stderr and board.stderr.read()
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/environment", timeout=20) as answer:
                        assert json.load(answer)["data_location"] == str(line.workspace / "logs")
                        return
                except OSError:
                    time.sleep(0.2)
            pytest.fail("TensorBoard does not answer")
        finally:
            board.kill()


def test_ctrl_c_ends_the_demo_as_it_ends_a_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labline.cli.demo", "digits"]
    environment = os.environ | {"LABLINE_WORKSPACE": str(tmp_path / "workspace")}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started without it
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True
    ) as demo:
        while not list(tmp_path.glob("workspace/runs/*/run.json")):
            time.sleep(0.05)
            assert demo.poll() is None
        demo.send_signal(signal.SIGINT)
        assert demo.stderr is not None
        said = demo.stderr.read()
    assert demo.returncode == 130 and "The same command carries on" in said and "Traceback" not in said


def test_a_new_project_in_a_folder_of_any_name_has_a_recipe_that_loads(tmp_path: Path) -> None:
    for folder, name in (("2024", "2024"), ("my birds", "my_birds"), ("été", "_t_")):
        labline("new", tmp_path / folder)
        assert load(str(tmp_path / folder)).recipe.name == name


def test_a_closed_pipe_is_no_error_and_wrong_usage_is_told_with_2(tmp_path: Path) -> None:
    code = f"{sys.executable} -m labline.cli.main recipe show image_classification | head -1; echo ${{PIPESTATUS[0]}}"
    answer = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert answer.stdout.splitlines()[-1] == "0" and answer.stderr == ""
    assert labline("run", "--no-such-option").returncode == 2


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    arguments = ("run", "image_classification", "data.path=/no/such/folder", "--workspace", tmp_path / "workspace")
    assert "Traceback" in labline(*arguments, "--debug").stderr
    assert "Traceback" not in labline(*arguments).stderr


def test_ctrl_c_says_that_the_same_command_carries_on(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, threading; sys.argv = ['labline', 'run', 'digits', '--workspace', sys.argv[1]]\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs are started without it
        "threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "from labline.cli.main import main\nmain()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w")], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 130
    assert "The same command carries on" in answer.stderr
