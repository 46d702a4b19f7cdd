"""A model is blessed for serving only if a real server really answers as the trained network does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from components.config import InfraValidatorConfig
from components.exporter import exporter
from components.infra_validator import infra_validator
from components.tasks.image_classification.config import ImageExporterConfig
from pipeline.artifacts import Examples, InfraBlessing, Model, SavedModel, write_manifest
from pipeline.component import Context
from tests.support.facts import classifier_facts


def make_model(folder: Path, seed: int, labels: list[str]) -> Model:
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model = Model.create(folder)
    network.save(model.file("model.keras"))
    model.write_facts(classifier_facts(labels, (12, 12, 1)))
    write_manifest(model, 0.0)
    return model


@pytest.fixture(scope="module")
def line(tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A trained and an exported model."""
    folder = tmp_path_factory.mktemp("line")
    model = make_model(folder / "model", 1, ["cross", "dot", "stripe"])
    saved_model = SavedModel.create(folder / "saved_model")
    exporter(examples=tiny_examples, model=model, saved_model=saved_model, config=ImageExporterConfig())
    write_manifest(saved_model, 0.0)
    return {"examples": tiny_examples, "model": model, "saved_model": saved_model}


def validate(line: dict[str, Any], folder: Path, **config: Any) -> InfraBlessing:
    blessing = InfraBlessing.create(folder / "blessing")
    settings = InfraValidatorConfig(engine="embedded", **config)
    infra_validator(**line, infra_blessing=blessing, config=settings, context=Context.standalone(folder))
    return blessing


def test_a_faithful_export_is_blessed_and_the_difference_stated(line: dict[str, Any], tmp_path: Path) -> None:
    blessing = validate(line, tmp_path)
    facts = blessing.properties
    assert facts["blessed"] is True
    assert 0 <= facts["max_difference"] < 1e-6 < facts["tolerance"] == 1e-5
    assert set(facts["differences"]) == {"serving_default", "pixels", "examples"}
    assert (facts["examples"], facts["split"], facts["engine"]) == (60, "test", "embedded")
    assert list(blessing.path.iterdir()) == [], "nothing that differs from run to run"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_model_that_answers_otherwise_is_not_blessed(line: dict[str, Any], tmp_path: Path) -> None:
    other = make_model(tmp_path / "other", 2, ["cross", "dot", "line"])
    facts = validate({**line, "model": other}, tmp_path, examples=10).properties
    assert facts["blessed"] is False
    assert facts["max_difference"] > 1e-3
    assert "differs by" in facts["reason"] or "label" in facts["reason"]


def test_a_server_that_does_not_start_is_told_with_its_log(line: dict[str, Any], tmp_path: Path) -> None:
    broken = SavedModel(Path(shutil.copytree(line["saved_model"].path, tmp_path / "broken")))
    (broken.path / "saved_model.pb").write_bytes(b"damaged")
    blessing = validate({**line, "saved_model": broken}, tmp_path, examples=4)
    assert blessing.properties["blessed"] is False
    assert blessing.properties["max_difference"] is None
    assert blessing.properties["reason"].startswith("the server failed: The server ended with status 1")
    assert "did not become available" in blessing.file("server.log").read_text()
    assert (line["saved_model"].path / "saved_model.pb").stat().st_size > 1000, "hard links must not be written through"


def test_no_server_is_left_behind(line: dict[str, Any], tmp_path: Path) -> None:
    assert validate(line, tmp_path, examples=4).properties["blessed"] is True
    mine, candidates = str(os.getpid()), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent, words = (process / "stat").read_text().split()[3], (process / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if parent == mine and b"--model_name=candidate" in words:
            candidates.append(process)
    assert candidates == []
