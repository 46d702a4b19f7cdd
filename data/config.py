"""Settings of the data steps that all tasks share: the raw data, their shares, and where Beam runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from pipeline.settings import NotFingerprinted, Settings


class RawDataConfig(Settings):
    """Which raw data.

    Class attributes:
        task: whose data they are.
    """

    task: ClassVar[str]

    path: str
    format: str


class SplitShares(Settings):
    """Shares of the splits."""

    train: float
    validation: float
    test: float

    @model_validator(mode="after")
    def sums_to_one(self) -> SplitShares:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test must sum to 1, not {total:g}")
        return self


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
