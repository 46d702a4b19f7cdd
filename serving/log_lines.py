"""LogLines: what a person should read of the embedded server's log: what goes wrong, and versions that come and go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

OWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) (.*)")
ANY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")  # TensorFlow's own lines begin so, too
LEVELS = ("WARNING", "ERROR", "CRITICAL")
OF_VERSIONS = re.compile(r".+ version \d+ is (available|unloaded)\b|not ready: ")


class LogLines:
    """Reads on where it stopped the last time.

    Args:
        file: the server's log.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.place, self.shown = file, 0, False

    def read_new(self) -> Iterator[str]:
        """Yield the lines that are new and matter, without their time; those that belong to one of them follow it."""
        with self.file.open("rb") as file:
            file.seek(self.place)
            content = file.read()
        content = content[: content.rfind(b"\n") + 1]  # the rest is still being written
        self.place += len(content)
        for line in content.decode("utf-8", "replace").splitlines():
            if own := OWN.match(line):
                level, text = own.groups()
                self.shown = level in LEVELS
                if self.shown:
                    yield f"{level} {text}"
                elif OF_VERSIONS.match(text):
                    yield text
            elif ANY.match(line):
                self.shown = False
            elif self.shown and line[:1].isspace():
                yield line
