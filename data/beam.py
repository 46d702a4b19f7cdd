"""Beam pipelines as the recipe's `beam` section asks for them, and how far their workers are."""

from __future__ import annotations

import errno
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners import runner

from data.config import BeamConfig
from pipeline.errors import UserError, did_you_mean, explain_os_error
from pipeline.progress import Progress

LOCAL = ("FnApiRunner", "DirectRunner", "BundleBasedDirectRunner", "SwitchingDirectRunner")
FEW = 8  # pieces of work that are done without a pipeline
BEAM_REMARK = re.compile(r" \[while running '[^']*'\]")  # Beam puts it behind what a worker said
REMOTE = ("FlinkRunner", "SparkRunner", "DataflowRunner", "PortableRunner", "PrismRunner", "InteractiveRunner")


@contextmanager
def run_pipeline(config: BeamConfig) -> Iterator[apache_beam.Pipeline]:
    """Give a Beam pipeline to build on; it runs, and is waited for, when the block ends.

    Raises:
        UserError: no such runner or option, or a worker met a full disk or a missing permission.
    """
    pipeline = apache_beam.Pipeline(runner=find_runner(config), options=pipeline_options(config))
    yield pipeline
    try:
        pipeline.run().wait_until_finish()
    except UserError as error:
        raise type(error)(*(BEAM_REMARK.sub("", text) for text in error.args)) from None
    except Exception as error:
        if str(error).startswith("KeyboardInterrupt [while running"):  # Ctrl-C met a worker
            raise KeyboardInterrupt from None
        raise explain_failure(error) or error from error


def do_all(items: Sequence[Any], work: apache_beam.DoFn, beam: BeamConfig) -> None:
    """Let workers do every item of a list of work, each in a file of its own."""
    if len(items) <= FEW and beam == BeamConfig():
        do_here(items, work)
        return
    with run_pipeline(beam) as pipeline:
        _ = pipeline | apache_beam.Create(items) | apache_beam.Reshuffle() | apache_beam.ParDo(work)


def do_here(items: Sequence[Any], work: apache_beam.DoFn) -> None:
    """Do what Beam's one local worker would do; for little work, starting a pipeline takes longer than the work.

    Raises:
        UserError: a full disk or a missing permission.
    """
    try:
        work.setup()
        try:
            for item in items:
                deque(work.process(item), maxlen=0)
        finally:
            work.teardown()
    except OSError as error:
        raise explain_os_error(error) from error


def find_runner(config: BeamConfig) -> Any:
    """Return the Beam runner that the recipe names.

    Raises:
        UserError: Beam has none of that name, or it cannot be set up here.
    """
    try:
        return runner.create_runner(config.runner)
    except (ValueError, ImportError, AttributeError) as error:
        fix = did_you_mean(config.runner, LOCAL + REMOTE) if isinstance(error, ValueError) else str(error)
        raise UserError(f"Beam has no runner `{config.runner}` here.", "beam.runner", fix) from None


def pipeline_options(config: BeamConfig) -> PipelineOptions:
    """Return Beam's options from the recipe's.

    Raises:
        UserError: an option that Beam does not know, on a local runner; other runners have options of their own.
    """
    options: PipelineOptions = PipelineOptions.from_dictionary(config.options)
    if config.runner in LOCAL:
        known = PipelineOptions(flags=[]).get_all_options()
        for name in config.options:
            if name not in known:
                near = did_you_mean(name, known)
                fix = near.split("There are:")[0].strip() or "See Beam's documentation of PipelineOptions."
                raise UserError(f"Beam has no option `{name}`.", f"beam.options.{name}", fix)
    return options


def explain_failure(error: Exception) -> UserError | None:
    """Find what the user can mend in a worker's failure; Beam hands it over as the text of a traceback."""
    text = str(error)
    if found := re.search(
        r"pipeline\.errors\.UserError: (.+?)(?:\n  where: (.*?))?(?:\n  fix:   (.*?))?(?:\n|$)", text
    ):
        return UserError(*(BEAM_REMARK.sub("", text or "") for text in found.groups()))
    if found := re.search(r"\[Errno (\d+)\] ([^:\n]*)(?:: '([^'\n]*)')?", text):
        number = int(found[1])
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            return explain_os_error(OSError(number, found[2], found[3] or ""))
    return None


@contextmanager
def watch(folder: Path, sizes: dict[str, int], name: str, progress: Progress) -> Iterator[None]:
    """Show how much is done by the files that workers have finished, wherever they run.

    Each file gets its name when it is complete (`pipeline.disk.replacing`).

    Args:
        folder: the shared folder that the workers leave their files in.
        sizes: how much work each file is.
        name: what is shown.
    """
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
