"""Recipes: one way to configure, errors that name the key and the line, and an origin for every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from components.networks import names
from components.recipes import load, meanings
from pipeline.errors import UsageError, UserError


@pytest.fixture
def recipe_file(tmp_path: Path) -> Callable[[str], str]:
    """Write a recipe and return its path."""

    def write(text: str) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


BASE = "task: image_classification\ndata:\n  path: digits\n"


def error_of(name: str, overrides: Sequence[str] = ()) -> str:
    with pytest.raises(UsageError) as error:
        load(name, overrides)
    return str(error.value)


def test_the_shipped_recipe_runs_on_data_that_need_no_download() -> None:
    assert load("image_classification").recipe.data.path == "digits"


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    assert "Did you mean `image_classification`?" in error_of("image_clasification")


def test_a_misspelt_key_in_a_file_is_named_with_its_line_and_the_right_one(recipe_file: Callable[[str], str]) -> None:
    message = error_of(recipe_file(BASE + "trainer:\n  epoch: 3\n"))
    assert "Unknown key `trainer.epoch`" in message
    assert "mine.yaml line 5" in message
    assert "Did you mean `trainer.epochs`?" in message


def test_a_misspelt_override_is_answered_with_the_right_key() -> None:
    message = error_of("image_classification", ["trainer.batchsize=3"])
    assert "command line" in message and "Did you mean `trainer.batch_size`?" in message


def test_a_value_of_the_wrong_type_says_what_is_allowed_and_what_was_given() -> None:
    message = error_of("image_classification", ["trainer.epochs=many"])
    assert "`trainer.epochs`" in message and "must be a whole number; it is 'many'" in message


def test_all_misspelt_keys_are_told_at_once(recipe_file: Callable[[str], str]) -> None:
    message = error_of(recipe_file(BASE + "trainer:\n  epoch: 3\n  optimizer: {rate: 1}\nsplitting: {}\n"))
    for key in ("trainer.epoch", "trainer.optimizer.rate", "splitting"):
        assert f"Unknown key `{key}`" in message


def test_a_single_name_where_a_list_belongs_is_answered_with_the_list_to_write() -> None:
    message = error_of("forecasting", ["data.value_columns=Sales"])
    assert "must be a list, such as `data.value_columns=[Sales]`" in message
    message = error_of("image_classification", ["data.path=x", "trainer.image_size=64"])
    assert "must be a list, such as `trainer.image_size=[64, 64]`" in message


def test_an_unknown_network_lists_those_there_are() -> None:
    message = error_of("image_classification", ["trainer.network=lenet"])
    assert "Did you mean `lenet5`?" in message and "`perceptron`" in message


def test_an_unknown_option_of_a_network_is_named() -> None:
    assert "trainer.options.unit" in error_of(
        "image_classification", ["trainer.network=dense", "trainer.options.unit=3"]
    )


def test_a_key_written_twice_is_refused(recipe_file: Callable[[str], str]) -> None:
    assert "`trainer.epochs` is written twice, in lines 5 and 6" in error_of(
        recipe_file(BASE + "trainer:\n  epochs: 3\n  epochs: 4\n")
    )


def test_broken_yaml_is_named_with_its_line(recipe_file: Callable[[str], str]) -> None:
    assert "line 5" in error_of(recipe_file(BASE + "trainer: [\n"))


def test_a_recipe_without_a_task_says_which_there_are(recipe_file: Callable[[str], str]) -> None:
    assert "`image_classification`" in error_of(recipe_file("data:\n  path: x\n"))


def test_an_argument_without_a_value_is_refused() -> None:
    assert "key=value" in error_of("image_classification", ["trainer.epochs"])


def test_missing_data_path_is_named(recipe_file: Callable[[str], str]) -> None:
    assert "`data" in error_of(recipe_file("task: image_classification\n"))


def test_later_layers_win_and_every_value_has_its_origin(recipe_file: Callable[[str], str]) -> None:
    file = recipe_file(BASE + "trainer:\n  network: cnn\n  epochs: 3\n")
    values = load(file, ["trainer.seed=11"]).values
    assert values["trainer.seed"] == (11, "command line")
    assert values["trainer.epochs"][0] == 3 and values["trainer.epochs"][1].endswith("mine.yaml line 6")
    assert values["trainer.batch_size"] == (256, "network cnn")
    assert values["trainer.device"] == ("auto", "default")
    assert load(file, ["trainer.epochs=4"]).values["trainer.epochs"] == (4, "command line")


def test_choosing_a_network_brings_its_published_training_set_up() -> None:
    recipe = load("image_classification", ["trainer.network=perceptron"]).recipe
    assert recipe.trainer.batch_size == 1
    assert recipe.trainer.loss == "mean_squared_error"
    assert recipe.trainer.optimizer.name == "sgd" and recipe.trainer.optimizer.learning_rate == 0.01


def test_the_recipes_name_is_its_files_unless_it_says_otherwise(recipe_file: Callable[[str], str]) -> None:
    assert load(recipe_file(BASE)).recipe.name == "mine"
    assert load(recipe_file(BASE + "name: yours\n")).recipe.name == "yours"


def test_the_served_name_is_the_recipes_unless_it_says_otherwise(recipe_file: Callable[[str], str]) -> None:
    assert load("image_classification").values["serving.name"] == ("image_classification", "recipe name")
    assert load("digits").recipe.serving.name == "digits"
    file = recipe_file(BASE + "serving:\n  versions: 2\n")
    assert load(file).values["serving.name"] == ("mine", "recipe name")
    assert load(file, ["name=yours"]).recipe.serving.name == "yours"
    assert load(file, ["name=yours", "serving.name=ours"]).values["serving.name"] == ("ours", "command line")
    assert load(file, ["serving.name=ours"]).recipe.name == "mine"


def test_a_recipe_whose_name_cannot_be_served_asks_for_another() -> None:
    message = error_of("image_classification", ["name=größe"])
    assert "`serving.name`" in message and "'größe'" in message and "recipe name" in message


def test_a_settled_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load("image_classification").recipe.trainer.epochs = 3


@pytest.mark.parametrize(
    ("recipe", "network"),
    [
        (task, network)
        for task in ("image_classification", "forecasting", "object_detection")
        for network in names(task)
    ],
)
def test_every_key_of_every_recipe_and_every_option_of_its_network_says_what_it_means(
    recipe: str, network: str
) -> None:
    resolved = load(recipe, [f"trainer.network={network}"])
    told = meanings(resolved.recipe)
    silent = [key for key in resolved.values if not told.get(key)]
    assert all("/" in key for key in silent), "names of features and metrics speak for themselves"


def test_a_network_of_the_users_own_is_loaded_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from pipeline.settings import Settings\nPRESET = {'trainer': {'epochs': 77}}\n"
        "class Config(Settings):\n    width: int = 5\n"
        "def build(input_shape, outputs, config, pixels): ...\n"
    )
    recipe = load("image_classification", [f"trainer.network={path}", "trainer.options.width=9"]).recipe
    assert recipe.trainer.epochs == 77
    assert recipe.trainer.options["width"] == 9


def test_a_network_file_that_does_not_load_says_why(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import nothing_of_that_name\n")
    with pytest.raises(UserError, match="nothing_of_that_name"):
        load("image_classification", [f"trainer.network={path}"])


def test_an_empty_mapping_clears_what_the_recipe_says() -> None:
    assert load("digits").recipe.evaluator.thresholds == {"test/accuracy": 0.95}
    assert load("digits", ["evaluator.thresholds={}"]).recipe.evaluator.thresholds == {}
    assert load("digits", ["trainer={}"]).recipe.trainer.batch_size == 32


def test_epochs_on_the_command_line_replace_the_steps_of_a_preset_and_the_other_way_round() -> None:
    assert load("digits", ["trainer.network=distorted_cnn"]).recipe.trainer.epochs == 30
    by_epochs = load("image_classification", ["trainer.network=distorted_cnn", "trainer.epochs=300"])
    assert (by_epochs.recipe.trainer.epochs, by_epochs.recipe.trainer.steps) == (300, None)
    assert by_epochs.values["trainer.steps"] == (None, "default")
    by_steps = load("image_classification", ["trainer.network=cnn", "trainer.steps=100000"]).recipe.trainer
    assert (by_steps.epochs, by_steps.steps) == (None, 100000)
    both = load("image_classification", ["trainer.network=cnn", "trainer.steps=50", "trainer.epochs=2"]).recipe.trainer
    assert (both.epochs, both.steps) == (2, 50)


@pytest.mark.parametrize("folder", ["2025-02-30", "2025-03-31", "007", "1.10", "1:30", "1_000"])
def test_a_folder_whose_name_looks_like_a_number_or_a_date_is_taken_as_it_is_written(
    recipe_file: Callable[[str], str], folder: str
) -> None:
    assert load("image_classification", [f"data.path={folder}"]).recipe.data.path == folder
    assert load(recipe_file(f"task: image_classification\ndata:\n  path: {folder}\n")).recipe.data.path == folder


def test_numbers_are_decimal_where_numbers_are_wanted_and_names_where_names_are() -> None:
    overrides = [
        "data.path=x",
        "trainer.epochs=010",
        "data.classes=[1, 02]",
        "serving.name=2024",
        "evaluator.thresholds={test/accuracy: 0.90}",
    ]
    recipe = load("image_classification", overrides).recipe
    assert (recipe.trainer.epochs, recipe.data.classes, recipe.serving.name) == (10, ("1", "02"), "2024")
    assert recipe.evaluator.thresholds == {"test/accuracy": 0.9}


def test_weights_of_classes_that_are_numbers_need_no_quotes() -> None:
    recipe = load("image_classification", ["data.path=x", "trainer.class_weights={0: 2.0, 07: 1}"]).recipe
    assert recipe.trainer.class_weights == {"0": 2.0, "07": 1.0}


def test_a_word_that_yaml_takes_for_something_else_is_to_be_quoted() -> None:
    assert "`serving.name` must be text; YAML reads False, so write it in quotes" in error_of(
        "image_classification", ["data.path=x", "serving.name=no"]
    )


def test_the_home_folder_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net.py").write_text(
        "from pipeline.settings import Settings\nclass Config(Settings):\n    pass\ndef build():\n    pass\n"
    )
    overrides = ["data.path=~/photos", "trainer.network=~/net.py", "trainer.warm_start=~/m", "schema_gen.file=~/s"]
    recipe = load("image_classification", overrides).recipe
    assert recipe.data.path == str(tmp_path / "photos")
    assert recipe.trainer.network == str(tmp_path / "net.py")
    assert (recipe.trainer.warm_start, recipe.schema_gen.file) == (str(tmp_path / "m"), tmp_path / "s")


def test_a_recipe_file_with_a_space_in_its_name_gives_a_name_that_can_be_served(tmp_path: Path) -> None:
    file = tmp_path / "my photos.yaml"
    file.write_text(BASE)
    assert load(str(file)).recipe.name == "my_photos"


def test_a_setting_that_the_others_leave_without_effect_is_told_where_somebody_wrote_it(
    recipe_file: Callable[[str], str],
) -> None:
    momentum = load("image_classification", ["data.path=x", "trainer.optimizer.momentum=0.9"]).idle
    assert momentum == (
        "`trainer.optimizer.momentum` has no effect: it is for name sgd or rmsprop, and name is adam (command line).",
    )
    text = BASE + "trainer:\n  optimizer: {schedule: cosine, decay_steps: 5, final: 0.1}\n"
    assert [remark.partition(" has")[0] for remark in load(recipe_file(text)).idle] == [
        "`trainer.optimizer.decay_steps`"
    ]
    fpnlite = ["data.path=x", "trainer.network=ssd_mobilenet_v2_fpnlite_320", "trainer.negatives_per_positive=4"]
    assert "takes all background anchors" in load("object_detection", fpnlite).idle[0]
    assert load("object_detection", ["data.path=x", "trainer.negatives_per_positive=4"]).idle == ()


@pytest.mark.parametrize("name", ["image_classification", "digits", "forecasting", "object_detection", "detector"])
def test_the_shipped_recipes_set_nothing_that_has_no_effect(name: str) -> None:
    assert load(name, ["data.path=x"]).idle == ()
