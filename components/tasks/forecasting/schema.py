"""Adds to an inferred schema what is known of windows: counts and deviations are not negative."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.artifacts import Statistics


def add_domains(schema: schema_pb2.Schema, statistics: Statistics) -> None:
    """Narrow the domains of the features, in place."""
    del statistics
    for feature in schema.feature:
        if feature.name in ("series/filled", "series/longest_gap"):
            feature.int_domain.CopyFrom(schema_pb2.IntDomain(min=0))
        elif feature.name == "series/deviation":
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0))
