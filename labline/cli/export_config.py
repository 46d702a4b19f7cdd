"""`labline export-config`: a recipe as a pipeline.config of the Object Detection API."""

from __future__ import annotations

from pathlib import Path

from components.recipes import load
from object_detection.pipeline_config.writing import pipeline_config
from pipeline.errors import UserError, explain_os_error


def export(recipe: str, overrides: list[str], classes: int | None, out: Path | None) -> None:
    """Print a recipe's pipeline.config, or write it to a file.

    Raises:
        UserError: the recipe has what the API cannot do, or the file is there already.
    """
    values = {key: value for key, (value, _) in load(recipe, overrides).values.items()}
    text = pipeline_config(values, classes)
    if out is None:
        print(text, end="")
        return
    if out.exists():
        raise UserError("This file is there already.", str(out.absolute()), "Name a new one; nothing was written.")
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise explain_os_error(error, out) from None
    print(out)
