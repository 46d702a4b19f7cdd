"""What the training loop needs of tf-keras, which Model Garden is written in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
import tf_keras

from components.tasks.object_detection.optimizers import LoopOptimizer, explain_not_finite
from components.training.config import OptimizerConfig, TrainerConfig
from object_detection.saved_detector import write_detector
from object_detection.training.network import DetectorInTraining
from pipeline.artifacts import Model


class TfKerasEngine:
    """Seeds, precision, optimisers and files of detectors; see `components.training.engine.Engine`."""

    def seed(self, config: TrainerConfig) -> None:
        """Set every seed."""
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(config.seed)

    @contextmanager
    def precision(self, mixed: bool, on_gpu: bool) -> Iterator[None]:
        """Compute the body in bfloat16 if asked for; on GPUs too, so that no loss needs scaling."""
        del on_gpu
        before = tf_keras.mixed_precision.global_policy()
        if mixed:
            tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:
            with explain_not_finite():
                yield
        finally:
            tf_keras.mixed_precision.set_global_policy(before)

    def make_optimizer(self, config: OptimizerConfig, steps: int, network: DetectorInTraining) -> LoopOptimizer:
        """Return the optimiser."""
        return LoopOptimizer(config, steps, network.compute_dtype != "float32")

    def random_states(self, network: DetectorInTraining) -> list[Any]:
        """Return nothing: all that is drawn depends on the seed and the number of the image."""
        del network
        return []

    def named_weights(self, network: DetectorInTraining) -> dict[str, Any]:
        """Return the weights' values by the Object Detection API's names."""
        return {name: variable.value() for name, variable in network.named.items()}

    def trace(self, network: DetectorInTraining) -> Any:
        """Return the graph of the forward pass."""
        size = network.detector.config.size
        forward = tf.function(lambda pixels: network(pixels, training=False))
        return forward.get_concrete_function(tf.TensorSpec([None, size, size, 3], tf.float32, "pixels")).graph

    def write_network(self, network: DetectorInTraining, model: Model, config: TrainerConfig) -> int:
        """Write checkpoint, label map, settings and summary; return the number of parameters."""
        del config
        write_detector(network.detector, model.path)
        rows = [(name, tuple(variable.shape), name in network.trainable) for name, variable in network.named.items()]
        lines = [f"{name:80} {shape!s:22} {'trained' if trained else 'kept'}" for name, shape, trained in rows]
        total = sum(int(variable.shape.num_elements()) for variable in network.weights)
        lines.append(f"{len(rows)} variables, {total:,} parameters")
        model.file("summary.txt").write_text("\n".join(lines) + "\n", "utf-8")
        return total
