"""How far workers are that leave files in a shared folder, each of which gets its name when it is complete (`pipeline.disk.replacing`)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.progress import Progress


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
