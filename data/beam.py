"""Beam pipelines as the recipe's `beam` section asks for them."""

from __future__ import annotations

import errno
import logging
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipeline.errors import UserError, did_you_mean, explain_os_error
from pipeline.settings import NotFingerprinted, Settings

if TYPE_CHECKING:
    import apache_beam

LOCAL = ("FnApiRunner", "DirectRunner", "BundleBasedDirectRunner", "SwitchingDirectRunner")
FEW = 8  # pieces of work that are done without a pipeline
BEAM_REMARK = re.compile(r" \[while running '[^']*'\]")  # Beam puts it behind what a worker said
REMOTE = ("FlinkRunner", "SparkRunner", "DataflowRunner", "PortableRunner", "PrismRunner", "InteractiveRunner")


class BeamConfig(Settings):
    """Where the data steps run; none of it changes what they write."""

    runner: Annotated[str, NotFingerprinted()] = Field(
        "FnApiRunner",
        description="Beam runner: FnApiRunner on this machine, FlinkRunner, SparkRunner, DataflowRunner ...",
    )
    options: Annotated[dict[str, str | int | float | bool | list[str]], NotFingerprinted()] = Field(
        default_factory=dict,
        description="Beam pipeline options, passed on unchanged, such as direct_num_workers, direct_running_mode, setup_file",
    )


@contextmanager
def run_pipeline(config: BeamConfig) -> Iterator[apache_beam.Pipeline]:
    """Give a Beam pipeline to build on; it runs, and is waited for, when the block ends.

    Raises:
        UserError: no such runner or option, or a worker met a full disk or a missing permission.
    """
    quieten()
    import apache_beam

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


def do_all(items: Sequence[Any], work: Any, beam: BeamConfig) -> None:
    """Let workers do every item of a list of work, each in a file of its own.

    Args:
        work: a DoFn.
    """
    if len(items) <= FEW and beam == BeamConfig():
        do_here(items, work)
        return
    import apache_beam

    with run_pipeline(beam) as pipeline:
        _ = pipeline | apache_beam.Create(items) | apache_beam.Reshuffle() | apache_beam.ParDo(work)


def do_here(items: Sequence[Any], work: Any) -> None:
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


def quieten() -> None:
    """Keep Beam's remarks on its own workings from the user; errors still show."""
    import warnings

    warnings.filterwarnings("ignore", message="You are using a Python version", category=FutureWarning)
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    logging.getLogger("apache_beam.runners.common").setLevel(logging.CRITICAL)  # it logs what it raises as well


def find_runner(config: BeamConfig) -> Any:
    """Return the Beam runner that the recipe names.

    Raises:
        UserError: Beam has none of that name, or it cannot be set up here.
    """
    from apache_beam.runners import runner

    try:
        return runner.create_runner(config.runner)
    except (ValueError, ImportError, AttributeError) as error:
        fix = did_you_mean(config.runner, LOCAL + REMOTE) if isinstance(error, ValueError) else str(error)
        raise UserError(f"Beam has no runner `{config.runner}` here.", "beam.runner", fix) from None


def pipeline_options(config: BeamConfig) -> Any:
    """Return Beam's options from the recipe's.

    Raises:
        UserError: an option that Beam does not know, on a local runner; other runners have options of their own.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions.from_dictionary(config.options)
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
