"""Where the weights that a detector begins with are."""

from __future__ import annotations

from pathlib import Path

from components.training.config import TrainerConfig
from object_detection import zoo
from pipeline.progress import Progress

WITHOUT_NETWORK = "name it: `trainer.warm_start=FILE`; `trainer.warm_start=null` trains from nothing"


def find_start(config: TrainerConfig, progress: Progress) -> Path | None:
    """Return a file of weights, or that of a trained model named in the recipe, downloaded if need be.

    It is None if none is named.

    Raises:
        UserError: they are not to be had.
    """
    return None if config.warm_start is None else zoo.locate(config.warm_start, progress, WITHOUT_NETWORK)[0]
