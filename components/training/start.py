"""Where the weights that a training begins with are."""

from __future__ import annotations

from pathlib import Path

from components.training.config import TrainerConfig
from pipeline.errors import UserError


def find_start(config: TrainerConfig) -> Path | None:
    """Return the file of the weights to begin with; None if the recipe names none.

    Raises:
        UserError: it is not there.
    """
    if config.warm_start is None:
        return None
    path = Path(config.warm_start)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            "There are no weights to start from.",
            f"trainer.warm_start: {file}",
            "Give a Model artifact's folder or a .keras or .weights.h5 file.",
        )
    return file
