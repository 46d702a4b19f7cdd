"""Data sets that can be had by name: one YAML file each, with address, checksum, licence and format."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field

from data.config import RawDataConfig
from data.downloadable import Downloadable, data_folder
from pipeline.disk import locked
from pipeline.errors import UserError, did_you_mean, explain_os_error
from pipeline.progress import Progress

FOLDER = Path(__file__).parent
SAMPLES = FOLDER.parent / "samples"
COMPLETE = ".complete"  # stands in a data set's folder when everything is there

RawDataConfigT = TypeVar("RawDataConfigT", bound=RawDataConfig)


class CatalogEntry(Downloadable):
    """A data set."""

    task: str = "image_classification"
    format: str = "auto"
    classes: int | None = Field(None, description="classes of pictures or boxes; null for series")
    splits: dict[str, int] = Field(
        description="pictures or rows in each split as it comes; `all` if it comes without splits"
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="values of the recipe's `data` section that these data need"
    )
    shipped: str = Field("", description="file of the project's samples that it is, so that nothing is downloaded")


def names(task: str = "") -> list[str]:
    """List the data sets, or those for one task."""
    found = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return [name for name in found if task in ("", find(name).task)]


def entries() -> list[CatalogEntry]:
    """Return everything that is known about the data sets."""
    return [find(name) for name in names()]


def find(name: str) -> CatalogEntry:
    """Return what is known about a data set.

    Raises:
        UserError: there is none of that name.
    """
    if not (FOLDER / f"{name}.yaml").is_file():
        raise UserError(f"The catalogue has no data set `{name}`.", "", did_you_mean(name, names()))
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    return CatalogEntry(name=name, **yaml.safe_load(text))


def get(name: str, progress: Progress) -> Path:
    """Return the folder (or file) of a data set, fetching it first if it is not here.

    Two processes at once fetch it once.

    Raises:
        UserError: it cannot be downloaded, or only by hand.
    """
    entry = find(name)
    return SAMPLES / entry.shipped if entry.shipped else fetch_once(entry, data_folder() / name, progress)


def fetch_once(entry: Downloadable, folder: Path, progress: Progress) -> Path:
    """Return where something begins in its folder, fetching it first if it is not there.

    Two processes at once fetch it once.

    Raises:
        UserError: it cannot be downloaded, or only by hand.
    """
    if (folder / COMPLETE).exists():
        return folder / entry.root
    if entry.manual:
        raise UserError(f"{entry.title} cannot be downloaded by a program.", entry.homepage, entry.manual)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        wait = "waiting for another labline that is fetching the same data"
        with locked(folder.with_name(f".{entry.name}.lock"), lambda _: progress.say(wait)):
            if not (folder / COMPLETE).exists():
                fetch(entry, folder, progress)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return folder / entry.root


def fetch(entry: Downloadable, folder: Path, progress: Progress) -> None:
    """Make or download something in a folder beside its place and move it there when it is complete."""
    part = folder.with_name(f".{entry.name}.part")
    part.mkdir(exist_ok=True)
    if entry.generated:
        progress.say(f"making {entry.title}")
        module = importlib.import_module(f"data.{entry.generated}")
        getattr(module, f"write_{entry.name}")(part / entry.root)
    else:
        from data.download import download_all  # requests would slow every run down

        download_all(entry, part, progress)
    (part / COMPLETE).touch()
    if folder.exists():
        shutil.rmtree(folder)  # an earlier attempt by another version: it has no COMPLETE
    part.replace(folder)


def fill_in(config: RawDataConfigT) -> RawDataConfigT:
    """Return the settings with the values that a data set of the catalogue needs, where the recipe has none."""
    entry = find(config.path)
    wanted = {"format": entry.format, **entry.settings}
    said = {key: getattr(config, key) for key in config.model_fields_set}
    if config.format == "auto":
        said.pop("format", None)
    return type(config).model_validate({**wanted, **said})
