"""The toy line as a fixture."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOY = Path(__file__).parents[1] / "support" / "toy_line.py"


def load_toy(path: Path = TOY) -> Any:
    """Import a copy of the toy line from its file."""
    spec = importlib.util.spec_from_file_location(f"toy_line_{abs(hash(path))}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class ToyLine:
    """A workspace, a folder of raw numbers and the toy line to run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace, self.raw = folder, folder / "workspace", folder / "raw"
        self.toy = load_toy()
        self.raw.mkdir()
        for name, value in (("a", 3), ("b", 14), ("c", 25)):
            (self.raw / name).write_text(str(value))

    def values(self, **sections: dict[str, Any]) -> dict[str, Any]:
        values = {"data": {"path": str(self.raw)}}
        for name, section in sections.items():
            values[name] = {**values.get(name, {}), **section}
        return values

    def run(self, fresh: set[str] | None = None, **sections: Any) -> Any:
        """Run in this process and return the run's record."""
        runner = self.toy.runner_of(self.workspace, self.values(**sections), fresh)
        self.last = runner.record
        return runner.run()

    def start(self, **sections: Any) -> subprocess.Popen:
        """Run in a process of its own, which has printed its number when this returns."""
        command = [sys.executable, str(TOY), str(self.workspace), json.dumps(self.values(**sections))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline().strip() == str(process.pid), process.stderr.read()
        return process

    def statuses(self, record: Any) -> dict[str, str]:
        return {step.component: step.status for step in record.steps}

    def reasons(self, record: Any) -> dict[str, str]:
        return {step.component: step.reason for step in record.steps}


@pytest.fixture
def line(tmp_path) -> ToyLine:
    return ToyLine(tmp_path)
