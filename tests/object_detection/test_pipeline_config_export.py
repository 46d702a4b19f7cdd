"""A recipe becomes a pipeline.config that says the same when it is read again, for networks that both have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.recipes import load
from components.training.config import OptimizerConfig
from components.training.optimizers import learning_rate_at
from labline.cli.export_config import export
from labline.cli.new import create_from_pipeline_config
from object_detection.pipeline_config.channels import BODY, rounded, same_channels, variable_names
from object_detection.pipeline_config.networks import NETWORKS, SSD_MOBILENET_V1
from object_detection.pipeline_config.writing import pipeline_config
from object_detection.ssd import SsdConfig
from object_detection.variables import full_name, name_variables
from pipeline.errors import UserError
from tests.support.old_configs import RATE, RMS, WriteConfig, rates, values_of, write_config


@pytest.fixture
def config(tmp_path: Path) -> WriteConfig:
    """Return a function that writes the file, with one text in the place of another, and returns its path."""
    return lambda *changes: write_config(tmp_path, *changes)


ROUND_TRIPS = {
    "pets": (),
    "adam and cosine": (
        (
            RMS,
            "adam_optimizer { learning_rate { cosine_decay_learning_rate { total_steps: 500 warmup_steps: 20 } } } }\n",
        ),
    ),
    "momentum and steps": (
        (
            RMS,
            "momentum_optimizer { learning_rate { manual_step_learning_rate { "
            "warmup: true schedule { step: 9 } schedule { step: 19 learning_rate: 1e-5 } } } } }\n",
        ),
    ),
    "constant, average": (
        (RATE, "constant_learning_rate { learning_rate: 1e-5 }"),
        ("num_examples: 2000", "use_moving_averages: true"),
    ),
    "narrow, small, frozen": (
        ("depth_multiplier: 1.0", "depth_multiplier: 0.25"),
        ("min_depth: 16", "min_depth: 8 override_base_feature_extractor_hyperparams: true"),
        ("height: 300 width: 300", "height: 160 width: 160"),
        ("decay: 0.9997", "decay: 0.97"),
        ("num_classes: 37", "num_classes: 37 freeze_batchnorm: true"),
        (
            "batch_size: 24",
            "batch_size: 8 gradient_clipping_by_norm: 10 "
            r"freeze_variables: 'MobilenetV1/Conv2d_\\d+(_depthwise|_pointwise)?/'",
        ),
    ),
    "one box, no augmentation": (
        ("aspect_ratios: [0.5, 3.0, 0.3333]", "reduce_boxes_in_lowest_layer: false interpolated_scale_aspect_ratio: 0"),
        (
            "  data_augmentation_options { random_horizontal_flip { } }\n"
            "  data_augmentation_options { ssd_random_crop { } }\n",
            "",
        ),
    ),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_written_back_and_read_again_a_recipe_is_the_same(config: WriteConfig, tmp_path: Path, name: str) -> None:
    create_from_pipeline_config(tmp_path / "first", config(*ROUND_TRIPS[name]))
    export(str(tmp_path / "first"), [], 37, tmp_path / "back.config")
    create_from_pipeline_config(tmp_path / "second", tmp_path / "back.config")
    one, two = (yaml.safe_load((tmp_path / name / "recipe.yaml").read_text()) for name in ("first", "second"))
    assert (one.pop("name"), two.pop("name")) == ("first", "second")
    assert (one.pop("serving"), two.pop("serving")) == ({"name": "first"}, {"name": "second"})
    assert one == two
    export(str(tmp_path / "second"), ["name=first"], 37, tmp_path / "again.config")
    assert (tmp_path / "again.config").read_text() == (tmp_path / "back.config").read_text()


@pytest.mark.parametrize("recipe", ["object_detection", "detector"])
def test_the_shipped_recipes_can_be_written_and_read(recipe: str, tmp_path: Path) -> None:
    overrides = ["trainer.options.width=0.75"] if recipe == "detector" else []
    values = {key: value for key, (value, _) in load(recipe, overrides).values.items()}
    (tmp_path / "pipeline.config").write_text(pipeline_config(values, 3))
    found = values_of(tmp_path / "pipeline.config")
    for key in (
        "trainer.steps",
        "trainer.batch_size",
        "trainer.optimizer.learning_rate",
        "trainer.options.size",
        "trainer.options.width",
    ):
        assert found[key] == values[key]
    assert found["trainer.batch_norm"] == ("frozen" if recipe == "detector" else "trained")
    assert rates(found, 0, 49, 300) == pytest.approx(rates_of_recipe(values, 0, 49, 300))


def rates_of_recipe(values: dict[str, Any], *steps: int) -> list[float]:
    names = {
        key.removeprefix("trainer.optimizer."): value for key, value in values.items() if "trainer.optimizer." in key
    }
    return [learning_rate_at(OptimizerConfig(**names), values["trainer.steps"], step) for step in steps]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("trainer.optimizer.name=lion", "cannot say `trainer.optimizer.name: lion`"),
        ("trainer.optimizer.schedule=inverse_time", "schedule: inverse_time"),
        ("trainer.optimizer.final=0.5", "final"),
        ("trainer.options.width=0.6", "other numbers of channels"),
        ("trainer.epochs=3", "counts in steps"),
    ],
)
def test_a_recipe_that_a_pipeline_config_cannot_say_is_refused(override: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(says)):
        export("object_detection", [override], 3, tmp_path / "pipeline.config")
    assert not (tmp_path / "pipeline.config").exists()


def test_the_number_of_classes_comes_from_the_label_map_or_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="How many classes"):
        export("object_detection", [], None, None)
    (tmp_path / "map.pbtxt").write_text("item { id: 5 name: 'cat' }")
    export("object_detection", [f"data.label_map={tmp_path}/map.pbtxt"], None, None)
    assert "num_classes: 5" in capsys.readouterr().out


def test_every_field_says_what_becomes_of_it() -> None:
    silent = [
        path
        for network in NETWORKS
        for path, field in network.fields.items()
        if not (field.key or field.only or field.ignored or field.refused or field.kind == "empty")
    ]
    told = (
        "num_classes",
        "min_depth",
        ".initializer.",
        "override_base",
        "num_hard_examples",
        "hard_example_miner.iou_threshold",
        "burnin_learning_rate",
        "regularize_depthwise",
        "class_prediction_bias_init",
        "share_prediction_tower",
    )
    assert [path for path in silent if not any(name in path for name in told)] == []


def test_channels_are_those_of_the_network_that_is_built(small_ssd: Any, small_config: SsdConfig) -> None:
    width, variables = small_config.width, name_variables(small_ssd)
    kernels = [
        f"FeatureExtractor/MobilenetV1/Conv2d_{number}{'_pointwise' if number else ''}/weights" for number in range(14)
    ]
    assert [variables[name].shape[-1] for name in kernels] == [rounded(depth, width) for depth in BODY]
    trained = {full_name(name, width) for name in variables if "moving" not in name}
    assert set(variable_names(width)) == trained


def test_widths_at_which_the_api_has_other_layers_are_known() -> None:
    assert [SSD_MOBILENET_V1.find_min_depth(width) for width in (1.0, 0.75, 0.5, 0.25, 0.6)] == [16, 16, 16, 8, None]
    assert not same_channels(0.25, 16)


def test_reading_a_pipeline_config_loads_no_tensorflow() -> None:
    code = (
        "import sys, object_detection.pipeline_config.writing, object_detection.pipeline_config.new_recipe\n"
        "print([name for name in ('tensorflow', 'numpy', 'keras', 'tf_keras') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
