"""`labline doctor` names what is wrong even where the thing that is wrong says nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labline.cli.doctor import devices


def test_a_processor_that_tensorflow_was_not_built_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -ILL $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    found = devices()
    assert (found["status"], found["found"]) == ("bad", "the import ended its process with status -4")
