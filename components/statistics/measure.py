"""Measures every split with TFDV on Beam, and adds up what the task sums exactly."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.tasks import find_task
from components.tasks.task import Sums
from data.beam import run_pipeline
from data.config import BeamConfig
from data.tfdv import import_tfdv
from data.tfrecord import read_records
from pipeline.artifacts import Examples, Statistics

BATCH, BATCH_BYTES = 2048, 32 << 20
PEEK = 64  # records read to learn which features there are


def count(examples: Examples, splits: list[str], statistics: Statistics, config: BeamConfig) -> Sums:
    """Run the Beam pipeline that writes each `<split>.pb`; return the task's sums over the training split."""
    tfdv = import_tfdv()
    part = find_task(examples.task).statistics
    features = feature_types(examples, splits, part.PAYLOAD)
    sums_file = statistics.file("sums.json")
    with run_pipeline(config) as pipeline:
        for split in splits:
            sums = part.SUMS if split == "train" else None
            summing = sums.feature if sums else ""
            measured = (
                pipeline
                | f"shards of {split}" >> beam.Create([str(path) for path in examples.shards(split)])
                | f"spread {split}" >> beam.Reshuffle()
                | f"read {split}"
                >> beam.FlatMap(measure, features, summing, examples).with_outputs("sums", main="records")
            )
            _ = (
                measured.records
                | f"count {split}" >> tfdv.GenerateStatistics(tfdv.StatsOptions(num_rank_histogram_buckets=100))
                | f"write {split}" >> beam.Map(write_statistics, str(statistics.file(f"{split}.pb")))
            )
            if sums:
                added = measured.sums | "add" >> beam.CombineGlobally(sums.add)
                _ = added | "write sums" >> beam.Map(write_sums, str(sums_file))
    sums_of_all: Sums = statistics.read_json(sums_file.name) if part.SUMS else []
    return sums_of_all


def feature_types(examples: Examples, splits: list[str], payload: tuple[str, ...]) -> dict[str, str]:
    """Return the measurable features of the records with their TFDV type: INT, FLOAT or BYTES."""
    kinds = {"int64_list": "INT", "float_list": "FLOAT", "bytes_list": "BYTES"}
    found: dict[str, str] = {}
    for split in splits:
        for record in itertools.islice(read_records(examples.shards(split)[0]), PEEK):
            for name, feature in tf.train.Example.FromString(record).features.feature.items():
                kind = feature.WhichOneof("kind")
                if kind and name not in payload:
                    found[name] = kinds[kind]
    return dict(sorted(found.items()))


def measure(shard: str, features: dict[str, str], summing: str, examples: Examples) -> Iterator[Any]:
    """Yield a shard's measurable features as record batches and, where one is to be summed, the task's sums of it.

    Arrow's C++ decoder picks out the wanted features only; images never reach TFDV.

    Args:
        features: name -> TFDV type.
        summing: a feature of bytes for the task to sum; empty for none.
        examples: that the shard belongs to.
    """
    schema = schema_pb2.Schema()
    for name, kind in {**features, **({summing: "BYTES"} if summing else {})}.items():
        schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind))
    decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString())
    for batch in batches(read_records(Path(shard))):
        table = decoder.DecodeBatch(batch)
        if summing:
            payload = table.column(table.schema.get_field_index(summing)).flatten().to_pylist()
            sums = find_task(examples.task).statistics.SUMS
            assert sums is not None
            yield beam.pvalue.TaggedOutput("sums", sums.of(payload, examples))
        kept = [name for name in table.schema.names if name != summing]
        yield pyarrow.RecordBatch.from_arrays(
            [table.column(table.schema.get_field_index(name)) for name in kept], names=kept
        )


def batches(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield records in lists, cut at a number of records or of bytes, so that large images take no more memory."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def write_statistics(statistics: DatasetFeatureStatisticsList, target: str) -> None:
    """Write a DatasetFeatureStatisticsList; the same statistics give the same bytes."""
    Path(target).write_bytes(statistics.SerializeToString(deterministic=True))


def write_sums(sums: Sums, target: str) -> None:
    """Write the exact sums as JSON."""
    Path(target).write_text(json.dumps(sums), "utf-8")
