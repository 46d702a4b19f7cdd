"""`labline doctor`: what this machine and workspace have, what is wrong with them, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.artifacts import hash_file, list_files, read_manifest
from pipeline.errors import UserError, install_extra

NEEDED = {
    "tensorflow": "2.16",
    "keras": "3.",
    "apache-beam": "2.",
    "tensorflow-data-validation": "1.16",
    "tensorflow-serving-api": "2.16",
    "numpy": "1.26",
    "protobuf": "4.",
}
OPTIONAL = {
    "tf-models-official": f"For object detection. {install_extra('detection')}",
    "tensorflow-datasets": f"For data.path=tfds:NAME. {install_extra('tfds')}",
}
DISK_GIGABYTES = 5


def examine(workspace: Path, verify: bool = False) -> Iterator[dict[str, str]]:
    """Look at everything a run needs, one thing after the other: some take seconds.

    Args:
        verify: hash the files of every sealed artifact and compare them with the manifests.

    Yields:
        findings with `what`, `status` (`good`, `note`, `bad`), `found` and `fix`.
    """
    yield python_version()
    yield from packages()
    yield disk(workspace)
    yield data_folder()
    yield serving_engines()
    yield json_reader()
    if workspace.exists():
        yield served_models(workspace)
        yield workspace_state(workspace, verify)
    yield devices()


def finding(what: str, status: str, found: str, fix: str = "") -> dict[str, str]:
    """Make one line of the examination."""
    return {"what": what, "status": status, "found": found, "fix": fix}


def python_version() -> dict[str, str]:
    """Check the interpreter."""
    good = sys.version_info[:2] in ((3, 10), (3, 11))
    return finding(
        "python",
        "good" if good else "bad",
        platform.python_version(),
        "" if good else "Use Python 3.11 or 3.10: `make setup`.",
    )


def packages() -> list[dict[str, str]]:
    """Check that the packages are there, in versions that were tested together."""
    found = []
    for name, wanted in NEEDED.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(finding(name, "bad", "not installed", "`make setup`"))
            continue
        good = version.startswith(wanted)
        found.append(
            finding(
                name,
                "good" if good else "bad",
                version,
                "" if good else f"Version {wanted}* was tested: `make setup` installs it",
            )
        )
    for name, use in OPTIONAL.items():
        try:
            found.append(finding(name, "good", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append(finding(name, "note", "not installed", f"Needed for {use}"))
    return found


def devices() -> dict[str, str]:
    """Ask TensorFlow, in a process of its own, for its GPUs; say which library fails if only the driver has one."""
    code = "import tensorflow as tf; print(','.join(d.name for d in tf.config.list_physical_devices('GPU')))"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    if answer.returncode:
        # a processor without AVX ends the process without a word
        said = answer.stderr.strip().splitlines() or [f"the import ended its process with status {answer.returncode}"]
        return finding("tensorflow imports", "bad", said[-1][:200], "`make setup` installs the tested set.")
    seen = answer.stdout.strip()
    if seen:
        return finding("GPU", "good", seen)
    if not shutil.which("nvidia-smi") and not Path("/dev/nvidia0").exists():
        return finding("GPU", "note", "none; training uses the CPU")
    failed = sorted(
        {
            word.strip("'\";,")
            for line in answer.stderr.splitlines()
            for word in line.split()
            if ".so" in word and "Could not" in line
        }
    )
    # tensorflow#63362: with [and-cuda] the wheels' folders are not always searched
    return finding(
        "GPU",
        "bad",
        f"the driver has one, TensorFlow does not see it{': ' + ', '.join(failed) if failed else ''}",
        "sh bootstrap.sh dev,gpu; if that is done: export LD_LIBRARY_PATH=$(python -c "
        '\'import glob, nvidia; print(":".join(glob.glob(nvidia.__path__[0] + "/*/lib")))\')',
    )


def disk(workspace: Path) -> dict[str, str]:
    """Check the free space where the workspace is."""
    place = workspace.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return finding(
        "disk",
        "good" if free >= DISK_GIGABYTES else "bad",
        f"{free:.0f} GB free at {place}",
        "" if free >= DISK_GIGABYTES else "Free some space.",
    )


def data_folder() -> dict[str, str]:
    """Say where downloads go."""
    place = os.environ.get("LABLINE_DATA_DIR")
    return finding(
        "data", "good", f"LABLINE_DATA_DIR={place}" if place else "~/.cache/labline/data (LABLINE_DATA_DIR changes it)"
    )


def json_reader() -> dict[str, str]:
    """Say how the embedded server reads pictures that are sent as JSON numbers."""
    from serving.server.rest.plain_numbers import COMPILED

    if COMPILED:
        return finding("JSON numbers", "good", "large bodies are read by compiled code")
    return finding(
        "JSON numbers",
        "note",
        "large bodies take twice as long to read: the reader's compiled part was not built",
        "Install gcc and Python.h (Debian, Ubuntu: apt-get install gcc python3-dev), remove .venv/.labline-*, "
        "`make setup`.",
    )


def serving_engines() -> dict[str, str]:
    """Say which server `labline serve` would start."""
    from serving.tensorflow_serving import choose_engine

    engine, why = choose_engine("auto")
    return finding("serving", "good", f"{engine}: {why}")


def served_models(workspace: Path) -> dict[str, str]:
    """Say which models are served and by whom, and what of them no server could serve."""
    from serving.model_config import FILE_NAME, FOLDER, own_policy_of, read_models, versions_on_disk
    from serving.running import read_running

    folder, running, told = workspace / FOLDER, read_running(workspace), []
    if not (folder / FILE_NAME).exists():
        return finding("served models", "good", "nothing was pushed yet")
    try:
        models = read_models(folder / FILE_NAME)
    except UserError as error:
        return finding("served models", "bad", error.what, f"Mend {error.where}, or delete it and push again.")
    for model in models:
        versions = model.select(versions_on_disk(Path(model.base_path)))
        if not versions:
            problem = f"model `{model.name}` has no version to serve, so no server would start"
            return finding("served models", "bad", problem, f"Push one, or take its entry out of {folder / FILE_NAME}.")
        own = own_policy_of(folder, model.name)
        back = ", rolled back" if own is not None and own.rolled_back else ""
        told.append(f"{model.name} {', '.join(map(str, sorted(versions)))}{back}")
    return finding("served models", "good", f"{'; '.join(told)}; {running.url if running else 'no server is running'}")


def workspace_state(workspace: Path, verify: bool) -> dict[str, str]:
    """Check the workspace's format, permissions and sealed artifacts."""
    from pipeline.workspace import EXECUTION, Workspace

    try:
        opened = Workspace(workspace)
    except UserError as error:
        return finding("workspace", "bad", error.what, error.fix)
    damaged, count = [], 0
    for path in sorted((opened.path / "artifacts").glob(f"*/[!.]*/{EXECUTION}")):
        record = json.loads(path.read_text("utf-8"))
        count += 1
        wrong = opened.damage(record) or (verify and deep_damage(path.parent, record))
        if wrong:
            damaged.append(f"{record['component']} {record['fingerprint'][:6]}: {wrong}")
    if damaged:
        return finding(
            "workspace",
            "bad",
            "; ".join(damaged[:5]),
            "Run the recipe again: damaged steps run anew, the damaged folders are kept aside.",
        )
    return finding("workspace", "good", f"{count} sealed steps, {len(opened.runs())} runs in {opened.path}")


def deep_damage(folder: Path, record: dict[str, Any]) -> str:
    """Compare the contents of every file with the manifest."""
    for name in record["outputs"]:
        sealed = {entry["path"]: entry["sha256"] for entry in read_manifest(folder / name)["files"]}
        for path in list_files(folder / name):
            relative = path.relative_to(folder / name).as_posix()
            if sealed.get(relative) != hash_file(path):
                return f"{name}/{relative} was changed"
    return ""


def show_finding(item: dict[str, str]) -> None:
    """Print a finding, and the mend below it if it needs one."""
    signs = {"good": "ok ", "note": "-  ", "bad": "BAD"}
    print(f"{signs[item['status']]} {item['what']:28} {item['found']}", flush=True)
    if item["fix"]:
        print(f"{'':32} {item['fix']}", flush=True)
