"""The trainer fits networks, keeps what it is told to keep, and says clearly what it cannot do."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.networks import find_network, load_model, network_config
from components.tasks.image_classification import images, training
from components.tasks.image_classification.config import ImageTrainerConfig
from components.tasks.image_classification.facts import PixelFacts
from components.tasks.image_classification.training import Classification, make_objective
from components.trainer import trainer
from components.training.fit import explain_out_of_memory
from components.training.tensorboard import histogram
from data import loader
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.facts import pixel_statistics

PIXELS = {"mean": 0.3, "std": 0.2, "channel_mean": [0.3], "channel_std": [0.2]}
SMALL = {"network": "dense", "options": {"layers": [8]}, "batch_size": 16, "histograms": False}


class Said(Progress):
    """Collects what the user is told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def train(examples: Examples, folder: Path, said: Said | None = None, **settings: Any) -> Model:
    context = Context.standalone(folder)
    context.progress = said or context.progress
    model = Model.create(folder / "model")
    trainer(
        examples=examples,
        statistics=Statistics(folder, pixel_statistics(PIXELS)),
        checked=Anomalies(folder),
        model=model,
        config=ImageTrainerConfig.model_validate({**SMALL, **settings}),
        context=context,
    )
    return model


@pytest.fixture(autouse=True)
def without_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the drawings, which take longer than the trainings here and have tests of their own."""
    monkeypatch.setattr(training, "write_images", lambda *arguments: None)


@pytest.fixture(scope="module")
def trained(tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    folder = tmp_path_factory.mktemp("trained")
    settings: dict[str, Any] = {
        "network": "cnn",
        "options": {},
        "epochs": 12,
        "histograms": True,
        "optimizer": {"learning_rate": 0.005},
    }
    return train(tiny_examples, folder, **settings), folder


def scalars(folder: Path) -> dict[str, list[int]]:
    """Return the steps of each tag in a folder of TensorBoard logs."""
    found: dict[str, list[int]] = {}
    for file in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            if event.HasField("graph_def"):
                found["graph"] = [event.step]
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


def test_a_training_writes_model_history_pictures_and_summary(trained: tuple[Model, Path]) -> None:
    model, _ = trained
    assert model.properties["parameters"] == 23_171
    assert model.properties["input_shape"] == [12, 12, 1]
    assert (model.properties["epochs"], model.properties["steps"]) == (12, 96)
    assert model.properties["output"] == "probabilities"
    assert model.properties["metrics"]["validation/accuracy"] > 0.8
    history = model.read_json("history.json")
    assert [row["epoch"] for row in history["epochs"]] == list(range(1, 13))
    assert [point[0] for point in history["steps"]] == list(range(1, 97))
    assert history["epochs"][-1]["train/accuracy"] > history["epochs"][0]["train/accuracy"]
    assert "conv2d" in model.file("summary.txt").read_text()
    assert {"samples.png", "probabilities.png"} <= {path.name for path in model.file("pictures").iterdir()}


def score(model: Model, examples: Examples) -> tuple[float, float]:
    """Return loss and accuracy of what was written, on the validation split."""
    held = loader.load(examples, "validation", lambda records: images.read_batch(records, (12, 12, 1)))
    scores = load_model(model).predict(held.inputs, verbose=0)
    loss = -np.log(np.maximum(scores[np.arange(len(scores)), held.targets], 1e-7)).mean()
    return float(loss), float((scores.argmax(axis=-1) == held.targets).mean())


def test_the_written_model_predicts_what_its_history_says(trained: tuple[Model, Path], tiny_examples: Examples) -> None:
    metrics = trained[0].properties["metrics"]
    loss, accuracy = score(trained[0], tiny_examples)
    assert accuracy == pytest.approx(metrics["validation/accuracy"])
    assert loss == pytest.approx(metrics["validation/loss"], rel=1e-4)


def test_every_run_has_the_same_tensorboard_tags(trained: tuple[Model, Path]) -> None:
    _, folder = trained
    train_tags, validation_tags = scalars(folder / "logs" / "train"), scalars(folder / "logs" / "validation")
    assert train_tags["epoch/loss"] == train_tags["epoch/accuracy"] == list(range(1, 13))
    assert train_tags["step/loss"] == train_tags["step/accuracy"] == list(range(1, 97))
    assert train_tags["step/learning_rate"][-1] == 96
    assert validation_tags["epoch/loss"] == validation_tags["epoch/accuracy"] == list(range(1, 13))
    assert validation_tags["step/accuracy"][-1] == 96
    assert "graph" in train_tags
    assert train_tags["conv2d/kernel"] == list(range(1, 13))
    assert any("hparams" in tag for tag in scalars(folder / "logs"))


def test_histograms_of_millions_of_weights_fit_into_memory() -> None:
    weights = np.random.default_rng(0).normal(size=2_000_000).astype("float32")
    weights[:2] = np.nan, np.inf
    tracemalloc.start()
    left, right, counts = histogram(weights).T
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * weights.nbytes  # a batch of the pictures takes more; tf.summary.histogram takes 60 times as much
    assert (left[0], right[-1]) == (weights[2:].min(), weights[2:].max())
    assert counts.sum() == len(weights) - 2 and counts.argmax() in (13, 14, 15, 16)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(
    tiny_examples: Examples, tmp_path: Path
) -> None:
    first, second, other = (
        train(tiny_examples, tmp_path / name, epochs=2, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first.file("model.keras").read_bytes() == second.file("model.keras").read_bytes()
    assert first.read_json("history.json") == second.read_json("history.json")
    assert first.file("model.keras").read_bytes() != other.file("model.keras").read_bytes()


def test_the_loop_trains_exactly_as_keras_fit_does(tiny_examples: Examples, tmp_path: Path) -> None:
    ours = load_model(train(tiny_examples, tmp_path, epochs=2, shuffle=False, seed=3))
    held = loader.load(tiny_examples, "train", lambda records: images.read_batch(records, (12, 12, 1)))
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    theirs = find_network("dense").build(
        (12, 12, 1), 3, network_config("dense", {"layers": [8]}), PixelFacts.model_validate(PIXELS).constants()
    )
    theirs.compile("adam", "sparse_categorical_crossentropy")
    theirs.fit(held.inputs, held.targets, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for mine, their in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), their.numpy(), atol=1e-5)


def test_training_ends_at_the_exact_step(tiny_examples: Examples, tmp_path: Path) -> None:
    model = train(tiny_examples, tmp_path, epochs=5, steps=11, steps_per_execution=4)
    assert (model.properties["steps"], model.properties["epochs"]) == (11, 2)
    assert [row["step"] for row in model.read_json("history.json")["epochs"]] == [8, 11]


def test_pictures_that_do_not_fit_the_cache_are_decoded_each_epoch(tiny_examples: Examples, tmp_path: Path) -> None:
    said = Said()
    settings: dict[str, Any] = {
        "epochs": 5,
        "cache_megabytes": 0,
        "shuffle_buffer": 40,
        "optimizer": {"learning_rate": 0.01},
    }
    first = train(tiny_examples, tmp_path / "a", said, **settings)
    second = train(tiny_examples, tmp_path / "b", **settings)
    assert "more than trainer.cache_megabytes" in said.text
    assert first.file("model.keras").read_bytes() == second.file("model.keras").read_bytes()
    assert first.properties["metrics"]["train/accuracy"] > 0.5


def test_early_stopping_ends_a_training_that_no_longer_improves(tiny_examples: Examples, tmp_path: Path) -> None:
    said = Said()
    settings: dict[str, Any] = {
        "epochs": 50,
        "optimizer": {"name": "sgd", "learning_rate": 1e-12},
        "early_stopping": {"patience": 3, "min_delta": 1e-3},
    }
    model = train(tiny_examples, tmp_path, said, **settings)
    assert model.properties["epochs"] == 4
    assert "stopped early" in said.text


def test_the_best_weights_are_kept_when_asked_for(tiny_examples: Examples, tmp_path: Path) -> None:
    optimizer = {"name": "sgd", "learning_rate": 3.0, "schedule": "constant"}  # far too large: it jumps about
    model = train(tiny_examples, tmp_path, epochs=8, keep="best", keep_metric="loss", optimizer=optimizer)
    rows = model.read_json("history.json")["epochs"]
    best = min(rows, key=lambda row: row["validation/loss"])
    assert model.properties["best_epoch"] == best["epoch"] != rows[-1]["epoch"]
    assert model.properties["metrics"]["validation/loss"] == best["validation/loss"]
    assert score(model, tiny_examples)[0] == pytest.approx(best["validation/loss"], rel=1e-4)


def test_warm_start_takes_over_weights_of_the_same_shape(
    tiny_examples: Examples, trained: tuple[Model, Path], tmp_path: Path
) -> None:
    said = Said()
    still: dict[str, Any] = {
        "optimizer": {"name": "sgd", "learning_rate": 1e-12},
        "network": "cnn",
        "options": {},
        "epochs": 1,
    }
    model = train(tiny_examples, tmp_path, said, warm_start=str(trained[0].path), **still)
    assert "8 of 8 weights" in said.text
    assert model.properties["metrics"]["validation/accuracy"] == trained[0].properties["metrics"]["validation/accuracy"]


def test_mixed_precision_trains_and_saves_32_bit_outputs(tiny_examples: Examples, tmp_path: Path) -> None:
    model = load_model(train(tiny_examples, tmp_path, epochs=1, mixed_precision=True))
    assert model.layers[-2].compute_dtype == "bfloat16"
    assert model.layers[-1].compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


OWN = """
import keras
from pipeline.settings import Settings

class Config(Settings):
    pass

@keras.saving.register_keras_serializable("mine")
class Twice(keras.layers.Layer):
    def call(self, values):
        return 2 * values

def build(input_shape, outputs, config, pixels):
    body = keras.layers.Dense(4, name="body", trainable=False)
    flat = [keras.Input(input_shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    return keras.Sequential([*flat, Twice(), body, keras.layers.Dense(outputs, activation="softmax", name="head")])

def unfreeze(model, config):
    model.get_layer("body").trainable = True
"""


def test_your_own_network_with_its_own_layer_is_fine_tuned_in_two_phases(
    tiny_examples: Examples, tmp_path: Path
) -> None:
    file, said = tmp_path / "own.py", Said()
    file.write_text(OWN)
    settings: dict[str, Any] = {
        "network": str(file),
        "options": {},
        "epochs": 2,
        "fine_tune": {"epochs": 1, "learning_rate": 0.0005},
    }
    model = train(tiny_examples, tmp_path, said, **settings)
    rows = model.read_json("history.json")["epochs"]
    assert [row["learning_rate"] for row in rows] == [0.001, 0.001, 0.0005]
    assert "fine-tuning the whole network from step 16" in said.text
    file.unlink()
    assert load_model(model).count_params() == 144 * 4 + 4 + 4 * 3 + 3


def test_a_first_phase_that_stops_early_is_followed_by_fine_tuning(tiny_examples: Examples, tmp_path: Path) -> None:
    file, said = tmp_path / "own.py", Said()
    file.write_text(OWN)
    settings: dict[str, Any] = {
        "network": str(file), "options": {}, "epochs": 50, "optimizer": {"name": "sgd", "learning_rate": 1e-12},
        "early_stopping": {"patience": 2, "min_delta": 1e-3}, "fine_tune": {"epochs": 9, "learning_rate": 1e-13},
    }  # fmt: skip
    rows = train(tiny_examples, tmp_path, said, **settings).read_json("history.json")["epochs"]
    assert [row["step"] for row in rows] == [8, 16, 24, 32, 40, 48]
    assert [row["learning_rate"] for row in rows] == [1e-12] * 3 + [1e-13] * 3
    assert said.text.count("stopped early") == 2
    assert "fine-tuning the whole network from step 24" in said.text


def test_epochs_that_a_phase_cuts_short_are_numbered_on(tiny_examples: Examples, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    settings: dict[str, Any] = {
        "network": str(file),
        "options": {},
        "epochs": None,
        "steps": 12,
        "fine_tune": {"epochs": 1},
    }
    rows = train(tiny_examples, tmp_path, **settings).read_json("history.json")["epochs"]
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 8), (2, 12), (3, 16), (4, 20)]


@pytest.mark.parametrize(
    ("settings", "message", "fix"),
    [
        (
            {"network": "lenet5", "options": {}, "image_size": [12, 12]},
            "12 x 12 pixels are too small for network `lenet5`",
            "image_size: [16, 16]",
        ),
        (
            {"network": "small_vgg", "options": {}, "image_size": [6, 6]},
            "6 x 6 pixels are too small",
            "image_size: [12, 12]",
        ),
        ({"device": "gpu"}, "sees no GPU", "labline doctor"),
        ({"network": "perceptron", "options": {}}, "Cross-entropy needs outputs that sum to 1", "mean_squared_error"),
        ({"fine_tune": {"epochs": 1}}, "no frozen body", "unfreeze"),
        ({"warm_start": "nowhere"}, "no weights to start from", ".keras"),
        ({"optimizer": {"name": "sgd", "learning_rate": 1e30}}, "in step 2", "1e\\+29"),
        ({"class_weights": {"crooss": 2.0}}, "no class `crooss`", "cross"),
    ],
)
def test_what_cannot_be_trained_is_said_with_its_remedy(
    tiny_examples: Examples, tmp_path: Path, settings: dict[str, Any], message: str, fix: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        train(tiny_examples, tmp_path, epochs=1, **settings)
    assert fix.replace("\\", "") in error.value.fix


def test_a_missing_validation_split_is_named(make_examples: Callable[..., Examples], tmp_path: Path) -> None:
    examples = make_examples("examples", {"train": 40, "validation": 0, "test": 20})
    with pytest.raises(UserError, match="no examples in split `validation`") as error:
        train(examples, tmp_path / "a", epochs=1)
    assert "data.validation_fraction" in error.value.fix
    model = train(examples, tmp_path / "b", epochs=1, validation_split="none")
    assert set(model.properties["metrics"]) == {"train/loss", "train/accuracy"}


def test_pictures_of_several_sizes_are_brought_to_one_that_is_said(tiny_examples: Examples, tmp_path: Path) -> None:
    mixed, said = Examples(tiny_examples.path, {**tiny_examples.properties, "image_shape": None}), Said()
    model = train(mixed, tmp_path, said, epochs=1)
    assert model.properties["input_shape"][:2] == [128, 128]
    assert "several sizes are brought to 128 x 128 (trainer.image_size)" in said.text


def test_fewer_examples_than_a_batch_are_cut_into_ten_and_that_is_said(tiny_examples: Examples, tmp_path: Path) -> None:
    said = Said()
    model = train(tiny_examples, tmp_path, said, batch_size=500, epochs=1)
    assert model.properties["steps"] == 10
    assert "120 training examples are fewer than one batch of 500: batches of 12 (trainer.batch_size)" in said.text


def test_pictures_too_small_for_the_network_are_enlarged_and_that_is_said(
    tiny_examples: Examples, tmp_path: Path
) -> None:
    said = Said()
    model = train(tiny_examples, tmp_path, said, network="lenet5", options={}, epochs=1)
    assert model.properties["input_shape"][:2] == [16, 16]
    assert "12 x 12 are too small for `lenet5`: enlarged to 16 x 16" in said.text


def test_settings_that_need_validation_are_refused_without_it() -> None:
    with pytest.raises(ValidationError, match="needs a validation split"):
        ImageTrainerConfig(validation_split="none", keep="best")


def test_class_weights_are_inverse_to_the_frequency_of_the_class(tiny_examples: Examples) -> None:
    counts = {"train": [60, 30, 30], "validation": [1, 1, 1], "test": [1, 1, 1]}
    examples = Examples(tiny_examples.path, {**tiny_examples.properties, "label_counts": counts})
    weights = make_objective(examples, ImageTrainerConfig(class_weights="balanced")).class_weights
    assert weights == pytest.approx((2 / 3, 4 / 3, 4 / 3))
    named = make_objective(examples, ImageTrainerConfig(class_weights={"dot": 3.0}))
    assert named.class_weights == (1.0, 3.0, 1.0)


def test_class_weights_scale_each_example_s_loss(tiny_examples: Examples) -> None:
    objective = Classification("cross_entropy", 3, (1.0, 2.0, 4.0))
    np.testing.assert_array_equal(objective.weights(tf.constant([2, 0, 1])), [4, 1, 2])


def test_training_time_is_written_beside_the_logs_and_not_into_the_model(trained: tuple[Model, Path]) -> None:
    model, folder = trained
    assert json.loads((folder / "logs" / "training_time.json").read_text())["seconds"] > 0
    assert not list(model.path.rglob("*time*"))


def test_running_out_of_memory_suggests_half_the_batch() -> None:
    with (
        pytest.raises(UserError, match="Not enough memory") as error,
        explain_out_of_memory(ImageTrainerConfig(batch_size=64)),
    ):
        raise MemoryError
    assert "trainer.batch_size=32" in error.value.fix


def test_the_saved_weights_are_the_moving_average_when_one_is_kept(tiny_examples: Examples, tmp_path: Path) -> None:
    # so slow an average stays where the first step led
    optimizer = {"name": "sgd", "learning_rate": 0.5, "average": 0.999999}
    averaged = train(tiny_examples, tmp_path / "a", epochs=1, optimizer=optimizer)
    moved = train(tiny_examples, tmp_path / "b", epochs=1, optimizer={**optimizer, "average": None})
    still = train(tiny_examples, tmp_path / "c", epochs=1, optimizer={"name": "sgd", "learning_rate": 1e-12})
    first, other, start = (load_model(model).weights[0].numpy() for model in (averaged, moved, still))
    assert 0 < np.abs(first - start).mean() < np.abs(other - start).mean() / 1.5
