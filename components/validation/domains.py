"""The values that a schema allows a feature."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2


def set_values(schema: schema_pb2.Schema, feature: schema_pb2.Feature, values: list[str]) -> None:
    """Let a text feature take exactly these values."""
    if feature.WhichOneof("domain_info") == "domain":
        kept = [domain for domain in schema.string_domain if domain.name != feature.domain]
        del schema.string_domain[:]
        schema.string_domain.extend(kept)
    feature.string_domain.CopyFrom(schema_pb2.StringDomain(name=feature.name, value=sorted(values)))
