"""Checkpoints: everything a training needs to go on as if it had never stopped, one file each."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.disk import replacing
from pipeline.errors import explain_os_error
from pipeline.progress import Progress

KEPT = 2  # the newest may have been cut short by a power failure; then the one before it serves
FACTS = "facts"
PREFIX = "step-"


def save(folder: Path, step: int, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> Path:
    """Write a checkpoint under a temporary name, flush it, rename it, and drop all but the newest two.

    Args:
        folder: where checkpoints lie.
        step: training steps done.
        arrays: states by name.
        facts: JSON values; numbers come back bit for bit.
    """
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    target = folder / f"{PREFIX}{step:010d}.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            np.savez(file, **arrays, **{FACTS: text})
        for old in [*newest_first(folder)[KEPT:], *folder.glob(f".{PREFIX}*")]:  # and what a kill left
            old.unlink(missing_ok=True)
    except OSError as error:
        raise explain_os_error(error, target) from error
    return target


def load_newest(folder: Path, progress: Progress) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Return arrays and facts of the newest checkpoint that can be read; none if there is none."""
    for path in newest_first(folder):
        try:
            with np.load(path) as content:
                arrays = {name: content[name] for name in content.files}
            return arrays, json.loads(arrays.pop(FACTS).tobytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            progress.say(f"  checkpoint {path.name} cannot be read ({error}); taking the one before it")
    return None


def newest_first(folder: Path) -> list[Path]:
    """List the checkpoints of a folder."""
    return sorted(folder.glob("step-*.npz"), reverse=True)


def read_states(variables: Sequence[Any], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the values of variables, named by their place."""
    return {f"{prefix}/{number:05d}": item.numpy() for number, item in enumerate(variables)}


def write_states(variables: Sequence[Any], prefix: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Set variables to the values that `read_states` returned."""
    for number, item in enumerate(variables):
        item.assign(arrays[f"{prefix}/{number:05d}"])
