"""A pipeline.config becomes a recipe that says where every value is from; what cannot be had stops with its line."""

from __future__ import annotations

import re
from math import cos, pi
from pathlib import Path
from typing import Any

import pytest

from components.recipes import load
from components.training.config import OptimizerConfig
from data.locate import locate
from labline.cli.new import create_from_pipeline_config
from object_detection.pipeline_config.reading import read_pipeline_config
from object_detection.pipeline_config.translation import translate
from object_detection.zoo import locate as locate_weights
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.old_configs import RATE, RMS, WriteConfig, line_of, rates, values_of, write_config


@pytest.fixture
def config(tmp_path: Path) -> WriteConfig:
    """Return a function that writes the file, with one text in the place of another, and returns its path."""
    return lambda *changes: write_config(tmp_path, *changes)


def test_a_new_project_has_every_value_with_the_field_it_comes_from(
    config: WriteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_from_pipeline_config(tmp_path / "pets", config())
    text = (tmp_path / "pets/recipe.yaml").read_text()
    for key, source in {
        "batch_size: 24": "train_config.batch_size",
        "size: 300": "model.ssd.image_resizer.fixed_shape_resizer.height",
        "rho: 0.9": "train_config.optimizer.rms_prop_optimizer.decay (default of the proto)",
        "epsilon: 1.0": "train_config.optimizer.rms_prop_optimizer.epsilon (default of the proto)",
        "decay: 0.95": "train_config.optimizer.rms_prop_optimizer.learning_rate.exponential_decay_learning_rate"
        ".decay_factor (default",
    }.items():
        assert re.search(rf"^ *{re.escape(key)} +# {re.escape(source)}", text, re.MULTILINE), key
    assert "0.9999 was kept, but neither judged nor exported" in text
    assert "eval_input_reader.num_readers: reading and batching" in text
    assert text.count("# TODO: put your path") == 3
    assert "TODO, with your own paths: data.path, data.label_map, trainer.warm_start" in capsys.readouterr().out


def test_the_new_recipe_loads_and_holds_what_the_file_says(config: WriteConfig, tmp_path: Path) -> None:
    create_from_pipeline_config(tmp_path / "pets", config())
    recipe = load(str(tmp_path / "pets")).recipe
    assert (recipe.name, recipe.serving.name, recipe.trainer.network) == ("pets", "pets", "ssd_mobilenet_v1")
    assert recipe.trainer.optimizer == OptimizerConfig(
        name="rmsprop",
        learning_rate=0.004,
        momentum=0.9,
        rho=0.9,
        epsilon=1.0,
        schedule="step",
        decay=0.95,
        decay_steps=800720,
    )
    trainer = recipe.trainer
    assert (trainer.steps, trainer.batch_size, trainer.weight_decay) == (200_000, 24, 4e-5)
    assert (trainer.warm_start_parts, trainer.batch_norm, trainer.trained) == ("body", "trained", "all")
    assert trainer.augmentation == ("horizontal_flip", "ssd_random_crop")
    assert trainer.options["score_threshold"] == 1e-8
    assert trainer.options["aspect_ratios"] == [1.0, 2.0, 0.5, 3.0, 0.3333]
    assert recipe.data.path == "PATH_TO_BE_CONFIGURED/pet_*.record"


def test_a_recipe_with_places_left_to_fill_in_does_not_run(config: WriteConfig, tmp_path: Path) -> None:
    create_from_pipeline_config(tmp_path / "pets", config())
    recipe = load(str(tmp_path / "pets")).recipe
    with pytest.raises(UserError, match="PATH_TO_BE_CONFIGURED"):
        locate(recipe.data, Progress(quiet=True))
    with pytest.raises(UserError, match="PATH_TO_BE_CONFIGURED"):
        locate_weights(recipe.trainer.warm_start, Progress(quiet=True))


CANNOT = [
    (("depth_multiplier: 1.0", "depth_multiplier: 0.6"), "min_depth: 16", "other numbers of channels"),
    (("y_scale: 10.0", "y_scale: 8.0"), "y_scale", "is 8"),
    (("weighted_sigmoid { }", "weighted_sigmoid_focal { alpha: 0.75 }"), "weighted_sigmoid_focal", "cannot be had"),
    (
        ("num_classes: 37", "num_classes: 37 encode_background_as_zeros: true"),
        "num_classes",
        "encode_background_as_zeros` is true",
    ),
    (
        ("fixed_shape_resizer { height: 300 width: 300 }", "keep_aspect_ratio_resizer { min_dimension: 600 }"),
        "keep_aspect_ratio",
        "cannot be had",
    ),
    (("height: 300 width: 300", "height: 300 width: 320"), "height: 300", "is 320, the height 300"),
    (("'ssd_mobilenet_v1'", "'ssd_mobilenet_v2'"), "ssd_mobilenet_v2", 'is "ssd_mobilenet_v2"'),
    (("  ssd {", "  faster_rcnn {"), "faster_rcnn", "`model.faster_rcnn` cannot be had"),
    (("use_dropout: false", ""), "convolutional_box_predictor", "use_dropout` is true as it is left out"),
    (("score_converter: SIGMOID", ""), "post_processing {", "score_converter` is IDENTITY as it is left out"),
    (("loss_type: CLASSIFICATION", ""), "hard_example_miner", "loss_type` is BOTH as it is left out"),
    (("num_hard_examples: 3000", ""), "hard_example_miner", "is 64: fewer than there are anchors"),
    (("iou_threshold: 0.99", "iou_threshold: 0.7"), "iou_threshold: 0.7", "is 0.7"),
    (
        ("max_total_detections: 100", "max_total_detections: 50"),
        "max_total_detections",
        "max_detections_per_class` is 100",
    ),
    (("matched_threshold: 0.5 un", "matched_threshold: 0.6 un"), "matched_threshold: 0.6", "is 0.6"),
    (("num_layers: 6", "scales: 0.1"), "scales", "cannot be had"),
    (("random_horizontal_flip", "random_black_patches"), "random_black_patches", "cannot be had"),
    (
        ("ssd_random_crop { }", "ssd_random_crop { operations { min_object_covered: 0.5 } }"),
        "min_object_covered",
        "has a wrong `crop.min_aspect_ratio`",
    ),
    (("num_steps: 200000", ""), "train_config", "without end"),
    (
        ("eval_config: {", "graph_rewriter { quantization { delay: 5 } }\neval_config: {"),
        "graph_rewriter",
        "cannot be had",
    ),
    (
        ("CONFIGURED/pet_val.record", "CONFIGURED/pets.record"),
        "pets.record",
        "does not say that it holds the split test",
    ),
    (
        ("PATH_TO_BE_CONFIGURED/pet_val.record", "elsewhere/pet_val.record"),
        "pet_train.record",
        "lies in another folder",
    ),
    (("batch_size: 24", "batch_size: 24 freeze_variables: 'Conv2d_0/'"), "freeze_variables", "keeps 3 of"),
]


@pytest.mark.parametrize(("change", "at", "says"), CANNOT, ids=[says for _, _, says in CANNOT])
def test_what_cannot_be_had_stops_with_its_path_its_line_and_what_to_do(
    config: WriteConfig, change: tuple[str, str], at: str, says: str
) -> None:
    path = config(change)
    with pytest.raises(UserError) as error:
        values_of(path)
    assert says in str(error.value)
    assert f"line {line_of(path, at)}" in str(error.value)
    assert error.value.fix


@pytest.mark.parametrize(
    ("change", "at", "says"),
    [
        (("batch_size: 24", "batchsize: 24"), "batchsize", "`train_config.batchsize`"),
        (("min_scale: 0.2", "min_scael: 0.2"), "min_scael", "ssd_anchor_generator.min_scael`"),
        (("eval_config: {", "eval_confg: {"), "eval_confg", "`eval_confg`"),
        (("random_horizontal_flip", "random_horizontal_flop"), "flop", "random_horizontal_flop"),
    ],
)
def test_a_misspelt_field_is_named_with_its_line_and_the_right_one(
    config: WriteConfig, change: tuple[str, str], at: str, says: str
) -> None:
    path = config(change)
    with pytest.raises(UserError, match="There is no") as error:
        values_of(path)
    assert says in str(error.value)
    assert f"line {line_of(path, at)}" in error.value.where
    assert "Did you mean" in error.value.fix


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("batch_size: 24", 'batch_size: "24"'), "must be a whole number, not `24`"),
        (("use_dropout: false", "use_dropout: no"), "must be true or false"),
        (("batch_size: 24", "batch_size: 24 batch_size: 12"), "a second time"),
        (("batch_size: 24", "batch_size { }"), "must be a whole number, not a message"),
        (("eval_config: { num_examples: 2000 }", "eval_config: 5"), "`eval_config` is no message"),
        (("localization_loss { weighted_smooth_l1 { } }", ""), "localization_loss` is missing or empty"),
        (("aspect_ratios: 1.0\n", "aspect_ratios: 1.0 aspect_ratios { }\n"), "must be a number, not a message"),
    ],
)
def test_a_value_of_the_wrong_kind_says_what_it_must_be(
    config: WriteConfig, change: tuple[str, str], says: str
) -> None:
    with pytest.raises(UserError, match=re.escape(says)):
        values_of(config(change))


def test_all_that_is_wrong_is_told_at_once(config: WriteConfig) -> None:
    path = config(("use_dropout: false", ""), ("y_scale: 10.0", "y_scale: 5.0"), ("kernel_size: 1", "kernel_size: 3"))
    with pytest.raises(UserError, match="3 fields") as error:
        values_of(path)
    for name in ("use_dropout", "y_scale", "kernel_size"):
        assert name in str(error.value)


def test_manual_steps_hold_their_rates(config: WriteConfig) -> None:
    schedule = "schedule { step: 90 learning_rate: .0004 } schedule { step: 120 learning_rate: .00004 }"
    path = config((RATE, f"manual_step_learning_rate {{ initial_learning_rate: .004 {schedule} }}"))
    assert rates(values_of(path), 0, 89, 90, 119, 120, 9000) == pytest.approx([0.004, 0.004, 4e-4, 4e-4, 4e-5, 4e-5])


def test_manual_steps_with_a_warm_up_climb_to_the_first_of_them(config: WriteConfig) -> None:
    schedule = "schedule { step: 100 learning_rate: .1 } schedule { step: 200 learning_rate: .01 } warmup: true"
    path = config((RATE, f"manual_step_learning_rate {{ initial_learning_rate: .02 {schedule} }}"))
    assert rates(values_of(path), 49, 100, 199, 200) == pytest.approx([0.06, 0.1, 0.1, 0.01])


def test_the_cosine_of_the_api_is_ours(config: WriteConfig) -> None:
    """Against its formula, base * (1 + cos(pi * (step - warm-up) / (total - warm-up))) / 2, a straight line before."""
    body = "learning_rate_base: .08 total_steps: 5000 warmup_learning_rate: .02 warmup_steps: 1000"
    found = values_of(config((RATE, f"cosine_decay_learning_rate {{ {body} }}")))
    expected = [0.02 + 0.06 * 500 / 1000, *(0.04 * (1 + cos(pi * (step - 1000) / 4000)) for step in (1000, 3000, 4999))]
    assert rates(found, 499, 1000, 3000, 4999) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            "momentum_optimizer { learning_rate { constant_learning_rate { } } }",
            {"name": "sgd", "momentum": 0.9, "learning_rate": 0.002, "schedule": "constant"},
        ),
        (
            "adam_optimizer { learning_rate { constant_learning_rate { learning_rate: .0002 } } }",
            {"name": "adam", "epsilon": 1e-8, "learning_rate": 0.0002},
        ),
        (
            f"rms_prop_optimizer {{ learning_rate {{ {RATE[:-1]} staircase: false }} }} }} use_moving_average: true",
            {"schedule": "exponential", "average": None},
        ),
    ],
)
def test_every_optimiser_has_its_protos_defaults(config: WriteConfig, rule: str, expected: Any) -> None:
    found = values_of(config((RMS, f"{rule} }}\n")))
    assert {name: found[f"trainer.optimizer.{name}"] for name in expected} == expected


def test_moving_averages_count_where_they_are_judged(config: WriteConfig) -> None:
    path = config(("num_examples: 2000", "use_moving_averages: true"))
    assert values_of(path)["trainer.optimizer.average"] == 0.9999


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("from_detection_checkpoint: true", ""), "body"),
        (
            (
                "from_detection_checkpoint: true",
                "from_detection_checkpoint: true load_all_detection_checkpoint_vars: true",
            ),
            "all",
        ),
        (("from_detection_checkpoint: true", "fine_tune_checkpoint_type: 'full'"), "all"),
        (("from_detection_checkpoint: true", "fine_tune_checkpoint_type: 'classification'"), "body"),
    ],
)
def test_the_parts_of_a_checkpoint_are_those_that_the_api_restored(
    config: WriteConfig, change: tuple[str, str], parts: Any
) -> None:
    assert values_of(config(change))["trainer.warm_start_parts"] == parts


def test_freezing_the_body_by_its_names_trains_the_extras(config: WriteConfig) -> None:
    path = config(("batch_size: 24", "freeze_variables: 'MobilenetV1/Conv2d_(\\\\d+)(_depth|_pointwise)?(wise)?/'"))
    assert values_of(path)["trainer.trained"] == "extras"


def test_the_seven_crops_written_out_are_the_usual_ones(config: WriteConfig) -> None:
    crops = "".join(
        f"operations {{ min_object_covered: {covered} overlap_thresh: {covered} "
        "min_aspect_ratio: 0.5 max_aspect_ratio: 2.0 "
        "min_area: 0.1 max_area: 1.0 random_coef: 0.15 }\n"
        for covered in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    )
    found = values_of(config(("ssd_random_crop { }", f"ssd_random_crop {{ {crops} }}")))
    assert found["trainer.augmentation"] == ["horizontal_flip", "ssd_random_crop"]


def test_settings_that_change_little_are_told(config: WriteConfig) -> None:
    path = config(("truncated_normal_initializer { stddev: 0.03", "random_normal_initializer { stddev: 0.01"))
    differs = translate(read_pipeline_config(path)).differs
    assert len(differs) == 2
    assert "deviation 0.03 here" in differs[0]


def test_a_loss_shared_out_over_a_boxs_numbers_is_a_quarter(config: WriteConfig) -> None:
    path = config(("num_classes: 37", "num_classes: 37 normalize_loc_loss_by_codesize: true"))
    assert values_of(path)["trainer.localization_weight"] == 0.25


def test_decay_and_momentum_of_the_body_count_unless_they_are_overridden(config: WriteConfig) -> None:
    with pytest.raises(UserError, match="weight decay of 0.0001.*the body's 4e-05"):
        values_of(config(("0.00004", "0.0001")))
    with pytest.raises(UserError, match=r"that of the body 0\.9997"):
        values_of(config(("decay: 0.9997", "decay: 0.97")))
    override = ("min_depth: 16", "min_depth: 16 override_base_feature_extractor_hyperparams: true")
    found = values_of(config(("0.00004", "0.0001"), ("decay: 0.9997", "decay: 0.97"), override))
    assert (found["trainer.weight_decay"], found["trainer.options.momentum"]) == (1e-4, 0.97)


def test_more_classes_than_the_number_of_them_are_refused(config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "map.pbtxt").write_text("item { id: 40 name: 'cat' }")
    path = config(('"PATH_TO_BE_CONFIGURED/pet_label_map.pbtxt"', f'"{tmp_path}/map.pbtxt"'))
    with pytest.raises(UserError, match="label map has a class 40, `cat`"):
        create_from_pipeline_config(tmp_path / "pets", path)
    assert not (tmp_path / "pets").exists()


@pytest.mark.parametrize(
    ("train", "judged", "expected"),
    [
        ("data/train.record", "data/test.record", "data/t*.record"),
        ("data/train.record-?????-of-00010", "data/val.record-?????-of-00002", "data/*.record-?????-of-?????"),
        ("data/train.record@10", "data/train.record@10", "data/train.record-?????-of-00010"),
        ("/a/train/x.record", "/a/test/x.record", "/a"),
    ],
)
def test_the_files_of_both_readers_become_one_path(config: WriteConfig, train: str, judged: str, expected: Any) -> None:
    old = "PATH_TO_BE_CONFIGURED/pet_{}.record"
    changes = (old.format("train"), train), (old.format("val"), judged)
    if train == judged:
        changes = (old.format("train"), train), (f'input_path: "{old.format("val")}"', "")
    assert values_of(config(*changes))["data.path"] == expected


def test_a_file_that_the_path_would_mean_too_is_named(config: WriteConfig, tmp_path: Path) -> None:
    for name in ("pet_train.record", "pet_val.record", "pet_old.record"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"lies beside .*pet_old\.record"):
        values_of(config(("PATH_TO_BE_CONFIGURED", str(tmp_path))))
    (tmp_path / "pet_old.record").unlink()
    assert values_of(config())["data.path"] == "PATH_TO_BE_CONFIGURED/pet_*.record"
