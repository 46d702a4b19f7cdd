"""The toy line as a fixture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.run_record import Run
from pipeline.settings import ROOT
from tests.support import toy_line


class ToyLine:
    """A workspace, a folder of raw numbers and the toy line to run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace, self.raw = folder, folder / "workspace", folder / "raw"
        self.raw.mkdir()
        for name, value in (("a", 3), ("b", 14), ("c", 25)):
            (self.raw / name).write_text(str(value))

    def values(self, **sections: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {"data": {"path": str(self.raw)}}
        for name, section in sections.items():
            values[name] = {**values.get(name, {}), **section}
        return values

    def run(self, fresh: set[str] | None = None, until: str = "", **sections: dict[str, Any]) -> Run:
        """Run in this process and return the run's record."""
        runner = toy_line.runner_of(self.workspace, self.values(**sections), fresh, until=until)
        self.last = runner.record
        return runner.run()

    def start(self, **sections: dict[str, Any]) -> subprocess.Popen[str]:
        """Run in a process of its own, which has printed its number when this returns."""
        command = [sys.executable, "-m", toy_line.__name__, str(self.workspace), json.dumps(self.values(**sections))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().strip() == str(process.pid), process.stderr.read()
        return process

    def statuses(self, record: Run) -> dict[str, str]:
        return {step.component: step.status for step in record.steps}

    def reasons(self, record: Run) -> dict[str, str]:
        return {step.component: step.reason for step in record.steps}


@pytest.fixture
def line(tmp_path: Path) -> ToyLine:
    return ToyLine(tmp_path)
