"""Adds to an inferred schema what is known of labelled images: classes, their numbers, edges as shares, whole sizes."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from components.tasks.object_detection.facts import DetectionStatisticsFacts
from components.validation.domains import set_values
from pipeline.artifacts import Statistics

NUMBER, NAME, FORMAT = "image/object/class/label", "image/object/class/text", "image/format"
FLAGS = ("image/object/difficult", "image/object/truncated", "image/object/is_crowd")
SIZES = ("image/height", "image/width", "image/channels", "image/bytes")
EDGES = tuple(f"image/object/bbox/{edge}" for edge in ("ymin", "xmin", "ymax", "xmax"))
SHARES = ("image/brightness", "image/box/smallest", "image/box/largest", *EDGES)


def add_domains(schema: schema_pb2.Schema, statistics: Statistics) -> None:
    """Narrow the domains of the features, in place; what belongs to boxes may be missing: images may have none."""
    labels = statistics.facts_as(DetectionStatisticsFacts).labels
    for feature in schema.feature:
        if feature.name.startswith("image/object/"):
            let_be_missing(feature)
        if feature.name == NUMBER:
            domain = schema_pb2.IntDomain(name="label", min=1, max=len(labels), is_categorical=True)
            feature.int_domain.CopyFrom(domain)
        elif feature.name == NAME:
            set_values(schema, feature, labels)
        elif feature.name == FORMAT:
            set_values(schema, feature, ["jpeg", "png"])
        elif feature.name in FLAGS:
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=0, max=1))
        elif feature.name in SIZES:
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=1))
        elif feature.name == "image/boxes":
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=0))
        elif feature.name in SHARES:
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, max=1))


def let_be_missing(feature: schema_pb2.Feature) -> None:
    """Let an image have any number of a feature's values, none included."""
    feature.ClearField("shape")
    feature.ClearField("value_count")
    feature.presence.CopyFrom(schema_pb2.FeaturePresence(min_count=0))
