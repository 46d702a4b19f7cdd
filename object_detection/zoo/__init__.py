"""Trained models that can be had by name: one YAML file each, downloaded on first use."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field

from data.catalog import fetch_once
from data.downloadable import Downloadable, NotDownloaded, data_folder
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

FOLDER = Path(__file__).parent
INSTEAD = "give its path in place of the name"  # how a file that was had elsewhere is named


class ZooEntry(Downloadable):
    """A trained SSD-MobileNet v1."""

    width: float = Field(description="factor on the number of channels")
    labels: str = Field(description="label map beside the entry")


def names() -> list[str]:
    """List the models."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(name: str) -> ZooEntry:
    """Return what is known about a model.

    Raises:
        UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(f"There is no trained model `{name}`.", "", did_you_mean(name, names()))
    return ZooEntry(name=name, **yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")))


def get(name: str, progress: Progress, instead: str = INSTEAD) -> Path:
    """Return the folder of a model's files, downloading them first if they are not here.

    Args:
        instead: how the caller is given a file that was had elsewhere, such as "name it: `--model FILE`".

    Raises:
        UserError: there is no such model, or it cannot be downloaded.
    """
    try:
        return fetch_once(find(name), data_folder() / "models" / name, progress)
    except NotDownloaded as error:
        raise error.with_other_way(instead) from error


def locate(named: str, progress: Progress, instead: str = INSTEAD) -> tuple[Path, Path | None]:
    """Return where trained weights are, and the label map that belongs to them: of a file, a folder or a model's name.

    Args:
        instead: as for `get`.

    Raises:
        UserError: it is neither.
    """
    path = Path(named).expanduser()
    if path.exists() or path.with_name(path.name + ".index").exists():
        return path, None
    if named in names():
        return get(named, progress, instead), FOLDER / find(named).labels
    if "/" in named or path.suffix:
        raise UserError(
            "There is no such file or folder.", named, "Check the path; it is relative to the working directory."
        )
    raise UserError(
        f"`{named}` is neither a path nor a published model.",
        "",
        f"{did_you_mean(named, names())} A model of your own is named by its folder, which `labline show` prints; "
        "`labline predict` asks one that is served by its name.",
    )
