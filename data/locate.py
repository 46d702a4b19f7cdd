"""Where the raw data are: what `data.path` names becomes a folder or file on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from data import catalog, formats
from data.config import RawDataConfig
from data.downloadable import data_folder, short_hash
from data.formats import tfds
from data.unpack import is_archive, unpack_once
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

RawDataConfigT = TypeVar("RawDataConfigT", bound=RawDataConfig)


def locate(config: RawDataConfigT, progress: Progress) -> tuple[Path, RawDataConfigT]:
    """Return where the data are, and the settings with what the catalogue knows about them filled in.

    A path that exists is taken as it is; else a data set of the catalogue is fetched, or `tfds:NAME` prepared.

    Raises:
        UserError: neither a path nor a data set.
    """
    path = Path(config.path).expanduser()
    images = config.task == "image_classification"
    if images and config.path.startswith("tfds:"):
        return tfds.prepare(config.path.removeprefix("tfds:"), progress), config
    if path.exists():
        return unpacked(path.resolve(), progress), config
    if config.task == "object_detection" and any(path.parent.glob(path.name)):
        return path.resolve(), config  # a pattern for record files
    known = catalog.names(config.task)
    if config.path in known:
        return catalog.get(config.path, progress), catalog.fill_in(config)
    if "/" in config.path or path.suffix:
        raise UserError(
            "There is no such file or folder.",
            config.path,
            "Check `data.path`; it is relative to the working directory.",
        )
    raise UserError(
        f"`{config.path}` is neither a path nor a data set of the catalogue.",
        "data.path",
        did_you_mean(config.path, known) + (" Others: `tfds:NAME` for TensorFlow Datasets." if images else ""),
    )


def unpacked(path: Path, progress: Progress) -> Path:
    """Return the folder that a tar file was unpacked into, among the data sets; anything else is read where it is."""
    if not (path.is_file() and is_archive(path)):
        return path
    status = path.stat()
    name = f"{path.name.split('.')[0]}-{short_hash(f'{path} {status.st_size} {status.st_mtime_ns}')}"
    return unpack_once(path, data_folder() / "unpacked" / name, progress)


def source_trees(config: RawDataConfig, progress: Progress) -> list[tuple[Path, list[Path]]]:
    """List the files whose content decides what example_gen writes, below the folder that their names are relative to.

    A data set that is not here yet is fetched; the catalogue's entry counts too, since it holds settings.
    """
    path, filled_in = locate(config, progress)
    name = formats.detect(path, config.task) if filled_in.format == "auto" else filled_in.format
    files = formats.find(name, config.task).sources(path, filled_in)
    root = path if path.is_dir() else path.parent
    outside = [file for file in files if not file.is_relative_to(root)]  # a CSV file may name any place
    trees = [(root, [file for file in files if file.is_relative_to(root)])]
    if outside:
        trees.append((Path(os.path.commonpath([file.parent for file in outside])), outside))
    if filled_in is not config:
        trees.append((catalog.FOLDER, [catalog.FOLDER / f"{config.path}.yaml"]))
    return trees
