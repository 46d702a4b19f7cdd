"""Artifacts: typed folders that a component writes once and that are sealed with a manifest and a content digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from pipeline.disk import sync
from pipeline.errors import FactsError, UserError
from pipeline.facts import (
    AnomaliesFacts,
    EvaluationFacts,
    ExamplesFacts,
    ExportFacts,
    Facts,
    FactsT,
    InfraVerdictFacts,
    ModelFacts,
    PushedFacts,
    SchemaFacts,
    StatisticsFacts,
    VerdictFacts,
)

FORMAT = 1  # of manifests and workspaces; a workspace of a newer format is refused, not guessed at
MANIFEST = "manifest.json"

ArtifactT = TypeVar("ArtifactT", bound="Artifact")


@dataclass
class Artifact:
    """A folder with a type, properties and, once sealed, a manifest and a digest.

    Attributes:
        path: the folder. While a component runs it is a temporary one; after sealing it never changes.
        properties: small JSON facts about the content, kept in the manifest and part of the digest.
        digest: sha256 over the files' names and contents and the properties; empty until sealed.
    """

    path: Path
    properties: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    created: float = 0.0

    type_name: ClassVar[str] = "Artifact"

    def __init_subclass__(cls) -> None:
        cls.type_name = cls.__name__

    def file(self, *parts: str) -> Path:
        """Return the path of a file inside the artifact."""
        return self.path.joinpath(*parts)

    def read_json(self, name: str) -> Any:
        """Return the content of one of the artifact's JSON files."""
        return json.loads(self.file(name).read_text("utf-8"))

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file into the artifact; the same value gives the same bytes."""
        target = self.file(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
        )
        return target

    def facts_as(self, kind: type[FactsT]) -> FactsT:
        """Return the facts of a task's own kind.

        Raises:
            FactsError: some are missing or of another kind.
        """
        return read_facts(self, kind)

    def write_facts(self, facts: Facts) -> None:
        """Set what the artifact says of itself; sealing keeps it in the manifest."""
        self.properties = facts.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def create(cls: type[ArtifactT], path: Path) -> ArtifactT:
        """Make the folder of a new artifact."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls: type[ArtifactT], path: Path) -> ArtifactT:
        """Read a sealed artifact.

        Raises:
            UserError: there is no manifest, or it is of another type or a newer format.
        """
        manifest = read_manifest(path)
        if manifest["type"] != cls.type_name:
            raise UserError(f"This folder holds {manifest['type']}, not {cls.type_name}.", str(path))
        return cls(path, manifest["properties"], manifest["digest"], manifest["created"])


class Examples(Artifact):
    """Sharded TFRecords: `<split>-00000-of-00004.tfrecord`, one `tf.train.Example` a record."""

    @property
    def facts(self) -> ExamplesFacts:
        return read_facts(self, ExamplesFacts)

    @property
    def task(self) -> str:
        return str(self.properties["task"])

    @property
    def labels(self) -> list[str]:
        labels: list[str] = self.properties["labels"]
        return labels

    @property
    def splits(self) -> dict[str, int]:
        splits: dict[str, int] = self.properties["splits"]
        return splits

    def shards(self, split: str) -> list[Path]:
        """Return the shard files of a split, in order."""
        return sorted(self.path.glob(f"{split}-*.tfrecord"))


class Statistics(Artifact):
    """TFDV statistics: one `<split>.pb` (DatasetFeatureStatisticsList) a split."""

    @property
    def facts(self) -> StatisticsFacts:
        return read_facts(self, StatisticsFacts)


class Schema(Artifact):
    """TFDV schema: `schema.pbtxt`."""

    @property
    def facts(self) -> SchemaFacts:
        return read_facts(self, SchemaFacts)


class Anomalies(Artifact):
    """Findings of the data checks: `anomalies.json`."""

    @property
    def facts(self) -> AnomaliesFacts:
        return read_facts(self, AnomaliesFacts)


class Model(Artifact):
    """A trained network: `model.keras`, `history.json`, pictures."""

    @property
    def facts(self) -> ModelFacts:
        return read_facts(self, ModelFacts)


class SavedModel(Artifact):
    """An exported model for TensorFlow Serving: `saved_model.pb`, `variables/`, `assets/`, `assets.extra/`."""

    @property
    def facts(self) -> ExportFacts:
        return read_facts(self, ExportFacts)


class Evaluation(Artifact):
    """Metrics with intervals and plots: `metrics.json`, `plots/`."""

    @property
    def facts(self) -> EvaluationFacts:
        return read_facts(self, EvaluationFacts)


class Blessing(Artifact):
    """Whether the model is good enough."""

    @property
    def facts(self) -> VerdictFacts:
        return read_facts(self, VerdictFacts)


class InfraBlessing(Artifact):
    """Whether the exported model answers as the trained one."""

    @property
    def facts(self) -> InfraVerdictFacts:
        return read_facts(self, InfraVerdictFacts)


class PushedModel(Artifact):
    """Where a model was pushed."""

    @property
    def facts(self) -> PushedFacts:
        return read_facts(self, PushedFacts)


def read_facts(artifact: Artifact, kind: type[FactsT]) -> FactsT:
    """Return an artifact's facts.

    Raises:
        FactsError: some are missing or of another kind: the artifact was written by another version.
    """
    try:
        return kind.model_validate(artifact.properties)
    except ValidationError as error:
        wrong = ", ".join(f"`{'.'.join(map(str, item['loc']))}`" for item in error.errors()[:3])
        raise FactsError(
            f"This {artifact.type_name} does not say what is needed of it: {wrong}.",
            str(artifact.path),
            "It was written by another version of labline; run the step that makes it again with `--fresh STEP`.",
        ) from None


def hash_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(folder: Path) -> list[Path]:
    """Return every file below a folder except its manifest, sorted by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)


def write_manifest(artifact: Artifact, created: float) -> None:
    """Record type, files and digest of a finished artifact in its folder and on disk for good (fsync)."""
    files = []
    for path in list_files(artifact.path):
        files.append(
            {"path": path.relative_to(artifact.path).as_posix(), "size": path.stat().st_size, "sha256": hash_file(path)}
        )
        sync(path)
    content = json.dumps([[(f["path"], f["sha256"]) for f in files], artifact.properties], sort_keys=True)
    artifact.digest = hashlib.sha256(content.encode()).hexdigest()
    artifact.created = created
    manifest = {
        "format": FORMAT,
        "type": artifact.type_name,
        "created": created,
        "digest": artifact.digest,
        "properties": artifact.properties,
        "files": files,
    }
    target = artifact.path / MANIFEST
    target.write_text(json.dumps(manifest, indent=1, sort_keys=True), "utf-8")
    sync(target)
    sync(artifact.path)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a sealed artifact's manifest.

    Raises:
        UserError: it is missing, unreadable, or written by a newer labline.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError("This folder is not a sealed artifact: it has no manifest.json.", str(folder)) from None
    except ValueError as error:
        raise UserError(f"The manifest cannot be read: {error}.", str(folder / MANIFEST)) from None
    if manifest["format"] > FORMAT:
        raise UserError(
            f"Written by a newer labline (format {manifest['format']}; this one knows {FORMAT}).",
            str(folder),
            "Upgrade labline.",
        )
    return manifest


def digest_of(folder: Path) -> str:
    """Return the digest in a sealed artifact's manifest; empty where there is none that can be read."""
    try:
        return str(read_manifest(folder)["digest"])
    except (UserError, OSError, KeyError):
        return ""


def set_aside(execution: Path) -> Path:
    """Return where a sealed execution's folder goes when its step runs again; only the newest of them is kept."""
    return execution.with_name(f".{execution.name}.replaced")


def damage(folder: Path) -> str:
    """Say what differs between a sealed artifact's folder and its manifest; empty if nothing does.

    Sizes are compared, and contents of files that were modified after sealing.
    """
    manifest = read_manifest(folder)
    sealed_at = (folder / MANIFEST).stat().st_mtime_ns
    for entry in manifest["files"]:
        path = folder / entry["path"]
        try:
            status = path.stat()
        except OSError:
            return f"{entry['path']} is missing"
        if status.st_size != entry["size"]:
            return f"{entry['path']} has {status.st_size} bytes instead of {entry['size']}"
        if status.st_mtime_ns > sealed_at and hash_file(path) != entry["sha256"]:
            return f"{entry['path']} was changed"
    return ""
