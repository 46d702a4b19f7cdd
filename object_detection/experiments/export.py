"""Exports an experiment's checkpoint by Model Garden's exporter, in the Object Detection API's signatures."""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # before TensorFlow is imported

from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import app, flags
from official.common import flags as model_garden_flags
from official.core import train_utils
from official.core.config_definitions import ExperimentConfig
from official.vision.serving import export_base, export_saved_model_lib

from object_detection.experiments.task import build_detector
from object_detection.postprocessing import detect_bytes, detect_examples, detect_images
from object_detection.saved_detector import SavedDetector, write_detector

SIGNATURES = {"image_tensor": "serving_default", "image_bytes": "image_bytes", "tf_example": "tf_example"}


def export(params: ExperimentConfig, checkpoint: str, folder: str) -> None:
    """Write `saved_model`, `params.yaml`, and as `checkpoint` the detector under its old names, into a folder.

    Args:
        params: of the experiment.
        checkpoint: of its training, or the folder with its newest.
        folder: is made.
    """
    size = [params.task.model.get().size] * 2
    module = DetectorModule(params=params, batch_size=None, input_image_size=size, input_type="image_tensor")
    export_saved_model_lib.export_inference_graph(
        "image_tensor",
        None,
        size,
        params,
        checkpoint,
        folder,
        export_module=module,
        export_saved_model_subdir="saved_model",
        checkpoint=tf.train.Checkpoint(model=module.detector.model),
        function_keys=SIGNATURES,
    )
    write_detector(module.detector, Path(folder, "checkpoint"))


class DetectorModule(export_base.ExportModule):
    """The functions behind the signatures, each of an input `inputs`: see `object_detection.postprocessing`."""

    def _build_model(self, **kwargs: Any) -> Any:
        del kwargs
        self.detector = build_detector(self.params.task)
        return Bare(self.detector)

    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Find objects in images of one size."""
        found: dict[str, tf.Tensor] = self.model(images)
        return found

    @tf.function(autograph=False)
    def inference_from_image_tensors(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Find objects in images of one size, uint8 [n, height, width, 3]."""
        return self.serve(inputs)

    @tf.function(autograph=False)
    def inference_from_image_bytes(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Find objects in image files of any sizes."""
        return detect_bytes(self.detector, inputs)

    @tf.function(autograph=False)
    def inference_from_tf_example(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Find objects in the images of records."""
        return detect_examples(self.detector, inputs)


class Bare(tf.Module):
    """A detector's variables without Keras, which would save its model too, and that needs the anchors in each call."""

    def __init__(self, detector: SavedDetector) -> None:
        super().__init__()
        self.detector, self.state = detector, list(detector.model.variables)

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        del training
        return detect_images(self.detector, images)


def main(arguments: list[str]) -> None:
    """Read the flags."""
    del arguments
    given = flags.FLAGS
    export(train_utils.parse_configuration(given), given.checkpoint_path, given.export_dir)


if __name__ == "__main__":
    model_garden_flags.define_flags()
    flags.DEFINE_string("checkpoint_path", None, "a checkpoint, or the folder with it")
    flags.DEFINE_string("export_dir", None, "folder to write to")
    flags.mark_flags_as_required(["experiment", "checkpoint_path", "export_dir"])
    app.run(main)
