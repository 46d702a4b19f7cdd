"""Small SavedModels, and embedded servers that serve them over REST for a whole test session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from serving.launch import Server, start_server
from serving.tensorflow_serving import Models

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def save_model() -> Callable[..., Path]:
    """Return a function that writes a SavedModel of one python function."""

    def save(folder: Path, function: Any, inputs: dict[str, tuple[list[int | None] | None, str]], **more: Any) -> Path:
        import tensorflow as tf

        module = tf.Module()
        specs = {name: tf.TensorSpec(shape, getattr(tf, dtype), name=name) for name, (shape, dtype) in inputs.items()}
        module.function = tf.function(function).get_concrete_function(**specs)
        signatures = {"serving_default": module.function, **dict.fromkeys(more.get("also", ()), module.function)}
        tf.saved_model.save(module, str(folder), signatures=signatures)
        return folder

    return save


@pytest.fixture(scope="session")
def half_plus_two(save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of x / 2 + 2."""
    return save_model(
        tmp_path_factory.mktemp("half") / "model", lambda x: {"y": x * 0.5 + 2.0}, {"x": ([None], "float32")}
    )


@pytest.fixture(scope="session")
def half_plus_three(save_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of x / 2 + 3."""
    return save_model(
        tmp_path_factory.mktemp("half") / "model", lambda x: {"y": x * 0.5 + 3.0}, {"x": ([None], "float32")}
    )


@pytest.fixture(scope="session")
def models(save_model: Callable[..., Path], half_plus_two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models.config with models of one and several inputs, of every type that JSON can carry, and of strings."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("models")
    shutil.copytree(half_plus_two, root / "half_plus_two" / "00000123")
    save_model(
        root / "sum" / "1",
        lambda a, b: {"sum": a + b, "product": a * b},
        {"a": (None, "float32"), "b": (None, "float32")},
        also=["other"],
    )
    save_model(
        root / "text" / "1",
        lambda text: {"text": tf.identity(text), "text_bytes": tf.identity(text), "length": tf.strings.length(text)},
        {"text": (None, "string")},
    )
    for dtype in (
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "uint8",
        "int64",
        "uint32",
        "uint64",
        "bool",
        "float16",
    ):
        save_model(root / dtype / "1", lambda x: {"y": tf.identity(x)}, {"x": (None, dtype)})
    save_model(root / "shapes" / "1", lambda x: {"scalar": tf.reduce_sum(x), "same": x}, {"x": (None, "float32")})
    save_model(root / "uneven" / "1", lambda x: {"same": x, "twice": tf.concat([x, x], 0)}, {"x": (None, "float32")})
    save_model(root / "complex" / "1", lambda x: {"y": tf.cast(x, tf.complex64)}, {"x": (None, "float32")})
    save_model(root / "matrix" / "1", lambda x: {"y": tf.matmul(x, tf.ones([2, 3]))}, {"x": ([None, 2], "float32")})
    entries = "".join(
        f'config {{ name: "{path.name}", base_path: "{path}" model_platform: \'tensorflow\' {labels(path.name)} }}\n'
        for path in sorted(root.iterdir())
    )
    (root / "models.config").write_text(f"model_config_list: {{\n{entries}}}\n")
    return root


def labels(name: str) -> str:
    return "version_labels { key: 'stable' value: 123 }" if name == "half_plus_two" else ""


class Rest:
    """Raw HTTP to a server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, method: str, path: str, body: bytes | str | None = None, **keywords: Any) -> requests.Response:
        return requests.request(method, self.url + path, data=body, timeout=30, **keywords)

    def predict(self, model: str, body: bytes | str, where: str = "") -> requests.Response:
        return self("POST", f"/v1/models/{model}{where}:predict", body)


@pytest.fixture(scope="session")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An embedded server with all the small models."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    server = start_server(Models(models, config_file=models / "models.config"), log, "embedded")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def rest(server: Server) -> Rest:
    return Rest(server.url)


@pytest.fixture
def make_rest() -> type[Rest]:
    return Rest
