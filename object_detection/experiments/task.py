"""A detector as a task of Model Garden: what its trainer calls for the network, the data, a step and the metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras
from official.core import base_task, input_reader, task_factory
from official.vision.evaluation.coco_evaluator import COCOEvaluator

from data.detection.label_map import read_label_map
from object_detection import zoo
from object_detection.experiments.config import DetectorTask, Records
from object_detection.experiments.parsing import DetectionParser, RecordDecoder
from object_detection.families import family_of
from object_detection.saved_detector import SavedDetector
from object_detection.training.network import DetectorInTraining, Outputs
from object_detection.training.objective import Multibox
from object_detection.warm_start import warm_start
from object_detection.weights import read_weights
from pipeline.errors import UserError
from pipeline.progress import Progress

PARTS = ("classification", "localization", "regularization", "total")
TAGS = {  # of Model Garden's evaluator -> of the Object Detection API
    "AP": "DetectionBoxes_Precision/mAP",
    "AP50": "DetectionBoxes_Precision/mAP@.50IOU",
    "AP75": "DetectionBoxes_Precision/mAP@.75IOU",
    "APs": "DetectionBoxes_Precision/mAP (small)",
    "APm": "DetectionBoxes_Precision/mAP (medium)",
    "APl": "DetectionBoxes_Precision/mAP (large)",
    "ARmax1": "DetectionBoxes_Recall/AR@1",
    "ARmax10": "DetectionBoxes_Recall/AR@10",
    "ARmax100": "DetectionBoxes_Recall/AR@100",
    "ARs": "DetectionBoxes_Recall/AR@100 (small)",
    "ARm": "DetectionBoxes_Recall/AR@100 (medium)",
    "ARl": "DetectionBoxes_Recall/AR@100 (large)",
}


def build_detector(config: DetectorTask) -> SavedDetector:
    """Return the detector that a task is about, without training."""
    settings = config.model.get().detector()
    names = read_label_map(Path(config.label_map)) if config.label_map else {}
    labels = [names.get(number, str(number)) for number in range(1, settings.classes + 1)]
    return SavedDetector(family_of(settings).build(settings), settings, labels)


@task_factory.register_task_cls(DetectorTask)
class DetectionTask(base_task.Task):
    """What Model Garden's trainer asks for; `task_config` is a `DetectorTask`."""

    def build_model(self) -> tf_keras.Model:
        """Return the network."""
        config = self.task_config
        frozen = bool(config.init_checkpoint) if config.freeze_norm is None else config.freeze_norm
        self.network = DetectorInTraining(
            build_detector(config), config.model.type, frozen, config.freeze_backbone, config.losses.weight_decay, None
        )
        weights, detector = config.losses, self.network.detector
        self.objective = Multibox(
            weights.classification_weight,
            weights.localization_weight,
            detector.family.make_losses(weights.negatives_per_positive),
        )
        return detector.model

    def initialize(self, model: tf_keras.Model) -> None:
        """Put trained weights into the network, and tell what became of each variable.

        Raises:
            UserError: there are no such weights, or they do not fit.
        """
        del model
        config = self.task_config
        if not config.init_checkpoint:
            return
        progress = Progress()
        path, _ = zoo.locate(config.init_checkpoint, progress)
        weights = read_weights(path)
        if weights.folded and not self.network.frozen_norm:
            raise UserError(
                "Batch normalisation is folded away in these weights: its statistics cannot be trained.",
                weights.origin,
                "Leave out `task.freeze_norm`, or train with `labline run object_detection`, which measures them anew.",
            )
        report = warm_start(self.network.named, weights, config.init_checkpoint_parts)
        progress.say(str(report))
        self.network.start_from(report)

    def build_inputs(self, params: Records, input_context: tf.distribute.InputContext | None = None) -> tf.data.Dataset:
        """Return batches of prepared images with targets, and with the ground truth for evaluation."""
        config = self.task_config.model.get().detector()
        parser = DetectionParser(config, params.augmentation, params.most_boxes)
        reader = input_reader.InputReader(
            params, decoder_fn=RecordDecoder().decode, parser_fn=parser.parse_fn(params.is_training)
        )
        return reader.read(input_context=input_context)

    def build_metrics(self, training: bool = True) -> list[tf_keras.metrics.Metric]:
        """Return means of the parts of the loss."""
        if not training:
            most = self.task_config.model.get().most
            self.coco = COCOEvaluator(None, False, need_rescale_bboxes=False, max_num_eval_detections=most)
        return [tf_keras.metrics.Mean(f"Loss/{part}_loss", dtype=tf.float32) for part in PARTS]

    def train_step(
        self, inputs: Any, model: tf_keras.Model, optimizer: Any, metrics: list[Any] | None = None
    ) -> dict[str, tf.Tensor]:
        """Take a step and return the losses."""
        del model
        pixels, labels = inputs
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            losses = self.losses(labels["targets"], self.network(pixels, training=True))
            shared = losses["Loss/total_loss"] / replicas
        gradients = tape.gradient(shared, variables)
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
        return self.logged(losses, metrics)

    def validation_step(self, inputs: Any, model: tf_keras.Model, metrics: list[Any] | None = None) -> dict[str, Any]:
        """Return the losses, and what there is and was found, in the images' own pixels."""
        del model
        pixels, labels = inputs
        outputs, found = self.network.detect(pixels)
        ground_truth = labels["groundtruths"]
        sides = tf.cast(tf.stack([ground_truth["height"], ground_truth["width"]] * 2, axis=1), tf.float32)
        boxes = tf.clip_by_value(found["detection_boxes"] / self.network.detector.config.size, 0.0, 1.0)
        answers = {
            "source_id": ground_truth["source_id"],
            "detection_boxes": boxes * sides[:, tf.newaxis],
            **{name: found[name] for name in ("detection_scores", "detection_classes", "num_detections")},
        }
        logs: dict[str, Any] = self.logged(self.losses(labels["targets"], outputs), metrics)
        return {**logs, self.coco.name: (ground_truth, answers)}

    def losses(self, targets: Any, outputs: Outputs) -> dict[str, tf.Tensor]:
        """Return the parts of the loss and their sum, by tag."""
        classification, localization = (tf.reduce_mean(part) for part in self.objective.measure(targets, outputs))
        weighted = self.objective.classification_weight * classification
        weighted += self.objective.localization_weight * localization
        decay = tf.add_n([tf.zeros([]), *self.network.losses])
        parts = (classification, localization, decay, weighted + decay)
        return {f"Loss/{name}_loss": part for name, part in zip(PARTS, parts, strict=True)}

    def logged(self, losses: dict[str, tf.Tensor], metrics: list[Any] | None) -> dict[str, tf.Tensor]:
        """Add losses to their means; return the total under the trainer's name for it."""
        for metric in metrics or []:
            metric.update_state(losses[metric.name])
        return {self.loss: losses["Loss/total_loss"]}

    def aggregate_logs(self, state: Any = None, step_outputs: Any = None) -> Any:
        """Hand a batch to the evaluator."""
        if state is None:
            self.coco.reset_states()
        self.coco.update_state(*step_outputs[self.coco.name])
        return True

    def reduce_aggregated_logs(self, aggregated_logs: Any, global_step: Any = None) -> dict[str, Any]:
        """Return COCO's metrics under the Object Detection API's tags."""
        del aggregated_logs, global_step
        found = self.coco.result()
        return {TAGS.get(name, name): value for name, value in found.items()}
