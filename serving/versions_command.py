"""`labline rollback` and `labline promote`: which version of a model serves, and which one a label means."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from pipeline.errors import UserError, did_you_mean
from serving.client import ModelClient, ServerError, connect
from serving.model_config import (
    FILE_NAME,
    FOLDER,
    ModelConfig,
    edit_models,
    end_rollback,
    find_entry,
    own_policy_of,
    read_models,
    restore_model,
    take_snapshot,
    versions_on_disk,
)
from serving.policies import OwnPolicy, apply_policy, is_own, policy_of
from serving.running import read_running

NEWEST = "NEWEST"
LABEL = r"[A-Za-z0-9_]+"  # the documentation of TensorFlow Serving allows no other characters
PAUSE = 0.1


def rollback(
    workspace: Path, name: str, wanted: str = "", url: str = "", timeout: float = 60.0, token: str = ""
) -> str:
    """Serve a version and nothing newer until the next push, and return what was done.

    With a server running, it loads the version before newer ones go, and what it cannot load is taken back.

    Args:
        wanted: the version; the one before the newest that serves if it is empty; `NEWEST` ends a rollback.
        url: a server of this workspace that `labline serve` did not start.
        timeout: seconds that the server has for each step.
        token: bearer token, where the server wants one.

    Raises:
        UserError: there is no such model or version, or the server did not do it and everything is as before.
    """
    folder, model = find_model(workspace, name)
    on_disk = versions_on_disk(Path(model.base_path))
    if wanted.upper() == NEWEST:
        return go_forward(workspace, folder, model, url, timeout, token)
    serving = model.select(on_disk)
    number = read_version(wanted, model, on_disk) if wanted else version_before(serving, on_disk, model)
    with confirmed_by(workspace, folder, name, url, token) as client:
        if client is not None:
            write_policy(folder, name, lambda entry, own: serve_also(entry, own, {number}, on_disk))
            client.wait_until_available(name, number, timeout)
        write_policy(folder, name, lambda entry, own: roll_back(entry, own, number, on_disk))
        if client is not None:
            wait(
                lambda: newest_available(client, name) == number,
                timeout,
                f"serve version {number} of `{name}` and nothing newer",
            )
    after = next(item for item in read_models(folder / FILE_NAME) if item.name == name)
    moved = [f"`{label}`" for label, version in after.labels.items() if model.labels.get(label) != version]
    sentences = [
        f"`{name}` serves version {number} and nothing newer",
        f"; {', '.join(moved)} now means version {number}" if moved else "",
        f"{said_by(client)} until the next push. `labline rollback {name} {NEWEST}` ends that.",
    ]
    return "".join(sentences)


def go_forward(workspace: Path, folder: Path, model: ModelConfig, url: str, timeout: float, token: str) -> str:
    """End a rollback: newer versions serve again, and labels mean what they meant."""
    own = own_policy_of(folder, model.name)
    if own is None or not own.rolled_back:
        raise UserError(f"`{model.name}` is not rolled back.", str(folder / FILE_NAME), "There is nothing to end.")
    on_disk = versions_on_disk(Path(model.base_path))
    if not on_disk:
        raise UserError(f"`{model.name}` has no versions.", model.base_path, "Push one: run its recipe again.")
    newest = max(on_disk)
    with confirmed_by(workspace, folder, model.name, url, token) as client:
        if client is not None:
            coming = {newest, *own.labels.values()} & on_disk
            write_policy(folder, model.name, lambda entry, known: serve_also(entry, known, coming, on_disk))
            for number in sorted(coming):
                client.wait_until_available(model.name, number, timeout)
        write_policy(folder, model.name, lambda entry, known: release(entry, known, on_disk))
        after = next(item for item in read_models(folder / FILE_NAME) if item.name == model.name)
        chosen = max(after.select(on_disk))
        if client is not None:
            wait(
                lambda: newest_available(client, model.name) == chosen,
                timeout,
                f"serve version {chosen} of `{model.name}`",
            )
    moved = [f"`{label}`" for label, version in after.labels.items() if model.labels.get(label) != version]
    back = f"; {', '.join(moved)} moved back" if moved else ""
    return f"`{model.name}` serves version {chosen} again{back}{said_by(client)}, and newer ones as they come."


def promote(
    workspace: Path, name: str, label: str, version: int, url: str = "", timeout: float = 60.0, token: str = ""
) -> str:
    """Let a label mean a version, and return what was done.

    A server gives a label only to a version that it has loaded, so that comes first.

    Args:
        url, timeout, token: as for `rollback`.

    Raises:
        UserError: there is no such model or version, or the server did not do it and everything is as before.
    """
    if not re.fullmatch(LABEL, label):
        raise UserError(f"`{label}` is no label.", "--label", "Use letters, digits and `_`, such as `stable`.")
    folder, model = find_model(workspace, name)
    on_disk = versions_on_disk(Path(model.base_path))
    read_version(str(version), model, on_disk)
    own = own_policy_of(folder, name)
    if own is not None and own.rolled_back and version > own.rolled_back:
        raise UserError(
            f"`{name}` is rolled back to version {own.rolled_back}, and version {version} is newer.",
            str(folder / FILE_NAME),
            f"End that first: `labline rollback {name} {NEWEST}`.",
        )
    with confirmed_by(workspace, folder, name, url, token) as client:
        if version not in model.select(on_disk):
            write_policy(folder, name, lambda entry, known: serve_also(entry, known, {version}, on_disk))
        if client is not None:
            client.wait_until_available(name, version, timeout)
        write_policy(folder, name, lambda entry, known: set_label(entry, known, label, version, on_disk))
        if client is not None:
            wait(
                lambda: label_means(client, name, label) == version,
                timeout,
                f"give label `{label}` to version {version}",
            )
    before = model.labels.get(label)
    after = next(item for item in read_models(folder / FILE_NAME) if item.name == name)
    chosen = sorted(after.select(on_disk))
    serving = f"versions {', '.join(map(str, chosen))} serve" if len(chosen) > 1 else f"version {chosen[0]} serves"
    return (
        f"`{label}` of `{name}` means version {version}{f', before {before}' if before not in (None, version) else ''}"
        f"{said_by(client)}; {serving}."
    )


def find_model(workspace: Path, name: str) -> tuple[Path, ModelConfig]:
    """Return the folder of models.config and a model's entry.

    Raises:
        UserError: there is no such model.
    """
    folder = (workspace / FOLDER).resolve()
    models = read_models(folder / FILE_NAME) if (folder / FILE_NAME).exists() else []
    found = next((model for model in models if model.name == name), None)
    if found is None:
        raise UserError(
            f"No model `{name}` was pushed.",
            str(folder / FILE_NAME),
            did_you_mean(name, [model.name for model in models]),
        )
    return folder, found


def read_version(text: str, model: ModelConfig, on_disk: set[int]) -> int:
    """Return a version that is there.

    Raises:
        UserError: it is not.
    """
    if text.isascii() and text.isdigit() and int(text) in on_disk:
        return int(text)
    there = ", ".join(map(str, sorted(on_disk))) or "none"
    raise UserError(f"`{model.name}` has no version {text}.", model.base_path, f"There are: {there}.")


def version_before(serving: set[int], on_disk: set[int], model: ModelConfig) -> int:
    """Return the highest version below the newest that serves."""
    newest = max(serving, default=0)
    older = [number for number in on_disk if number < newest]
    if not older:
        raise UserError(
            f"`{model.name}` has no version before {newest}.", model.base_path, "There is nothing to go back to."
        )
    return max(older)


Change = Callable[[Any, dict[str, OwnPolicy]], None]


def write_policy(folder: Path, name: str, change: Change) -> None:
    """Change a model's entry in models.config."""
    with edit_models(folder) as (message, own):
        entry = find_entry(message, name)
        if entry is None:
            raise UserError(f"Model `{name}` was taken out of models.config meanwhile.", str(folder / FILE_NAME))
        change(entry, own)


def serve_also(entry: Any, own: dict[str, OwnPolicy], numbers: set[int], on_disk: set[int]) -> None:
    """Let versions serve beside those that do, as the first of two steps."""
    adopt(entry, own)
    if entry.name in own:
        own[entry.name] = apply_policy(entry, own[entry.name], on_disk, numbers)
    elif entry.model_version_policy.HasField("specific"):
        versions = sorted({*entry.model_version_policy.specific.versions, *numbers})
        entry.model_version_policy.specific.versions[:] = versions


def roll_back(entry: Any, own: dict[str, OwnPolicy], number: int, on_disk: set[int]) -> None:
    """Let nothing above a version serve, and move labels that mean something above it."""
    before = adopt(entry, own, whatever=True)
    newer = {label: version for label, version in entry.version_labels.items() if version > number}
    for label in newer:
        entry.version_labels[label] = number
    known = {**newer, **before.labels} if before.rolled_back else newer
    own[entry.name] = apply_policy(entry, dataclasses.replace(before, rolled_back=number, labels=known), on_disk)


def release(entry: Any, own: dict[str, OwnPolicy], on_disk: set[int]) -> None:
    """Take a rollback back, with the labels that it moved, unless they were moved again."""
    before = own[entry.name]
    for label, version in before.labels.items():
        if entry.version_labels[label] == before.rolled_back and version in on_disk:
            entry.version_labels[label] = version
    end_rollback(entry, own)
    if entry.name in own:
        own[entry.name] = apply_policy(entry, own[entry.name], on_disk)


def set_label(entry: Any, own: dict[str, OwnPolicy], label: str, number: int, on_disk: set[int]) -> None:
    """Let a label mean a version, and stop serving one that no label means any more."""
    entry.version_labels[label] = number
    if entry.name in own and is_own(own[entry.name], entry):
        own[entry.name] = apply_policy(entry, own[entry.name], on_disk)


def adopt(entry: Any, own: dict[str, OwnPolicy], whatever: bool = False) -> OwnPolicy:
    """Make a policy written by hand our own, where that can be; it is remembered as it was.

    Args:
        whatever: any policy; else only `latest`, since the others can be added to.
    """
    if entry.name in own and is_own(own[entry.name], entry):
        return own[entry.name]
    own.pop(entry.name, None)
    policy, newest, _ = policy_of(entry)
    text = text_format.MessageToString(entry.model_version_policy) or "latest { num_versions: 1 }"
    adopted = OwnPolicy(max(newest, 1), replaced=text)
    if whatever or policy == "latest":
        own[entry.name] = adopted
    return adopted


@contextmanager
def confirmed_by(workspace: Path, folder: Path, name: str, url: str, token: str) -> Iterator[ModelClient | None]:
    """Lend a connection to the server that must take up a change, if there is one; else take the change back.

    Raises:
        UserError: it did not.
    """
    running = read_running(workspace)
    address = url or (running.url if running else "")
    before = take_snapshot(folder, name)
    try:
        if not address:
            yield None
            return
        with connect(address, timeout=10, token=token) as client:
            client.status(name)  # a server that is not there is told before anything is changed
            yield client
    except ServerError as error:
        restore_model(folder, name, before)
        raise ServerError(
            f"Nothing was changed, because the server did not do it: {error.what}",
            error.where or address,
            error.fix or "Its log tells more.",
            error.status,
        ) from error
    except BaseException:
        restore_model(folder, name, before)
        raise


def wait(done: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait until the server has done something.

    Raises:
        ServerError: it has not, in time.
    """
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise ServerError(f"it did not {what} within {timeout:.0f} s.")
        time.sleep(PAUSE)


def newest_available(client: ModelClient, name: str) -> int:
    """Return the highest version that serves; 0 if none does."""
    return max((item.version for item in client.status(name) if item.state == "AVAILABLE"), default=0)


def label_means(client: ModelClient, name: str, label: str) -> int:
    """Return the version that a label means to the server; 0 if it does not know the label yet."""
    try:
        return client.version_of(name, label)
    except ServerError as error:
        if error.status in (400, 404):
            return 0
        raise


def said_by(client: ModelClient | None) -> str:
    """Say who has confirmed it."""
    return f" (confirmed by {client.url})" if client is not None else " (no server is running)"
