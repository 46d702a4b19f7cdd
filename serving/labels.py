"""Labels: the class names of one pushed version, as the workspace has them."""

from __future__ import annotations

from pathlib import Path

from serving.model_config import FOLDER, version_folder

LABELS_FILE = Path("assets", "labels.txt")


def read_labels(workspace: Path, name: str, version: int | None = None) -> list[str]:
    """Return the class names in the order of the classes; empty where the workspace does not have that version.

    Args:
        name: the served model's name.
        version: the newest if none is named.
    """
    folder = version_folder(workspace / FOLDER / name, version)
    if folder is None or not (folder / LABELS_FILE).is_file():
        return []
    return (folder / LABELS_FILE).read_text("utf-8").splitlines()
