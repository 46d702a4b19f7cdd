"""What neither a kill nor a power failure may halve.

Files get their name when they are complete, and locks end with their process.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(target: Path, durable: bool = True) -> Iterator[Any]:
    """Open a file for bytes that takes the place of `target` when it is complete; an error leaves `target` as it was.

    Args:
        durable: flush it to the disk first, so that a power failure leaves the old file or the new one.

    Raises:
        OSError: it cannot be written.
    """
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb", buffering=1 << 20) as file:
            yield file
        if durable:
            sync(part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        sync(target.parent)


def replace_text(target: Path, text: str) -> None:
    """Write a file so that a reader, or a kill, never meets half of it."""
    with replacing(target) as file:
        file.write(text.encode())


@contextmanager
def locked(file: Path, waiting: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Let one process at a time into the block; the kernel lets the next one in when the process ends, however it ends.

    Args:
        file: holds the process number of whoever is in the block; it stays.
        waiting: called with the holder's process number when there is one; empty if it has just come in.
    """
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            waiting(handle.read().strip())
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
