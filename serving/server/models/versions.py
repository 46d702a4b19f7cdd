"""Versions of one model: what is on disk, what of it should serve, and what is in memory.

A version that should be there is loaded before one that should not is dropped, and one that fails to load never costs
the version that serves.
"""

from __future__ import annotations

import gc
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving.model_config import ModelConfig, is_version, version_folder
from serving.server.errors import RequestError
from serving.server.metrics import Metrics
from serving.server.models.loading import LoadOptions, LoadThreads, load
from serving.server.models.saved_model import Servable, code_name

log = logging.getLogger("serving")
State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]
MOST_ENDED = 100  # versions that are gone and still listed


@dataclass(eq=False)
class Version:
    """A version's state; `END` with an error code other than OK means that loading failed for good."""

    number: int
    state: State = "START"
    error_code: str = "OK"
    error_message: str = ""
    servable: Servable | None = None
    waits_to_retry: bool = False


class ServableHandle:
    """A version lent to one request; a context manager that gives it back, or call `give_back`, once."""

    __slots__ = ("name", "servable", "version")

    def __init__(self, name: str, version: int, servable: Servable) -> None:
        self.name, self.version, self.servable = name, version, servable

    def give_back(self) -> None:
        self.servable.release()

    def __enter__(self) -> ServableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


class ModelVersions:
    """The versions of one model.

    Args:
        threads: where versions are loaded; shared by all models.
        metrics: where loads are counted.
    """

    def __init__(self, config: ModelConfig, options: LoadOptions, threads: LoadThreads, metrics: Metrics) -> None:
        self.config, self.options, self.threads, self.metrics = config, options, threads, metrics
        self.versions: dict[int, Version] = {}
        self.aspired: set[int] = set()
        self.changed = threading.Condition()
        self.serving: dict[int, Servable] = {}  # the available ones; replaced, never changed
        self.twice: set[int] = set()

    def list_on_disk(self) -> set[int]:
        """Return the version numbers below the base path; names that are no number are ignored.

        Raises:
            OSError: there is no base path.
        """
        names = [path.name for path in Path(self.config.base_path).iterdir() if is_version(path.name) and path.is_dir()]
        numbers = {int(name) for name in names}
        if len(numbers) < len(names):
            twice = {number for number in numbers if [int(name) for name in names].count(number) > 1}
            for number in twice - self.twice:
                log.warning(
                    "%s has several folders of version %d; the last in order of names counts",
                    self.config.base_path,
                    number,
                )
            self.twice = twice
        return numbers

    def folder(self, number: int) -> Path:
        """Return a version's folder; of two names for one number the last in order of names counts."""
        base = Path(self.config.base_path)
        return version_folder(base, number) or base / str(number)

    def aspire(self, on_disk: set[int]) -> None:
        """Start to load and unload what the version policy makes of the versions on disk."""
        with self.changed:
            wanted = self.config.select(on_disk)
            for number in self.aspired - wanted:
                version = self.versions[number]
                if version.state == "START" or version.waits_to_retry:
                    version.state, version.waits_to_retry = "END", False
            new = [number for number in wanted if number not in self.aspired and self.startable(number)]
            for number in sorted(new, reverse=True):
                self.start(number)
            self.aspired = wanted
            self.unload_unwanted()
            self.forget(on_disk)
            self.changed.notify_all()

    def startable(self, number: int) -> bool:
        """Say whether a newly wanted version has to be loaded; one that left and came back gets another chance."""
        known = self.versions.get(number)
        return known is None or known.state == "END"

    def start(self, number: int) -> None:
        version = self.versions[number] = Version(number)
        self.threads.add(lambda: self.try_to_load(version, 0))

    def try_to_load(self, version: Version, failed: int) -> None:
        """Load a version, once; another attempt, if there is one, is left to a later time."""
        with self.changed:
            if version.state == "END":  # it was not wanted any more
                return
            version.state, version.waits_to_retry = "LOADING", False
        try:
            servable, records = load(self.folder(version.number), self.options, self.metrics, self.config.name)
        except BaseException as error:
            self.note_failure(version, error, failed + 1)
            return
        with self.changed:
            version.servable, version.state = servable, "AVAILABLE"
            version.error_code, version.error_message = "OK", ""
            self.list_serving()
            log.info("%s version %d is available (%d warm-up requests)", self.config.name, version.number, records)
            self.unload_unwanted()
            self.changed.notify_all()

    def note_failure(self, version: Version, error: BaseException, failed: int) -> None:
        """Keep what went wrong in the version's state, and arrange the next attempt or give up."""
        name, number = self.config.name, version.number
        with self.changed:
            code = error.code if isinstance(error, RequestError) else code_name(getattr(error, "error_code", None))
            version.error_code, version.error_message = code, f"{error}"
            if failed <= self.options.retries and number in self.aspired:
                version.waits_to_retry = True
                log.warning(
                    "cannot load %s version %d, attempt %d: %s; it is tried again in %g s",
                    name,
                    number,
                    failed,
                    error,
                    self.options.retry_seconds,
                )
                self.threads.add(lambda: self.try_to_load(version, failed), self.options.retry_seconds)
            else:
                version.state = "END"
                log.error(
                    "cannot load %s version %d: %s\n  fix: copy it under a name that is no number and rename it; "
                    "a version is tried anew when it comes back after it was away",
                    name,
                    number,
                    error,
                )
            self.unload_unwanted()
            self.changed.notify_all()

    def unload_unwanted(self) -> None:
        """Drop versions that are not wanted, but never the last that serves while a wanted one is not ready."""
        loaded = self.available()
        unwanted = sorted(set(loaded) - self.aspired)
        if self.aspired and not set(loaded) & self.aspired:
            unwanted = unwanted[:-1]
        for number in unwanted:
            self.versions[number].state = "UNLOADING"
            threading.Thread(target=self.unload, args=(self.versions[number],), name="unload", daemon=True).start()
        if unwanted:
            self.list_serving()

    def unload(self, version: Version) -> None:
        """Free a version's memory once the requests that use it have ended."""
        assert version.servable is not None
        version.servable.close()
        with self.changed:
            version.servable, version.state = None, "END"
            if version.number in self.aspired:  # it came back meanwhile
                self.start(version.number)
            self.changed.notify_all()
        gc.collect()  # a graph is a ring of objects; TensorFlow's own are not looked at, see `answer`
        log.info("%s version %d is unloaded", self.config.name, version.number)

    def forget(self, on_disk: set[int]) -> None:
        """Keep the list of ended versions short."""
        ended = sorted(number for number, version in self.versions.items() if version.state == "END")
        for number in [number for number in ended if number not in on_disk | self.aspired][:-MOST_ENDED]:
            del self.versions[number]

    def list_serving(self) -> None:
        self.serving = {
            number: servable for number in self.available() if (servable := self.versions[number].servable) is not None
        }

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

    def waits_for(self) -> str:
        """Say what keeps a model without a version that serves from having one."""
        with self.changed:
            tried = [self.versions[number] for number in sorted(self.aspired)]
            if not tried:
                return f"no version under {self.config.base_path}"
            return ", ".join(
                f"version {version.number} {'is tried again' if version.waits_to_retry else 'is loading'}"
                for version in tried
            )

    def failures(self) -> list[str]:
        """Say why wanted versions are not there."""
        with self.changed:
            return [
                f"{{name: {self.config.name} version: {number}}} due to error: "
                f"{version.error_code}: {version.error_message}"
                for number in sorted(self.aspired)
                if (version := self.versions[number]).state == "END"
            ]
