"""A forecaster is trained on the past alone, keeps its promises about intervals, and is served as it was trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from components.config import InfraValidatorConfig
from components.exporter import exporter
from components.infra_validator import infra_validator
from components.networks import SeriesStatistics, WindowShape, find_network, load_model, network_config
from components.plots.series_plots import traces
from components.tasks.forecasting import calibration, windows
from components.tasks.forecasting.checks import check
from components.tasks.forecasting.config import ForecastExporterConfig, ForecastTrainerConfig, ForecastValidationConfig
from components.tasks.forecasting.export import make_signatures
from components.tasks.forecasting.facts import IntervalFacts
from components.tasks.forecasting.training import Forecasting, calibration_split
from data import loader
from data.series.reading import read_recent
from labline.cli.new import create
from pipeline.artifacts import Examples, InfraBlessing, Model, SavedModel, write_manifest
from pipeline.component import Context
from pipeline.errors import UsageError, UserError
from pipeline.progress import Progress
from pipeline.runner import named
from tests.support.small_series import cut_series, train_series, write_table

Signatures = Mapping[str, Callable[..., dict[str, Any]]]


@pytest.fixture(scope="module")
def saved_model(series_examples: Examples, series_model: Model, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    exported = SavedModel.create(tmp_path_factory.mktemp("exported") / "saved_model")
    exporter(examples=series_examples, model=series_model, saved_model=exported, config=ForecastExporterConfig())
    write_manifest(exported, created=0.0)
    return exported


@pytest.fixture(scope="module")
def served(saved_model: SavedModel) -> Signatures:
    signatures: Signatures = tf.saved_model.load(str(saved_model.path)).signatures
    return signatures


def with_splits(examples: Examples, folder: Path, **splits: int) -> Examples:
    """Return examples with other numbers of windows in their splits."""
    return Examples(folder, {**examples.properties, "splits": splits})


def test_training_tells_loss_and_mean_absolute_error_in_the_series_own_units(series_model: Model) -> None:
    metrics = series_model.properties["metrics"]
    assert metrics.keys() == {"train/loss", "train/mae", "validation/loss", "validation/mae"}
    assert 1 < metrics["validation/mae"] < 60  # values lie about 100


def test_what_comes_after_the_training_part_changes_nothing_that_is_learnt(
    series_examples: Examples, series_model: Model, tmp_path: Path
) -> None:
    def shuffle_test(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([values[:216], np.random.default_rng(1).permutation(values[216:])])

    table = write_table(tmp_path / "sales.csv", shuffle_test)
    examples = cut_series(table, tmp_path / "examples")
    assert examples.digest != series_examples.digest
    model = train_series(examples, tmp_path / "trained")
    assert model.file("model.keras").read_bytes() == series_model.file("model.keras").read_bytes()
    assert model.properties == series_model.properties  # the calibrated bounds too


def test_the_pictures_show_windows_and_the_gates_of_the_network(series_model: Model) -> None:
    names = sorted(path.name for path in series_model.file("pictures").iterdir())
    assert "windows.png" in names and any(name.startswith("traces_") for name in names)
    for name in names:
        assert np.asarray(Image.open(series_model.file("pictures", name)).convert("L")).std() > 10, f"{name} is blank"


def test_traces_end_in_the_state_that_the_layer_itself_gives() -> None:
    layer = keras.layers.LSTM(5, recurrent_initializer="glorot_uniform", bias_initializer="random_normal")
    sequence = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    answer = np.asarray(layer(sequence[np.newaxis]))[0]
    np.testing.assert_allclose(traces(layer, sequence)["hidden state"][-1], answer, atol=1e-5)


def test_bounds_hold_the_share_that_was_asked_for_on_what_they_were_calibrated_on(
    series_examples: Examples, series_model: Model
) -> None:
    intervals = calibration.calibrate(load_model(series_model), series_examples, "validation", 0.8)
    network, inside = load_model(series_model), []
    read = windows.reader(series_examples, windows.input_names(network))
    for inputs, targets in loader.read(series_examples, "validation", read):
        made = {
            name: value.numpy()
            for name, value in windows.forecasts(network(inputs), inputs["history"], intervals).items()
        }
        inside.append((made["lower"] <= targets["values"]) & (targets["values"] <= made["upper"]))
    assert 0.75 <= np.concatenate(inside).mean() <= 0.95


def test_bounds_of_many_series_are_numbers_though_histories_of_one_row_show_no_change(tmp_path: Path) -> None:
    folder = tmp_path / "shops"
    folder.mkdir()
    write_table(folder / "small.csv")
    write_table(folder / "large.csv", lambda values: 3 * values)
    examples = cut_series(folder, tmp_path / "examples", history=1, horizon=1)
    intervals = train_series(examples, tmp_path / "trained", epochs=1).properties["intervals"]
    assert intervals["lower"][0][0] < 0 < intervals["upper"][0][0]


def test_bounds_are_never_calibrated_on_the_test_split_though_it_is_watched(
    series_examples: Examples, tmp_path: Path
) -> None:
    config = ForecastTrainerConfig(validation_split="test")
    assert calibration_split(series_examples, config) == "validation"
    unwatched = with_splits(series_examples, tmp_path, train=40, validation=0, test=9)
    assert calibration_split(unwatched, config) == "train"


def test_losses_are_in_units_of_the_scale_and_members_are_judged_one_by_one() -> None:
    targets = {"values": tf.constant([[[10.0]]]), "scale": tf.constant([[2.0]])}
    objective = Forecasting("mean_squared_error", 0.8)
    assert objective.losses(targets, tf.constant([[[14.0]]])).numpy() == pytest.approx([4.0])
    bounded = tf.constant([[[[14.0, 9.0, 12.0]]]])  # a value 0.5 above the lower bound, 1 below the upper one
    assert objective.losses(targets, bounded).numpy() == pytest.approx([4.0 + 0.1 * 0.5 + 0.1 * 1.0])
    members = tf.constant([[[[[14.0, 9.0, 12.0]]], [[[10.0, 9.0, 12.0]]]]])
    assert objective.losses(targets, members).numpy() == pytest.approx([2.0 + 0.15])
    assert objective.measure(targets, members)[0].numpy() == pytest.approx([2.0])


def test_a_network_of_another_task_is_refused_with_those_there_are(series_examples: Examples, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`cnn` is for image_classification") as error:
        train_series(series_examples, tmp_path, network="cnn", options={})
    assert "`lstm`" in error.value.fix and "`lenet5`" not in error.value.fix


def test_accuracy_is_no_metric_of_forecasts() -> None:
    with pytest.raises(ValueError, match="`keep_metric` is `loss` or `mae`"):
        ForecastTrainerConfig(keep_metric="accuracy")


def test_the_own_network_of_a_new_project_trains(series_examples: Examples, tmp_path: Path) -> None:
    create(tmp_path / "mine", "forecasting")
    model = train_series(series_examples, tmp_path / "t", network=str(tmp_path / "mine" / "my_network.py"), options={})
    # it begins as a repetition of the last value, whose error is 6.3
    assert model.properties["metrics"]["validation/mae"] < 5


def test_the_default_signature_takes_raw_histories_and_answers_in_the_same_units(
    served: Signatures, series_examples: Examples
) -> None:
    history = np.linspace(120, 150, 30, dtype=np.float32).reshape(1, 30, 1)
    answer = served["serving_default"](history=tf.constant(history))
    assert answer.keys() == {"forecast", "lower", "upper"}
    assert answer["forecast"].shape == (1, 3, 1)
    assert (answer["lower"].numpy() <= answer["forecast"].numpy()).all()
    longer = np.concatenate([np.zeros((1, 9, 1), np.float32), history], axis=1)
    same = served["serving_default"](history=tf.constant(longer))
    np.testing.assert_array_equal(same["forecast"].numpy(), answer["forecast"].numpy())


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (np.ones((1, 29, 1)), "at least 30 rows"),
        (np.ones((1, 30, 2)), "must have shape [n, n, 1]"),
        (np.full((1, 30, 1), np.nan), "fill gaps before asking"),
    ],
    ids=["too_short", "too_many_columns", "not_a_number"],
)
def test_a_history_that_does_not_fit_is_refused_in_words(
    served: Signatures, history: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        served["serving_default"](history=tf.constant(history, tf.float32))
    assert message in str(error.value)


def test_the_export_tells_how_to_read_a_file_as_the_training_data_were_read(saved_model: SavedModel) -> None:
    facts = json.loads(saved_model.file("assets", "series.json").read_text())
    assert facts["reading"]["time_column"] == "Month" and facts["reading"]["value_columns"] == ["Sales"]
    assert (facts["history"], facts["horizon"], facts["level"]) == (30, 3, 0.8)


def test_the_served_model_is_proved_to_answer_as_the_trained_one(
    series_examples: Examples, series_model: Model, saved_model: SavedModel, tmp_path: Path
) -> None:
    proof = InfraBlessing.create(tmp_path / "proof")
    infra_validator(
        examples=series_examples,
        model=series_model,
        saved_model=saved_model,
        infra_blessing=proof,
        config=InfraValidatorConfig(examples=8, engine="embedded"),
        context=Context.standalone(tmp_path),
    )
    assert proof.properties["blessed"], proof.properties["reason"]
    assert proof.properties["differences"].keys() >= {"serving_default", "examples"}


def test_the_end_of_a_file_is_read_as_training_read_it(
    saved_model: SavedModel, series_table: Path, tmp_path: Path
) -> None:
    facts = json.loads(saved_model.file("assets", "series.json").read_text())
    recent = read_recent(series_table, facts, Progress(quiet=True))[0]
    assert recent.ahead is not None
    assert recent.history.shape == (30, 1)
    assert [str(time) for time in recent.ahead.astype("datetime64[s]").astype("datetime64[D]")] == [
        "2020-01-01",
        "2020-02-01",
        "2020-03-01",
    ]
    short = tmp_path / "short.csv"
    short.write_text("".join(series_table.read_text().splitlines(keepends=True)[:20]))
    with pytest.raises(UserError, match="has 19 rows; the model looks at 30"):
        read_recent(short, facts, Progress(quiet=True))


def test_splits_without_windows_stop_the_run_and_few_windows_are_told(
    series_examples: Examples, tmp_path: Path
) -> None:
    small = with_splits(series_examples, tmp_path, train=40, validation=3, test=0)
    found = {item["name"]: item["severity"] for item in check(small, ForecastValidationConfig())}
    assert found == {"empty_split": "error", "tiny_data": "warning", "few_judged": "warning"}


def test_a_history_that_stands_still_has_bounds_of_a_width() -> None:
    still = tf.fill((1, 5, 1), 300.0)
    intervals = IntervalFacts(
        level=0.8, unit="change", least=[0.2], split="train", windows=9, lower=[[-1.5]], upper=[[1.5]]
    )
    made = windows.forecasts(tf.fill((1, 1, 1), 300.0), still, intervals)
    assert (made["lower"].numpy().item(), made["upper"].numpy().item()) == (pytest.approx(299.7), pytest.approx(300.3))


def test_the_error_that_stops_a_run_names_the_splits_without_windows(series_examples: Examples, tmp_path: Path) -> None:
    empty = with_splits(series_examples, tmp_path, train=400, validation=0, test=0)
    assert named(dict(check(empty, ForecastValidationConfig())[0])) == "(test, validation)"


def test_requests_whose_inputs_differ_in_number_are_refused_in_words() -> None:
    shape = WindowShape(history=13, horizon=1, values=1, covariates=1, season=12, times=True, step_seconds=2629746.0)
    ones = SeriesStatistics((0.0,), (1.0,), (1.0,), (1.0,), (1.0,))
    network = find_network("seasonal_lstm").build(shape, network_config("seasonal_lstm", {}), ones)
    nothing = IntervalFacts(
        level=0.8, unit="value", least=[0.0], split="train", windows=9, lower=[[0.0]], upper=[[0.0]]
    )
    functions = make_signatures(network, shape, nothing)
    history, covariates = tf.ones([2, 13, 1]), tf.ones([1, 14, 1])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`covariates` must have one entry for each entry of `history`"
    ):
        functions["serving_default"](history, covariates)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`times` must have one entry for each entry"):
        functions["with_times"](history, tf.zeros([3, 13], tf.int64), tf.ones([2, 14, 1]))
