"""Statistics of every split: TFDV's for the measurable features, exact pixel mean and deviation of the training pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.beam import BeamConfig
from data.records import read_records
from pipeline.artifacts import Examples, Statistics
from pipeline.component import Context, Out, component
from pipeline.errors import UserError

PICTURE = "image/encoded"
PAYLOAD = (PICTURE, "image/source")  # the picture and its name: nothing to count there
BATCH, BATCH_BYTES = 2048, 32 << 20
PEEK = 64  # records read to learn which features there are
SAMPLES_A_CLASS, SAMPLE_CLASSES, SAMPLE_SIDE = 10, 20, 64


@component(requires=["tensorflow-data-validation", "tensorflow", "apache-beam"])
def statistics_gen(examples: Examples, statistics: Out[Statistics], beam: BeamConfig, context: Context) -> None:
    """Write `<split>.pb` (TFDV), `statistics.json` (the same, for reading), `samples/` and the normalisation constants."""
    if not examples.splits.get("train"):
        raise UserError(
            "There is no picture in the training split.", str(examples.path), "Check `data.split` and the data itself."
        )
    splits = sorted(split for split, number in examples.splits.items() if number)
    with context.progress.job("statistics", total=sum(examples.splits.values())):
        sums = count(examples, splits, statistics, beam)
    described = {split: describe(statistics.file(f"{split}.pb")) for split in splits}
    statistics.write_json(
        "statistics.json",
        {"labels": examples.labels, "label_counts": examples.properties["label_counts"], "splits": described},
    )
    write_samples(examples, statistics)
    statistics.properties = {"splits": splits, "labels": examples.labels, "pixels": pixel_statistics(sums)}


def count(examples: Examples, splits: list[str], statistics: Statistics, config: BeamConfig) -> list[list[int]]:
    """Run the Beam pipeline that writes each `<split>.pb`; return per channel of the training pictures [n, sum, sum of squares]."""
    import apache_beam as beam

    from data.beam import run_pipeline
    from data.tfdv import import_tfdv

    tfdv = import_tfdv()
    features = feature_types(examples, splits)
    channels = int(examples.properties["channels"])
    sums_file = statistics.file("pixel_sums.json")
    with run_pipeline(config) as pipeline:
        for split in splits:
            measured = (
                pipeline
                | f"shards of {split}" >> beam.Create([str(path) for path in examples.shards(split)])
                | f"spread {split}" >> beam.Reshuffle()
                | f"read {split}"
                >> beam.FlatMap(measure, features, channels if split == "train" else 0).with_outputs(
                    "pixels", main="records"
                )
            )
            _ = (
                measured.records
                | f"count {split}" >> tfdv.GenerateStatistics(tfdv.StatsOptions(num_rank_histogram_buckets=100))
                | f"write {split}" >> beam.Map(write_statistics, str(statistics.file(f"{split}.pb")))
            )
            if split == "train":
                added = measured.pixels | "add pixels" >> beam.CombineGlobally(add_sums)
                _ = added | "write pixels" >> beam.Map(write_sums, str(sums_file))
    return statistics.read_json(sums_file.name)


def feature_types(examples: Examples, splits: list[str]) -> dict[str, str]:
    """Return the measurable features of the records with their TFDV type: INT, FLOAT or BYTES."""
    import itertools

    import tensorflow as tf

    kinds = {"int64_list": "INT", "float_list": "FLOAT", "bytes_list": "BYTES"}
    found: dict[str, str] = {}
    for split in splits:
        for record in itertools.islice(read_records(examples.shards(split)[0]), PEEK):
            for name, feature in tf.train.Example.FromString(record).features.feature.items():
                kind = feature.WhichOneof("kind")
                if kind and name not in PAYLOAD:
                    found[name] = kinds[kind]
    return dict(sorted(found.items()))


def measure(shard: str, features: dict[str, str], channels: int) -> Iterator[Any]:
    """Yield a shard's measurable features as record batches and, where `channels` are asked for, sums of its pixels.

    Arrow's C++ decoder picks out the wanted features only; the pictures never reach TFDV.
    """
    import apache_beam as beam
    import pyarrow
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    schema = schema_pb2.Schema()
    for name, kind in {**features, **({PICTURE: "BYTES"} if channels else {})}.items():
        schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind))
    decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString())
    for batch in batches(read_records(Path(shard))):
        table = decoder.DecodeBatch(batch)
        if channels:
            pictures = table.column(table.schema.get_field_index(PICTURE)).flatten().to_pylist()
            yield beam.pvalue.TaggedOutput("pixels", add_sums([add_pixels(picture, channels) for picture in pictures]))
        kept = [name for name in table.schema.names if name != PICTURE]
        yield pyarrow.RecordBatch.from_arrays(
            [table.column(table.schema.get_field_index(name)) for name in kept], names=kept
        )


def batches(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield records in lists, cut at a number of records or of bytes, so that large photos take no more memory than small ones."""
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


def add_pixels(encoded: bytes, channels: int) -> list[list[int]]:
    """Return per channel of a picture [number of pixels, their sum, sum of squares] as exact integers."""
    import io

    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("L" if channels == 1 else "RGB")).reshape(-1, channels)
    counts = [np.bincount(pixels[:, channel], minlength=256) for channel in range(channels)]
    values = np.arange(256)
    return [[len(pixels), int(count @ values), int(count @ values**2)] for count in counts]


def write_statistics(statistics: Any, target: str) -> None:
    """Write a DatasetFeatureStatisticsList; the same statistics give the same bytes."""
    Path(target).write_bytes(statistics.SerializeToString(deterministic=True))


def add_sums(parts: Any) -> list[list[int]]:
    """Add up tables of the same shape, in any order and grouping."""
    total: list[list[int]] = []
    for part in parts:
        total = (
            [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(total, part, strict=True)] if total else part
        )
    return total


def write_sums(sums: list[list[int]], target: str) -> None:
    """Write the exact sums as JSON."""
    import json

    Path(target).write_text(json.dumps(sums), "utf-8")


def pixel_statistics(sums: list[list[int]]) -> dict[str, Any]:
    """Turn exact sums of bytes into mean and standard deviation of pixel values in 0..1, of all channels and by channel."""

    def moments(number: int, total: int, squares: int) -> tuple[float, float]:
        variance = (number * squares - total * total) / (
            number * number
        )  # one rounding: the numerator is an exact integer
        return total / number / 255, math.sqrt(variance) / 255

    by_channel = [moments(*row) for row in sums]
    mean, std = moments(*(sum(column) for column in zip(*sums, strict=True)))
    return {
        "mean": mean,
        "std": std,
        "channel_mean": [m for m, _ in by_channel],
        "channel_std": [s for _, s in by_channel],
    }


def describe(file: Path) -> dict[str, Any]:
    """Return one split's statistics as plain numbers for the report."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    dataset = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes()).datasets[0]
    features = sorted(
        (describe_feature(feature, dataset.num_examples) for feature in dataset.features), key=lambda row: row["name"]
    )
    return {"examples": dataset.num_examples, "features": features}


def describe_feature(feature: Any, examples: int) -> dict[str, Any]:
    """Return one feature's statistics as plain numbers."""
    kind = "number" if feature.HasField("num_stats") else "text"
    common = (feature.num_stats if kind == "number" else feature.string_stats).common_stats
    row = {
        "name": "/".join(feature.path.step),
        "kind": kind,
        "count": common.num_non_missing,
        "missing": examples - common.num_non_missing,
    }
    if kind == "text":
        text = feature.string_stats
        top = [[bucket.label, int(bucket.sample_count)] for bucket in text.rank_histogram.buckets]
        return {**row, "unique": text.unique, "average_length": text.avg_length, "top": top}
    numbers = feature.num_stats
    bars: Any = next(
        (histogram.buckets for histogram in numbers.histograms if histogram.type == 0), []
    )  # 0: equal widths
    return {
        **row, "mean": numbers.mean, "std": numbers.std_dev, "min": numbers.min, "median": numbers.median, "max": numbers.max,
        "zeros": numbers.num_zeros, "histogram": [[bar.low_value, bar.high_value, bar.sample_count] for bar in bars],
    }  # fmt: skip


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write one strip of the first training pictures for each of the first classes, as `samples/<class number>.png`."""
    import tensorflow as tf

    wanted = dict.fromkeys(range(min(SAMPLE_CLASSES, len(examples.labels))), SAMPLES_A_CLASS)
    found: dict[int, list[bytes]] = {label: [] for label in wanted}
    records = (record for shard in examples.shards("train") for record in read_records(shard))
    for number, record in enumerate(records):
        feature = tf.train.Example.FromString(record).features.feature
        label = feature["image/class/label"].int64_list.value[0]
        if len(found.get(label, [])) < wanted.get(label, 0):
            found[label].append(feature["image/encoded"].bytes_list.value[0])
        if number > 20_000 or all(len(found[label]) == wanted[label] for label in wanted):
            break
    statistics.file("samples").mkdir()
    for label, pictures in found.items():
        if pictures:
            strip([thumbnail(picture) for picture in pictures]).save(statistics.file("samples", f"{label}.png"), "PNG")


def thumbnail(encoded: bytes) -> Any:
    """Decode a picture for showing, at most 64 pixels on its longer side."""
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(encoded)).convert("RGB")
    picture.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE))
    return picture


def strip(pictures: list[Any]) -> Any:
    """Put pictures side by side."""
    from PIL import Image

    height = max(picture.height for picture in pictures)
    sheet = Image.new("RGBA", (sum(picture.width + 2 for picture in pictures) - 2, height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, (height - picture.height) // 2))
        left += picture.width + 2
    return sheet
