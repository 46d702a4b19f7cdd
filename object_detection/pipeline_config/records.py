"""The record files of a pipeline.config as the one `data.path` of a recipe, and back."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path, PurePosixPath

from data.formats.detection_records import find_records, split_of
from object_detection.pipeline_config.reading import PipelineConfig

TRAINING = "train_input_reader.tf_record_input_reader.input_path"
EVALUATION = "eval_input_reader.tf_record_input_reader.input_path"
PLACEHOLDER = "PATH_TO_BE_CONFIGURED"
ELSEWHERE = re.compile(r"[A-Za-z]:/|//|\w+://")  # a drive or a server of Windows, a bucket of a cloud
PART = re.compile(r"-(?:\d{5}|\?{5})-of-\d{5}")


def data_path(config: PipelineConfig) -> tuple[str, list[str]]:
    """Return the path or pattern of all files, and the fields that it comes from.

    Which file belongs to which split is told by a word of its name, so files without one are noted as wrong.
    """
    sources = [path for path in (TRAINING, EVALUATION) if path in config.values and config[path]]
    files = {path: [sharded(plain_path(str(file))) for file in config[path]] for path in sources}
    if not files:
        return f"{PLACEHOLDER}/*.record", []
    several = len({file for names in files.values() for file in names}) > 1
    for path, names in files.items():
        wanted = ("train",) if path == TRAINING else ("validation", "test")
        for name in names if several else ():
            if split_of(name) not in wanted:
                fix = f"Rename it, so that it has the word `{wanted[-1]}`: splits go by the files' names."
                config.stop(path, f"is `{name}`, whose name does not say that it holds the split {wanted[-1]}.", fix)
    every = sorted({file for names in files.values() for file in names})
    found = pattern(every)
    if not found:
        config.stop(sources[0], "lies in another folder than that of `eval_input_reader`.", "Put both into one folder.")
        return every[0], sources
    if others := too_many(found, every):
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        config.stop(
            sources[0], f"lies beside `{others[0]}`{more}, which `data.path={found}` means too.", "Move it elsewhere."
        )
    return found, sources


def plain_path(name: str) -> str:
    """Return a path with the slashes of this machine, where it was written on Windows."""
    return name.replace("\\", "/") if "\\" in name and not Path(name).exists() else name


def is_elsewhere(path: str) -> bool:
    """Tell whether a path is not of this machine: of a drive of Windows, a server or a cloud's bucket."""
    return os.name != "nt" and bool(ELSEWHERE.match(path))


def sharded(name: str) -> str:
    """Return `train.record@10` as the pattern of its files, as the API did."""
    match = re.fullmatch(r"(.+)@(\d+)", name)
    return f"{match[1]}-?????-of-{int(match[2]):05d}" if match else name


def pattern(files: list[str]) -> str:
    """Return the one file, a pattern for those of one folder, or the folder above several; empty if there is none."""
    if len(files) == 1:
        return files[0]
    folders = sorted({str(PurePosixPath(file).parent) for file in files})
    if len(folders) > 1:
        alike = len({folder.startswith("/") for folder in folders}) == 1
        above = common_folder(folders) if alike else ""
        return above if above.strip("/.") else ""
    names = [PART.sub("-?????-of-?????", PurePosixPath(file).name) for file in files]
    start = beginning(names)
    end = beginning([name[len(start) :][::-1] for name in names])[::-1]
    last = names[0] if len(set(names)) == 1 else f"{start}*{end}"
    folder = files[0][: len(files[0]) - len(PurePosixPath(files[0]).name)]  # as it is written, such as gs://
    return folder + last


def common_folder(folders: list[str]) -> str:
    """Return the folder above several."""
    try:
        return os.path.commonpath(folders)
    except ValueError:  # none and some of them are on a drive
        return ""


def beginning(names: list[str]) -> str:
    """Return what names have in common from their first letter on."""
    low, high = min(names), max(names)
    same = next((place for place, letter in enumerate(low) if high[place : place + 1] != letter), len(low))
    return low[:same]


def too_many(found: str, files: list[str]) -> list[str]:
    """Return record files on this machine that the path means and the pipeline.config does not."""
    meant = find_records(Path(found).expanduser())
    return [
        str(file)
        for file in meant
        if not any(fnmatch.fnmatch(str(file), str(Path(name).expanduser())) for name in files)
    ]


def input_paths(path: str, format_name: str) -> tuple[list[str], list[str]]:
    """Return the files of training and evaluation that a recipe's data are in; none where they are no records."""
    if format_name not in ("auto", "detection_records") or PLACEHOLDER in path:
        return [], []
    files = [str(file) for file in find_records(Path(path).expanduser())]
    splits = {file: split_of(file) for file in files}
    evaluation = "test" if "test" in splits.values() else "validation"
    return (
        [file for file in files if splits[file] in ("train", None)],
        [file for file in files if splits[file] == evaluation],
    )
