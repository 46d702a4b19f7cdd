"""What the fields of `model.ssd` become for SSD-MobileNet v1: six feature maps, hard example mining."""

from __future__ import annotations

from object_detection.pipeline_config import network_fields
from object_detection.pipeline_config.fields import INITIALIZER, Field, Table, ignore, refuse, within

FOCAL = "Focal loss is not done with this network: take hard example mining, as ssd_mobilenet_v1_coco.config has it."
ANCHORS = "anchor_generator.ssd_anchor_generator"
PREDICTOR = "box_predictor.convolutional_box_predictor"
PREDICTORS: Table = {
    "op": Field("word", "CONV", only=("CONV",)),
    "regularizer.l2_regularizer.weight": Field(float, 1.0, "trainer.weight_decay"),
    **within("initializer", INITIALIZER),
    **ignore(
        "predictors have neither activation nor normalisation",
        "activation", "batch_norm", "group_norm", "sync_batch_norm", "regularize_depthwise", "force_use_bias",
    ),
}  # fmt: skip
SSD: Table = {
    **network_fields.IMAGE,
    "feature_extractor.type": Field(str, "", "trainer.network", only=("ssd_mobilenet_v1", "ssd_mobilenet_v1_keras")),
    **within("feature_extractor", network_fields.BODY),
    **within("feature_extractor.conv_hyperparams", network_fields.LAYERS),
    "feature_extractor.conv_hyperparams.regularize_depthwise": Field(bool, False, only=(False,)),
    "feature_extractor.use_depthwise": Field(bool, False, only=(False,)),
    **refuse(
        "This network has no pyramid: leave it out.",
        "feature_extractor.fpn", "feature_extractor.bifpn", "feature_extractor.spaghettinet_arch_name",
    ),
    **network_fields.MATCHING,
    "encode_background_as_zeros": Field(bool, False, only=(False,), refused=FOCAL),
    f"{ANCHORS}.num_layers": Field(int, 6, only=(6,)),
    f"{ANCHORS}.min_scale": Field(float, 0.2, "trainer.options.min_scale"),
    f"{ANCHORS}.max_scale": Field(float, 0.95, "trainer.options.max_scale"),
    f"{ANCHORS}.aspect_ratios": Field(float, (), "trainer.options.aspect_ratios", repeated=True),
    f"{ANCHORS}.interpolated_scale_aspect_ratio": Field(float, 1.0, "trainer.options.interpolated_ratio"),
    f"{ANCHORS}.reduce_boxes_in_lowest_layer": Field(bool, True, "trainer.options.reduced"),
    f"{ANCHORS}.base_anchor_height": Field(float, 1.0, only=(1.0,)),
    f"{ANCHORS}.base_anchor_width": Field(float, 1.0, only=(1.0,)),
    **within(ANCHORS, refuse(
        "Anchors stand in the middle of their cells, their sizes on a line: use `min_scale` and `max_scale`.",
        "scales", "height_stride", "width_stride", "height_offset", "width_offset",
    )),
    **within(f"{PREDICTOR}.conv_hyperparams", PREDICTORS),
    f"{PREDICTOR}.num_layers_before_predictor": Field(int, 0, only=(0,)),
    f"{PREDICTOR}.use_dropout": Field(bool, True, only=(False,)),
    f"{PREDICTOR}.kernel_size": Field(int, 1, only=(1,)),
    f"{PREDICTOR}.apply_sigmoid_to_scores": Field(bool, False, only=(False,)),
    f"{PREDICTOR}.class_prediction_bias_init": Field(float, 0.0, only=(0.0,)),
    f"{PREDICTOR}.use_depthwise": Field(bool, False, only=(False,)),
    **within(PREDICTOR, network_fields.PREDICTOR),
    **within(PREDICTOR, ignore("there are no layers before the predictors", "min_depth", "max_depth")),
    "loss.classification_loss.weighted_sigmoid": Field("empty"),
    **ignore("the proto itself no longer uses it", "loss.classification_loss.weighted_sigmoid.anchorwise_output"),
    "loss.hard_example_miner.num_hard_examples": Field(int, 64),
    "loss.hard_example_miner.iou_threshold": Field(float, 0.7),
    "loss.hard_example_miner.loss_type": Field("word", "BOTH", only=("CLASSIFICATION",)),
    "loss.hard_example_miner.max_negatives_per_positive": Field(int, 0, "trainer.negatives_per_positive"),
    "loss.hard_example_miner.min_negatives_per_image": Field(int, 0, only=(0,)),
    **refuse(
        "Hard example mining chooses the anchors here; leave it out.",
        "loss.random_example_sampler", "loss.equalization_loss",
    ),
    **network_fields.WEIGHTS,
    **network_fields.RESULTS,
}  # fmt: skip
DIRECT = (
    *network_fields.DIRECT,
    f"{ANCHORS}.min_scale",
    f"{ANCHORS}.max_scale",
    f"{ANCHORS}.aspect_ratios",
    f"{ANCHORS}.interpolated_scale_aspect_ratio",
    f"{ANCHORS}.reduce_boxes_in_lowest_layer",
)
