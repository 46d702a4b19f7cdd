"""Progress for the user: rich bars on a terminal, plain lines elsewhere, nothing on standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PLAIN_SECONDS = 10  # between two lines of the same job where there is no terminal


class Job:
    """One piece of long work; call it with the number of units just done."""

    def __init__(self, progress: Progress, name: str, total: int | None) -> None:
        self.progress, self.name, self.total = progress, name, total
        self.done = 0
        self.note = ""
        self.task: Any = None
        self.started = self.said = time.monotonic()

    def __call__(self, advance: int = 1, note: str = "") -> None:
        self.done += advance
        self.note = note or self.note
        self.progress.update(self)


class Progress:
    """Where components say how far they are.

    Args:
        quiet: say nothing (tests, `--json` keeps lines on standard error).
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.bar: Any = None

    def say(self, text: str) -> None:
        """Print one line."""
        if self.quiet:
            return
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def job(self, name: str, total: int | None = None) -> Iterator[Job]:
        """Show a bar while the block runs.

        Args:
            name: what is being done, such as `reading pictures`.
            total: how many units there are, if known.
        """
        job = Job(self, name, total)
        if self.quiet or self.bar is not None or not sys.stderr.isatty():
            yield job
            return
        import rich.progress
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            self.bar = bar
            job.task = bar.add_task(name, total=total, note="")
            try:
                yield job
            finally:
                self.bar = None

    def update(self, job: Job) -> None:
        """Redraw a job's bar, or print a line now and then where there is no terminal."""
        if self.quiet:
            return
        if self.bar is not None:
            if job.task is not None:
                self.bar.update(job.task, completed=job.done, note=job.note)
            return
        now = time.monotonic()
        if now - job.said >= PLAIN_SECONDS:
            job.said = now
            share = f" of {job.total:,} ({job.done / job.total:.0%})" if job.total else ""
            print(f"  {job.name}: {job.done:,}{share} {job.note}".rstrip(), file=sys.stderr, flush=True)
