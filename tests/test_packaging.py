"""What is shipped is whole: the source distribution that Beam sends to its workers, and the set-up's first words."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from pipeline.settings import ROOT

PACKAGES = ("pipeline", "components", "object_detection", "data", "serving")


def test_the_source_distribution_holds_every_module_and_data_file(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(
        ROOT,
        project,
        ignore=shutil.ignore_patterns(".*", "workspace", "__pycache__", "*.egg-info", "tests", "build", "dist"),
    )
    subprocess.run(
        [sys.executable, "setup.py", "-q", "sdist", "-d", str(tmp_path)], cwd=project, check=True, capture_output=True
    )
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        shipped = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        path.relative_to(project).as_posix()
        for package in PACKAGES
        for path in (project / package).rglob("*")
        if path.suffix in (".py", ".pyi", ".c", ".yaml", ".html", ".css", ".txt")
    }
    assert len(needed) > 100
    assert needed <= shipped
    assert {"setup.py", "README.md", "LICENSE", "requirements.lock"} <= shipped


def without_python(tmp_path: Path, *programs: str) -> dict[str, str]:
    """Return a PATH that holds only these programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(found(name))
    return {"PATH": str(folder)}


def found(program: str) -> str:
    """Return where a program lies."""
    place = shutil.which(program)
    assert place is not None, program
    return place


def test_a_missing_python_is_named_in_one_sentence_before_anything_is_installed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "bootstrap.sh", tmp_path)
    answer = subprocess.run(
        [found("sh"), "bootstrap.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=without_python(tmp_path, "uname", "dirname", "df", "awk", "cksum", "cat", "cut"),
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("setup: Python 3.11 or 3.10 is missing")
    assert len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()


def test_a_missing_compiler_is_named_where_one_is_needed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "bootstrap.sh", tmp_path)
    path = without_python(tmp_path, "uname", "dirname", "df", "awk", "cksum", "cat", "cut")
    pretended = tmp_path / "bin" / "python3.10"
    pretended.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) echo 3.10;; *) exec {sys.executable} "$@";; esac\n')
    pretended.chmod(0o755)
    answer = subprocess.run(
        [found("sh"), "bootstrap.sh"], cwd=tmp_path, capture_output=True, text=True, check=False, env=path
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("setup: A C++ compiler is missing")


def test_the_compose_file_starts_the_line_the_server_and_tensorboard() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert any("tensorflow/serving" in str(service.get("image", "")) for service in services.values())
    assert len(services) == 3


def test_the_lock_pins_every_package_of_the_core(tmp_path: Path) -> None:
    text = (ROOT / "setup.py").read_text()
    core = re.findall(r'^    "([A-Za-z0-9-]+)', text.split("CORE = [")[1].split("]\n")[0], re.MULTILINE)
    pinned = {
        line.split("==")[0].split("[")[0].lower()
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    assert len(core) > 20
    assert [name for name in core if name.lower() not in pinned] == []


def test_the_project_keeps_its_promise_of_small_files_and_functions() -> None:
    for package in (*PACKAGES, "tests", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert text.count("\n") <= 420, path
            for item in ast.walk(ast.parse(text)):
                if isinstance(item, ast.FunctionDef):
                    assert (item.end_lineno or 0) - item.lineno <= 70, f"{path}: {item.name}"
