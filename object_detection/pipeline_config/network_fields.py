"""Fields below `model.ssd` that mean the same for every network that is here, as pieces of their tables."""

from __future__ import annotations

from object_detection.pipeline_config.fields import INITIALIZER, Field, Table, ignore, refuse, within

LAYERS: Table = {  # of a convolution with batch normalisation
    "op": Field("word", "CONV", only=("CONV",)),
    "regularizer.l2_regularizer.weight": Field(float, 1.0, "trainer.weight_decay"),
    **within("initializer", INITIALIZER),
    "activation": Field("word", "RELU", only=("RELU_6",)),
    "batch_norm.decay": Field(float, 0.999, "trainer.options.momentum"),
    "batch_norm.center": Field(bool, True, only=(True,)),
    "batch_norm.scale": Field(bool, False, only=(True,)),
    "batch_norm.epsilon": Field(float, 0.001, only=(0.001,)),
    "batch_norm.train": Field(bool, True, only=(True,)),
    "force_use_bias": Field(bool, False, only=(False,)),
}
IMAGE: Table = {
    "num_classes": Field(int, 0),
    "image_resizer.fixed_shape_resizer.height": Field(int, 300, "trainer.options.size"),
    "image_resizer.fixed_shape_resizer.width": Field(int, 300, "trainer.options.size"),
    "image_resizer.fixed_shape_resizer.resize_method": Field("word", "BILINEAR", only=("BILINEAR",)),
    "image_resizer.fixed_shape_resizer.convert_to_grayscale": Field(bool, False, only=(False,)),
}
BODY: Table = {
    "depth_multiplier": Field(float, 1.0, "trainer.options.width"),
    "min_depth": Field(int, 16),
    "override_base_feature_extractor_hyperparams": Field(bool, False),
    "pad_to_multiple": Field(int, 1, only=(1,)),
    "use_explicit_padding": Field(bool, False, only=(False,)),
    "num_layers": Field(int, 6, only=(6,)),
    "replace_preprocessor_with_placeholder": Field(bool, False, only=(False,)),
}
MATCHING: Table = {
    "box_coder.faster_rcnn_box_coder.y_scale": Field(float, 10.0, only=(10.0,)),
    "box_coder.faster_rcnn_box_coder.x_scale": Field(float, 10.0, only=(10.0,)),
    "box_coder.faster_rcnn_box_coder.height_scale": Field(float, 5.0, only=(5.0,)),
    "box_coder.faster_rcnn_box_coder.width_scale": Field(float, 5.0, only=(5.0,)),
    "matcher.argmax_matcher.matched_threshold": Field(float, 0.5, only=(0.5,)),
    "matcher.argmax_matcher.unmatched_threshold": Field(float, 0.5, only=(0.5,)),
    "matcher.argmax_matcher.ignore_thresholds": Field(bool, False, only=(False,)),
    "matcher.argmax_matcher.negatives_lower_than_unmatched": Field(bool, True, only=(True,)),
    "matcher.argmax_matcher.force_match_for_each_row": Field(bool, False, only=(True,)),
    **ignore("the same matches, found in another way", "matcher.argmax_matcher.use_matmul_gather"),
    "similarity_calculator.iou_similarity": Field("empty"),
    "negative_class_weight": Field(float, 1.0, only=(1.0,)),
}
PREDICTOR: Table = {
    "box_code_size": Field(int, 4, only=(4,)),
    **ignore("there is no dropout", "dropout_keep_probability"),
    **refuse("Box codes are not clipped here; leave it out.", "box_encodings_clip_range"),
    **refuse("Masks are not predicted here; leave it out.", "mask_head"),
}
WEIGHTS: Table = {  # of the loss, and what it is divided by
    "loss.localization_loss.weighted_smooth_l1.delta": Field(float, 1.0, only=(1.0,)),
    **ignore("the proto itself no longer uses it", "loss.localization_loss.weighted_smooth_l1.anchorwise_output"),
    "loss.classification_weight": Field(float, 1.0, "trainer.classification_weight"),
    "loss.localization_weight": Field(float, 1.0, "trainer.localization_weight"),
    "loss.expected_loss_weights": Field("word", "NONE", only=("NONE",)),
    **ignore(
        "`expected_loss_weights` is NONE", "loss.min_num_negative_samples", "loss.desired_negative_sampling_ratio"
    ),
    "normalize_loss_by_num_matches": Field(bool, True, only=(True,)),
    "normalize_loc_loss_by_codesize": Field(bool, False, "trainer.localization_weight"),
    "freeze_batchnorm": Field(bool, False, "trainer.batch_norm"),
}
RESULTS: Table = {
    "post_processing.batch_non_max_suppression.score_threshold": Field(float, 0.0, "trainer.options.score_threshold"),
    "post_processing.batch_non_max_suppression.iou_threshold": Field(float, 0.6, "trainer.options.iou_threshold"),
    "post_processing.batch_non_max_suppression.max_detections_per_class": Field(int, 100, "trainer.options.most"),
    "post_processing.batch_non_max_suppression.max_total_detections": Field(int, 100, "trainer.options.most"),
    "post_processing.batch_non_max_suppression.use_class_agnostic_nms": Field(bool, False, only=(False,)),
    "post_processing.batch_non_max_suppression.soft_nms_sigma": Field(float, 0.0, only=(0.0,)),
    "post_processing.score_converter": Field("word", "IDENTITY", only=("SIGMOID",)),
    "post_processing.logit_scale": Field(float, 1.0, only=(1.0,)),
    **within("post_processing", {
        **ignore(
            "suppression of each class gives the same boxes",
            *(f"batch_non_max_suppression.{name}" for name in (
                "use_static_shapes", "use_combined_nms", "combined_nms", "use_cpu_nms", "change_coordinate_frame",
                "use_partitioned_nms", "use_hard_nms", "max_classes_per_detection",
            )),
        ),
        **refuse("Scores are not calibrated here; leave it out.", "calibration_config"),
    }),
    "add_background_class": Field(bool, True, only=(True,)),
    "explicit_background_class": Field(bool, False, only=(False,)),
    "use_confidences_as_targets": Field(bool, False, only=(False,)),
    **ignore("`use_confidences_as_targets` is false", "implicit_example_weight"),
    **ignore("the network is the same", "inplace_batchnorm_update", "return_raw_detections_during_predict"),
    **refuse("Masks are not predicted here; leave it out.", "mask_head_config"),
}  # fmt: skip
DIRECT = (  # fields below `model.ssd` that give an option of any network, each alone
    "image_resizer.fixed_shape_resizer.height",
    "feature_extractor.depth_multiplier",
    "feature_extractor.conv_hyperparams.batch_norm.decay",
    "post_processing.batch_non_max_suppression.score_threshold",
    "post_processing.batch_non_max_suppression.iou_threshold",
    "post_processing.batch_non_max_suppression.max_total_detections",
)
