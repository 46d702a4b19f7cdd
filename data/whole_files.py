"""Files that workers leave in a shared folder: each gets its name when it is complete, and how far the work is shows by counting them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.progress import Progress


@contextmanager
def replacing(target: Path) -> Iterator[Any]:
    """Open a file that gets its name when it is complete."""
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb", buffering=1 << 20) as file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def watch(folder: Path, sizes: dict[str, int], name: str, progress: Progress) -> Iterator[None]:
    """Show how much is done by the files that workers have finished, wherever they run."""
    stopped = threading.Event()
    with progress.job(name, sum(sizes.values())) as job:

        def count() -> None:
            left = dict(sizes)
            while left:
                last = stopped.wait(0.5)
                for file in [file for file in left if (folder / file).exists()]:
                    job(left.pop(file))
                if last:
                    return

        thread = threading.Thread(target=count, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
