"""Shards: which records each TFRecord file holds, and their writing by Beam's workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import apache_beam

from data.beam import do_all, watch
from data.config import BeamConfig
from pipeline.progress import Progress


class Shard(NamedTuple):
    """One TFRecord file to write: the records `start` to `stop` of those of all splits, one split after the other."""

    name: str
    start: int
    stop: int


def plan_shards(counts: Mapping[str, int], per_shard: int) -> list[Shard]:
    """Cut the records of each split into files of equal length, `<split>-<number>-of-<count>.tfrecord`.

    Args:
        counts: records of each split.
        per_shard: the most that a file holds.
    """
    shards, first = [], 0
    for split, records in counts.items():
        count = -(-records // per_shard)
        bounds = [first + round(records * number / count) for number in range(count + 1)] if count else []
        shards += [
            Shard(f"{split}-{number:05d}-of-{count:05d}.tfrecord", *bounds[number : number + 2])
            for number in range(count)
        ]
        first += records
    return shards


def write_all(
    shards: Sequence[Shard], work: apache_beam.DoFn, beam: BeamConfig, target: Path, name: str, progress: Progress
) -> None:
    """Let workers write shards, and show how far they are.

    Args:
        work: takes a `Shard` and writes it to `target`.
        name: what is shown.
    """
    sizes = {shard.name: shard.stop - shard.start for shard in shards}
    with watch(target, sizes, name, progress):
        do_all(shards, work, beam)
