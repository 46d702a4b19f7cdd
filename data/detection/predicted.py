"""Folders of what a detector found, such as `runs/detect/predict`: beside annotations of people they are no data."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from data.detection.paths import Parts
from data.file_tree import Entry, printable, stem_of
from data.sample import Problem
from data.split_names import words_of

SURELY = frozenset(
    [
        "runs",
        "predict",
        "predicts",
        "prediction",
        "predictions",
        "predicted",
        "pred",
        "preds",
        "inference",
        "inferences",
    ]
)
PERHAPS = frozenset(
    ["detect", "detection", "detections", "detected", "result", "results", "out", "output", "outputs", "exp",
     "annotated", "boxes", "drawn", "overlay", "overlays", "vis", "viz", "visualized", "visualization"]
)  # fmt: skip


def predicted_folders(files: Sequence[Parts], photos: Sequence[Entry]) -> dict[Parts, Problem]:
    """Return the folders of predictions, each with what is to be told; none where all annotations lie in such.

    A folder called `results` or the like counts only where all photos in it are copies by name of photos outside.

    Args:
        files: paths of the annotations' files.
        photos: all pictures.
    """
    around = {file[:-1] for file in files}
    named = {named_folder(parts, SURELY) or named_folder(parts, PERHAPS) or () for parts in around} - {()}
    if not named:
        return {}
    inside = {photo.parts: within(photo.parts, named) for photo in photos}
    outside = {stem_of(parts[-1]).lower() for parts, folder in inside.items() if folder is None}
    found: dict[Parts, Problem] = {}
    for folder in sorted(named):
        copies = [stem_of(parts[-1]).lower() in outside for parts, around in inside.items() if around == folder]
        if named_folder(folder, SURELY) or (copies and all(copies)):
            found[folder] = Problem("predicted_folder", printable("/".join(folder)), f"{len(copies):,} pictures")
    return found if any(within(file, found) is None for file in files) else {}


def named_folder(folders: Parts, words: frozenset[str]) -> Parts | None:
    """Return the first of the folders whose name has one of the words, with those around it."""
    depths = range(len(folders))
    return next((folders[: depth + 1] for depth in depths if not words.isdisjoint(words_of(folders[depth]))), None)


def within(file: Parts, folders: Collection[Parts]) -> Parts | None:
    """Return which of some folders a file lies in."""
    return next((file[:depth] for depth in range(1, len(file)) if file[:depth] in folders), None)
