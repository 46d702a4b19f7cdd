"""Promises of example_validator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.config import SchemaConfig
from components.example_validator import example_validator
from components.schema_gen import schema_gen
from components.tasks.image_classification.config import ImageValidationConfig
from data.findings import Finding
from data.validation.comparison import value_shares
from data.validation.config import Limits
from pipeline.artifacts import Anomalies, Examples, Schema, Statistics, write_manifest
from pipeline.facts import StatisticsFacts
from serving.monitor.measuring import statistics_of

QUIET = ImageValidationConfig(min_train_examples=0, min_class_examples=0)


def validate(
    folder: Path,
    examples: Examples,
    statistics: Statistics,
    schema: Schema,
    previous: Statistics | None = None,
    config: ImageValidationConfig = QUIET,
) -> tuple[Anomalies, dict[str, Finding]]:
    anomalies = Anomalies.create(folder / "anomalies")
    example_validator(
        examples=examples, statistics=statistics, schema=schema, previous=previous, anomalies=anomalies, config=config
    )
    write_manifest(anomalies, created=0.0)
    return anomalies, {finding["name"]: finding for finding in anomalies.read_json("anomalies.json")}


def finding(name: str, severity: str, count: int, files: Sequence[str] = ()) -> Finding:
    rows = [{"file": file, "detail": "", "split": "", "label": ""} for file in files]
    return Finding(name=name, severity=severity, count=count, share=0.0, description="A sentence.", examples=list(rows))


def test_sound_data_have_no_findings(
    tiny_examples: Examples, tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    anomalies, found = validate(tmp_path, tiny_examples, tiny_statistics, tiny_schema, previous=tiny_statistics)
    assert found == {}
    assert anomalies.properties["errors"] == anomalies.properties["warnings"] == 0


def test_bad_files_are_errors_only_above_the_share_of_the_recipe(
    make_examples: Callable[..., Examples], tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    few = make_examples(
        "few", {"train": 120, "test": 60}, rejected=[finding("corrupt_file", "error", 1, ["dot/broken.png"])]
    )
    _, found = validate(tmp_path / "a", few, tiny_statistics, tiny_schema)
    assert found["corrupt_file"]["severity"] == "warning"
    strict = QUIET.model_copy(update={"max_bad_share": 0.001})
    anomalies, found = validate(tmp_path / "b", few, tiny_statistics, tiny_schema, config=strict)
    assert found["corrupt_file"]["severity"] == "error"
    assert anomalies.properties["errors"] == 1
    assert "corrupt_file" in anomalies.properties["summary"]


def test_small_shares_that_together_are_too_many_are_told_with_the_sum_and_the_key(
    make_examples: Callable[..., Examples], tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    rejected = [finding("corrupt_file", "error", 1, ["a.png"]), finding("empty_file", "error", 1, ["b.png"])]
    examples = make_examples("several", {"train": 120, "test": 60}, rejected=rejected)
    config = QUIET.model_copy(update={"max_bad_share": 0.008})  # above 1 of 182
    anomalies, found = validate(tmp_path / "a", examples, tiny_statistics, tiny_schema, config=config)
    words = "2 of 182 files are unusable (1.1 %), more than validation.max_bad_share=0.008 allows"
    assert found["corrupt_file"]["description"] == f"A sentence. Together, {words}."
    assert anomalies.properties["summary"].count(words) == 1


def test_the_recipe_sets_the_severity_of_a_finding_by_name(
    make_examples: Callable[..., Examples], tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    examples = make_examples(
        "twice", {"train": 30}, rejected=[finding("duplicate_across_splits", "warning", 1, ["cross/train_0.png"])]
    )
    config = QUIET.model_copy(update={"severity": {"duplicate_across_splits": "error"}})
    anomalies, found = validate(tmp_path, examples, tiny_statistics, tiny_schema, config=config)
    assert found["duplicate_across_splits"]["severity"] == "error"
    culprit = found["duplicate_across_splits"]["examples"][0]
    assert anomalies.file(culprit["thumbnail"]).read_bytes().startswith(b"\x89PNG")


def test_missing_lopsided_and_small_classes_are_named(
    make_examples: Callable[..., Examples], tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    examples = make_examples("lopsided", {"train": 13, "test": 4}, classes={"train": [0] * 12 + [1], "test": [0, 2]})
    _, found = validate(tmp_path, examples, tiny_statistics, tiny_schema, config=ImageValidationConfig())
    assert found["class_missing_from_train"]["severity"] == "error"
    assert [row["label"] for row in found["class_missing_from_train"]["examples"]] == ["stripe"]
    assert [row["label"] for row in found["class_missing_from_split"]["examples"]] == ["dot"]
    assert [row["label"] for row in found["class_imbalance"]["examples"]] == ["dot"]
    assert {row["label"] for row in found["few_pictures_of_class"]["examples"]} == {"dot", "stripe"}
    assert found["tiny_data"]["severity"] == "warning"


def test_an_empty_test_split_is_an_error(
    make_examples: Callable[..., Examples], tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    _, found = validate(tmp_path, make_examples("untested", {"train": 30, "test": 0}), tiny_statistics, tiny_schema)
    assert found["empty_split"]["severity"] == "error"


def test_a_darker_test_split_is_skew_and_darker_training_pictures_are_drift(
    make_examples: Callable[..., Examples],
    tiny_statistics: Statistics,
    tiny_schema: Schema,
    measured: Callable[[Examples], Statistics],
    tmp_path: Path,
) -> None:
    dark_test = make_examples("dark_test", {"train": 120, "test": 60}, brightness={"test": 0.3})
    _, found = validate(tmp_path / "a", dark_test, measured(dark_test), tiny_schema)
    assert [row["file"] for row in found["skew"]["examples"] if row["file"] == "image/brightness"]
    assert "drift" not in found
    dark = make_examples("dark", {"train": 120, "test": 60}, brightness={"train": 0.3, "test": 0.3})
    statistics = measured(dark)
    _, found = validate(tmp_path / "b", dark, statistics, tiny_schema, previous=tiny_statistics)
    assert "image/brightness" in [row["file"] for row in found["drift"]["examples"]]
    assert "mean" in found["drift"]["examples"][0]["detail"]
    limits = Limits(numeric=1.0, features={"image/bytes": 1.0})
    _, found = validate(
        tmp_path / "c",
        dark,
        statistics,
        tiny_schema,
        previous=tiny_statistics,
        config=QUIET.model_copy(update={"drift": limits}),
    )
    assert "drift" not in found


def test_other_class_shares_are_drift_of_the_class_names(
    make_examples: Callable[..., Examples],
    tiny_statistics: Statistics,
    tiny_schema: Schema,
    measured: Callable[[Examples], Statistics],
    tmp_path: Path,
) -> None:
    other = make_examples("other", {"train": 120, "test": 60}, classes={"train": [0, 0, 0, 1, 2]})
    _, found = validate(tmp_path, other, measured(other), tiny_schema, previous=tiny_statistics)
    details = {row["file"]: row["detail"] for row in found["drift"]["examples"]}
    assert "share of `cross` 33.3% -> 60.0%" in details["image/class/text"]


def test_breaking_the_users_schema_stops_the_run(
    tiny_examples: Examples, tiny_statistics: Statistics, tiny_schema: Schema, tmp_path: Path
) -> None:
    file = tmp_path / "mine.pbtxt"
    file.write_text(tiny_schema.file("schema.pbtxt").read_text().replace('value: "dot"', 'value: "spot"'))
    schema = Schema.create(tmp_path / "schema")
    schema_gen(statistics=tiny_statistics, schema=schema, config=SchemaConfig(file=file))
    write_manifest(schema, created=0.0)
    _, found = validate(tmp_path, tiny_examples, tiny_statistics, schema)
    assert found["schema"]["severity"] == "error"
    assert found["schema"]["examples"][0]["file"] == "image/class/text"
    assert "dot" in found["schema"]["examples"][0]["detail"]


def test_small_splits_of_one_source_are_not_called_skewed(
    make_examples: Callable[..., Examples],
    tiny_schema: Schema,
    measured: Callable[[Examples], Statistics],
    tmp_path: Path,
) -> None:
    examples = make_examples("small", {"train": 120, "test": 9, "validation": 6}, seed=3)
    _, found = validate(tmp_path, examples, measured(examples), tiny_schema)
    assert "skew" not in found


def test_a_number_that_never_changed_in_training_is_compared_by_how_often_it_still_comes(
    tiny_examples: Examples, tiny_schema: Schema, tmp_path: Path
) -> None:
    def counted(name: str, train: list[int], test: list[int]) -> Statistics:
        statistics = Statistics.create(tmp_path / name)
        for split, heights in {"train": train, "test": test}.items():
            made = statistics_of([{"image/height": [height]} for height in heights], {"image/height": "INT"})
            statistics.file(f"{split}.pb").write_bytes(made.SerializeToString())
        statistics.write_facts(StatisticsFacts(task="image_classification", splits=["train", "test"]))
        write_manifest(statistics, created=0.0)
        return statistics

    always, seldom, often = [28] * 400, [28] * 398 + [8] * 2, [28] * 100 + [8] * 300
    config = QUIET.model_copy(update={"severity": {"schema": "info"}})

    def found(name: str, previous: list[int], train: list[int], test: list[int]) -> set[str]:
        before = counted(f"{name}-before", previous, previous)
        now = counted(name, train, test)
        _, findings = validate(tmp_path / f"{name}-found", tiny_examples, now, tiny_schema, before, config)
        return {kind for kind in ("skew", "drift") if kind in findings}

    assert found("one", always, always, seldom) == set()  # TFDV says that they share nothing
    assert found("two", seldom, always, always) == set()
    assert found("three", always, often, often) == {"drift"}
    assert found("four", always, always, often) == {"skew"}


def test_shares_are_of_all_values_where_an_example_has_several() -> None:
    row = statistics_pb2.FeatureNameStatistics()
    row.string_stats.common_stats.num_non_missing, row.string_stats.common_stats.tot_num_values = 2, 8
    for label, count in (("RBC", 6), ("WBC", 2)):
        row.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    assert value_shares(row) == {"RBC": 0.75, "WBC": 0.25}
