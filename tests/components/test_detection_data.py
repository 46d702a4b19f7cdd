"""Labelled photos go through statistics, schema and checks: what is unusual is told, what cannot work stops the run,
and photos are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2

from components.config import SchemaConfig
from components.example_gen import example_gen
from components.example_validator import example_validator
from components.schema_gen import schema_gen
from components.statistics_gen import statistics_gen
from components.tasks.object_detection.checks import check_counts
from components.tasks.object_detection.config import DetectionValidationConfig
from components.tasks.object_detection.data_check import inspect
from data.config import BeamConfig
from data.detection.config import DetectionDataConfig
from labline.cli.data_check import summary_text
from pipeline.artifacts import Anomalies, Examples, Schema, Statistics, write_manifest
from pipeline.component import Context
from pipeline.progress import Progress
from tests.support.labelled_shapes import PATCH, add_image, draw, write_images


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Examples, statistics, schema and anomalies of 60 photos, one with a bad box, one that is doubled and three of
    background.
    """
    root = tmp_path_factory.mktemp("line")
    raw = write_images(root / "raw", {"cat": 38, "dog": 18})
    add_image(raw, "bad.jpg", [("cat", PATCH), ("dog", (5, 5, 5, 9))], draw(100))
    add_image(raw, "again.jpg", [("cat", PATCH)], draw(0))
    for number in range(3):
        add_image(raw, f"nothing{number}.jpg", [], draw(200 + number))
    made: dict[str, Any] = {
        kind.__name__: kind.create(root / kind.__name__) for kind in (Examples, Statistics, Schema, Anomalies)
    }
    context = Context.standalone(root / "context")
    example_gen(
        examples=made["Examples"], config=DetectionDataConfig(path=str(raw)), beam=BeamConfig(), context=context
    )
    write_manifest(made["Examples"], 0.0)
    statistics_gen(examples=made["Examples"], statistics=made["Statistics"], beam=BeamConfig(), context=context)
    write_manifest(made["Statistics"], 0.0)
    schema_gen(statistics=made["Statistics"], schema=made["Schema"], config=SchemaConfig())
    write_manifest(made["Schema"], 0.0)
    validate(made, made["Anomalies"], DetectionValidationConfig())
    return made


def validate(made: dict[str, Any], anomalies: Anomalies, config: DetectionValidationConfig) -> None:
    example_validator(
        examples=made["Examples"],
        statistics=made["Statistics"],
        schema=made["Schema"],
        previous=None,
        anomalies=anomalies,
        config=config,
    )


def test_boxes_are_measured_and_photos_with_boxes_are_drawn(line: dict[str, Any]) -> None:
    page = line["Statistics"].read_json("statistics.json")
    features = {row["name"]: row for row in page["splits"]["train"]["features"]}
    assert features["image/boxes"]["max"] == 1
    assert features["image/object/bbox/ymin"]["mean"] == pytest.approx(0.25)
    assert features["image/box/largest"]["max"] == pytest.approx(0.3125)
    assert dict(features["image/object/class/text"]["top"]).keys() == {"cat", "dog"}
    assert "image/encoded" not in features
    assert page["labels"] == line["Statistics"].properties["labels"] == ["cat", "dog"]
    assert sum(page["empty"].values()) == 3
    for place in (0, 1):
        with Image.open(line["Statistics"].file("samples", f"{place}.png")) as strip:
            assert strip.width > 2 * 64


def test_the_schema_knows_classes_numbers_and_shares(line: dict[str, Any]) -> None:
    proto = text_format.Parse(line["Schema"].file("schema.pbtxt").read_text(), schema_pb2.Schema())
    features = {feature.name: feature for feature in proto.feature}
    assert (
        features["image/object/class/label"].int_domain.min,
        features["image/object/class/label"].int_domain.max,
    ) == (1, 2)
    assert list(features["image/object/class/text"].string_domain.value) == ["cat", "dog"]
    assert features["image/object/bbox/xmax"].float_domain.max == 1
    assert features["image/object/bbox/xmax"].presence.min_fraction == 0


def test_findings_name_lines_and_show_photos(line: dict[str, Any]) -> None:
    found = {finding["name"]: finding for finding in line["Anomalies"].read_json("anomalies.json")}
    assert {name for name, finding in found.items() if finding["severity"] == "error"} == {"empty_box"}
    box = found["empty_box"]["examples"][0]
    assert (box["file"], box["photo"]) == ("annotations/bad.xml, line 12", "photos/bad.jpg")
    with Image.open(line["Anomalies"].file(box["thumbnail"])) as image:
        assert image.size == (64, 40)
    assert {row["file"] for row in found["background_photo"]["examples"]} == {
        f"photos/nothing{n}.jpg" for n in range(3)
    }
    assert found["duplicate_image"]["count"] == 1
    assert "schema" not in found


def test_the_share_of_bad_boxes_is_of_boxes_and_can_be_tolerated(line: dict[str, Any], tmp_path: Path) -> None:
    anomalies = Anomalies.create(tmp_path / "anomalies")
    validate(line, anomalies, DetectionValidationConfig(max_bad_share=0.02))  # 1 of 59 boxes
    assert anomalies.properties["errors"] == 0
    validate(line, anomalies, DetectionValidationConfig(max_bad_share=0.01))
    assert anomalies.properties["errors"] == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"train": [100, 100], "validation": [20, 20], "test": [20, 20]}, {}),
        ({"train": [100, 100], "validation": [20, 20], "test": [0, 0]}, {"empty_split": "error"}),
        ({"train": [100, 100], "validation": [0, 0], "test": [20, 20]}, {"empty_split": "warning"}),
        ({"train": [100, 0], "validation": [20, 20], "test": [20, 20]}, {"class_missing_from_train": "error"}),
        ({"train": [100, 0], "validation": [20, 0], "test": [20, 0]}, {"unused_class": "info"}),
        ({"train": [100, 100], "validation": [20, 20], "test": [20, 0]}, {"class_missing_from_split": "warning"}),
        ({"train": [100, 100], "validation": [2, 2], "test": [20, 20]}, {"few_judged": "warning"}),
        ({"train": [100, 5], "validation": [20, 2], "test": [20, 2]}, {"few_boxes_of_class": "warning"}),
        ({"train": [1000, 40], "validation": [20, 20], "test": [20, 20]}, {"class_imbalance": "warning"}),
    ],
)
def test_numbers_that_cannot_work_are_told(counts: dict[str, list[int]], said: dict[str, str]) -> None:
    splits = {"train": 200, "validation": 40, "test": 40}
    found = check_counts(["cat", "dog"], counts, splits, DetectionValidationConfig(max_class_ratio=24))
    assert {finding["name"]: finding["severity"] for finding in found} == said


def test_a_look_writes_nothing_and_says_what_a_run_would(tmp_path: Path) -> None:
    root = write_images(tmp_path / "raw", {"cat": 20, "dog": 12})
    add_image(root, "none.jpg", [], draw(100))
    before = sorted(tmp_path.rglob("*"))
    found = inspect(DetectionDataConfig(path=str(root)), DetectionValidationConfig(), Progress(quiet=True))
    assert sorted(tmp_path.rglob("*")) == before
    assert found["classes"] == {"cat": 20, "dog": 12}
    assert (found["found"], found["used"], found["background"]) == (33, 33, 1)
    assert found["box height"] == {"smallest": 20, "median": 20, "largest": 20}
    assert found["boxes a photo"] == {"smallest": 0, "median": 1, "largest": 1}
    text = summary_text(found)
    assert "classes        cat 20, dog 12" in text
    assert "info: background_photo" in text
    assert "warning: tiny_data" in text
