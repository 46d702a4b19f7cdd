"""The schema that the data must keep to: inferred from the training split, or the user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.config import SchemaConfig
from components.tasks import find_task
from pipeline.artifacts import Schema, Statistics
from pipeline.component import Out, component
from pipeline.errors import UserError
from pipeline.facts import SchemaFacts


@component(requires=["tensorflow-data-validation"], part="schema")
def schema_gen(statistics: Statistics, schema: Out[Schema], config: SchemaConfig) -> None:
    """Write `schema.pbtxt`."""
    if config.file is None:
        proto = infer(statistics)
    else:
        proto = read_schema(config.file)
        check_features(proto, statistics, config.file)
    from google.protobuf import text_format

    schema.file("schema.pbtxt").write_text(text_format.MessageToString(proto), "utf-8")
    features = sorted(feature.name for feature in proto.feature)
    schema.write_facts(SchemaFacts(curated=config.file is not None, features=features))


def infer(statistics: Statistics) -> Any:
    """Infer a schema from the training split and add what the task knows beforehand."""
    from data.tfdv import import_tfdv

    tfdv = import_tfdv()
    schema = tfdv.infer_schema(tfdv.load_stats_binary(str(statistics.file("train.pb"))), max_string_domain_size=1000)
    find_task(statistics.facts.task).schema.add_domains(schema, statistics)
    return schema


def read_schema(file: Path) -> Any:
    """Read the user's schema.

    Raises:
        UserError: the file is missing or is no schema in protobuf's text form; the line is named.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UserError(
            f"The schema cannot be read: {reason}.", f"{file} (schema_gen.file)", "Name an existing schema.pbtxt."
        ) from None
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        line = f", line {error.GetLine()}" if error.GetLine() else ""
        raise UserError(
            f"The schema is not valid: {error}.",
            f"{file}{line}",
            "Start from the schema.pbtxt of an earlier run, in artifacts/schema_gen of the workspace.",
        ) from None


def check_features(schema: Any, statistics: Statistics, file: Path) -> None:
    """Refuse a schema without features, and one that knows none of the data's features: it is some other data's.

    Raises:
        UserError: as said.
    """
    known = {feature.name for feature in schema.feature}
    measured = {row["name"] for row in statistics.read_json("statistics.json")["splits"]["train"]["features"]}
    if not known & measured:
        raise UserError(
            f"The schema describes {', '.join(sorted(known)) or 'no feature at all'}; the data have "
            f"{', '.join(sorted(measured))}.",
            str(file),
            "Start from the schema.pbtxt of an earlier run on these data, in artifacts/schema_gen of the workspace.",
        )
