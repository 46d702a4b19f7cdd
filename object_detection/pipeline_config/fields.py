"""What the fields of a pipeline.config become here that do not depend on the network: training, readers, evaluation.

A field either gives a recipe key, or must have the one value that can be had here, or has no effect, or is refused.
Names, defaults and alternatives are those of the Object Detection API's protos. With a network's own fields, which are
in `ssd_fields` and `fpnlite_fields`, they make the table that reading and writing go by, in usual order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BODY_DECAY, BODY_MOMENTUM = 4e-5, 0.9997  # of slim's own settings, which the body has unless they are overridden
NO_QUANTISATION = (
    "Training with quantisation is not done here; leave `graph_rewriter` out and quantise the exported model."
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
ALWAYS: Table = {  # whatever the network
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
