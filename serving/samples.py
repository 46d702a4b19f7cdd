"""Real examples of a split, evenly spread over it: what warm-up requests and the serving check are made of."""

from __future__ import annotations

from pipeline.artifacts import Examples
from pipeline.errors import UserError

ORDER = ("test", "validation", "train")  # pictures that the network was not fitted to come first


def sample_records(examples: Examples, count: int) -> tuple[str, list[bytes]]:
    """Return a split's name and up to `count` of its serialized examples.

    Raises:
        UserError: there are no examples in any split.
    """
    from data.tfrecord import read_records

    split = next((name for name in ORDER if examples.splits.get(name)), None)
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


def encoded_picture(record: bytes) -> bytes:
    """Return the JPEG or PNG bytes of a serialized example."""
    from data.tfrecord import decode_example

    picture = decode_example(record)["image/encoded"][0]
    assert isinstance(picture, bytes)
    return picture
