"""The same network gives the same SavedModel, byte for byte, whatever the process did before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from components.export.saved_model import write_saved_model

Export = Callable[[str], tuple[Path, keras.Model]]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    keras.utils.set_random_seed(7)
    network = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])

    def write(name: str) -> tuple[Path, keras.Model]:
        @tf.function(input_signature=[tf.TensorSpec([None, 3], name="rows")])
        def in_a_loop(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"answers": tf.map_fn(lambda row: network(row[None])[0], rows)}

        @tf.function(input_signature=[tf.TensorSpec([None, 3], name="rows")])
        def at_once(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"answers": network(rows)}

        folder = tmp_path / name
        write_saved_model(
            network, {"serving_default": in_a_loop, "at_once": at_once}, {"labels.txt": "a"}, name="m", folder=folder
        )
        return folder, network

    return write


def test_a_network_exported_later_gives_the_same_bytes_and_the_same_answers(export: Export) -> None:
    first, network = export("first")
    second, _ = export("second")
    assert (first / "saved_model.pb").read_bytes() == (second / "saved_model.pb").read_bytes()
    rows = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for name in ("serving_default", "at_once"):
        answers = tf.saved_model.load(str(second)).signatures[name](rows=rows)["answers"]
        assert abs(answers - network(rows)).numpy().max() < 1e-6
