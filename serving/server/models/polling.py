"""Polling: new versions on disk and changes of models.config taken up, each at its own interval."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from pipeline.errors import UserError
from serving.model_config import read_models
from serving.server.errors import RequestError
from serving.server.flags import Flags
from serving.server.models.manager import Manager

log = logging.getLogger("serving")
LONGEST_PAUSE = 1.0  # seconds; a stop is noticed after it at the latest


def poll_forever(flags: Flags, manager: Manager, stopping: threading.Event) -> None:
    """Look for new versions and for a changed models.config until the server stops."""
    disk = Interval(flags.file_system_poll_wait_seconds)
    file = Interval(flags.model_config_file_poll_wait_seconds if flags.model_config_file else 0)
    config_poller = ConfigPoller(Path(flags.model_config_file), manager, flags.file_system_poll_wait_seconds < 0)
    while not stopping.wait(min(disk.pause(), file.pause(), LONGEST_PAUSE)):
        try:
            if file.is_over():
                config_poller.poll()
            if disk.is_over():
                manager.poll()
        except Exception:  # a defect of ours must not end the polling
            log.exception("could not look for changes")


class Interval:
    """A time that comes back every `seconds`; never, if that is 0 or less."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.next = time.monotonic() + seconds if seconds > 0 else float("inf")

    def pause(self) -> float:
        """Return the seconds until then."""
        return max(self.next - time.monotonic(), 0)

    def is_over(self) -> bool:
        """Say whether it has come; from then on, the next one is meant."""
        if time.monotonic() < self.next:
            return False
        self.next = time.monotonic() + self.seconds
        return True


class ConfigPoller:
    """Applies a models.config again and again, as TensorFlow Serving does: what was refused before may be right by now.

    Args:
        blind: the disk is never looked at.
    """

    def __init__(self, file: Path, manager: Manager, blind: bool) -> None:
        self.file, self.manager, self.blind = file, manager, blind
        self.told = ""

    def poll(self) -> None:
        """Apply the file; where it cannot be applied, the models stay as they are, and that is logged once."""
        try:
            configs = read_models(self.file)
            before = {name: model.config for name, model in self.manager.models.items()}
            self.manager.apply(configs)
            if not self.blind and before != {config.name: config for config in configs}:
                log.info("took over %s", self.file)
                self.manager.poll()
            self.told = ""
        except (UserError, RequestError) as error:
            if f"{error}" != self.told:
                self.told = f"{error}"
                log.error("the old models.config stays: %s", error)
