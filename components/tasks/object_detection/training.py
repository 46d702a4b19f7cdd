"""Trains a detector: SSD from nothing or from weights of elsewhere, its loss, COCO's metrics as it learns, images of what it learnt."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from components.networks import find_network, network_config
from components.tasks.object_detection import metrics
from components.training.config import TrainerConfig
from components.training.tensorboard import TensorBoard
from components.training.validation import Judge, judged_split
from object_detection.training.engine import TfKerasEngine
from pipeline.artifacts import Examples, Model, Statistics
from pipeline.component import Context
from pipeline.progress import Progress
from pipeline.settings import ModuleIn, Settings, SourceFile

if TYPE_CHECKING:
    import tensorflow as tf

    from object_detection.saved_detector import Trained
    from object_detection.training.input_pipeline import DetectionFeed
    from object_detection.training.network import DetectorInTraining
    from object_detection.training.objective import Multibox
    from object_detection.warm_start import LoadReport
    from object_detection.weights import Weights

TASK = "object_detection"
REQUIRES = ["tf-keras", "tf-models-official", "pycocotools"]
ENGINE = TfKerasEngine()
JUDGED_AT_ONCE = 8  # images
MEASURED_ON = 32  # images, for the statistics of batch normalisation
START_WITHOUT_NETWORK = "name it: `trainer.warm_start=FILE`; `trainer.warm_start=null` trains from nothing"
FEW_IMAGES = 2000  # with fewer, a training from nothing is warned about

Augmentation = Literal["horizontal_flip", "ssd_random_crop"]


class DetectionTrainerConfig(TrainerConfig):
    """What to train, how long, on what photos."""

    metric: ClassVar[str] = "mAP"

    network: Annotated[str, ModuleIn("components/networks")] = Field(
        "ssd_mobilenet_v1", description="a shipped network"
    )
    warm_start: Annotated[str | None, SourceFile()] = Field(
        None,
        description="trained weights to begin with: a checkpoint, frozen graph, TFLite file, a folder with one, or the name of a "
        "trained model such as ssd_mobilenet_v1_coco, which is downloaded once",
    )
    warm_start_parts: Literal["body", "body_and_boxes", "all"] = Field(
        "body_and_boxes",
        description="what is taken over: feature maps; the box predictors too, which know no classes; or everything, for the "
        "same classes",
    )
    warm_start_averages: bool = Field(False, description="take the moving averages of a checkpoint, where it has them")
    batch_norm: Literal["auto", "frozen", "trained"] = Field(
        "auto",
        description="statistics of batch normalisation: those of trained weights kept as they are, or trained; auto: kept. "
        "Where they were folded away, they are measured before they are trained",
    )
    trained: Literal["all", "extras"] = Field(
        "all", description="what learns; extras: only what follows the MobileNet, for a quick first look"
    )
    augmentation: tuple[Augmentation, ...] = Field(
        ("horizontal_flip", "ssd_random_crop"), description="changes of the training photos at random, in this order"
    )
    classification_weight: float = Field(1.0, ge=0, description="of the classes in the loss")
    localization_weight: float = Field(1.0, ge=0, description="of the boxes in the loss")
    negatives_per_positive: int = Field(
        3,
        gt=0,
        description="SSD-MobileNet v1: background anchors in the loss for each anchor with an object, those with the largest loss",
    )
    weight_decay: float = Field(
        4e-5, ge=0, description="half of it times the squares of the convolutions' kernels is added to the loss"
    )
    judge_steps: int | None = Field(
        100, gt=0, description="steps between two judgements, at the ends of epochs; null: after each epoch"
    )
    keep_metric: str = Field("mAP", description="validation metric that says which judgement was best: mAP or loss")
    histograms: bool = Field(False, description="histograms of the weights in TensorBoard, each epoch")

    def idle(self) -> dict[str, str]:
        if getattr(find_network(self.network, TASK), "MINES_NEGATIVES", True):
            return {}
        return {"negatives_per_positive": f"the loss of {self.network} takes all background anchors"}

    def find_start(self, progress: Progress) -> Path | None:
        from object_detection import zoo

        return None if self.warm_start is None else zoo.locate(self.warm_start, progress, START_WITHOUT_NETWORK)[0]


def build_network(
    examples: Examples, statistics: Statistics, config: DetectionTrainerConfig, context: Context
) -> tuple[DetectorInTraining, ModuleType, Settings]:
    """Return the network, with weights from elsewhere where the recipe names some, its module and its own options.

    Raises:
        UserError: there are no such weights, or they do not fit.
    """
    import tf_keras

    from object_detection.families import family_of
    from object_detection.saved_detector import Trained
    from object_detection.training.network import DetectorInTraining

    del statistics
    module, options = find_network(config.network, TASK), network_config(config.network, config.options)
    weights = read_start(config, context)
    learns_on = weights is not None and config.batch_norm == "trained"
    settings = module.ssd_config(options, len(examples.labels), weights.width if weights else None, learns_on)
    tf_keras.utils.set_random_seed(config.seed)
    trained = Trained(family_of(settings).build(settings), settings, examples.labels)
    report = load_start(trained, weights, config, context) if weights else None
    frozen = config.batch_norm == "frozen" or (config.batch_norm == "auto" and weights is not None)
    if weights and weights.folded and not frozen:
        number = resynthesise_norm(trained, examples)
        context.progress.say(
            f"  the weights have batch normalisation folded away: statistics of {number} layers measured on training photos"
        )
    if weights is None and examples.splits["train"] < FEW_IMAGES:
        context.progress.say(
            f"  training from nothing on {examples.splits['train']:,} photos; real photos so few need trained weights to begin with: "
            "trainer.network=ssd_mobilenet_v1 trainer.warm_start=ssd_mobilenet_v1_coco, as the recipe `detector` has them"
        )
    network = DetectorInTraining(
        trained, config.network, frozen, config.trained == "extras", config.weight_decay, report
    )
    return network, module, options


def read_start(config: DetectionTrainerConfig, context: Context) -> Weights | None:
    """Read the weights that the recipe names."""
    from object_detection.weights import read_weights

    path = config.find_start(context.progress)
    return read_weights(path, config.warm_start_averages) if path else None


def load_start(trained: Trained, weights: Weights, config: DetectionTrainerConfig, context: Context) -> LoadReport:
    """Put weights into the network and tell what became of each variable."""
    from object_detection.warm_start import warm_start

    report = warm_start(trained.named, weights, config.warm_start_parts)
    context.progress.say(f"  {report}")
    return report


def resynthesise_norm(trained: Trained, examples: Examples) -> int:
    """Give folded batch normalisation its statistics back, measured on training photos."""
    import tensorflow as tf

    from data.tfrecord import read_records
    from object_detection.resynthesis import resynthesise
    from object_detection.training.input_pipeline import preparer

    prepare = preparer(trained, ())
    records = read_records(*examples.shards("train"))
    images = [prepare(tf.constant(record), tf.constant([0, 0]))[0] for record in islice(records, MEASURED_ON)]
    return resynthesise(trained.model, tf.stack(images))


def make_objective(examples: Examples, config: DetectionTrainerConfig) -> Multibox:
    """Return what is minimised."""
    from object_detection.families import family_of
    from object_detection.training.objective import Multibox

    options = network_config(config.network, config.options)
    settings = find_network(config.network, TASK).ssd_config(options, len(examples.labels))
    image_losses = family_of(settings).make_losses(config.negatives_per_positive)
    return Multibox(config.classification_weight, config.localization_weight, image_losses)


def open_feeds(
    examples: Examples,
    network: DetectorInTraining,
    objective: Multibox,
    config: DetectionTrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[DetectionFeed, Judge | None]:
    """Return the training split, and what judges by another one."""
    from object_detection.training.input_pipeline import DetectionFeed, preparer

    feed = DetectionFeed(
        examples,
        preparer(network.trained, config.augmentation),
        config.batch_size,
        config.seed,
        config.shuffle,
        config.shuffle_buffer,
        config.cache_megabytes * 1_000_000,
        strategy,
    )
    split = judged_split(examples, config, context)
    return feed, make_judge(network, objective, examples, split) if split else None


def make_judge(network: DetectorInTraining, objective: Multibox, examples: Examples, split: str) -> Judge:
    """Return what gives the loss of a split, its two parts, and COCO's metrics of what is found in it."""
    from components.tasks.object_detection.predictions import read_split, read_truth
    from object_detection.training.input_pipeline import preparer
    from object_detection.training.validation import compile_score, score_split

    size = min(JUDGED_AT_ONCE, examples.splits[split])
    score = compile_score(network, objective, preparer(network.trained, ()), size)
    truth = [read_truth(features) for features in read_split(examples, split)]

    def judge() -> dict[str, float]:
        scored = score_split(score, examples, split, size)
        side = network.trained.config.size
        found = [
            metrics.Detections((boxes / side).clip(0, 1).astype("float64"), scores.astype("float64"), classes)
            for boxes, scores, classes in scored.found
        ]
        measured = metrics.coco_metrics(truth, found, examples.labels)
        return scored.losses(network, objective) | {"mAP": 0.0} | measured

    return judge


def finish(network: DetectorInTraining, examples: Examples, config: DetectionTrainerConfig) -> dict[str, Any]:
    """Return what the model's artifact says of it beside what every model's does."""
    report = network.report
    return {
        "labels": examples.labels,
        "input_size": network.trained.config.size,
        "width": network.trained.config.width,
        "warm_start": None
        if report is None
        else {
            "origin": report.origin.rpartition("/")[2],
            "loaded": len(report.loaded),
            "fresh": len(report.fresh),
            "missing": len(report.missing),
            "mismatched": len(report.mismatched),
        },
    }


def write_images(
    model: Model,
    network: DetectorInTraining,
    step: int,
    examples: Examples,
    logs: TensorBoard,
    config: DetectionTrainerConfig,
) -> None:
    """Draw images with truth and predictions side by side, and the anchors that matched, as files and in TensorBoard."""
    from components.tasks.object_detection.training_plots import draw

    draw(model, network, step, examples, logs, config.augmentation)
