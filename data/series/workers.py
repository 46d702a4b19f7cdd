"""The part of windowing that runs on Beam's workers; imported only where a pipeline is built, since it loads Beam.

A worker writes whole shards from the memory-mapped series: what a shard holds depends on the plan alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apache_beam
import numpy as np

from data.series.records import Shape, encode_windows, read_folder
from data.shards import Shard
from pipeline.disk import replacing

BLOCK_BYTES = 1 << 19  # of records made at once; few enough to stay in the processor's cache
PLAN, SCALES = "plan.npy", "scales.npy"


class WriteShards(apache_beam.DoFn):
    """Writes whole TFRecord files of windows.

    Args:
        folder: where the plan (runs of windows) and the scales of the series are.
        target: where the series are and the shards go.
        shape: of the records.
        stride: rows between the windows of a run.
    """

    def __init__(self, folder: Path, target: Path, shape: Shape, stride: int) -> None:
        self.folder, self.target, self.shape, self.stride = folder, target, shape, stride

    def setup(self) -> None:
        self.runs = np.load(self.folder / PLAN)
        self.ends = np.cumsum(self.runs["count"])
        self.scales = np.load(self.folder / SCALES, mmap_mode="r")
        self.series = read_folder(self.target)
        size = 4 * sum(self.shape.floats.values())
        self.block = max(1, BLOCK_BYTES // size)

    def process(self, shard: Shard) -> Iterator[int]:
        with replacing(self.target / shard.name, durable=False) as file:
            for number, rows in self.stretches(shard):
                for piece in encode_windows(self.shape, self.series[number], self.scales[number], rows):
                    file.write(piece.data)
        yield shard.stop - shard.start

    def stretches(self, shard: Shard) -> Iterator[tuple[int, range]]:
        """Yield the number of a series and first target rows of some of its windows, until the shard is complete."""
        start = shard.start
        while start < shard.stop:
            run = int(np.searchsorted(self.ends, start, side="right"))
            stop = min(shard.stop, int(self.ends[run]), start + self.block)
            before = start - (int(self.ends[run]) - int(self.runs["count"][run]))
            first = int(self.runs["row"][run]) + self.stride * before
            yield int(self.runs["series"][run]), range(first, first + self.stride * (stop - start), self.stride)
            start = stop
