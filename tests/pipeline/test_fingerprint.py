"""A fingerprint covers the code that is used, and no comments."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from components.recipes import load
from components.standard_pipeline import standard
from components.tasks.image_classification.config import ImageTrainerConfig
from components.trainer import sources
from pipeline import fingerprint as module
from pipeline.component import building, spec_of
from pipeline.metadata import MetadataStore
from pipeline.progress import Progress
from pipeline.settings import ROOT, Settings


@pytest.fixture
def code_hash(tmp_path: Path) -> Callable[[str], str]:
    """Hash Python text the way the fingerprint does."""

    def of(text: str) -> str:
        path = tmp_path / "module.py"
        path.write_text(text)
        digest: str = module.read_code(path)[0]
        return digest

    return of


def test_comments_docstrings_and_layout_do_not_count(code_hash: Callable[[str], str]) -> None:
    assert code_hash('def f(a):\n    """Add."""\n    return a + 1\n') == code_hash(
        '# why\ndef f(\n    a,\n):\n    """Sum."""\n\n    return (a + 1)\n'
    )


def test_a_changed_number_counts(code_hash: Callable[[str], str]) -> None:
    assert code_hash("x = 0.5\n") != code_hash("x = 0.4\n")


def test_imports_inside_functions_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from data import split\n    import components.networks.cnn\n    import os\n")
    assert set(module.read_code(path)[1]) == {"data", "data.split", "components.networks.cnn"}


def test_what_is_imported_for_type_checkers_alone_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from data import split\n")
    assert module.read_code(path)[1] == []


def code_files(name: str, store: MetadataStore, **settings: Settings) -> set[str]:
    spec = spec_of(getattr(importlib.import_module(f"components.{name}"), name))
    part = f"components.tasks.image_classification.{spec.part}" if spec.part else ""
    return set(module.code_of(spec, settings.values(), store, part))


@pytest.fixture
def store(tmp_path: Path) -> MetadataStore:
    return MetadataStore(tmp_path / "metadata.sqlite")


def test_the_trainers_code_is_its_own_its_tasks_and_its_networks_and_no_other_network(store: MetadataStore) -> None:
    files = code_files("trainer", store, config=ImageTrainerConfig(network="cnn"))
    assert {
        "components/trainer.py",
        "components/networks/cnn.py",
        "components/tasks/image_classification/training.py",
        "components/tasks/image_classification/images.py",
        "data/loader.py",
    } <= files
    assert not files & {"components/networks/lenet5.py", "components/example_gen.py", "data/formats/image_folder.py"}
    assert not [name for name in files if name.startswith("components/tasks/forecasting")]


def test_reading_data_does_not_depend_on_networks_or_training(store: MetadataStore) -> None:
    files = code_files("example_gen", store)
    assert not [
        name
        for name in files
        if name.startswith(("components/networks", "components/train", "components/tasks/forecasting", "serving"))
        or name.endswith(("/training.py", "/evaluation.py", "/export.py"))
    ]


def test_every_file_in_a_fingerprint_is_the_projects_own(store: MetadataStore) -> None:
    for name in ("example_gen", "statistics_gen", "trainer", "evaluator", "exporter", "infra_validator"):
        assert all((ROOT / file).is_file() for file in code_files(name, store))


def test_a_network_of_the_users_own_counts_by_its_content(store: MetadataStore, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def build(input_shape, outputs, config, pixels): ...\n")
    assert "mine.py" in code_files("trainer", store, config=ImageTrainerConfig(network=str(path)))


@pytest.mark.parametrize("name", ["config.py", "task.py"])
def test_a_network_of_the_users_own_counts_whatever_its_file_is_called(
    store: MetadataStore, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("def build(input_shape, outputs, config, pixels): ...\n")
    assert name in code_files("trainer", store, config=ImageTrainerConfig(network=str(tmp_path / name)))


def test_a_checkpoint_that_is_named_by_its_beginning_counts_with_all_its_files(tmp_path: Path) -> None:
    for name in ("model.ckpt.index", "model.ckpt.data-00000-of-00001", "other.txt"):
        (tmp_path / name).write_text(name)
    assert [path.name for path in module.files_of(tmp_path / "model.ckpt")] == [
        "model.ckpt.data-00000-of-00001",
        "model.ckpt.index",
    ]
    assert module.files_of(tmp_path / "nowhere") == [tmp_path / "nowhere"]


def test_weights_that_a_networks_options_name_count_by_their_content(tmp_path: Path) -> None:
    def files(weights: Path | str) -> list[Path]:
        overrides = ["trainer.network=transfer", f"trainer.options.weights={weights}"]
        found = sources(load("image_classification", overrides).recipe.trainer, Progress(quiet=True))
        return [file for tree in found for file in tree.files]

    (tmp_path / "body.h5").write_bytes(b"weights")
    assert files(tmp_path / "body.h5") == [tmp_path / "body.h5"]
    assert files("imagenet") == files("none") == []


COMPONENTS = (
    "example_gen", "statistics_gen", "schema_gen", "example_validator", "trainer", "evaluator", "exporter",
    "infra_validator", "pusher",
)  # fmt: skip


@pytest.mark.parametrize("name", COMPONENTS)
def test_settings_are_no_code_so_that_a_changed_description_reruns_nothing(name: str, store: MetadataStore) -> None:
    files = {Path(file).name for file in code_files(name, store)}
    assert not files & {"config.py", "task.py"}


def seen_by_steps(*overrides: str) -> dict[str, dict[str, object]]:
    """Return what each step of the digits line sees of its recipe."""
    recipe = load("digits", overrides).recipe
    with building() as graph:
        standard(recipe)
    return {node.spec.name: module.config_of(node.settings) for node in graph.nodes}


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ("evaluator.resamples=200", "evaluator"),
        ("trainer.batch_size=77", "trainer"),
        ("exporter.warmup_examples=1", "exporter"),
        ("validation.min_class_examples=3", "example_validator"),
    ],
)
def test_a_default_that_is_changed_reruns_only_the_step_that_sees_it(changed: str, step: str) -> None:
    before, after = seen_by_steps(), seen_by_steps(changed)
    assert [name for name in before if before[name] != after[name]] == [step]
