"""Configurations as people have them from the model zoos: read, or refused with advice that works when followed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.recipes import load
from data.locate import locate
from labline.cli.export_config import export
from labline.cli.new import create_from_pipeline_config
from object_detection.pipeline_config.augmentations import REFUSED_STEPS
from object_detection.pipeline_config.other_networks import MODELS, TYPES
from object_detection.pipeline_config.reading import read_pipeline_config
from object_detection.pipeline_config.translation import Translation, translate
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.old_configs import PETS, values_of
from tests.support.zoo_configs import FPNLITE

FLIP = "random_horizontal_flip { }"
TYPE = 'type: "ssd_mobilenet_v2_fpn_keras"'


def written(folder: Path, text: str, *changes: tuple[str, str]) -> Path:
    """Write a configuration with one text in the place of another."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "pipeline.config").write_text(text, "utf-8")
    return folder / "pipeline.config"


def read(path: Path) -> Translation:
    return translate(read_pipeline_config(path))


def refused(path: Path) -> UserError:
    with pytest.raises(UserError) as error:
        create_from_pipeline_config(path.parent / "new", path)
    assert not (path.parent / "new").exists()
    return error.value


def test_the_zoo_s_fpnlite_becomes_our_network_of_that_name(tmp_path: Path) -> None:
    create_from_pipeline_config(tmp_path / "mine", written(tmp_path, FPNLITE))
    trainer = load(str(tmp_path / "mine")).recipe.trainer
    assert trainer.network == "ssd_mobilenet_v2_fpnlite_320"
    expected = {
        "size": 320,
        "width": 1.0,
        "depth": 128,
        "layers": 4,
        "scales": 2,
        "anchor_size": 4.0,
        "momentum": 0.997,
    }
    assert {key: trainer.options[key] for key in expected} == expected
    assert trainer.options["aspect_ratios"] == [1.0, 2.0, 0.5]
    assert (trainer.steps, trainer.batch_size, trainer.batch_norm) == (50_000, 128, "trained")
    assert (trainer.weight_decay, trainer.localization_weight) == (4e-5, 1.0)
    optimizer = trainer.optimizer
    assert (optimizer.name, optimizer.learning_rate, optimizer.momentum) == ("sgd", 0.08, 0.9)
    assert (optimizer.schedule, optimizer.warmup_steps, optimizer.warmup_rate) == ("cosine", 1000, 0.026666)
    assert trainer.augmentation == (
        "horizontal_flip",
        {"crop": {"min_object_covered": 0.0, "max_aspect_ratio": 3.0, "min_area": 0.75, "overlap_thresh": 0.0}},
    )


def test_the_larger_fpnlite_is_read_too(tmp_path: Path) -> None:
    path = written(tmp_path, FPNLITE, ("height: 320 width: 320", "height: 640 width: 640"))
    assert values_of(path)["trainer.options.size"] == 640
    assert not any("level 7" in told for told in read(path).differs)


def test_what_of_fpnlite_is_another_thing_here_is_told(tmp_path: Path) -> None:
    told = "\n".join(read(written(tmp_path, FPNLITE)).differs)
    for word in ("share_prediction_tower", "deepest map", "level 7", "Glorot", "depthwise"):
        assert word in told
    separate = written(tmp_path, FPNLITE, ("share_prediction_tower: true", "share_prediction_tower: false"))
    assert not any("share_prediction_tower" in text for text in read(separate).differs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("height: 320 width: 320", "height: 300 width: 300"), "a multiple of 32"),
        (("use_depthwise: true\n      override", "override"), "use_depthwise"),
        (("max_level: 7 additional", "max_level: 6 additional"), "levels 3 to 7"),
        (("additional_layer_depth: 128", "additional_layer_depth: 256"), "the head's `depth` 128"),
        (("gamma: 2.0 alpha: 0.25", "gamma: 2.0"), "alpha` is nothing as it is left out"),
        (("weighted_sigmoid_focal { gamma: 2.0 alpha: 0.25 }", "weighted_sigmoid { }"), "weighted_sigmoid_focal"),
        (("classification_weight: 1.0", "classification_weight: 1.0 hard_example_miner { }"), "every anchor"),
        (("depth_multiplier: 1.0", "depth_multiplier: 0.5"), "other numbers of channels"),
    ],
)
def test_what_fpnlite_cannot_have_is_refused(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    error = refused(written(tmp_path, FPNLITE, change))
    assert says in str(error)
    assert "line " in str(error)


def test_a_narrower_fpnlite_fits_with_a_smaller_min_depth(tmp_path: Path) -> None:
    error = refused(written(tmp_path, FPNLITE, ("depth_multiplier: 1.0", "depth_multiplier: 0.5")))
    assert "min_depth: 8" in error.fix
    path = written(tmp_path, FPNLITE, ("depth_multiplier: 1.0", "depth_multiplier: .5"), ("th: 16", "th: 8"))
    assert values_of(path)["trainer.options.width"] == 0.5


@pytest.mark.parametrize("size", [(300, 310), (640, 480), (31, 31), (0, 0), (-5, 7)])
@pytest.mark.parametrize("text", [PETS, FPNLITE], ids=["ssd_mobilenet_v1", "fpnlite"])
def test_the_size_that_is_proposed_is_one_that_can_be_had(tmp_path: Path, text: str, size: tuple[int, int]) -> None:
    old = re.findall(r"height: \d+ width: \d+", text)[0]
    error = refused(written(tmp_path, text, (old, f"height: {size[0]} width: {size[1]}")))
    proposed = re.findall(r"to (\d+)", error.fix)[0]
    path = written(tmp_path, text, (old, f"height: {proposed} width: {proposed}"))
    create_from_pipeline_config(tmp_path / "mended", path)


@pytest.mark.parametrize("text", [PETS, FPNLITE], ids=["ssd_mobilenet_v1", "fpnlite"])
@pytest.mark.parametrize("sides", ["min_dimension: 600 max_dimension: 1024", "pad_to_max_dimension: true", ""])
def test_a_resizer_that_keeps_proportions_is_refused_with_a_square_that_works(
    tmp_path: Path, text: str, sides: str
) -> None:
    square = re.findall(r"fixed_shape_resizer \{[^}]*\}", text)[0]
    error = refused(written(tmp_path, text, (square, f"keep_aspect_ratio_resizer {{ {sides} }}")))
    advised = re.findall(r"`(fixed_shape_resizer [^`]*)`", error.fix)[0]
    assert ("1024" in advised) == ("1024" in sides)
    create_from_pipeline_config(tmp_path / "mended", written(tmp_path, text, (square, advised)))


@pytest.mark.parametrize("name", TYPES)
def test_another_network_of_the_zoo_is_named_with_a_command_that_trains_ours(tmp_path: Path, name: str) -> None:
    error = refused(written(tmp_path, FPNLITE, (TYPE, f'type: "{name}"')))
    assert f'is "{name}": {TYPES[name].told}' in error.what
    assert error.where.endswith("line 7")
    follow(error.fix)


@pytest.mark.parametrize("name", MODELS)
def test_another_kind_of_model_is_named_with_a_command_that_trains_ours(tmp_path: Path, name: str) -> None:
    error = refused(written(tmp_path, FPNLITE, ("  ssd {", f"  {name} {{")))
    assert f"`model.{name}` cannot be had here" in error.what
    follow(error.fix)


def follow(fix: str) -> None:
    """The command that is advised is understood."""
    command, recipe, *overrides = re.findall(r"`labline ([^`]*)`", fix)[0].split()
    assert command == "run"
    assert load(recipe, overrides).recipe.data.path == "YOUR_RECORDS"
    assert "PATH_TO_BE_CONFIGURED" not in fix


def test_the_weights_of_a_file_that_is_refused_stand_in_the_advice(tmp_path: Path) -> None:
    changes = (
        (TYPE, 'type: "ssd_mobilenet_v2"'),
        ('checkpoint: "PATH_TO_BE_CONFIGURED"', 'checkpoint: "v2/model.ckpt"'),
    )
    fix = refused(written(tmp_path, FPNLITE, *changes)).fix
    assert "trainer.warm_start=v2/model.ckpt" in fix
    assert "trainer.network=ssd_mobilenet_v2_fpnlite_320" in fix


def test_a_misspelt_type_is_told_the_nearest(tmp_path: Path) -> None:
    error = refused(written(tmp_path, FPNLITE, (TYPE, 'type: "ssd_mobilenet_v2_fpn_kerass"')))
    assert "Did you mean `ssd_mobilenet_v2_fpn_keras`?" in error.fix


def test_paths_left_to_configure_are_named_in_the_command_that_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_from_pipeline_config(tmp_path / "mine", written(tmp_path, FPNLITE))
    said = capsys.readouterr().out
    assert "TODO, with your own paths: data.path, data.label_map, trainer.warm_start" in said
    following = said.rpartition("Next: labline run ")[2].split()
    assert following[1:] == ["data.path=YOUR_PATH", "data.label_map=YOUR_PATH", "trainer.warm_start=YOUR_PATH"]
    assert load(following[0], following[1:]).recipe.trainer.warm_start == "YOUR_PATH"
    with pytest.raises(UserError, match="PATH_TO_BE_CONFIGURED"):
        locate(load(following[0]).recipe.data, Progress(quiet=True))


def test_without_a_number_of_steps_those_of_the_cosine_count(tmp_path: Path) -> None:
    assert values_of(written(tmp_path, FPNLITE, ("num_steps: 50000", "")))["trainer.steps"] == 50_000
    error = refused(written(tmp_path, PETS, ("  num_steps: 200000\n", "")))
    assert "`num_steps: 20000`" in error.fix
    assert values_of(written(tmp_path, PETS, ("num_steps: 200000", "num_steps: 20000")))["trainer.steps"] == 20_000


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("random_adjust_brightness { }", ["brightness"]),
        ("random_adjust_brightness { max_delta: 0.3 }", [{"brightness": {"max_delta": 0.3}}]),
        ("random_adjust_contrast { min_delta: .5 }", [{"contrast": {"min_delta": 0.5}}]),
        ("random_adjust_saturation { }", ["saturation"]),
        ("random_adjust_hue { max_delta: .02 }", ["hue"]),
        ("random_rgb_to_gray { probability: 0.3 }", [{"grey": {"probability": 0.3}}]),
        ("random_vertical_flip { keypoint_flip_permutation: [1, 0] }", ["vertical_flip"]),
        ("random_rotation90 { }", ["rotation90"]),
        ("random_pixel_value_scale { minval: 0.6 }", [{"pixel_scale": {"minval": 0.6}}]),
        ("random_pad_image { }", ["pad"]),
        ("random_crop_image { random_coef: 0.25 clip_boxes: true }", [{"crop": {"random_coef": 0.25}}]),
        (
            "ssd_random_crop { operations { min_object_covered: .5 min_aspect_ratio: .75 max_aspect_ratio: 1.33 "
            "min_area: .1 max_area: 1 overlap_thresh: .3 } }",
            [{"crop": {"min_object_covered": 0.5}}],
        ),
        (
            "random_distort_color { color_ordering: 1 }",
            [
                {"brightness": {"max_delta": 32 / 255}},
                {"contrast": {"min_delta": 0.5, "max_delta": 1.5}},
                {"saturation": {"min_delta": 0.5, "max_delta": 1.5}},
                {"hue": {"max_delta": 0.2}},
            ],
        ),
    ],
)
def test_augmentation_is_carried_over_with_its_settings(tmp_path: Path, step: str, expected: list[Any]) -> None:
    path = written(tmp_path, PETS, (FLIP, step))
    assert values_of(path)["trainer.augmentation"] == [*expected, "ssd_random_crop"]
    create_from_pipeline_config(tmp_path / "mine", path)
    assert list(load(str(tmp_path / "mine")).recipe.trainer.augmentation) == [*expected, "ssd_random_crop"]


@pytest.mark.parametrize("name", REFUSED_STEPS)
def test_augmentation_that_is_not_here_is_named_and_its_advice_leads_on(tmp_path: Path, name: str) -> None:
    error = refused(written(tmp_path, PETS, (FLIP, f"{name} {{ }}")))
    assert f"data_augmentation_options.{name}` cannot be had" in error.what
    instead = re.findall(r"[Ww]rite `([^`]*)` in its place", error.fix)
    assert instead or "eave it out" in error.fix
    change = (FLIP, instead[0]) if instead else (f"  data_augmentation_options {{ {FLIP} }}\n", "")
    create_from_pipeline_config(tmp_path / "mended", written(tmp_path, PETS, change))


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("random_adjust_brightness { max_delta: 20 }", "wrong `brightness.max_delta`"),
        ("random_adjust_brightness { max_dleta: .2 }", "max_dleta` cannot be had"),
        ("random_crop_image { clip_boxes: false }", "clip_boxes` cannot be had"),
        ("random_pad_image { max_image_height: 900 }", "max_image_height` cannot be had"),
        ("random_crop_image { min_area: 0.9 max_area: 0.2 }", "`min_area` is more than `max_area`"),
        ("random_distort_color { color_ordering: 7 }", "settings that cannot be had"),
        ("random_adjust_brightnes { }", "There is no augmentation"),
    ],
)
def test_settings_of_augmentation_that_cannot_be_had_are_refused(tmp_path: Path, step: str, says: str) -> None:
    assert says in str(refused(written(tmp_path, PETS, (FLIP, step))))


OLD = "PATH_TO_BE_CONFIGURED/pet_{}.record"


@pytest.mark.parametrize("root", ["C:\\\\data", "\\\\\\\\server\\\\data", "data"])
def test_a_path_of_windows_is_read_with_the_slashes_of_this_machine(tmp_path: Path, root: str) -> None:
    names = [f"{root}\\\\{name}.record" for name in ("train", "val")]
    path = written(tmp_path, PETS, (OLD.format("train"), names[0]), (OLD.format("val"), names[1]))
    folder = root.replace("\\\\", "/")
    found = {item.key: item for item in read(path).settings}["data.path"]
    assert found.value == f"{folder}/*.record"
    assert bool(found.to_do) == (folder != "data")


@pytest.mark.parametrize(
    "bad", ["C:\\data\\train.record", "C:\\new\\train.record", "records\\train.record", "D:\\70\\train.record"]
)
def test_single_backslashes_are_named_with_their_line_and_both_ways_to_write_them_work(
    tmp_path: Path, bad: str
) -> None:
    path = written(tmp_path, PETS, (OLD.format("train"), bad))
    error = refused(path)
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if bad in text)
    assert f"line {line}" in str(error)
    ways = re.findall(r'`"([^`]*)"`', error.fix)
    assert ways == [bad.replace("\\", "/"), bad.replace("\\", "\\\\")]
    for way in ways:
        mended = written(tmp_path, PETS, (OLD.format("train"), way), (OLD.format("val"), way.replace("train", "test")))
        assert values_of(mended)["data.path"].endswith("/t*.record")


def test_a_bucket_s_path_stays_as_it_is_and_is_to_be_replaced(tmp_path: Path) -> None:
    path = written(
        tmp_path, PETS, (OLD.format("train"), "gs://mine/train.record"), (OLD.format("val"), "gs://mine/test.record")
    )
    found = {item.key: item for item in read(path).settings}["data.path"]
    assert found.value == "gs://mine/t*.record"
    assert found.to_do


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_that_an_editor_of_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "pipeline.config"
    path.write_bytes(PETS.replace("\n", "\r\n").encode(encoding))
    assert values_of(path)["trainer.batch_size"] == 24


def test_letters_of_another_encoding_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.config"
    path.write_bytes(PETS.replace("pet_train", "Vögel_train").encode("latin-1"))
    error = refused(path)
    assert "0xf6" in error.what
    line = next(number for number, text in enumerate(PETS.splitlines(), 1) if "pet_train" in text)
    assert error.where.endswith(f"line {line}")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("batch_size: 24", "batch_size: 0"), "batch_size"),
        (("rms_prop_optimizer: {", "rms_prop_optimizer: { momentum_optimizer_value: 1.9"), "momentum_optimizer_value"),
        (("iou_threshold: 0.6", "iou_threshold: 6.0"), "iou_threshold"),
        (("initial_learning_rate: 0.004", "initial_learning_rate: -1"), "initial_learning_rate"),
    ],
)
def test_a_value_that_no_recipe_may_have_is_named_by_its_field(
    tmp_path: Path, change: tuple[str, str], key: str
) -> None:
    assert key in refused(written(tmp_path, PETS, change)).where


@pytest.mark.parametrize("number", ["inf", "nan", "-inf", "1e300", "9" * 5000, "0x" + "f" * 400])
def test_a_number_without_bounds_is_refused(tmp_path: Path, number: str) -> None:
    for old in ("depth_multiplier: 1.0", "min_depth: 16", "num_steps: 200000", "min_scale: 0.2"):
        refused(written(tmp_path, PETS, (old, f"{old.partition(':')[0]}: {number}")))


def test_written_back_a_configuration_of_the_zoo_says_the_same(tmp_path: Path) -> None:
    create_from_pipeline_config(tmp_path / "first", written(tmp_path, FPNLITE))
    export(str(tmp_path / "first"), [], 90, tmp_path / "back.config")
    create_from_pipeline_config(tmp_path / "second", tmp_path / "back.config")
    one, two = (yaml.safe_load((tmp_path / name / "recipe.yaml").read_text()) for name in ("first", "second"))
    assert "is labline's name" not in (tmp_path / "back.config").read_text()
    for recipe in (one, two):
        del recipe["name"], recipe["serving"]
    assert one == two
