"""Adds to an inferred schema what is known of images: classes, their numbers, formats, whole sizes."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from components.tasks.image_classification.facts import ImageStatisticsFacts
from components.validation.domains import set_values
from pipeline.artifacts import Statistics

LABEL, NAME, FORMAT = "image/class/label", "image/class/text", "image/format"


def add_domains(schema: schema_pb2.Schema, statistics: Statistics) -> None:
    """Narrow the domains of the features, in place."""
    labels = statistics.facts_as(ImageStatisticsFacts).labels
    for feature in schema.feature:
        if feature.name == LABEL:
            feature.int_domain.CopyFrom(
                schema_pb2.IntDomain(name="label", min=0, max=len(labels) - 1, is_categorical=True)
            )
        elif feature.name == NAME:
            set_values(schema, feature, labels)
        elif feature.name == FORMAT:
            set_values(schema, feature, ["jpeg", "png"])
        elif feature.name in ("image/height", "image/width", "image/channels", "image/bytes"):
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=1))
        elif feature.name == "image/brightness":
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, max=1))
