"""Fixtures that several folders use: the real data sets, and one whole run on handwritten digits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


LONGEST = (
    "test_whole_forecasting_line",
    "test_whole_line",
    "test_detector_training",
    "test_trainer_resume",
    "test_trainer",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that at the end no process waits for another one's."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets."""
    folder = os.environ.get("LABLINE_TEST_DATA")
    if not folder:
        pytest.skip("real data sets are needed: set LABLINE_TEST_DATA to their folder")
    return Path(folder)


@dataclass
class CommandLine:
    """Runs `labline` in processes of its own, in one workspace."""

    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)

    # small enough for a test, and still above chance
    DIGITS: ClassVar[tuple[str, ...]] = (
        "trainer.network=dense",
        "trainer.options.layers=[64]",
        "trainer.epochs=8",
        "trainer.batch_size=64",
        "name=digits",
    )

    def __call__(self, *arguments: Any, check: bool = True) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        if check and process.returncode:
            raise AssertionError(f"labline {arguments} ended with {process.returncode}:\n{out}\n{err}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "labline.cli.main", *map(str, arguments)]
        environment = os.environ | {"LABLINE_WORKSPACE": str(self.workspace)} | self.environment
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def run(self, *overrides: str) -> dict[str, Any]:
        """Run the digits recipe and return what `--json` prints."""
        record: dict[str, Any] = json.loads(
            self("run", "image_classification", *self.DIGITS, *overrides, "--json").stdout
        )
        return record


DigitsLine: TypeAlias = tuple[CommandLine, dict[str, Any]]


@pytest.fixture(scope="session")
def digits_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that starts empty, as a new user's."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def digits_line(tmp_path_factory: pytest.TempPathFactory, digits_data: Path) -> DigitsLine:
    """A workspace with one finished run on handwritten digits, and that run's JSON."""
    command = CommandLine(tmp_path_factory.mktemp("digits") / "workspace", {"LABLINE_DATA_DIR": str(digits_data)})
    return command, command.run()


@pytest.fixture(scope="session")
def command_line() -> type[CommandLine]:
    """Return a function that makes a command line for a workspace."""
    return CommandLine
