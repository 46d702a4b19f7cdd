"""models.config: which models a server serves, in TensorFlow Serving's text format, read and written."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from pipeline.disk import locked, replace_text
from pipeline.errors import UserError
from serving.policies import OwnPolicy, Policy, apply_policy, dump_own_policies, is_own, policy_of, read_own_policies
from serving.server_config_files import BatchingParameters, MonitoringConfig, write_batching, write_monitoring

FOLDER = "served_models"  # of a workspace: models.config, and a folder of version folders for each model
FILE_NAME = "models.config"
OWN_POLICIES = ".policies.json"  # model -> the policy that was last written by us, to tell it from the user's own
BATCHING, MONITORING = "batching.config", "monitoring.config"  # beside models.config, written once and then yours
REQUESTS = "requests"  # of a workspace: a folder of logged requests for each model
LOG_COLLECTOR = "file"  # TensorFlow Serving's binary has no collector at all
LARGEST_VERSION = 2**63 - 1
TENSORFLOW = 1  # a ModelType


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
        log_rate: share of the requests that is logged, 0..1.
        log_prefix: absolute path that the names of the log's files begin with; empty without a log.
    """

    name: str
    base_path: str
    policy: Policy = "latest"
    newest: int = 1
    versions: tuple[int, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    log_rate: float = 0.0
    log_prefix: str = ""

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
    return models_of(parse_models(file), str(file))


def models_of(message: Any, where: str) -> list[ModelConfig]:
    """Return the models of a ModelServerConfig.

    Args:
        where: the message comes from, for errors.

    Raises:
        UserError: a model in it is described wrongly.
    """
    models: list[ModelConfig] = []
    for entry in message.model_config_list.config:
        if not local_path(entry.base_path).startswith("/"):
            raise UserError(
                f"Expected model {entry.name} to have an absolute path as base_path; got `{entry.base_path}`.",
                where,
                "Give a folder of this machine: /models/m or file:///models/m.",
            )
        check_platform(entry, where)
        if entry.name in [model.name for model in models]:
            raise UserError(f"Illegal to list model {entry.name} multiple times.", where)
        models.append(model_of(entry))
    return models


def local_path(text: str) -> str:
    """Return the path of a folder that may be written as a URI."""
    return text.removeprefix("file://")


def check_platform(entry: Any, where: str) -> None:
    """Refuse models that are none of TensorFlow; old files say so by the number `model_type`."""
    if entry.model_type and entry.model_platform:
        raise UserError(f"Model {entry.name} has both model_type, which is deprecated, and model_platform.", where)
    if entry.model_platform != "tensorflow" and entry.model_type != TENSORFLOW:
        raise UserError(
            f'Model {entry.name} needs model_platform: "tensorflow"; it has "{entry.model_platform}".', where
        )


def parse_models(file: Path) -> Any:
    """Return a models.config file as its proto."""
    try:
        return text_format.Parse(file.read_text("utf-8"), model_server_config_pb2.ModelServerConfig())
    except FileNotFoundError:
        raise UserError(
            "There is no models.config.",
            str(file),
            "Name a file that is there with --model_config_file, or serve a single model with --model_base_path.",
        ) from None
    except OSError as error:  # such as the folder that Docker makes where a file to be mounted is missing
        raise UserError(f"Cannot read the models.config: {error.strerror}.", str(file)) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        line = error.GetLine() if isinstance(error, text_format.ParseError) else None
        raise UserError(
            f"Error parsing text-format tensorflow.serving.ModelServerConfig: {error}",
            f"{file}, line {line}" if line else str(file),
            "Put it right; a whole file looks like "
            'model_config_list { config { name: "m" base_path: "/models/m" model_platform: "tensorflow" } }',
        ) from None


def model_of(entry: Any) -> ModelConfig:
    """Translate one entry of the proto."""
    policy, newest, versions = policy_of(entry)
    logging = entry.logging_config
    collected = bool(logging.log_collector_config.type)
    return ModelConfig(
        entry.name,
        local_path(entry.base_path),
        policy,
        newest,
        versions,
        dict(entry.version_labels),
        logging.sampling_config.sampling_rate if collected else 0.0,
        logging.log_collector_config.filename_prefix if collected else "",
    )


def register_model(
    served_models: Path, name: str, newest: int | None = None, *, release: bool = False, log_rate: float | None = None
) -> Path:
    """Make sure that a workspace's models.config serves a model from its place; other models in it stay as they are.

    A policy, labels or logging that somebody wrote into the model's own entry stay, too.

    Args:
        served_models: folder of models.config and of the models' folders.
        newest: how many of the highest versions serve, unless somebody wrote another policy; None leaves that as it is.
        release: a rollback ends, because there is a newer version now.
        log_rate: share of the requests that is logged; None leaves that as it is.
    """
    with edit_models(served_models) as (message, own):
        entry = find_entry(message, name) or message.model_config_list.config.add(name=name)
        if not entry.model_platform:
            entry.model_platform, own[name] = "tensorflow", OwnPolicy(newest or 1)
            apply_policy(entry, own[name], set())
        entry.base_path = str((served_models / name).resolve())
        if name in own and is_own(own[name], entry):
            if newest is not None and not own[name].replaced:
                own[name] = dataclasses.replace(own[name], newest=newest)
            if release and own[name].rolled_back:
                end_rollback(entry, own)
            if name in own:
                own[name] = apply_policy(entry, own[name], versions_on_disk(Path(entry.base_path)))
        set_logging(entry, served_models.resolve().parent / REQUESTS / name / "requests", log_rate)
    return served_models / FILE_NAME


def find_entry(message: Any, name: str) -> Any | None:
    """Return a model's entry in a models.config."""
    return next((item for item in message.model_config_list.config if item.name == name), None)


def version_folders(base: Path) -> dict[int, Path]:
    """Return the folders of a model's versions; of two names for one number the last counts, as in the server."""
    if not base.is_dir():
        return {}
    return {int(path.name): path for path in sorted(base.iterdir()) if is_version(path.name) and path.is_dir()}


def versions_on_disk(base: Path) -> set[int]:
    """Return the version numbers in a model's folder."""
    return set(version_folders(base))


def version_folder(base: Path, version: int | None) -> Path | None:
    """Return the folder of a version, of the highest if none is named; None where it is not there."""
    folders = version_folders(base)
    return folders.get(max(folders, default=0) if version is None else version)


def end_rollback(entry: Any, own: dict[str, OwnPolicy]) -> None:
    """Let newer versions serve again; a policy that somebody wrote by hand comes back."""
    policy = own.pop(entry.name)
    entry.ClearField("model_version_policy")
    if policy.replaced:
        text_format.Parse(policy.replaced, entry.model_version_policy)
    else:
        own[entry.name] = OwnPolicy(policy.newest)


def set_logging(entry: Any, prefix: Path, rate: float | None) -> None:
    """Log a share of the requests into a workspace's files, or none; a collector of somebody else's stays."""
    collector = entry.logging_config.log_collector_config
    ours = not collector.type or (collector.type, Path(collector.filename_prefix).parts[-3:]) == (
        LOG_COLLECTOR,
        prefix.parts[-3:],
    )
    if not ours:
        return
    wanted = entry.logging_config.sampling_config.sampling_rate if rate is None else rate
    entry.ClearField("logging_config")
    if wanted:
        entry.logging_config.log_collector_config.type = LOG_COLLECTOR
        entry.logging_config.log_collector_config.filename_prefix = str(prefix)
        entry.logging_config.sampling_config.sampling_rate = wanted


@contextmanager
def edit_models(served_models: Path) -> Iterator[tuple[Any, dict[str, OwnPolicy]]]:
    """Lend models.config as its proto and what we know of our own policies.

    What was changed is written, unless an error ends the block.
    """
    file, policies = served_models / FILE_NAME, served_models / OWN_POLICIES
    with locked_folder(served_models):
        message = parse_models(file) if file.exists() else new_message()
        before = message.SerializeToString(deterministic=True)
        own = read_own_policies(policies)
        known = dict(own)
        yield message, own
        if own != known:
            replace_text(policies, dump_own_policies(own))
        if not file.exists() or message.SerializeToString(deterministic=True) != before:
            write_message(file, message)


def own_policy_of(served_models: Path, name: str) -> OwnPolicy | None:
    """Return the policy that we chose for a model; None if somebody wrote one by hand, or there is no such model."""
    file = served_models / FILE_NAME
    entry = find_entry(parse_models(file), name) if file.exists() else None
    own = read_own_policies(served_models / OWN_POLICIES).get(name)
    return own if entry is not None and own is not None and is_own(own, entry) else None


@dataclass(frozen=True)
class Snapshot:
    """A model's entry in models.config and our own policy, as they were; None where there was none."""

    entry: bytes | None
    own: OwnPolicy | None


def take_snapshot(served_models: Path, name: str) -> Snapshot:
    """Remember how a model is served, to put that back."""
    file = served_models / FILE_NAME
    entry = find_entry(parse_models(file), name) if file.exists() else None
    own = read_own_policies(served_models / OWN_POLICIES).get(name)
    return Snapshot(entry.SerializeToString() if entry is not None else None, own)


def restore_model(served_models: Path, name: str, snapshot: Snapshot) -> None:
    """Serve a model as it was served before."""
    if snapshot.entry is None:
        return drop_model(served_models, name)
    with edit_models(served_models) as (message, own):
        entry = find_entry(message, name) or message.model_config_list.config.add()
        entry.ParseFromString(snapshot.entry)
        own.pop(name, None)
        if snapshot.own is not None:
            own[name] = snapshot.own


def drop_model(served_models: Path, name: str) -> None:
    """Take a model out of models.config: one without any version would keep a starting server waiting for ever."""
    if not (served_models / FILE_NAME).exists():
        return
    with edit_models(served_models) as (message, own):
        kept = [item for item in message.model_config_list.config if item.name != name]
        del message.model_config_list.config[:]
        message.model_config_list.config.extend(kept)
        own.pop(name, None)


def ensure_server_files(served_models: Path) -> dict[str, Path]:
    """Return the settings of a server that serves a workspace, which are written unless they are there, by their names.

    The batching settings matter for their number of threads; the other values of a model stand in its versions' own
    files.
    """
    files = {name: served_models / name for name in (BATCHING, MONITORING)}
    with locked_folder(served_models):
        if not files[BATCHING].exists():
            threads = max((os.cpu_count() or 1) - 1, 1)  # requests have to be read and answered meanwhile
            write_batching(files[BATCHING], BatchingParameters(num_batch_threads=threads, thread_pool_name="batch"))
            add_remark(
                files[BATCHING], "The threads serve all models; the rest of a model stands in its versions' own files."
            )
        if not files[MONITORING].exists():
            write_monitoring(files[MONITORING], MonitoringConfig(enable=True))
            add_remark(files[MONITORING], "The health checks of Docker Compose and Kubernetes ask this page, too.")
    return files


def add_remark(file: Path, sentence: str) -> None:
    """Put a remark on top of a settings file that is yours to change."""
    file.write_text(f"# {sentence} This file is yours: it is written once.\n{file.read_text('utf-8')}", "utf-8")


def new_message() -> Any:
    return model_server_config_pb2.ModelServerConfig()


def write_message(file: Path, message: Any) -> None:
    replace_text(file, text_format.MessageToString(message))


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time change what lies in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        yield
