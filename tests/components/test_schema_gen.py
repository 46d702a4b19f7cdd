"""Promises of schema_gen."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.config import SchemaConfig
from components.schema_gen import schema_gen
from pipeline.artifacts import Schema, Statistics
from pipeline.errors import UserError


def read(schema: Schema) -> dict[str, schema_pb2.Feature]:
    message = text_format.Parse(schema.file("schema.pbtxt").read_text(), schema_pb2.Schema())
    return {feature.name: feature for feature in message.feature}


def test_the_inferred_schema_knows_classes_formats_and_ranges(tiny_schema: Schema) -> None:
    features = read(tiny_schema)
    assert (features["image/class/label"].int_domain.min, features["image/class/label"].int_domain.max) == (0, 2)
    assert list(features["image/class/text"].string_domain.value) == ["cross", "dot", "stripe"]
    assert list(features["image/format"].string_domain.value) == ["jpeg", "png"]
    assert features["image/brightness"].float_domain.max == 1
    assert tiny_schema.properties["curated"] is False


def test_the_users_schema_is_taken_as_it_is(tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path) -> None:
    file = tmp_path / "mine.pbtxt"
    file.write_text(tiny_schema.file("schema.pbtxt").read_text().replace("max: 2", "max: 1"))
    schema = Schema.create(tmp_path / "schema")
    schema_gen(statistics=tiny_statistics, schema=schema, config=SchemaConfig(file=file))
    assert read(schema)["image/class/label"].int_domain.max == 1
    assert schema.properties["curated"] is True


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        ("feature { name: 3 }", "not valid"),
        ("", "no feature at all"),
        ('feature { name: "age" type: INT }', "describes age"),
    ],
)
def test_a_wrong_schema_file_is_named_with_what_is_wrong(
    tiny_statistics: Statistics, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "schema.pbtxt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        schema_gen(
            statistics=tiny_statistics, schema=Schema.create(tmp_path / "schema"), config=SchemaConfig(file=file)
        )
    assert str(file) in caught.value.where
    assert caught.value.fix
