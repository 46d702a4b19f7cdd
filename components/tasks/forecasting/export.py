"""Exports a forecaster: signatures that take raw histories, with or without their times, or records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from components.export.config import ExporterConfig
from components.export.saved_model import check_shape, write_saved_model
from components.networks import UNKNOWN_TIME, WindowShape, load_model
from components.tasks.forecasting import windows
from components.tasks.forecasting.config import ForecastExporterConfig
from components.tasks.forecasting.facts import ForecastExportFacts, ForecastModelFacts, IntervalFacts, ServedFacts
from components.tasks.forecasting.requests import inputs_of
from pipeline.artifacts import Examples, Model, SavedModel
from pipeline.settings import narrow
from serving.samples import sample_records
from serving.warmup import write_warmup

if TYPE_CHECKING:
    import keras


SERIES = "series.json"  # asset: how to read a file the way the training data were read


def export(examples: Examples, model: Model, saved_model: SavedModel, config: ExporterConfig) -> None:
    """Write a SavedModel whose signatures answer `forecast`, `lower` and `upper`, float [n, P, V], in the data's units.

    `serving_default` takes `history` (float [n, at least H, V]; the last H rows count), `with_times` also `times`
    (int64 [n, at least H], unix seconds of the rows; only where the network knows the calendar), `examples` takes
    `examples` (string [n]: tf.train.Example as the training's). Where the data have covariates, all but the last also
    take `covariates` (float [n, H + P, K]). The asset series.json tells columns, horizon and how the file was read;
    warm-up requests lie in assets.extra.
    """
    config = narrow(config, ForecastExporterConfig)
    network = load_model(model)
    shape = windows.window_shape(examples)
    facts = model.facts_as(ForecastModelFacts)
    functions = make_signatures(network, shape, facts.intervals)
    served = ServedFacts(**facts.window_facts(), level=facts.intervals.level)
    told = served.model_dump(mode="json", exclude_unset=True)
    assets = {SERIES: json.dumps(told, indent=1, sort_keys=True) + "\n"}
    write_saved_model(network, functions, assets, "forecaster", saved_model.path)
    write_warmup_requests(examples, network, functions, config.warmup_examples, saved_model)
    saved_model.write_facts(
        ForecastExportFacts(
            **served.window_facts(),
            level=served.level,
            task=examples.facts.task,
            signatures=list(functions),
            network=facts.network,
        )
    )


def make_signatures(network: keras.Model, shape: WindowShape, intervals: IntervalFacts) -> dict[str, Any]:
    """Return the functions behind the signatures, by name."""
    names = windows.input_names(network)
    history_spec = tf.TensorSpec([None, None, shape.values], tf.float32, name="history")
    times_spec = tf.TensorSpec([None, None], tf.int64, name="times")
    width = shape.history + shape.horizon
    covariates_spec = tf.TensorSpec([None, width, shape.covariates], tf.float32, name="covariates")

    def answer(history: tf.Tensor, time: tf.Tensor | None, covariates: tf.Tensor | None) -> dict[str, tf.Tensor]:
        known = last_rows(history, shape, "history")
        inputs = {"history": check_finite(known, "history")}
        if "time" in names:
            inputs["time"] = (
                tf.fill(tf.shape(history)[:1], tf.constant(UNKNOWN_TIME, tf.int64)) if time is None else time
            )
        if "covariates" in names:
            assert covariates is not None
            checked = check_shape(covariates, [None, width, shape.covariates], "covariates")
            inputs["covariates"] = check_finite(as_many_as(history, checked, "covariates"), "covariates")
        return windows.forecasts(network(inputs, training=False), known, intervals)

    def last_time(times: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
        return as_many_as(history, check_times(times, shape), "times")[:, -1]

    functions: dict[str, Any] = {}
    if "covariates" in names:
        functions["serving_default"] = tf.function(
            lambda history, covariates: answer(history, None, covariates),
            input_signature=[history_spec, covariates_spec],
        )
        functions["with_times"] = tf.function(
            lambda history, times, covariates: answer(history, last_time(times, history), covariates),
            input_signature=[history_spec, times_spec, covariates_spec],
        )
    else:
        functions["serving_default"] = tf.function(
            lambda history: answer(history, None, None), input_signature=[history_spec]
        )
        functions["with_times"] = tf.function(
            lambda history, times: answer(history, last_time(times, history), None),
            input_signature=[history_spec, times_spec],
        )
    if "time" not in names:
        del functions["with_times"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def from_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs, _ = windows.read_batch(check_shape(examples, [None], "examples"), shape, names)
        return windows.forecasts(network(inputs, training=False), inputs["history"], intervals)

    return {**functions, "examples": from_examples}


def last_rows(history: tf.Tensor, shape: WindowShape, name: str) -> tf.Tensor:
    """Return the last H rows of histories [n, time, V]; in the graph, refuse fewer."""
    checked = check_shape(history, [None, None, shape.values], name)
    message = (
        f"`{name}` must have at least {shape.history} rows of {shape.values} value{'s' * (shape.values > 1)}: "
        f"shape [n, {shape.history}, {shape.values}]"
    )
    with tf.control_dependencies([tf.debugging.assert_greater_equal(tf.shape(checked)[1], shape.history, message)]):
        return tf.ensure_shape(checked[:, -shape.history :], (None, shape.history, shape.values))


def check_times(times: tf.Tensor, shape: WindowShape) -> tf.Tensor:
    """Return the times [n, time]; in the graph, refuse fewer than H."""
    checked = check_shape(times, [None, None], "times")
    message = f"`times` must have at least {shape.history} unix times, one for each row of `history`"
    with tf.control_dependencies([tf.debugging.assert_greater_equal(tf.shape(checked)[1], shape.history, message)]):
        return tf.identity(checked)


def as_many_as(history: tf.Tensor, values: tf.Tensor, name: str) -> tf.Tensor:
    """Return the tensor; in the graph, refuse another number of instances than there are histories."""
    message = f"`{name}` must have one entry for each entry of `history`"
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(values)[0], tf.shape(history)[0], message)]):
        return tf.identity(values)


def check_finite(values: tf.Tensor, name: str) -> tf.Tensor:
    """Return the tensor; in the graph, refuse NaN and infinity, which would only come out again."""
    finite = tf.reduce_all(tf.math.is_finite(values))
    message = f"`{name}` must be finite numbers: fill gaps before asking"
    with tf.control_dependencies([tf.debugging.Assert(finite, [message])]):
        return tf.identity(values)


def write_warmup_requests(
    examples: Examples, network: keras.Model, functions: dict[str, Any], count: int, saved_model: SavedModel
) -> None:
    """Write one request of `count` real windows for every signature, and one of a single window."""
    if not count:
        return
    _, records = sample_records(examples, count)
    requests = [
        (
            signature,
            {name: values[:size] for name, values in request_inputs(examples, records, signature, names).items()},
        )
        for size in dict.fromkeys((1, len(records)))
        for signature, names in signature_inputs(functions).items()
    ]
    write_warmup(saved_model.path, requests)


def signature_inputs(functions: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of the inputs of each signature."""
    return {name: [spec.name for spec in function.input_signature] for name, function in functions.items()}


def request_inputs(examples: Examples, records: list[bytes], signature: str, names: list[str]) -> dict[str, Any]:
    """Return the inputs of a signature for some records, as a client would send them."""
    return {"examples": records} if signature == "examples" else inputs_of(examples, records, names)
