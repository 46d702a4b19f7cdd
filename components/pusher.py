"""Put a blessed model where it is served, as the next version, by one rename; take it back if the running server refuses it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.artifacts import MANIFEST, Blessing, InfraBlessing, PushedModel, SavedModel, sync
from pipeline.component import Context, Out, component
from pipeline.errors import UserError
from pipeline.settings import NotFingerprinted, Settings
from serving.config import ServingConfig
from serving.model_config import drop_model, keep_model, locked, read_models
from serving.running import Running, read_running

FOLDER = "served_models"
HISTORY = "versions.json"
LARGEST_VERSION = 2**63 - 1


class PusherConfig(Settings):
    """How a model is pushed."""

    timeout: Annotated[float, NotFingerprinted()] = Field(
        120.0, gt=0, description="seconds a running server has to make the new version available"
    )


@component(always=True)
def pusher(
    saved_model: SavedModel,
    blessing: Blessing,
    infra_blessing: InfraBlessing,
    pushed_model: Out[PushedModel],
    config: PusherConfig,
    serving: ServingConfig,
    context: Context,
) -> None:
    """Copy the SavedModel to served_models/NAME/VERSION unless it is not blessed, or already the newest version.

    Raises:
        UserError: the running server could not load the new version, which was taken back; the old one still serves.
    """
    facts: dict[str, Any] = {"pushed": False, "already": False, "name": serving.name, "version": None, "path": None}
    pushed_model.properties = facts
    if refusal := why_not(blessing, infra_blessing):
        facts["reason"] = refusal
        return
    served = context.workspace / FOLDER
    base = served / serving.name
    with locked(base):
        clean_up(base)
        history = read_history(base)
        version = newest_version(base)
        if version is not None and history.get(str(version), {}).get("digest") == saved_model.digest != "":
            facts |= {"already": True, "reason": f"version {version} is this model already"}
        else:
            version = next_version(base, history)
            # known before it is there: a run that is killed in between pushes the next number, and never the same bytes twice
            history[str(version)] = {"digest": saved_model.digest, "run": context.run, "created": time.time()}
            write_history(base, history)
            copy_version(saved_model, base, version)
            facts |= {"pushed": True, "reason": "both blessings were given"}
        facts |= {"version": version, "path": f"{FOLDER}/{serving.name}/{version}"}
        config_file = keep_model(served, serving.name, serving.versions)
        if facts["pushed"] and (running := read_running(context.workspace)) is not None:
            if not is_selected(config_file, serving.name, version):
                facts["reason"] += f"; {config_file.name} pins other versions, so the running server does not take it"
                return
            facts["served_by"] = wait_for_server(running, context.workspace, serving.name, version, config.timeout)


def why_not(blessing: Blessing, infra_blessing: InfraBlessing) -> str:
    """Say which blessing is missing, and why; empty if none is."""
    if not blessing.properties.get("blessed"):
        reasons = blessing.properties.get("reasons") or []
        return "not blessed by the evaluator" + (f": {'; '.join(map(str, reasons))}" if reasons else "")
    if not infra_blessing.properties.get("blessed"):
        return f"not blessed by the infra_validator: {infra_blessing.properties.get('reason', '')}".rstrip(": ")
    return ""


def clean_up(base: Path) -> None:
    """Remove what a killed push left behind; whoever holds the lock knows that nobody is still writing it."""
    for path in base.glob(".tmp-*"):
        shutil.rmtree(path, ignore_errors=True)


def read_history(base: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of each version ever pushed; a file that cannot be read is worth nothing."""
    try:
        history = json.loads((base / HISTORY).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return history if isinstance(history, dict) else {}


def write_history(base: Path, history: dict[str, dict[str, Any]]) -> None:
    temporary = base / f".{HISTORY}-{os.getpid()}"
    temporary.write_text(json.dumps(history, indent=1, sort_keys=True) + "\n", "utf-8")
    sync(temporary)
    temporary.rename(base / HISTORY)


def newest_version(base: Path) -> int | None:
    """Return the highest version there is; names that are no number are somebody else's."""
    return max((int(path.name) for path in base.iterdir() if is_version(path.name) and path.is_dir()), default=None)


def next_version(base: Path, history: dict[str, Any]) -> int:
    """Return a number above every version there is or ever was, so that no number means two models."""
    used = [int(name) for name in history if is_version(name)]
    return max([0, newest_version(base) or 0, *used]) + 1


def is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) <= LARGEST_VERSION


def copy_version(saved_model: SavedModel, base: Path, version: int) -> None:
    """Copy under a name that servers ignore, flush it to the disk, and rename it into place."""
    temporary = base / f".tmp-{version}-{os.getpid()}"
    try:
        shutil.copytree(
            saved_model.path, temporary, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns(MANIFEST)
        )
        for path in [*temporary.rglob("*"), temporary]:
            sync(path)
        temporary.rename(base / str(version))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(base)


def is_selected(config_file: Path, name: str, version: int) -> bool:
    """Say whether the version policy, which the user may have written, lets a version be served."""
    config = next(model for model in read_models(config_file) if model.name == name)
    on_disk = {int(path.name) for path in Path(config.base_path).iterdir() if is_version(path.name)}
    return version in config.select(on_disk)


def wait_for_server(running: Running, workspace: Path, name: str, version: int, timeout: float) -> str | None:
    """Wait until the running server says AVAILABLE, and return its engine; None if it was stopped meanwhile.

    Raises:
        UserError: it could not load the version, or not in time, and the version was taken back.
    """
    from serving.client import Client, ServerError

    deadline = time.monotonic() + timeout
    with Client(running.url, timeout=10) as client:
        while True:
            try:
                client.wait_until_available(name, version, timeout=1.0)
                return running.engine
            except ServerError as error:
                if read_running(workspace) is None:
                    return None
                if time.monotonic() < deadline and not error.final:
                    continue
                rejected = take_back(workspace / FOLDER, name, version, error.what)
                raise UserError(
                    f"The running server did not take version {version} of `{name}`, so it was taken back: {error.what}",
                    str(rejected),
                    "The version before goes on serving. Look at the server's log, or stop the server and run the same command again.",
                ) from error


def take_back(served: Path, name: str, version: int, reason: str) -> Path:
    """Move a version to a name that servers ignore, and remember why."""
    base = served / name
    rejected = base / f".rejected-{version}"
    shutil.rmtree(rejected, ignore_errors=True)
    (base / str(version)).rename(rejected)
    history = read_history(base)
    history.setdefault(str(version), {})["rejected"] = reason
    write_history(base, history)
    if newest_version(base) is None:
        drop_model(served, name)
    return rejected
