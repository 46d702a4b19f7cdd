"""What every field of a pipeline.config becomes here: the table that reading and writing go by, in usual order.

A field either gives a recipe key, or must have the one value that this network can have, or has no effect here, or is
refused. Names, defaults and alternatives are those of the Object Detection API's protos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BODY_DECAY, BODY_MOMENTUM = 4e-5, 0.9997  # of slim's own settings, which the body has unless they are overridden
FOCAL = "Focal loss is not done here: take hard example mining, as ssd_mobilenet_v1_coco.config has it."
NO_QUANTISATION = (
    "Training with quantisation is not done here; leave `graph_rewriter` out and quantise the exported model."
)
OTHER_BODY = (
    "Only `ssd_mobilenet_v1` is here: set the type to it, or keep this model with the Object Detection API's own tools."
)
QUEUES = "reading and batching look after themselves"
OWN_IMAGES = "TensorBoard and the report have their own pictures"
PLACES = "one machine trains, on all of its devices"


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        kind: bool, int, float or str; "word" for an enumeration; "message" for messages that are translated as a whole.
        default: the proto's; None if it has none.
        key: recipe key that it gives, alone or with others.
        only: values that can be had here; nothing means any. The first one is written.
        ignored: why it has no effect here.
        refused: what to do instead.
        repeated: may stand more than once; the value is a list.
    """

    kind: Any = str
    default: Any = None
    key: str = ""
    only: tuple[Any, ...] = ()
    ignored: str = ""
    refused: str = ""
    repeated: bool = False


Table = dict[str, Field]


def within(prefix: str, table: Table) -> Table:
    """Return a table whose paths stand below a message."""
    return {f"{prefix}.{path}": item for path, item in table.items()}


def ignore(why: str, *names: str) -> Table:
    """Return a table of fields without effect."""
    return {name: Field("any", ignored=why, repeated=True) for name in names}


def refuse(fix: str, *names: str) -> Table:
    """Return a table of fields that are refused."""
    return {name: Field("any", refused=fix, repeated=True) for name in names}


INITIALIZER: Table = {
    "truncated_normal_initializer.mean": Field(float, 0.0),
    "truncated_normal_initializer.stddev": Field(float, 1.0),
    "random_normal_initializer.mean": Field(float, 0.0),
    "random_normal_initializer.stddev": Field(float, 1.0),
    "variance_scaling_initializer.factor": Field(float, 2.0),
    "variance_scaling_initializer.uniform": Field(bool, False),
    "variance_scaling_initializer.mode": Field("word", "FAN_IN"),
    "keras_initializer_by_name": Field(str, ""),
}
EXTRA_LAYERS: Table = {
    "op": Field("word", "CONV", only=("CONV",)),
    "regularizer.l2_regularizer.weight": Field(float, 1.0, "trainer.weight_decay"),
    **within("initializer", INITIALIZER),
    "activation": Field("word", "RELU", only=("RELU_6",)),
    "batch_norm.decay": Field(float, 0.999, "trainer.options.momentum"),
    "batch_norm.center": Field(bool, True, only=(True,)),
    "batch_norm.scale": Field(bool, False, only=(True,)),
    "batch_norm.epsilon": Field(float, 0.001, only=(0.001,)),
    "batch_norm.train": Field(bool, True, only=(True,)),
    "regularize_depthwise": Field(bool, False, only=(False,)),
    "force_use_bias": Field(bool, False, only=(False,)),
}
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
    "num_classes": Field(int, 0),
    "image_resizer.fixed_shape_resizer.height": Field(int, 300, "trainer.options.size"),
    "image_resizer.fixed_shape_resizer.width": Field(int, 300, "trainer.options.size"),
    "image_resizer.fixed_shape_resizer.resize_method": Field("word", "BILINEAR", only=("BILINEAR",)),
    "image_resizer.fixed_shape_resizer.convert_to_grayscale": Field(bool, False, only=(False,)),
    "feature_extractor.type": Field(
        str, "", "trainer.network", only=("ssd_mobilenet_v1", "ssd_mobilenet_v1_keras"), refused=OTHER_BODY
    ),
    "feature_extractor.depth_multiplier": Field(float, 1.0, "trainer.options.width"),
    "feature_extractor.min_depth": Field(int, 16),
    **within("feature_extractor.conv_hyperparams", EXTRA_LAYERS),
    "feature_extractor.override_base_feature_extractor_hyperparams": Field(bool, False),
    "feature_extractor.pad_to_multiple": Field(int, 1, only=(1,)),
    "feature_extractor.use_explicit_padding": Field(bool, False, only=(False,)),
    "feature_extractor.use_depthwise": Field(bool, False, only=(False,)),
    "feature_extractor.num_layers": Field(int, 6, only=(6,)),
    "feature_extractor.replace_preprocessor_with_placeholder": Field(bool, False, only=(False,)),
    **refuse(
        OTHER_BODY, "feature_extractor.fpn", "feature_extractor.bifpn", "feature_extractor.spaghettinet_arch_name"
    ),
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
    "encode_background_as_zeros": Field(bool, False, only=(False,), refused=FOCAL),
    "negative_class_weight": Field(float, 1.0, only=(1.0,)),
    "anchor_generator.ssd_anchor_generator.num_layers": Field(int, 6, only=(6,)),
    "anchor_generator.ssd_anchor_generator.min_scale": Field(float, 0.2, "trainer.options.min_scale"),
    "anchor_generator.ssd_anchor_generator.max_scale": Field(float, 0.95, "trainer.options.max_scale"),
    "anchor_generator.ssd_anchor_generator.aspect_ratios": Field(
        float, (), "trainer.options.aspect_ratios", repeated=True
    ),
    "anchor_generator.ssd_anchor_generator.interpolated_scale_aspect_ratio": Field(
        float, 1.0, "trainer.options.interpolated_ratio"
    ),
    "anchor_generator.ssd_anchor_generator.reduce_boxes_in_lowest_layer": Field(bool, True, "trainer.options.reduced"),
    "anchor_generator.ssd_anchor_generator.base_anchor_height": Field(float, 1.0, only=(1.0,)),
    "anchor_generator.ssd_anchor_generator.base_anchor_width": Field(float, 1.0, only=(1.0,)),
    **within("anchor_generator.ssd_anchor_generator", refuse(
        "Anchors stand in the middle of their cells, their sizes on a line: use `min_scale` and `max_scale`.",
        "scales", "height_stride", "width_stride", "height_offset", "width_offset",
    )),
    **within("box_predictor.convolutional_box_predictor.conv_hyperparams", PREDICTORS),
    "box_predictor.convolutional_box_predictor.num_layers_before_predictor": Field(int, 0, only=(0,)),
    "box_predictor.convolutional_box_predictor.use_dropout": Field(bool, True, only=(False,)),
    "box_predictor.convolutional_box_predictor.kernel_size": Field(int, 1, only=(1,)),
    "box_predictor.convolutional_box_predictor.box_code_size": Field(int, 4, only=(4,)),
    "box_predictor.convolutional_box_predictor.apply_sigmoid_to_scores": Field(bool, False, only=(False,)),
    "box_predictor.convolutional_box_predictor.class_prediction_bias_init": Field(float, 0.0, only=(0.0,)),
    "box_predictor.convolutional_box_predictor.use_depthwise": Field(bool, False, only=(False,)),
    **within("box_predictor.convolutional_box_predictor", {
        **ignore("there are no layers before the predictors", "min_depth", "max_depth"),
        **ignore("there is no dropout", "dropout_keep_probability"),
        **refuse("Box codes are not clipped here; leave it out.", "box_encodings_clip_range"),
    }),
    "loss.classification_loss.weighted_sigmoid": Field("empty"),
    "loss.localization_loss.weighted_smooth_l1.delta": Field(float, 1.0, only=(1.0,)),
    **ignore(
        "the proto itself no longer uses it",
        "loss.classification_loss.weighted_sigmoid.anchorwise_output",
        "loss.localization_loss.weighted_smooth_l1.anchorwise_output",
    ),
    "loss.hard_example_miner.num_hard_examples": Field(int, 64),
    "loss.hard_example_miner.iou_threshold": Field(float, 0.7),
    "loss.hard_example_miner.loss_type": Field("word", "BOTH", only=("CLASSIFICATION",)),
    "loss.hard_example_miner.max_negatives_per_positive": Field(int, 0, "trainer.negatives_per_positive"),
    "loss.hard_example_miner.min_negatives_per_image": Field(int, 0, only=(0,)),
    "loss.classification_weight": Field(float, 1.0, "trainer.classification_weight"),
    "loss.localization_weight": Field(float, 1.0, "trainer.localization_weight"),
    "loss.expected_loss_weights": Field("word", "NONE", only=("NONE",)),
    **ignore(
        "`expected_loss_weights` is NONE", "loss.min_num_negative_samples", "loss.desired_negative_sampling_ratio"
    ),
    **refuse(
        "Hard example mining chooses the anchors here; leave it out.",
        "loss.random_example_sampler", "loss.equalization_loss",
    ),
    "normalize_loss_by_num_matches": Field(bool, True, only=(True,)),
    "normalize_loc_loss_by_codesize": Field(bool, False, "trainer.localization_weight"),
    "freeze_batchnorm": Field(bool, False, "trainer.batch_norm"),
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
RATE: Table = {
    "constant_learning_rate.learning_rate": Field(float, 0.002, "trainer.optimizer.learning_rate"),
    "exponential_decay_learning_rate.initial_learning_rate": Field(float, 0.002, "trainer.optimizer.learning_rate"),
    "exponential_decay_learning_rate.decay_steps": Field(int, 4_000_000, "trainer.optimizer.decay_steps"),
    "exponential_decay_learning_rate.decay_factor": Field(float, 0.95, "trainer.optimizer.decay"),
    "exponential_decay_learning_rate.staircase": Field(bool, True, "trainer.optimizer.schedule"),
    "exponential_decay_learning_rate.burnin_learning_rate": Field(float, 0.0),
    "exponential_decay_learning_rate.burnin_steps": Field(int, 0, only=(0,)),
    "exponential_decay_learning_rate.min_learning_rate": Field(float, 0.0, only=(0.0,)),
    "manual_step_learning_rate.initial_learning_rate": Field(float, 0.002, "trainer.optimizer.learning_rate"),
    "manual_step_learning_rate.schedule": Field("message", (), "trainer.optimizer.rates", repeated=True),
    "manual_step_learning_rate.warmup": Field(bool, False, "trainer.optimizer.warmup_steps"),
    "cosine_decay_learning_rate.learning_rate_base": Field(float, 0.002, "trainer.optimizer.learning_rate"),
    "cosine_decay_learning_rate.total_steps": Field(int, 4_000_000, "trainer.optimizer.cosine_steps"),
    "cosine_decay_learning_rate.warmup_learning_rate": Field(float, 0.0002, "trainer.optimizer.warmup_rate"),
    "cosine_decay_learning_rate.warmup_steps": Field(int, 10_000, "trainer.optimizer.warmup_steps"),
    "cosine_decay_learning_rate.hold_base_rate_steps": Field(int, 0, only=(0,)),
}
OPTIMIZER: Table = {
    **within("rms_prop_optimizer.learning_rate", RATE),
    "rms_prop_optimizer.momentum_optimizer_value": Field(float, 0.9, "trainer.optimizer.momentum"),
    "rms_prop_optimizer.decay": Field(float, 0.9, "trainer.optimizer.rho"),
    "rms_prop_optimizer.epsilon": Field(float, 1.0, "trainer.optimizer.epsilon"),
    **within("momentum_optimizer.learning_rate", RATE),
    "momentum_optimizer.momentum_optimizer_value": Field(float, 0.9, "trainer.optimizer.momentum"),
    **within("adam_optimizer.learning_rate", RATE),
    "adam_optimizer.epsilon": Field(float, 1e-8, "trainer.optimizer.epsilon"),
    "use_moving_average": Field(bool, True, "trainer.optimizer.average"),
    "moving_average_decay": Field(float, 0.9999, "trainer.optimizer.average"),
}
TRAINING: Table = {
    "batch_size": Field(int, 32, "trainer.batch_size"),
    **within("optimizer", OPTIMIZER),
    "gradient_clipping_by_norm": Field(float, 0.0, "trainer.optimizer.clip_norm"),
    "fine_tune_checkpoint": Field(str, "", "trainer.warm_start"),
    "fine_tune_checkpoint_type": Field(
        str, "", "trainer.warm_start_parts", only=("", "detection", "classification", "full", "fine_tune")
    ),
    "from_detection_checkpoint": Field(bool, False, "trainer.warm_start_parts"),
    "load_all_detection_checkpoint_vars": Field(bool, False, "trainer.warm_start_parts"),
    "num_steps": Field(int, 0, "trainer.steps"),
    "data_augmentation_options": Field("message", (), "trainer.augmentation", repeated=True),
    "freeze_variables": Field(str, (), "trainer.trained", repeated=True),
    "update_trainable_variables": Field(str, (), "trainer.trained", repeated=True),
    "add_regularization_loss": Field(bool, True, "trainer.weight_decay"),
    "bias_grad_multiplier": Field(float, 0.0, only=(0.0, 1.0)),
    "merge_multiple_label_boxes": Field(bool, False, only=(False,)),
    "use_multiclass_scores": Field(bool, False, only=(False,)),
    "use_bfloat16": Field(bool, False, "trainer.mixed_precision"),
    **ignore(PLACES, "sync_replicas", "startup_delay_steps", "replicas_to_aggregate"),
    **ignore(QUEUES, "batch_queue_capacity", "num_batch_queue_threads", "prefetch_queue_capacity"),
    **ignore(
        "checkpoints are kept to resume a training, and the trained model in its artifact",
        "keep_checkpoint_every_n_hours",
    ),
    **ignore("photos may have any number of boxes", "max_number_of_boxes", "unpad_groundtruth_tensors"),
    **ignore(OWN_IMAGES, "retain_original_images", "summarize_gradients"),
    **ignore(
        "the files themselves tell it", "fine_tune_checkpoint_version", "run_fine_tune_checkpoint_dummy_computation"
    ),
}
READER: Table = {
    "tf_record_input_reader.input_path": Field(str, (), "data.path", repeated=True),
    "label_map_path": Field(str, "", "data.label_map"),
    "sample_1_of_n_examples": Field(int, 1, only=(1,)),
    **refuse("All photos count alike here; leave it out.", "sample_from_datasets_weights"),
    "load_instance_masks": Field(bool, False, only=(False,)),
    "input_type": Field("word", "TF_EXAMPLE", only=("TF_EXAMPLE", "INPUT_DEFAULT")),
    "num_additional_channels": Field(int, 0, only=(0,)),
    "num_keypoints": Field(int, 0, only=(0,)),
    "expand_labels_hierarchy": Field(bool, False, only=(False,)),
    **ignore(
        QUEUES,
        "shuffle_buffer_size", "filenames_shuffle_buffer_size", "num_readers", "num_parallel_batches",
        "num_prefetch_batches", "queue_capacity", "min_after_dequeue", "read_block_length", "prefetch_size",
        "num_parallel_map_calls", "name", "include_source_id", "drop_remainder",
    ),
    **ignore("photos may have any number of boxes", "max_number_of_boxes"),
    **ignore("only boxes are read", "mask_type", "load_multiclass_scores", "load_context_features", "load_dense_pose",
             "load_keypoint_depth_features", "load_context_image_ids", "use_keypoint_label_map", "load_track_id",
             "frame_index", "keypoint_type_weight"),
    **ignore("the label map's display names are taken where there are any", "use_display_name"),
}  # fmt: skip
EVALUATION: Table = {
    "use_moving_averages": Field(bool, False, "trainer.optimizer.average"),
    **ignore("COCO's and Pascal VOC's metrics are always measured, of each class too",
             "metrics_set", "include_metrics_per_category", "parameterized_metric", "super_categories",
             "all_metrics_per_category", "recall_lower_bound", "recall_upper_bound"),
    **ignore("the whole split is judged, by `trainer.judge_steps` and when the training has ended",
             "num_examples", "max_evals", "eval_interval_secs", "batch_size", "ignore_groundtruth",
             "force_no_resize", "use_dummy_loss_in_eval", "skip_predictions_for_unlabeled_class",
             "image_classes_field_map_empty_to_ones"),
    **ignore(OWN_IMAGES, "num_visualizations", "save_graph", "visualization_export_dir", "export_path",
             "min_score_threshold", "max_num_boxes_to_visualize", "skip_scores", "skip_labels",
             "visualize_groundtruth_boxes", "groundtruth_box_visualization_color", "keypoint_edge",
             "keep_image_id_for_visualization_export", "retain_original_images",
             "retain_original_image_additional_channels", "eval_instance_masks"),
    **ignore(PLACES, "eval_master"),
}  # fmt: skip
FIELDS: Table = {
    **within("model.ssd", SSD),
    **within("train_config", TRAINING),
    **within("train_input_reader", READER),
    "train_input_reader.shuffle": Field(bool, True, "trainer.shuffle"),
    "train_input_reader.num_epochs": Field(int, 0, only=(0,)),
    **within("eval_config", EVALUATION),
    **within("eval_input_reader", READER),
    **ignore(
        "the order of what is judged makes no difference", "eval_input_reader.shuffle", "eval_input_reader.num_epochs"
    ),
    **refuse(NO_QUANTISATION, "graph_rewriter"),
}
EXTRACTOR = "model.ssd.feature_extractor.conv_hyperparams"
PREDICTOR = "model.ssd.box_predictor.convolutional_box_predictor.conv_hyperparams"
