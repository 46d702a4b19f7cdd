"""The recipe's `beam` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.settings import NotFingerprinted, Settings


class BeamConfig(Settings):
    """Where the data steps run; none of it changes what they write."""

    runner: Annotated[str, NotFingerprinted()] = Field(
        "FnApiRunner",
        description="Beam runner: FnApiRunner on this machine, FlinkRunner, SparkRunner, DataflowRunner ...",
    )
    options: Annotated[dict[str, str | int | float | bool | list[str]], NotFingerprinted()] = Field(
        default_factory=dict,
        description="Beam pipeline options, passed on unchanged, such as direct_num_workers, direct_running_mode, "
        "setup_file",
    )
