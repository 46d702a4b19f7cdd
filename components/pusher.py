"""Put a blessed model where it is served, as the next version, by one rename.

It is taken back if the running server refuses it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.config import PusherConfig
from pipeline.artifacts import MANIFEST, Blessing, InfraBlessing, PushedModel, SavedModel
from pipeline.component import Context, Out, component
from pipeline.disk import replace_text, sync
from pipeline.errors import UserError
from pipeline.facts import PushedFacts
from serving.config import BatchingConfig, ServingConfig
from serving.model_config import (
    FILE_NAME,
    FOLDER,
    ModelConfig,
    Snapshot,
    drop_model,
    ensure_server_files,
    is_version,
    locked_folder,
    own_policy_of,
    read_models,
    register_model,
    restore_model,
    take_snapshot,
    version_folders,
    versions_on_disk,
)
from serving.running import read_running
from serving.version_batching import write_version_batching

HISTORY = "versions.json"
SILENT_SECONDS = 5.0  # a server elsewhere that gives no answer for so long is not there


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
    if not serving.name:
        raise UserError(
            "The served model has no name.", "serving.name", "Give one; in a recipe, its own is the default."
        )
    if refusal := why_not(blessing, infra_blessing):
        refused = PushedFacts(pushed=False, already=False, name=serving.name, version=None, path=None, reason=refusal)
        pushed_model.write_facts(refused)
        return
    base = context.workspace / FOLDER / serving.name
    check_logging(serving, context.workspace)
    with locked_folder(base):
        clean_up(base)
        version, facts = place(saved_model, base, context.run, serving.batching)
        before = take_snapshot(base.parent, serving.name)
        facts = facts.model_copy(update={"reason": facts.reason + keep_served(base, serving, facts.pushed)})
        model = next(model for model in read_models(base.parent / FILE_NAME) if model.name == serving.name)
        if not read_history(base)[str(version)].get("confirmed"):
            server = find_server(context.workspace, serving.url)
            facts = facts.model_copy(update=confirm(model, version, server, config.timeout, facts.reason, before))
    pushed_model.write_facts(facts)


def check_logging(serving: ServingConfig, workspace: Path) -> None:
    """Raise UserError if requests are to be logged by a running server that cannot."""
    running = read_running(workspace)
    if serving.log_requests and running is not None and running.engine != "embedded":
        raise UserError(
            f"The running server ({running.engine}) has no log collector, so it cannot log requests.",
            "serving.log_requests",
            "Set it to 0, or serve with `--engine embedded`.",
        )


def keep_served(base: Path, serving: ServingConfig, pushed: bool) -> str:
    """Make sure that models.config serves the model as the recipe says; return what is to be said about that."""
    served_models = base.parent
    before = own_policy_of(served_models, serving.name)
    config_file = register_model(
        served_models, serving.name, serving.versions, release=pushed, log_rate=serving.log_requests
    )
    ensure_server_files(served_models)
    own, said = own_policy_of(served_models, serving.name), ""
    if before is not None and before.rolled_back:
        if not pushed:
            ends = f"`labline rollback {serving.name} NEWEST` ends it"
            return f"; the rollback to version {before.rolled_back} stays: {ends}"
        said = f"; the rollback to version {before.rolled_back} is over"
    if own is None or own.replaced:
        said += f"; serving.versions is not applied: {config_file.name} has a policy written by hand"
    return said + lost_labels(next(model for model in read_models(config_file) if model.name == serving.name))


def lost_labels(model: ModelConfig) -> str:
    """Say which labels mean a version that the policy does not serve: clients who ask for them get an error."""
    serving = model.select(versions_on_disk(Path(model.base_path)))
    lost = {label: version for label, version in sorted(model.labels.items()) if version not in serving}
    return "".join(
        f"; label `{label}` means version {version}, which is no longer served" for label, version in lost.items()
    )


def why_not(blessing: Blessing, infra_blessing: InfraBlessing) -> str:
    """Say which blessing is missing, and why; empty if none is."""
    if not blessing.facts.blessed:
        reasons = blessing.facts.reasons
        return "not blessed by the evaluator" + (f": {' '.join(reasons)}" if reasons else "")
    if not infra_blessing.facts.blessed:
        return f"not blessed by the infra_validator: {infra_blessing.facts.reason}".rstrip(": ")
    return ""


def clean_up(base: Path) -> None:
    """Remove what a killed push left behind; whoever holds the lock knows that nobody is still writing it."""
    for path in base.glob(".tmp-*"):
        shutil.rmtree(path, ignore_errors=True)


def place(saved_model: SavedModel, base: Path, run: str, batching: BatchingConfig) -> tuple[int, PushedFacts]:
    """Make the SavedModel the newest version unless it is that already; return its number and what was done."""
    history, newest = read_history(base), newest_version(base)
    known, settings = history.get(str(newest), {}), batching.model_dump(mode="json")
    same = known.get("digest") == saved_model.digest != "" and known.get("batching", settings) == settings
    if newest is not None and same:
        return newest, version_facts(base, newest, False, f"version {newest} is this model already")
    version = interrupted_version(base, history, saved_model.digest) or next_version(base, history)
    # known before it is there: after a kill in between no other bytes get the number
    history[str(version)] = {"digest": saved_model.digest, "run": run, "created": time.time(), "batching": settings}
    write_history(base, history)
    unbatched = copy_version(saved_model, base, version, batching)
    facts = version_facts(base, version, True, "both blessings were given")
    return version, facts.model_copy(update={"batching": unbatched or "on"})


def version_facts(base: Path, version: int, pushed: bool, reason: str) -> PushedFacts:
    """Return what the push says of a version that was pushed now, or that was there already."""
    path = f"{FOLDER}/{base.name}/{version}"
    return PushedFacts(pushed=pushed, already=not pushed, name=base.name, version=version, path=path, reason=reason)


def read_history(base: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of each version ever pushed; a file that cannot be read is worth nothing."""
    try:
        history = json.loads((base / HISTORY).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return history if isinstance(history, dict) else {}


def write_history(base: Path, history: dict[str, dict[str, Any]]) -> None:
    replace_text(base / HISTORY, json.dumps(history, indent=1, sort_keys=True) + "\n")


def newest_version(base: Path) -> int | None:
    """Return the highest version there is; names that are no number are somebody else's."""
    return max(version_folders(base), default=None)


def interrupted_version(base: Path, history: dict[str, dict[str, Any]], digest: str) -> int | None:
    """Return the number under which a killed push was about to put the same bytes, if it is above every version."""
    newest = newest_version(base) or 0
    missing = {int(name): known for name, known in history.items() if is_version(name) and int(name) > newest}
    same = [number for number, known in missing.items() if known.get("digest") == digest and "rejected" not in known]
    return max(same, default=None) if digest else None


def next_version(base: Path, history: dict[str, Any]) -> int:
    """Return a number above every version there is or ever was, so that no number means two models."""
    used = [int(name) for name in history if is_version(name)]
    return max([0, newest_version(base) or 0, *used]) + 1


def copy_version(saved_model: SavedModel, base: Path, version: int, batching: BatchingConfig) -> str:
    """Copy under a name that servers ignore, flush it to the disk, and rename it into place.

    Returns:
        Why its requests are not merged; empty if they are.
    """
    temporary = base / f".tmp-{version}-{os.getpid()}"
    try:
        shutil.copytree(
            saved_model.path, temporary, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns(MANIFEST)
        )
        unbatched = write_version_batching(temporary, batching)
        for path in [*temporary.rglob("*"), temporary]:
            sync(path)
        temporary.rename(base / str(version))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(base)
    return unbatched


@dataclass(frozen=True)
class Server:
    """A server that should take up what is pushed.

    Attributes:
        name: its engine, or its address if it was not started by `labline serve`.
        workspace: the one whose serving.json tells whether it still runs; None if nothing does.
    """

    url: str
    name: str
    workspace: Path | None

    def has_ended(self) -> bool:
        return self.workspace is not None and read_running(self.workspace) is None


def find_server(workspace: Path, url: str | None) -> Server | None:
    """Return the server that `labline serve` runs on the workspace, else the one at `url`, if there is either."""
    if (running := read_running(workspace)) is not None:
        return Server(running.url, running.engine, workspace)
    return Server(url, url, None) if url else None


def confirm(
    model: ModelConfig, version: int, server: Server | None, timeout: float, reason: str, before: Snapshot
) -> dict[str, str | None]:
    """Wait until the server serves the version, and note that it need not be asked again; return what is to be added.

    Without any server, the next to start settles it. A version that the policy leaves out or that nobody was there to
    confirm is asked about by the next run.
    """
    base = Path(model.base_path)
    if server is not None:
        if version not in model.select(versions_on_disk(base)):
            return {"reason": f"{reason}; the policy pins other versions, so the running server does not take it"}
        outcome = wait_for_server(server, model.name, version, base, timeout, before)
        if outcome == "silent":
            return {"reason": f"{reason}; the server at {server.url} did not answer, so the next run asks it again"}
    history = read_history(base)
    history[str(version)]["confirmed"] = True
    write_history(base, history)
    return {} if server is None else {"served_by": server.name if outcome == "available" else None}


def wait_for_server(
    server: Server, name: str, version: int, base: Path, timeout: float, before: Snapshot
) -> Literal["available", "ended", "silent"]:
    """Wait until the server says AVAILABLE, has ended, or turns out not to be there.

    Raises:
        UserError: it could not load the version, or not in time, and the version was taken back.
    """
    from serving.client import Client, ServerError

    started, answered = time.monotonic(), server.workspace is not None
    with Client(server.url, timeout=10) as client:
        while True:
            try:
                client.wait_until_available(name, version, timeout=1.0)
                return "available"
            except ServerError as error:
                waited = time.monotonic() - started
                answered = answered or error.final or error.status != 0
                if server.has_ended():
                    return "ended"
                if not answered and waited >= min(SILENT_SECONDS, timeout):
                    return "silent"
                if waited < timeout and not error.final:
                    time.sleep(0.1)  # some errors come at once
                    continue
                rejected = take_back(base, name, version, error.what, before)
                raise UserError(
                    f"The running server did not take version {version} of `{name}`, so it was taken back: "
                    f"{error.what}",
                    str(rejected),
                    f"The version before goes on serving. Look at the log of the server at {server.url}, or stop "
                    "it and run "
                    "the same command again.",
                ) from error


def take_back(base: Path, name: str, version: int, reason: str, before: Snapshot) -> Path:
    """Move a version to a name that servers ignore, remember why, and serve the model as before."""
    rejected = base / f".rejected-{version}"
    shutil.rmtree(rejected, ignore_errors=True)
    (base / str(version)).rename(rejected)
    history = read_history(base)
    history.setdefault(str(version), {})["rejected"] = reason
    write_history(base, history)
    restore_model(base.parent, name, before)
    if newest_version(base) is None:
        drop_model(base.parent, name)
    else:
        register_model(base.parent, name)
    return rejected
