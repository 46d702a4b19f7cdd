"""Real examples of a split, evenly spread: of these are warm-up requests, the serving check, int8's calibration."""

from __future__ import annotations

from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples
from pipeline.errors import UserError

UNSEEN_FIRST = ("test", "validation", "train")  # what the network was not fitted to comes first
FITTED_FIRST = UNSEEN_FIRST[::-1]  # for what is fitted to them, as int8 is


def sample_records(examples: Examples, count: int, order: tuple[str, ...] = UNSEEN_FIRST) -> tuple[str, list[bytes]]:
    """Return a split's name and up to `count` of its serialized examples.

    Args:
        order: of the splits, of which the first one that is not empty is taken.

    Raises:
        UserError: there are no examples in any split.
    """
    split = next((name for name in order if examples.splits.get(name)), None)
    if split is None:
        raise UserError("There are no examples in any split.", str(examples.path))
    step = max(examples.splits[split] // count, 1)
    chosen: list[bytes] = []
    number = 0
    for shard in examples.shards(split):
        for record in read_records(shard):
            if number % step == 0 and len(chosen) < count:
                chosen.append(record)
            number += 1
        if len(chosen) == count:
            break
    return split, chosen


def encoded_image(record: bytes) -> bytes:
    """Return the JPEG or PNG bytes of a serialized example."""
    image = decode_example(record)["image/encoded"][0]
    assert isinstance(image, bytes)
    return image
