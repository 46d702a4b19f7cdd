"""A recipe key that a pipeline.config gives, with the fields that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from object_detection.pipeline_config.reading import PipelineConfig
from object_detection.pipeline_config.records import PLACEHOLDER

SSD, TRAINING = "model.ssd", "train_config"


@dataclass(frozen=True)
class Setting:
    """A recipe key and what it was made of.

    Attributes:
        key: dotted.
        value: as in YAML.
        sources: the fields' paths, those that the file has if it has any; empty for what the fields do not say.
        given: the file has them; else the proto's default counts.
        remark: what a reader should know of it.
    """

    key: str
    value: Any
    sources: tuple[str, ...]
    given: bool = True
    remark: str = ""

    @property
    def to_do(self) -> bool:
        """Whether the value has a placeholder of the file's in it."""
        return isinstance(self.value, str) and PLACEHOLDER in self.value


def setting(config: PipelineConfig, key: str, value: Any, *paths: str, remark: str = "") -> Setting:
    """Return a setting that was made of some fields."""
    said = tuple(path for path in paths if config.values[path].given)
    return Setting(key, value, said or paths, bool(said), remark)
