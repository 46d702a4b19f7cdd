"""Manager: all models of a server; lends versions to requests, and follows the configuration and the disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from serving.model_config import ModelConfig
from serving.server.errors import RequestError, invalid
from serving.server.metrics import Metrics
from serving.server.models.loading import LoadOptions, LoadThreads
from serving.server.models.versions import ModelVersions, ServableHandle, Version

log = logging.getLogger("serving")
REPEAT_SECONDS = 60.0  # after which a trouble that lasts is logged again


class Manager:
    """All models of a server.

    Args:
        configs: the complete list of models, each once, as `models_of` makes sure.
        metrics: where loads are counted.

    Raises:
        RequestError: a label points to a version that is not available.
    """

    def __init__(self, configs: Sequence[ModelConfig], options: LoadOptions, metrics: Metrics | None = None) -> None:
        self.options, self.metrics = options, metrics or Metrics()
        self.threads = LoadThreads.for_start()
        self.models: dict[str, ModelVersions] = {}  # replaced, never changed: requests read it without the lock
        self.gone: dict[str, ModelVersions] = {}  # models that were taken out; their versions are still listed
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.troubles: dict[str, float] = {}
        self.apply(configs)

    def apply(self, configs: Sequence[ModelConfig]) -> None:
        """Take over the complete list of models: new ones come, missing ones go, changed policies and labels count.

        Raises:
            RequestError: FAILED_PRECONDITION, a label points to a version that is not available. Nothing has changed
                then.
        """
        with self.lock:
            for config in configs:
                self.check_labels(config)
            models = dict(self.models)
            for name in set(models) - {config.name for config in configs}:
                self.gone[name] = models.pop(name)
                self.gone[name].aspire(set())
            for config in configs:
                model = models.get(config.name) or self.gone.pop(config.name, None)
                if model is None:
                    model = ModelVersions(config, self.options, self.threads, self.metrics)
                model.config = config
                models[config.name] = model
            self.models = models

    def check_labels(self, config: ModelConfig) -> None:
        """Refuse labels for versions that are not available; new labels may be early where the options say so.

        Raises:
            RequestError: FAILED_PRECONDITION.
        """
        model = self.models.get(config.name)
        available = model.serving if model else {}
        labels = model.config.labels if model else {}
        for label, version in config.labels.items():
            may_be_early = self.options.early_labels and labels.get(label, version) == version
            if version not in available and not may_be_early:
                raise RequestError(
                    "FAILED_PRECONDITION",
                    f"Request to assign label to version {version} of model {config.name}, "
                    "which is not currently available for inference",
                )

    def reload(self, configs: Sequence[ModelConfig], deadline: float | None = None) -> None:
        """Take over the complete list of models, and wait until each new one has a version that serves.

        Args:
            deadline: on `time.monotonic()`; None waits until every attempt to load was made.

        Raises:
            RequestError: FAILED_PRECONDITION as `apply`; NOT_FOUND if a base path is missing;
                UNKNOWN if a new model could not be loaded; DEADLINE_EXCEEDED; UNAVAILABLE if the server is stopping.
        """
        before = set(self.models)
        self.apply(configs)
        if problem := self.poll():
            raise RequestError("NOT_FOUND", problem)
        self.wait_for([config.name for config in configs if config.name not in before], deadline)

    def wait_for(self, names: Sequence[str], deadline: float | None) -> None:
        """Wait until every named model serves.

        Raises:
            RequestError: as `reload`.
        """
        for name in names:
            while (model := self.models.get(name)) is not None and not (settled := model.settled()):
                if settled is False:
                    failures = model.failures()
                    raise RequestError(
                        "UNKNOWN", f"{len(failures)} servable(s) did not become available: {{{', '.join(failures)}}}"
                    )
                if self.stopping.is_set():
                    raise RequestError("UNAVAILABLE", "The server is stopping.")
                if deadline is not None and time.monotonic() > deadline:
                    raise RequestError("DEADLINE_EXCEEDED", f"Model {name} did not become available in time.")
                with model.changed:
                    model.changed.wait(0.1)

    def poll(self) -> str:
        """Look at the disk once; if one base path cannot be read, nothing changes for any model.

        Returns:
            What is wrong with a base path; empty if nothing is.
        """
        with self.lock:
            found = {}
            for name, model in self.models.items():
                try:
                    found[name] = model.list_on_disk()
                except OSError as error:
                    problem = f"Could not find base path {model.config.base_path} for servable {name}: {error.strerror}"
                    self.complain(problem, logging.ERROR)
                    return problem
            troubles = []
            for name, on_disk in found.items():
                if not on_disk:
                    base_path = self.models[name].config.base_path
                    is_version = Path(base_path, "saved_model.pb").exists()
                    hint = ". It is a SavedModel itself: name the folder that holds its version folders" * is_version
                    troubles.append(f"No versions of servable {name} found under base path {base_path}{hint}")
                    self.complain(troubles[-1], logging.WARNING)
                self.models[name].aspire(on_disk)
            self.troubles = {text: when for text, when in self.troubles.items() if text in troubles}
            return ""

    def complain(self, text: str, level: int) -> None:
        """Log a trouble when it comes up, and now and then while it lasts."""
        now = time.monotonic()
        if now - self.troubles.get(text, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self.troubles[text] = now
            log.log(level, text)

    def lend(self, name: str, version: int | None = None, label: str | None = None) -> ServableHandle:
        """Lend the model that should answer; it stays in memory until it is given back.

        Raises:
            RequestError: there is no such model, version or label.
        """
        model = self.models.get(name)
        if label is not None:
            version = model.config.labels.get(label) if model else None
            if version is None:
                raise invalid(f"Unrecognized servable version label: {label}")
        if model is not None:
            with model.changed:
                serving = model.serving
                number = version if version is not None else max(serving, default=-1)
                if (servable := serving.get(number)) is not None:
                    servable.acquire()
                    return ServableHandle(name, number, servable)
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError("NOT_FOUND", f"Servable not found for request: {wanted}")

    def status(self, name: str, version: int | None) -> list[Version]:
        """Return the known versions of a model, newest first.

        Raises:
            RequestError: the model or the version is not known.
        """
        model = self.models.get(name) or self.gone.get(name)
        if model is None:
            raise RequestError("NOT_FOUND", f"Could not find any versions of model {name}")
        with model.changed:
            known = sorted(model.versions.values(), key=lambda item: -item.number)
        if not known:
            raise RequestError("NOT_FOUND", f"Could not find any versions of model {name}")
        if version is None:
            return known
        if not (chosen := [item for item in known if item.number == version]):
            raise RequestError("NOT_FOUND", f"Could not find version {version} of model {name}")
        return chosen

    def broken(self) -> list[str]:
        """Say which wanted versions of models without any version that serves could not be loaded."""
        return [text for model in self.models.values() if model.settled() is False for text in model.failures()]

    def awaited(self) -> list[str]:
        """Say which models have no version that serves, and what they wait for."""
        return [f"{name} ({model.waits_for()})" for name, model in self.models.items() if not model.settled()]

    def ready(self) -> bool:
        """Say whether every model has a version that serves."""
        return all(model.settled() for model in self.models.values())

    def started(self) -> None:
        """From now on load at most as many versions at a time as the options say."""
        self.threads.limit(self.options.threads)
