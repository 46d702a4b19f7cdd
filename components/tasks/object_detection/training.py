"""Trains a detector: SSD from nothing or from weights of elsewhere, its loss, COCO's metrics, images of its results."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import tensorflow as tf
import tf_keras

from components.networks import NetworkFile, find_network, network_config
from components.tasks.object_detection import metrics
from components.tasks.object_detection.config import DetectionTrainerConfig
from components.tasks.object_detection.engine import TfKerasEngine
from components.tasks.object_detection.facts import DetectorNetworkFacts, WarmStartFacts
from components.tasks.object_detection.metric_list import METRICS
from components.tasks.object_detection.predictions import read_split, read_truth
from components.tasks.object_detection.start import find_start
from components.tasks.object_detection.training_plots import draw
from components.training.config import TrainerConfig
from components.training.input_pipeline import InputPipeline
from components.training.run import NetworkTraining
from components.training.tensorboard import TensorBoard
from components.training.validation import Validator, validation_split_of
from data.tfrecord import read_records
from object_detection.families import family_of
from object_detection.resynthesis import resynthesise
from object_detection.saved_detector import SavedDetector
from object_detection.training.input_pipeline import DetectionInputPipeline, preparer
from object_detection.training.network import DetectorInTraining
from object_detection.training.objective import Multibox
from object_detection.training.validation import compile_score, score_split
from object_detection.warm_start import warm_start
from object_detection.weights import read_weights
from pipeline.artifacts import Examples, Model, Statistics
from pipeline.component import Context
from pipeline.settings import Settings, narrow

if TYPE_CHECKING:
    from object_detection.warm_start import LoadReport
    from object_detection.weights.arrays import Weights


TASK = "object_detection"
ENGINE = SESSION = TfKerasEngine()
VALIDATED_AT_ONCE = 8  # images
MEASURED_ON = 32  # images, for the statistics of batch normalisation
FEW_IMAGES = 2000  # with fewer, a training from nothing is warned about


def begin(examples: Examples, statistics: Statistics, config: TrainerConfig, context: Context) -> DetectorTraining:
    """Build the network and what it minimises."""
    config = narrow(config, DetectionTrainerConfig)
    network, file, options = build_network(examples, statistics, config, context)
    return DetectorTraining(examples, config, context, file, options, make_objective(examples, config), ENGINE, network)


class DetectorTraining(NetworkTraining["DetectorInTraining"]):
    """A training of the task's."""

    metrics = METRICS
    config: DetectionTrainerConfig
    objective: Multibox

    def open_splits(self, strategy: tf.distribute.Strategy) -> tuple[InputPipeline, Validator | None]:
        return open_splits(self.examples, self.network, self.objective, self.config, strategy, self.context)

    def facts(self) -> DetectorNetworkFacts:
        return network_facts(self.network, self.examples)

    def write_plots(self, model: Model, step: int, logs: TensorBoard) -> None:
        write_images(model, self.network, step, self.examples, logs, self.config)


def build_network(
    examples: Examples, statistics: Statistics, config: DetectionTrainerConfig, context: Context
) -> tuple[DetectorInTraining, NetworkFile, Settings]:
    """Return the network, with weights from elsewhere where the recipe names some, its module and its own options.

    Raises:
        UserError: there are no such weights, or they do not fit.
    """
    del statistics
    module, options = find_network(config.network, TASK), network_config(config.network, config.options)
    weights = read_start(config, context)
    learns_on = weights is not None and config.batch_norm == "trained"
    settings = module.ssd_config(options, len(examples.labels), weights.width if weights else None, learns_on)
    tf_keras.utils.set_random_seed(config.seed)
    trained = SavedDetector(family_of(settings).build(settings), settings, examples.labels)
    report = load_start(trained, weights, config, context) if weights else None
    frozen = config.batch_norm == "frozen" or (config.batch_norm == "auto" and weights is not None)
    if weights and weights.folded and not frozen:
        number = resynthesise_norm(trained, examples)
        context.progress.say(
            f"  the weights have batch normalisation folded away: statistics of {number} layers measured on training "
            "photos"
        )
    if weights is None and examples.splits["train"] < FEW_IMAGES:
        context.progress.say(
            f"  training from nothing on {examples.splits['train']:,} photos; real photos so few need trained weights "
            "to begin with: trainer.network=ssd_mobilenet_v1 trainer.warm_start=ssd_mobilenet_v1_coco, as the recipe "
            "`detector` has them"
        )
    network = DetectorInTraining(
        trained, config.network, frozen, config.trained == "extras", config.weight_decay, report
    )
    return network, module, options


def read_start(config: DetectionTrainerConfig, context: Context) -> Weights | None:
    """Read the weights that the recipe names."""
    path = find_start(config, context.progress)
    return read_weights(path, config.warm_start_averages) if path else None


def load_start(
    trained: SavedDetector, weights: Weights, config: DetectionTrainerConfig, context: Context
) -> LoadReport:
    """Put weights into the network and tell what became of each variable."""
    report = warm_start(trained.named, weights, config.warm_start_parts)
    context.progress.say(f"  {report}")
    return report


def resynthesise_norm(trained: SavedDetector, examples: Examples) -> int:
    """Give folded batch normalisation its statistics back, measured on training photos."""
    prepare = preparer(trained, ())
    records = read_records(*examples.shards("train"))
    images = [prepare(tf.constant(record), tf.constant([0, 0]))[0] for record in islice(records, MEASURED_ON)]
    return resynthesise(trained.model, tf.stack(images))


def make_objective(examples: Examples, config: DetectionTrainerConfig) -> Multibox:
    """Return what is minimised."""
    options = network_config(config.network, config.options)
    settings = find_network(config.network, TASK).ssd_config(options, len(examples.labels))
    image_losses = family_of(settings).make_losses(config.negatives_per_positive)
    return Multibox(config.classification_weight, config.localization_weight, image_losses, metrics.TAGS)


def open_splits(
    examples: Examples,
    network: DetectorInTraining,
    objective: Multibox,
    config: DetectionTrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[DetectionInputPipeline, Validator | None]:
    """Return the training split, and what judges by another one."""
    batches = DetectionInputPipeline(
        examples,
        preparer(network.detector, config.augmentation),
        config.batch_size,
        config.seed,
        config.shuffle,
        config.shuffle_buffer,
        config.cache_megabytes * 1_000_000,
        strategy,
    )
    split = validation_split_of(examples, config, context)
    return batches, make_validator(network, objective, examples, split) if split else None


def make_validator(network: DetectorInTraining, objective: Multibox, examples: Examples, split: str) -> Validator:
    """Return what gives the loss of a split, its two parts, and COCO's metrics of what is found in it."""
    size = min(VALIDATED_AT_ONCE, examples.splits[split])
    score = compile_score(network, objective, preparer(network.detector, ()), size)
    truth = [read_truth(features) for features in read_split(examples, split)]

    def validate() -> dict[str, float]:
        scored = score_split(score, examples, split, size)
        side = network.detector.config.size
        found = [
            metrics.Detections(
                (boxes / side).clip(0, 1).astype("float64"), scores.astype("float64"), classes.astype("int64")
            )
            for boxes, scores, classes in scored.found
        ]
        measured = metrics.coco_metrics(truth, found, examples.labels)
        return scored.losses(network, objective) | {"mAP": 0.0} | measured

    return validate


def network_facts(network: DetectorInTraining, examples: Examples) -> DetectorNetworkFacts:
    """Return what the model's artifact says of it beside what every model's does."""
    return DetectorNetworkFacts(
        labels=examples.labels,
        input_size=network.detector.config.size,
        width=network.detector.config.width,
        warm_start=warm_start_facts(network.report) if network.report else None,
    )


def warm_start_facts(report: LoadReport) -> WarmStartFacts:
    """Return where weights came from, and what became of how many variables."""
    return WarmStartFacts(
        origin=report.origin.rpartition("/")[2],
        loaded=len(report.loaded),
        fresh=len(report.fresh),
        missing=len(report.missing),
        mismatched=len(report.mismatched),
    )


def write_images(
    model: Model,
    network: DetectorInTraining,
    step: int,
    examples: Examples,
    logs: TensorBoard,
    config: DetectionTrainerConfig,
) -> None:
    """Draw images with truth beside prediction, and the anchors that matched, as files and in TensorBoard."""
    draw(model, network, step, examples, logs, config.augmentation)
