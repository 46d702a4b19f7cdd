"""models.config: which models a server serves, in TensorFlow Serving's text format, read and written."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.artifacts import sync
from pipeline.errors import UserError

FOLDER = "served_models"  # of a workspace: models.config, and a folder of version folders for each model
FILE_NAME = "models.config"
OWN_POLICIES = (
    ".policies.json"  # model -> how many newest versions was last written by us, to tell it from the user's own
)
LARGEST_VERSION = 2**63 - 1


def is_version(name: str) -> bool:
    """Say whether a folder's whole name is a version number."""
    return name.isascii() and name.isdigit() and int(name) <= LARGEST_VERSION


@dataclass(frozen=True)
class ModelConfig:
    """One served model.

    Attributes:
        base_path: absolute path of the folder that holds the version folders.
        policy: `latest` keeps the `newest` highest versions, `all` every one, `specific` those in `versions`.
        labels: version label -> version.
    """

    name: str
    base_path: str
    policy: Literal["latest", "all", "specific"] = "latest"
    newest: int = 1
    versions: tuple[int, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)

    def select(self, on_disk: set[int]) -> set[int]:
        """Return the versions that should serve, out of those on disk."""
        if self.policy == "all":
            return set(on_disk)
        if self.policy == "specific":
            return on_disk & set(self.versions)
        return set(sorted(on_disk)[-max(self.newest, 1) :])


def read_models(file: Path) -> list[ModelConfig]:
    """Return the models of a models.config file.

    Raises:
        UserError: the file is missing or not in the format, or a model in it is described wrongly.
    """
    message = parse_models(file)
    models: list[ModelConfig] = []
    for entry in message.model_config_list.config:
        if not entry.base_path.startswith("/"):
            raise UserError(
                f"Expected model {entry.name} to have an absolute path as base_path; got `{entry.base_path}`.",
                str(file),
            )
        if entry.model_platform != "tensorflow":
            raise UserError(
                f'Model {entry.name} needs model_platform: "tensorflow"; it has "{entry.model_platform}".', str(file)
            )
        if entry.name in [model.name for model in models]:
            raise UserError(f"Illegal to list model {entry.name} multiple times.", str(file))
        models.append(model_of(entry))
    return models


def parse_models(file: Path) -> Any:
    """Return a models.config file as its proto."""
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    try:
        return text_format.Parse(file.read_text("utf-8"), model_server_config_pb2.ModelServerConfig())
    except FileNotFoundError:
        raise UserError("There is no models.config.", str(file)) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"Error parsing text-format tensorflow.serving.ModelServerConfig: {error}", str(file)) from None


def model_of(entry: Any) -> ModelConfig:
    """Translate one entry of the proto."""
    policy = entry.model_version_policy
    labels = dict(entry.version_labels)
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return ModelConfig(entry.name, entry.base_path, "all", labels=labels)
    if choice == "specific":
        return ModelConfig(
            entry.name, entry.base_path, "specific", versions=tuple(policy.specific.versions), labels=labels
        )
    newest = policy.latest.num_versions if choice == "latest" else 1
    return ModelConfig(entry.name, entry.base_path, newest=newest, labels=labels)


def keep_model(served_models: Path, name: str, newest: int | None = None) -> Path:
    """Make sure that a workspace's models.config serves a model from its place; other models in it stay as they are.

    A policy or labels that somebody wrote into the model's own entry stay, too.

    Args:
        served_models: folder of models.config and of the models' folders.
        newest: how many of the highest versions serve, unless somebody wrote another policy; None leaves that as it is.
    """
    file = served_models / FILE_NAME
    base_path = str((served_models / name).resolve())
    with locked(served_models):
        message = parse_models(file) if file.exists() else new_message()
        before = message.SerializeToString(deterministic=True)
        entry = next((item for item in message.model_config_list.config if item.name == name), None)
        if entry is None:
            entry = message.model_config_list.config.add(name=name, model_platform="tensorflow")
            set_newest(served_models, entry, newest or 1)
        elif newest is not None and is_own_policy(served_models, entry):
            set_newest(served_models, entry, newest)
        entry.base_path = base_path
        if not file.exists() or message.SerializeToString(deterministic=True) != before:
            write_message(file, message)
    return file


def set_newest(served_models: Path, entry: Any, newest: int) -> None:
    """Put a policy into an entry, and remember that it is ours."""
    entry.model_version_policy.latest.num_versions = newest
    own = read_own_policies(served_models)
    if own.get(entry.name) != newest:
        replace(served_models / OWN_POLICIES, json.dumps({**own, entry.name: newest}, sort_keys=True) + "\n")


def is_own_policy(served_models: Path, entry: Any) -> bool:
    """Say whether an entry's policy is still the one that `set_newest` put there."""
    model = model_of(entry)
    return model.policy == "latest" and model.newest == read_own_policies(served_models).get(entry.name)


def read_own_policies(served_models: Path) -> dict[str, int]:
    """Return what `set_newest` wrote; where that cannot be read, every policy counts as the user's."""
    try:
        own = json.loads((served_models / OWN_POLICIES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return own if isinstance(own, dict) else {}


def drop_model(served_models: Path, name: str) -> None:
    """Take a model out of models.config: one without any version would keep a starting server waiting for ever."""
    file = served_models / FILE_NAME
    with locked(served_models):
        if not file.exists():
            return
        message = parse_models(file)
        kept = [item for item in message.model_config_list.config if item.name != name]
        del message.model_config_list.config[:]
        message.model_config_list.config.extend(kept)
        write_message(file, message)


def new_message() -> Any:
    from tensorflow_serving.config import model_server_config_pb2

    return model_server_config_pb2.ModelServerConfig()


def write_message(file: Path, message: Any) -> None:
    from google.protobuf import text_format

    replace(file, text_format.MessageToString(message))


def replace(file: Path, text: str) -> None:
    """Replace a file by one rename, so that a polling server never reads half of it; the folder's lock must be held."""
    temporary = file.with_name(
        f".{file.name}.new"
    )  # the same name every time: what a killed process left is overwritten
    temporary.write_text(text, "utf-8")
    sync(temporary)
    temporary.rename(file)
    sync(file.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change what lies in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
