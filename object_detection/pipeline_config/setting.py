"""A recipe key that a pipeline.config gives, with the fields that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from object_detection.pipeline_config.reading import PipelineConfig
from object_detection.pipeline_config.records import PLACEHOLDER, is_elsewhere

SSD, TRAINING = "model.ssd", "train_config"
PATHS = ("data.path", "data.label_map", "trainer.warm_start")


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
    def to_do(self) -> str:
        """What its user has to do: put in a path for a placeholder, or for one that is another machine's."""
        if not isinstance(self.value, str) or self.key not in PATHS:
            return ""
        if PLACEHOLDER in self.value:
            return f"put your path for {PLACEHOLDER}"
        return "this path is another machine's: put yours" if is_elsewhere(self.value) else ""


def setting(config: PipelineConfig, key: str, value: Any, *paths: str, remark: str = "") -> Setting:
    """Return a setting that was made of some fields."""
    said = tuple(path for path in paths if config.values[path].given)
    return Setting(key, value, said or paths, bool(said), remark)
