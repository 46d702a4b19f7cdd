"""Messages of a pipeline.config with alternatives, of which one is set: which can be had, what to do about others."""

from __future__ import annotations

from dataclasses import dataclass, field

from object_detection.pipeline_config.fields import EXTRACTOR, FOCAL, PREDICTOR

OTHER_MODEL = (
    "Only `ssd` with `ssd_mobilenet_v1` is here; `labline new DIR --task object_detection` starts a recipe of it."
)
INITIALIZERS = (
    "truncated_normal_initializer",
    "random_normal_initializer",
    "variance_scaling_initializer",
    "keras_initializer_by_name",
)
NO_L1 = "Only `l2_regularizer` is here."
NO_RESIZE = "Photos are brought to a square here: use `fixed_shape_resizer { height: 300 width: 300 }`."
RATES = (
    "exponential_decay_learning_rate",
    "constant_learning_rate",
    "manual_step_learning_rate",
    "cosine_decay_learning_rate",
)
RECORDS = "Only TFRecord files are read from a pipeline.config: use `tf_record_input_reader`."
OTHER_MODELS = ("faster_rcnn", "center_net", "experimental_model", "detr")


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


CHOICES: dict[str, Choice] = {
    "model": Choice(("ssd",), dict.fromkeys(OTHER_MODELS, OTHER_MODEL)),
    "model.ssd.image_resizer": Choice(("fixed_shape_resizer",), dict.fromkeys(
        ("keep_aspect_ratio_resizer", "identity_resizer", "conditional_shape_resizer", "pad_to_multiple_resizer"),
        NO_RESIZE,
    )),
    EXTRACTOR: Choice(("batch_norm",), dict.fromkeys(("group_norm", "sync_batch_norm"), "Only `batch_norm` is here.")),
    f"{EXTRACTOR}.regularizer": Choice(("l2_regularizer",), {"l1_regularizer": NO_L1}, needed=False),
    f"{EXTRACTOR}.initializer": Choice(INITIALIZERS, needed=False),
    f"{PREDICTOR}.regularizer": Choice(("l2_regularizer",), {"l1_regularizer": NO_L1}, needed=False),
    f"{PREDICTOR}.initializer": Choice(INITIALIZERS, needed=False),
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
    "model.ssd.anchor_generator": Choice(("ssd_anchor_generator",), dict.fromkeys(
        ("grid_anchor_generator", "multiscale_anchor_generator", "flexible_grid_anchor_generator"),
        "Only `ssd_anchor_generator` is here.",
    )),
    "model.ssd.box_predictor": Choice(("convolutional_box_predictor",), dict.fromkeys(
        ("mask_rcnn_box_predictor", "rfcn_box_predictor", "weight_shared_convolutional_box_predictor"),
        "Only `convolutional_box_predictor` is here.",
    )),
    "model.ssd.loss.classification_loss": Choice(("weighted_sigmoid",), {
        "weighted_sigmoid_focal": FOCAL,
        **dict.fromkeys(("weighted_softmax", "weighted_logits_softmax", "bootstrapped_sigmoid",
                         "penalty_reduced_logistic_focal_loss", "weighted_dice_classification_loss"),
                        "Only `weighted_sigmoid {}` is here."),
    }),
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
