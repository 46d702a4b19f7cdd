"""The workspace: where artifacts, runs, logs and served models lie, and how a step's folder is sealed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.artifacts import FORMAT, Artifact, damage, digest_of, read_manifest, set_aside, write_manifest
from pipeline.disk import locked, replace_text, sync
from pipeline.errors import UserError, explain_os_error
from pipeline.metadata import MetadataStore

EXECUTION = "execution.json"
MARKER = "workspace.json"


class Workspace:
    """A folder that labline owns.

    Layout: `artifacts/<component>/<fingerprint>/<output>/`, `runs/<run>/`, `logs/<recipe>/<run>/`,
    `served_models/<name>/<version>/`, `metadata.sqlite`, `locks/`.

    Args:
        path: the folder; made if it does not exist.
        to_read: nothing will be written, so that it may lie where nothing can be.

    Raises:
        UserError: it cannot be written, is no folder, or was written by a newer labline.
    """

    def __init__(self, path: Path, to_read: bool = False) -> None:
        self.path = path.expanduser().resolve()
        try:
            self.prepare()
        except OSError as error:
            raise explain_os_error(error, self.path) from None
        rebuild = not (self.path / "metadata.sqlite").exists()
        self.store = MetadataStore(self.path / "metadata.sqlite", to_read)
        if rebuild:
            self.rebuild_metadata()

    def prepare(self) -> None:
        """Make the folders of a new workspace, or check the format of an old one."""
        marker = self.path / MARKER
        if marker.is_file():
            found = json.loads(marker.read_text("utf-8")).get("format", 0)
            if found > FORMAT:
                raise UserError(
                    f"This workspace was written by a newer labline (format {found}; this one knows {FORMAT}).",
                    str(self.path),
                    "Upgrade labline, or choose another folder with --workspace. Nothing was changed.",
                )
        elif self.path.is_dir() and any(self.path.iterdir()) and not (self.path / "artifacts").is_dir():
            raise UserError(
                "This folder has files in it and is not a workspace.",
                str(self.path),
                "Choose an empty or new folder with --workspace.",
            )
        for name in ("artifacts", "runs", "logs", "served_models", "locks"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        if not marker.exists():
            replace_text(marker, json.dumps({"format": FORMAT}) + "\n")

    def folder(self, component: str, fingerprint: str) -> Path:
        """Return the folder of a sealed execution."""
        return self.path / "artifacts" / component / fingerprint

    def scratch(self, component: str, fingerprint: str) -> Path:
        """Return the folder that a step keeps across a kill."""
        return self.path / "artifacts" / component / f".{fingerprint}.scratch"

    @contextmanager
    def lock(self, component: str, fingerprint: str, waiting: Any) -> Iterator[None]:
        """Hold the lock of one execution; the kernel releases it when the process ends, however it ends.

        Args:
            waiting: called with the process number of the holder when someone else has it; empty if it has just got it.
        """
        with locked(self.path / "locks" / f"{component}-{fingerprint}", waiting):
            yield

    def sealed(self, component: str, fingerprint: str) -> dict[str, Any] | None:
        """Return the record of a sealed execution, or None where there is none."""
        path = self.folder(component, fingerprint) / EXECUTION
        try:
            record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if record["format"] > FORMAT:
            raise UserError("This step was written by a newer labline.", str(path), "Upgrade labline.")
        return record

    def damage(self, record: dict[str, Any]) -> str:
        """Say what is wrong with a sealed execution's folders; empty if nothing is."""
        folder = self.folder(record["component"], record["fingerprint"])
        for name, item in record["outputs"].items():
            try:
                wrong = damage(folder / name)
                if not wrong and read_manifest(folder / name)["digest"] != item["digest"]:
                    wrong = "its manifest was replaced"
            except UserError as error:
                wrong = error.what
            if wrong:
                return f"{name}: {wrong}"
        return ""

    def begin(self, component: str, fingerprint: str) -> Path:
        """Return an empty temporary folder beside the place where the execution will be sealed."""
        target = self.folder(component, fingerprint)
        temporary = target.with_name(f".{fingerprint}.partial")
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir(parents=True)
        return temporary

    def seal(self, temporary: Path, record: dict[str, Any], outputs: dict[str, Artifact]) -> dict[str, Any]:
        """Write manifests and the execution's record, then put the whole folder in its place by one rename."""
        created = time.time()
        for name, artifact in outputs.items():
            write_manifest(artifact, created)
            record["outputs"][name] = {
                "type": artifact.type_name,
                "digest": artifact.digest,
                "created": created,
                "properties": artifact.properties,
            }
        record["format"] = FORMAT
        (temporary / EXECUTION).write_text(json.dumps(record, indent=1, sort_keys=True), "utf-8")
        sync(temporary / EXECUTION)
        sync(temporary)
        target = self.folder(record["component"], record["fingerprint"])
        if target.exists():
            self.set_aside(target)
        temporary.rename(target)
        sync(target.parent)
        scratch = self.scratch(record["component"], record["fingerprint"])
        shutil.rmtree(scratch, ignore_errors=True)
        self.store.record(record, target)
        return record

    def set_aside(self, target: Path) -> None:
        """Move a sealed folder that is replaced or damaged out of the way.

        Of several only the newest is kept, or the newest blessed model: later ones are judged beside it.
        """
        aside = set_aside(target)
        if self.holds_blessed(aside) and not self.holds_blessed(target):
            aside = target.with_name(f".{target.name}.dropped")
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
        shutil.rmtree(target.with_name(f".{target.name}.dropped"), ignore_errors=True)

    def holds_blessed(self, folder: Path) -> bool:
        """Say whether one of the artifacts of a sealed execution is a model that was blessed."""
        return any(self.store.is_blessed(digest_of(path)) for path in folder.glob("*/"))

    def rebuild_metadata(self) -> int:
        """Fill the metadata store from the sealed executions and the runs' records; return the number of executions."""
        records = []
        for path in sorted((self.path / "artifacts").glob(f"*/[!.]*/{EXECUTION}")):
            record = json.loads(path.read_text("utf-8"))
            records.append((record["started"], path.parent, record))
        for _, folder, record in sorted(records, key=lambda item: item[0]):
            self.store.record(record, folder)
        for run in self.runs():
            self.store.begin_run(run["run"], run["recipe"], run["served"], run["started"])
            for step in run["steps"]:
                if number := self.store.execution_of(step["component"], step["fingerprint"]):
                    self.store.attribute(run["run"], step["component"], number, step["status"])
        return len(records)

    def runs(self) -> list[dict[str, Any]]:
        """Return the records of all runs, the oldest first; their paths are absolute again."""
        found = []
        for path in sorted((self.path / "runs").glob("*/run.json")):
            try:
                record = json.loads(path.read_text("utf-8"))
            except ValueError:
                continue
            if record["status"] == "running" and not alive(record["process"]):
                record["status"] = "killed"
            found.append(with_paths(record, lambda name: str(self.path / name)))
        return sorted(found, key=lambda record: record["started"])

    def save_run(self, record: dict[str, Any]) -> None:
        """Write a run's record, its paths relative to the workspace, so that it can be moved."""
        relative = with_paths(record, lambda name: str(Path(name).relative_to(self.path)))
        replace_text(self.path / "runs" / record["run"] / "run.json", json.dumps(relative, indent=1))


def with_paths(record: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Return a run's record with every path in it changed."""
    changed = record | {key: change(record[key]) for key in ("report", "logs") if record[key]}
    changed["artifacts"] = {name: change(path) for name, path in record["artifacts"].items()}
    if record["pushed"]:
        changed["pushed"] = record["pushed"] | {"path": change(record["pushed"]["path"])}
    return changed


def alive(process: int) -> bool:
    """Say whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process > 0
