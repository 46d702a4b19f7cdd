"""Adds to an inferred schema what is known of labelled images: classes, their numbers, edges as shares, whole sizes."""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation.domains import set_values
from pipeline.artifacts import Statistics

NUMBER, NAME, FORMAT = "image/object/class/label", "image/object/class/text", "image/format"
FLAGS = ("image/object/difficult", "image/object/truncated", "image/object/is_crowd")
SIZES = ("image/height", "image/width", "image/channels", "image/bytes")
SHARES = ("image/brightness", "image/box/smallest", "image/box/largest", *(f"image/object/bbox/{edge}" for edge in ("ymin", "xmin", "ymax", "xmax")))  # fmt: skip


def add_domains(schema: Any, statistics: Statistics) -> None:
    """Narrow the domains of the features, in place; what belongs to boxes may be missing, since images may have none."""
    labels = statistics.properties["labels"]
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


def let_be_missing(feature: Any) -> None:
    """Let an image have any number of a feature's values, none included."""
    feature.ClearField("shape")
    feature.ClearField("value_count")
    feature.presence.CopyFrom(schema_pb2.FeaturePresence(min_count=0))
