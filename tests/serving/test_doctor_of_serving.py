"""`labline doctor` says which versions are served, and what no server could serve."""

from __future__ import annotations

import os
from pathlib import Path

from labline.cli.doctor import served_models
from serving.model_config import FOLDER, register_model
from serving.running import write_running
from serving.versions_command import rollback


def test_served_versions_are_told_and_whether_a_server_runs(tmp_path: Path) -> None:
    assert served_models(tmp_path)["found"] == "nothing was pushed yet"
    for version in "12":
        (tmp_path / FOLDER / "roses" / version).mkdir(parents=True)
    register_model(tmp_path / FOLDER, "roses")
    assert served_models(tmp_path)["found"] == "roses 2; no server is running"
    rollback(tmp_path, "roses")
    write_running(tmp_path, os.getpid(), 8501, "embedded", "127.0.0.1")
    assert served_models(tmp_path)["found"] == "roses 1, rolled back; http://127.0.0.1:8501"


def test_what_no_server_could_serve_is_bad(tmp_path: Path) -> None:
    file = register_model(tmp_path / FOLDER, "empty")
    found = served_models(tmp_path)
    assert (found["status"], "no version" in found["found"]) == ("bad", True) and str(file) in found["fix"]
    file.write_text("model_config_list {")
    found = served_models(tmp_path)
    assert found["status"] == "bad" and str(file) in found["fix"]
