"""Which of equal images stay, and what is told of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray


def drop_duplicates(
    contents: NDArray[np.uint64],
    said: NDArray[np.int32] | NDArray[np.uint64],
    conflict: str,
    splits: NDArray[np.int8],
    usable: NDArray[np.bool_],
    tell: Callable[[str, int, int], None],
) -> None:
    """Report equal images.

    Where two given splits share one, leave it usable only in the split that is further from training.

    Args:
        contents: uint64 [n], hashes of the images' bytes.
        said: [n], what the data say of each image: its class, or a hash of its boxes.
        conflict: the kind of finding for equal images of which different things are said.
        splits: int8 [n], given splits.
        usable: bool [n], changed in place.
        tell: takes the kind of a finding, the row of an image, and the row of the equal one that is kept.
    """
    for kept, row, beside in find_duplicates(contents, splits, usable):
        if row == kept:
            continue
        tell("duplicate_image" if beside else "duplicate_across_splits", row, kept)
        if said[row] != said[kept]:
            tell(conflict, row, kept)
        usable[row] = usable[row] and beside


def find_duplicates(
    contents: NDArray[np.uint64], splits: NDArray[np.int8], usable: NDArray[np.bool_]
) -> Iterator[tuple[int, int, bool]]:
    """Yield (row of the first one that is kept, own row, whether both are in one split) for every repeated image.

    Kept are those in the split that is furthest from training.
    """
    rows = np.flatnonzero(usable)
    order = rows[np.lexsort((rows, contents[rows]))]
    same = contents[order[1:]] == contents[order[:-1]]
    if not same.any():
        return
    starts = np.flatnonzero(np.r_[True, ~same])
    repeated = [
        order[start:stop] for start, stop in zip(starts, [*starts[1:], len(order)], strict=True) if stop - start > 1
    ]
    for group in sorted(repeated, key=lambda group: int(group[0])):
        places = np.maximum(splits[group], 0)
        kept = int(group[places == places.max()][0])
        for row_number, place in zip(group.tolist(), places.tolist(), strict=True):
            yield kept, row_number, place == places.max()
