"""Pictures that are no photos of their own: masks, previews and drawings of annotated photos."""

from __future__ import annotations

import re
from collections.abc import Collection

from data.file_tree import Entry, printable, stem_of
from data.sample import Problem
from data.split_names import words_of

WORDS = frozenset(
    [
        "mask", "masks", "segmentation", "segmentations", "segmentationclass", "segmentationobject", "segmented",
        "semantic", "panoptic", "trimap", "trimaps", "matte", "mattes", "preview", "previews", "overlay", "overlays",
        "visualization", "visualizations", "visualisation", "visualisations", "visualized", "vis", "viz", "thumb",
        "thumbs", "thumbnail", "thumbnails", "depth", "heatmap", "heatmaps", "drawn", "rendered", "annotated", "debug",
        "colormap", "outline", "outlines", "contour", "contours", "silhouettes", "saliency", "labelids",
    ]
)  # fmt: skip
ENDINGS = "|".join(sorted(WORDS | {"seg", "gt", "label", "labels", "thumb"}, key=len, reverse=True))
ENDING = re.compile(rf"[-_. ](?:{ENDINGS})(?:[-_. ]?\d+)?$", re.IGNORECASE)


def in_picture_folder(photo: tuple[str, ...], named: Collection[str] = ()) -> bool:
    """Tell whether a folder around a picture is called after masks or previews.

    Args:
        named: folders in small letters that an annotation names, or lies in, and that therefore do not count.
    """
    return any(
        part.lower() not in named and (part.lower() in WORDS or not WORDS.isdisjoint(words_of(part)))
        for part in photo[:-1]
    )


def first_picture(name: str) -> str:
    """Return the name, without its ending, of the picture that another one is a mask of: `1_mask.png` -> 1."""
    stem = stem_of(name).lower()
    short = ENDING.sub("", stem)
    return "" if short == stem else short


def second_pictures(photos: list[Entry], annotated: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], Problem]:
    """Return the pictures that are second ones of an annotated photo, each with what is to be told.

    A picture is one where it has the name of an annotated photo, or that name with `_mask` behind it, and lies beside
    it or in a folder called after masks.

    Args:
        photos: all pictures.
        annotated: those that an annotation is about.
    """
    first: dict[str, tuple[str, ...]] = {}
    for parts in annotated:
        first.setdefault(stem_of(parts[-1]).lower(), parts)
    twins: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for photo in photos:
        if photo.parts in annotated:
            continue
        stem, short = stem_of(photo.parts[-1]).lower(), first_picture(photo.parts[-1])
        if stem in first or short in first:
            twins.append((photo.parts, first.get(stem) or first[short]))
    found: dict[tuple[str, ...], Problem] = {}
    for parts, main in twins:
        if main[:-1] == parts[:-1] or in_picture_folder(parts):
            detail = f"beside the photo {printable('/'.join(main))}"
            found[parts] = Problem("second_picture", printable("/".join(parts)), detail)
    return found
