"""Messages of a pipeline.config with alternatives, of which one is set: which can be had, what to do about others."""

from __future__ import annotations

from dataclasses import dataclass, field

from object_detection.pipeline_config import fpnlite_fields, ssd_fields
from object_detection.pipeline_config.fields import EXTRACTOR

INITIALIZERS = (
    "truncated_normal_initializer",
    "random_normal_initializer",
    "variance_scaling_initializer",
    "keras_initializer_by_name",
)
NO_L1 = "Only `l2_regularizer` is here."
SIZE = "SIZE"  # stands for the size of the resizer that is refused
NO_RESIZE = (
    "Photos are brought to a square here, in training and when the model is asked, and their boxes with them: use "
    f"`fixed_shape_resizer {{ height: {SIZE} width: {SIZE} }}`."
)
RATES = (
    "exponential_decay_learning_rate",
    "constant_learning_rate",
    "manual_step_learning_rate",
    "cosine_decay_learning_rate",
)
RECORDS = "Only TFRecord files are read from a pipeline.config: use `tf_record_input_reader`."
RESIZERS = ("keep_aspect_ratio_resizer", "identity_resizer", "conditional_shape_resizer", "pad_to_multiple_resizer")
ANCHORS = (
    "ssd_anchor_generator",
    "grid_anchor_generator",
    "multiscale_anchor_generator",
    "flexible_grid_anchor_generator",
)
PREDICTORS = (
    "convolutional_box_predictor",
    "mask_rcnn_box_predictor",
    "rfcn_box_predictor",
    "weight_shared_convolutional_box_predictor",
)
LOSSES = (
    "weighted_sigmoid",
    "weighted_sigmoid_focal",
    "weighted_softmax",
    "weighted_logits_softmax",
    "bootstrapped_sigmoid",
    "penalty_reduced_logistic_focal_loss",
    "weighted_dice_classification_loss",
)


@dataclass(frozen=True)
class Choice:
    """A message of which one of several alternatives is set.

    Attributes:
        taken: alternatives that are here.
        refused: alternatives that are not -> what to do.
        needed: one must be set.
    """

    taken: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)
    needed: bool = True


Choices = dict[str, Choice]


def one_of(taken: str, others: tuple[str, ...], fix: str = "Only `{}` is here with this network.") -> Choice:
    """Return a choice that leaves one alternative."""
    return Choice((taken,), dict.fromkeys((name for name in others if name != taken), fix.format(taken)))


def layer_choices(path: str) -> Choices:
    """Return the alternatives of a convolution's settings."""
    return {
        path: Choice(("batch_norm",), dict.fromkeys(("group_norm", "sync_batch_norm"), "Only `batch_norm` is here.")),
        **kernel_choices(path),
    }


def kernel_choices(path: str) -> Choices:
    """Return the alternatives of what holds for a convolution's kernel."""
    return {
        f"{path}.regularizer": Choice(("l2_regularizer",), {"l1_regularizer": NO_L1}, needed=False),
        f"{path}.initializer": Choice(INITIALIZERS, needed=False),
    }


ALWAYS: Choices = {  # whatever the network
    "model": Choice(("ssd",)),
    "model.ssd.image_resizer": Choice(("fixed_shape_resizer",), dict.fromkeys(RESIZERS, NO_RESIZE)),
    **layer_choices(EXTRACTOR),
    "model.ssd.box_coder": Choice(("faster_rcnn_box_coder",), dict.fromkeys(
        ("mean_stddev_box_coder", "square_box_coder", "keypoint_box_coder"), "Only `faster_rcnn_box_coder {}` is here."
    )),
    "model.ssd.matcher": Choice(("argmax_matcher",), dict.fromkeys(
        ("bipartite_matcher", "hungarian_matcher"), "Only `argmax_matcher { force_match_for_each_row: true }` is here."
    )),
    "model.ssd.similarity_calculator": Choice(("iou_similarity",), dict.fromkeys(
        ("neg_sq_dist_similarity", "ioa_similarity", "thresholded_iou_similarity", "detr_similarity"),
        "Only `iou_similarity {}` is here.",
    )),
    "model.ssd.loss.localization_loss": Choice(("weighted_smooth_l1",), dict.fromkeys(
        ("weighted_l2", "weighted_iou", "l1_localization_loss", "weighted_giou"),
        "Only `weighted_smooth_l1 {}` is here.",
    )),
    "train_config.optimizer": Choice(("rms_prop_optimizer", "momentum_optimizer", "adam_optimizer")),
    **{
        f"train_config.optimizer.{name}.learning_rate": Choice(RATES)
        for name in ("rms_prop_optimizer", "momentum_optimizer", "adam_optimizer")
    },
    "train_input_reader": Choice(("tf_record_input_reader",), {"external_input_reader": RECORDS}, needed=False),
    "eval_input_reader": Choice(("tf_record_input_reader",), {"external_input_reader": RECORDS}, needed=False),
}  # fmt: skip
SSD: Choices = {
    **ALWAYS,
    "model.ssd.anchor_generator": one_of("ssd_anchor_generator", ANCHORS),
    "model.ssd.box_predictor": one_of("convolutional_box_predictor", PREDICTORS),
    **kernel_choices(f"model.ssd.{ssd_fields.PREDICTOR}.conv_hyperparams"),
    "model.ssd.loss.classification_loss": Choice(
        ("weighted_sigmoid",),
        {
            **one_of("weighted_sigmoid", LOSSES, "Only `{} {{}}` is here.").refused,
            "weighted_sigmoid_focal": ssd_fields.FOCAL,
        },
    ),
}
FPNLITE: Choices = {
    **ALWAYS,
    "model.ssd.anchor_generator": one_of("multiscale_anchor_generator", ANCHORS),
    "model.ssd.box_predictor": one_of("weight_shared_convolutional_box_predictor", PREDICTORS),
    **layer_choices(f"model.ssd.{fpnlite_fields.PREDICTOR}.conv_hyperparams"),
    "model.ssd.loss.classification_loss": one_of(
        "weighted_sigmoid_focal", LOSSES, "Only `{} {{ alpha: 0.25 gamma: 2.0 }}` is here with this network."
    ),
}
