"""Versions: what each model has on disk, which of it is in memory, and the model that answers a request.

A version that should be there is loaded before one that should not is dropped, and one that fails to load never costs the
version that serves. Loading goes on in a thread of its own for each model, so a broken model holds up nothing else.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving.model_config import ModelConfig, is_version
from serving.server.errors import RequestError, invalid
from serving.server.models.saved_model import Servable, code_name

log = logging.getLogger("serving")
State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


@dataclass(frozen=True)
class LoadOptions:
    """How versions are loaded."""

    tags: tuple[str, ...] = ("serve",)
    warmup: bool = True
    retries: int = 5
    retry_seconds: float = 60.0
    timeout_ms: int = 30_000


@dataclass
class Version:
    """A version's state; `END` with an error code other than OK means that loading failed for good."""

    number: int
    state: State = "START"
    error_code: str = "OK"
    error_message: str = ""
    servable: Servable | None = None


class Lent:
    """A version lent to one request; a context manager that gives it back, or call `give_back`, once."""

    __slots__ = ("name", "servable", "version")

    def __init__(self, name: str, version: int, servable: Servable) -> None:
        self.name, self.version, self.servable = name, version, servable

    def give_back(self) -> None:
        self.servable.release()

    def __enter__(self) -> Lent:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


class ModelVersions:
    """The versions of one model."""

    def __init__(self, config: ModelConfig, options: LoadOptions) -> None:
        self.config, self.options = config, options
        self.versions: dict[int, Version] = {}
        self.aspired: set[int] = set()
        self.changed = threading.Condition()
        self.loader: threading.Thread | None = None

    def list_on_disk(self) -> set[int]:
        """Return the version numbers below the base path; names that are no number are ignored.

        Raises:
            OSError: there is no base path.
        """
        folders = Path(self.config.base_path).iterdir()
        return {int(path.name) for path in folders if is_version(path.name) and path.is_dir()}

    def folder(self, number: int) -> Path:
        """Return a version's folder; of two names for one number the last in order of names counts."""
        names = sorted(
            path.name
            for path in Path(self.config.base_path).iterdir()
            if is_version(path.name) and int(path.name) == number
        )
        return Path(self.config.base_path, names[-1] if names else str(number))

    def aspire(self, on_disk: set[int]) -> None:
        """Start to load and unload what the version policy makes of the versions on disk."""
        with self.changed:
            wanted = self.config.select(on_disk)
            for number in wanted - self.aspired:
                version = self.versions.setdefault(number, Version(number))
                if version.state == "END":  # it left and came back: it gets another chance
                    self.versions[number] = Version(number)
            for number in self.aspired - wanted:
                if self.versions[number].state == "START":
                    self.versions[number].state = "END"
            self.aspired = wanted
            self.unload_unwanted()
            if self.loader is None and self.next_to_load() is not None:
                self.loader = threading.Thread(target=self.load_all, name=f"load {self.config.name}", daemon=True)
                self.loader.start()
            self.changed.notify_all()

    def next_to_load(self) -> int | None:
        """Return the highest wanted version that has not been tried."""
        return max((number for number in self.aspired if self.versions[number].state == "START"), default=None)

    def load_all(self) -> None:
        """Load wanted versions, highest first, until none is left."""
        while True:
            with self.changed:
                number = self.next_to_load()
                if number is None:
                    self.loader = None
                    return
                version = self.versions[number]
                version.state = "LOADING"
            self.load(version)
            with self.changed:
                self.unload_unwanted()
                self.changed.notify_all()

    def load(self, version: Version) -> None:
        """Load a version with its retries; what goes wrong ends in its state."""
        for attempt in range(self.options.retries + 1):
            try:
                servable = Servable(self.folder(version.number), list(self.options.tags), self.options.timeout_ms)
                records = servable.warm_up() if self.options.warmup else 0
            except BaseException as error:
                version.error_code = (
                    error.code if isinstance(error, RequestError) else code_name(getattr(error, "error_code", None))
                )
                version.error_message = f"{error}"
                log.error("cannot load %s version %d: %s", self.config.name, version.number, error)
            else:
                with self.changed:
                    version.servable, version.state = servable, "AVAILABLE"
                    version.error_code, version.error_message = "OK", ""
                log.info("%s version %d is available (%d warm-up requests)", self.config.name, version.number, records)
                return
            if attempt < self.options.retries and not self.wait_to_retry(version.number):
                break
        with self.changed:
            version.state = "END"

    def wait_to_retry(self, number: int) -> bool:
        """Wait before the next attempt; False if the version is not wanted any more."""
        with self.changed:
            self.changed.wait_for(lambda: number not in self.aspired, self.options.retry_seconds)
            return number in self.aspired

    def unload_unwanted(self) -> None:
        """Drop versions that are not wanted, but never the last that serves while a wanted one is not ready."""
        loaded = self.available()
        unwanted = sorted(set(loaded) - self.aspired)
        if self.aspired and not set(loaded) & self.aspired:
            unwanted = unwanted[:-1]
        for number in unwanted:
            version = self.versions[number]
            version.state = "UNLOADING"
            assert version.servable is not None
            threading.Thread(
                target=version.servable.retire, args=(lambda version=version: self.end(version),), daemon=True
            ).start()

    def end(self, version: Version) -> None:
        with self.changed:
            version.servable, version.state = None, "END"
            self.changed.notify_all()
        log.info("%s version %d is unloaded", self.config.name, version.number)

    def available(self) -> list[int]:
        """Return the versions that serve, in order."""
        return sorted(version.number for version in self.versions.values() if version.state == "AVAILABLE")

    def settled(self) -> bool | None:
        """Say whether a version serves; None while that is still open."""
        with self.changed:
            if self.available():
                return True
            tried = [self.versions[number] for number in self.aspired]
            return False if tried and all(version.state == "END" for version in tried) else None


class Manager:
    """All models of a server."""

    def __init__(self, configs: list[ModelConfig], options: LoadOptions) -> None:
        self.options = options
        self.models: dict[str, ModelVersions] = {}
        self.lock = threading.Lock()
        self.apply(configs)

    def apply(self, configs: list[ModelConfig]) -> None:
        """Take over the complete list of models: new ones come, missing ones go, changed policies and labels count."""
        with self.lock:
            models = dict(self.models)
            for name in set(models) - {config.name for config in configs}:
                models.pop(name).aspire(set())
            for config in configs:
                if config.name in models:
                    models[config.name].config = config
                else:
                    models[config.name] = ModelVersions(config, self.options)
            self.models = models

    def poll(self) -> None:
        """Look at the disk once; if one base path cannot be read, nothing changes for any model."""
        with self.lock:
            try:
                found = {name: model.list_on_disk() for name, model in self.models.items()}
            except OSError as error:
                log.error("cannot look for versions: %s", error)
                return
            for name, on_disk in found.items():
                if not on_disk:
                    log.warning("no versions of %s under %s", name, self.models[name].config.base_path)
                self.models[name].aspire(on_disk)

    def lend(self, name: str, version: int | None = None, label: str | None = None) -> Lent:
        """Lend the model that should answer; it stays in memory until it is given back.

        Raises:
            RequestError: there is no such model, version or label.
        """
        model = self.models.get(name)
        if label is not None:
            version = model.config.labels.get(label) if model else None
            if version is None:
                raise invalid(f"Unrecognized servable version label: {label}")
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        if model is None:
            raise RequestError("NOT_FOUND", f"Servable not found for request: {wanted}")
        with model.changed:
            available = model.available()
            number = version if version is not None else max(available, default=None)
            if number not in available:
                raise RequestError("NOT_FOUND", f"Servable not found for request: {wanted}")
            assert number is not None
            servable = model.versions[number].servable
            assert servable is not None
            servable.acquire()
        return Lent(name, number, servable)

    def status(self, name: str, version: int | None) -> list[Version]:
        """Return the known versions of a model, newest first.

        Raises:
            RequestError: the model or the version is not known.
        """
        model = self.models.get(name)
        known = sorted(model.versions.values(), key=lambda item: -item.number) if model else []
        if not known:
            raise RequestError("NOT_FOUND", f"Could not find any versions of model {name}")
        if version is None:
            return known
        if not (chosen := [item for item in known if item.number == version]):
            raise RequestError("NOT_FOUND", f"Could not find version {version} of model {name}")
        return chosen

    def broken(self) -> list[str]:
        """Name the models of which no version could be loaded."""
        return [name for name, model in self.models.items() if model.settled() is False]

    def ready(self) -> bool:
        """Say whether every model has a version that serves."""
        return all(model.settled() for model in self.models.values())
