"""The small models in this very process, a gRPC server over them, and a server whose page is visited, for a session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import requests

from serving.launch import Server, start_server
from serving.model_config import ModelConfig, read_models
from serving.server.core import Core
from serving.server.execution import DirectExecution
from serving.server.grpc_api import service as grpc_service
from serving.server.metrics import Metrics
from serving.server.models.loading import LoadOptions
from serving.server.models.manager import Manager
from serving.server.request_log import RequestLog
from serving.tensorflow_serving import Models
from tests.support.page_models import write_models
from tests.support.page_visits import Visit, start_browser, visits
from tests.support.raw_http import start as start  # a fixture

# of TensorFlow's types, those that a client can send
DTYPES = (
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "string",
    "complex64",
    "complex128",
)


@pytest.fixture(scope="session")
def grpc_models(models: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ModelConfig]:
    """The small models, and four more: `examples`, `types`, `defaults` and `slow`, as their makers below say."""
    root = tmp_path_factory.mktemp("grpc")
    save_examples(root / "examples" / "1")
    save_types(root / "types" / "1")
    save_defaults(root / "defaults" / "1")
    save_slow(root / "slow" / "1")
    ours = [ModelConfig(path.name, str(path)) for path in root.iterdir()]
    return [*read_models(models / "models.config"), *ours]


def save_examples(folder: Path) -> None:
    """Save a model with a signature for each form that an answer to tf.Examples can have."""
    import tensorflow as tf

    def signature(answer: Callable[[Any], dict[str, Any]]) -> Any:
        def function(inputs: Any) -> dict[str, Any]:
            features = {
                "x": tf.io.FixedLenFeature([], tf.float32, 0.0),
                "y": tf.io.FixedLenFeature([], tf.float32, 0.0),
            }
            parsed = tf.io.parse_example(inputs, features)
            return answer(parsed["x"] + 10 * parsed["y"])

        return tf.function(function).get_concrete_function(inputs=tf.TensorSpec([None], tf.string, name="inputs"))

    def names(x: Any) -> Any:
        return tf.tile(tf.constant([["low", "high"]]), [tf.shape(x)[0], 1])

    def scores(x: Any) -> Any:
        return tf.stack([-x, x], 1)

    module = tf.Module()
    module.functions = {
        "classify": signature(lambda x: {"classes": names(x), "scores": scores(x)}),
        "scores": signature(lambda x: {"scores": scores(x)}),
        "classes": signature(lambda x: {"classes": names(x)}),
        "latin": signature(lambda x: {"classes": tf.tile(tf.constant([[b"\xe4"]]), [tf.shape(x)[0], 1])}),
        "flat_scores": signature(lambda x: {"scores": x}),
        "whole_scores": signature(lambda x: {"scores": tf.cast(scores(x), tf.int64)}),
        "serving_default": signature(lambda x: {"outputs": x}),
        "column": signature(lambda x: {"outputs": x[:, None]}),
        "wide": signature(lambda x: {"outputs": scores(x)}),
        "double": signature(lambda x: {"outputs": tf.cast(x, tf.float64)}),
        "sum": signature(lambda x: {"outputs": tf.reduce_sum(x, keepdims=True)}),
    }
    tf.saved_model.save(module, str(folder), signatures=module.functions)


def save_types(folder: Path) -> None:
    """Save a model with a signature of the same name for every type, which returns what it gets."""
    import tensorflow as tf

    module = tf.Module()
    module.functions = {
        dtype: tf.function(lambda x: {"x": tf.identity(x)}).get_concrete_function(
            x=tf.TensorSpec(None, getattr(tf, dtype), name="x")
        )
        for dtype in DTYPES
    }
    tf.saved_model.save(module, str(folder), signatures=module.functions)


def save_defaults(folder: Path) -> None:
    """Save a model of two inputs, the second of which a client may leave out."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    module = tf.Module()
    module.function = tf.function(lambda x, y: {"z": x * y}).get_concrete_function(
        x=tf.TensorSpec(None, tf.float32, name="x"), y=tf.TensorSpec(None, tf.float32, name="y")
    )
    tf.saved_model.save(module, str(folder), signatures=module.function)
    file = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    definition = saved.meta_graphs[0].signature_def["serving_default"]
    definition.defaults["y"].CopyFrom(tf.make_tensor_proto(3.0))
    file.write_bytes(saved.SerializeToString())


def save_slow(folder: Path) -> None:
    """Save a model that turns in a circle as often as it is told."""
    import tensorflow as tf

    def turn(rounds: Any) -> dict[str, Any]:
        start = tf.eye(100)
        _, end = tf.while_loop(
            lambda number, value: number < rounds[0], lambda number, value: (number + 1, value @ start), (0, start)
        )
        return {"y": tf.fill(tf.shape(rounds), end[0, 0])}

    module = tf.Module()
    module.function = tf.function(turn, input_signature=[tf.TensorSpec([None], tf.int32, name="rounds")])
    tf.saved_model.save(module, str(folder), signatures=module.function)


@pytest.fixture(scope="session")
def core(grpc_models: list[ModelConfig]) -> Iterator[Core]:
    """The models loaded in this process, each call alone; `core.logged` says which are logged."""
    labelled = [config for config in grpc_models if config.labels]
    manager = Manager(grpc_models, LoadOptions(early_labels=bool(labelled)))
    manager.poll()
    while not manager.ready():
        assert not manager.broken()
        time.sleep(0.02)
    execution = DirectExecution(8)
    yield Core(manager, execution, Metrics(), RequestLog())
    execution.close()


@pytest.fixture(scope="session")
def serve_grpc(core: Core) -> Iterator[Callable[..., SimpleNamespace]]:
    """Return a function that starts a gRPC server with the given options and returns it with its stubs."""
    started: list[Any] = []

    def serve(credentials: Any = None, over: Core | None = None, **options: Any) -> SimpleNamespace:
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        server = grpc_service.start(over or core, grpc_service.GrpcOptions(**options))
        started.append(server)
        target = f"localhost:{server.port}" if server.port else f"unix:{options['socket_path']}"
        limits = [("grpc.max_receive_message_length", -1)]
        channel = (
            grpc.secure_channel(target, credentials, limits) if credentials else grpc.insecure_channel(target, limits)
        )
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        return SimpleNamespace(server=server, channel=channel, prediction=prediction, models=models)

    yield serve
    for server in started:
        server.stop(0)


@pytest.fixture(scope="session")
def grpc_api(serve_grpc: Callable[..., SimpleNamespace]) -> SimpleNamespace:
    """A gRPC server with default options and its stubs: `.prediction`, `.models`."""
    return serve_grpc()


@pytest.fixture(scope="session")
def make_example() -> Callable[..., Any]:
    """Return a function that makes a tf.Example of float features."""
    import tensorflow as tf

    def make(**features: float) -> Any:
        return tf.train.Example(
            features=tf.train.Features(
                feature={
                    name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
                    for name, value in features.items()
                }
            )
        )

    return make


@pytest.fixture(scope="session")
def page_models(tmp_path_factory: pytest.TempPathFactory, half_plus_two: Path, models: Path) -> Path:
    """A models.config of what the page has forms for; `shapes` has labels, and a version that cannot be loaded."""
    return write_models(tmp_path_factory.mktemp("page"), half_plus_two, models)


@pytest.fixture(scope="session")
def page_server(page_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "server.log"
    served = Models(page_models, config_file=page_models / "models.config")
    server = start_server(served, log, "embedded", extra_flags=["--max_num_load_retries=0"])
    try:
        server.wait_until_ready()
        wait_until_settled(server)
        yield server
    finally:
        server.stop()


def wait_until_settled(server: Server) -> None:
    """Wait for the versions that a server is still busy with when every model has one."""
    while True:
        listed = requests.get(f"{server.url}/labline/models", timeout=30).json()["models"]
        if all(version["state"] in ("AVAILABLE", "END") for model in listed for version in model["versions"]):
            return
        time.sleep(0.05)


@pytest.fixture(scope="module")  # while it is there, the thread runs an event loop that others must not find
def browser() -> Iterator[Any]:
    yield from start_browser()


@pytest.fixture
def visit(browser: Any, page_server: Server) -> Iterator[Visit]:
    with visits(browser, page_server.url) as open_page:
        yield open_page
