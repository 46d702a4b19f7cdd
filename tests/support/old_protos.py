"""The Object Detection API's protos, as far as a pipeline.config that is written here uses them: names and types."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

MESSAGES = """
Pipeline model:Model train_config:Train train_input_reader:Reader eval_config:Eval eval_input_reader*:Reader
Model ssd:Ssd
Ssd num_classes:int32 image_resizer:ImageResizer feature_extractor:Extractor box_coder:BoxCoder matcher:Matcher
  similarity_calculator:Similarity encode_background_as_zeros:bool negative_class_weight:float
  box_predictor:BoxPredictor anchor_generator:Anchors post_processing:PostProcessing
  normalize_loss_by_num_matches:bool normalize_loc_loss_by_codesize:bool loss:Loss freeze_batchnorm:bool
  add_background_class:bool explicit_background_class:bool use_confidences_as_targets:bool
ImageResizer fixed_shape_resizer:FixedShape
FixedShape height:int32 width:int32 resize_method:BILINEAR|NEAREST_NEIGHBOR|BICUBIC|AREA convert_to_grayscale:bool
Extractor type:string depth_multiplier:float min_depth:int32 conv_hyperparams:Hyperparams pad_to_multiple:int32
  override_base_feature_extractor_hyperparams:bool use_explicit_padding:bool use_depthwise:bool fpn:Fpn
Fpn min_level:int32 max_level:int32 additional_layer_depth:int32
Hyperparams op:CONV|FC regularizer:Regularizer initializer:Initializer activation:NONE|RELU|RELU_6
  batch_norm:BatchNorm regularize_depthwise:bool force_use_bias:bool
Regularizer l2_regularizer:L2
L2 weight:float
Initializer truncated_normal_initializer:Normal random_normal_initializer:Normal variance_scaling_initializer:Scaling
Normal mean:float stddev:float
Scaling factor:float uniform:bool mode:FAN_IN|FAN_OUT|FAN_AVG
BatchNorm decay:float center:bool scale:bool epsilon:float train:bool
BoxCoder faster_rcnn_box_coder:FasterCoder
FasterCoder y_scale:float x_scale:float height_scale:float width_scale:float
Matcher argmax_matcher:Argmax
Argmax matched_threshold:float unmatched_threshold:float ignore_thresholds:bool negatives_lower_than_unmatched:bool
  force_match_for_each_row:bool use_matmul_gather:bool
Similarity iou_similarity:Empty
Empty
Anchors ssd_anchor_generator:SsdAnchors multiscale_anchor_generator:MultiscaleAnchors
SsdAnchors num_layers:int32 min_scale:float max_scale:float aspect_ratios*:float
  interpolated_scale_aspect_ratio:float reduce_boxes_in_lowest_layer:bool base_anchor_height:float
  base_anchor_width:float
MultiscaleAnchors min_level:int32 max_level:int32 anchor_scale:float aspect_ratios*:float scales_per_octave:int32
  normalize_coordinates:bool
BoxPredictor convolutional_box_predictor:Convolutional weight_shared_convolutional_box_predictor:WeightShared
Convolutional conv_hyperparams:Hyperparams num_layers_before_predictor:int32 use_dropout:bool kernel_size:int32
  box_code_size:int32 apply_sigmoid_to_scores:bool class_prediction_bias_init:float use_depthwise:bool
WeightShared conv_hyperparams:Hyperparams num_layers_before_predictor:int32 depth:int32 kernel_size:int32
  box_code_size:int32 class_prediction_bias_init:float use_dropout:bool share_prediction_tower:bool
  use_depthwise:bool score_converter:IDENTITY|SIGMOID
Loss localization_loss:Localization classification_loss:Classification hard_example_miner:Miner
  classification_weight:float localization_weight:float expected_loss_weights:NONE|EXPECTED_SAMPLING
Localization weighted_smooth_l1:SmoothL1
SmoothL1 delta:float
Classification weighted_sigmoid:Empty weighted_sigmoid_focal:Focal
Focal gamma:float alpha:float
Miner num_hard_examples:int32 iou_threshold:float loss_type:BOTH|CLASSIFICATION|LOCALIZATION
  max_negatives_per_positive:int32 min_negatives_per_image:int32
PostProcessing batch_non_max_suppression:Nms score_converter:IDENTITY|SIGMOID|SOFTMAX logit_scale:float
Nms score_threshold:float iou_threshold:float max_detections_per_class:int32 max_total_detections:int32
  use_class_agnostic_nms:bool soft_nms_sigma:float
Train batch_size:uint32 data_augmentation_options*:Step optimizer:Optimizer gradient_clipping_by_norm:float
  fine_tune_checkpoint:string fine_tune_checkpoint_type:string from_detection_checkpoint:bool
  load_all_detection_checkpoint_vars:bool num_steps:uint32 bias_grad_multiplier:float freeze_variables*:string
  merge_multiple_label_boxes:bool use_multiclass_scores:bool add_regularization_loss:bool use_bfloat16:bool
Step random_horizontal_flip:Flip random_vertical_flip:Flip random_rotation90:Flip ssd_random_crop:Empty
  random_crop_image:Crop random_pad_image:Empty random_adjust_brightness:Delta random_adjust_contrast:Deltas
  random_adjust_saturation:Deltas random_adjust_hue:Delta random_rgb_to_gray:Flip random_pixel_value_scale:Factors
Flip probability:float
Crop min_object_covered:float min_aspect_ratio:float max_aspect_ratio:float min_area:float max_area:float
  overlap_thresh:float clip_boxes:bool random_coef:float
Delta max_delta:float
Deltas min_delta:float max_delta:float
Factors minval:float maxval:float
Optimizer rms_prop_optimizer:RmsProp momentum_optimizer:Momentum adam_optimizer:Adam use_moving_average:bool
  moving_average_decay:float
RmsProp learning_rate:Rate momentum_optimizer_value:float decay:float epsilon:float
Momentum learning_rate:Rate momentum_optimizer_value:float
Adam learning_rate:Rate epsilon:float
Rate constant_learning_rate:Constant exponential_decay_learning_rate:Exponential manual_step_learning_rate:Manual
  cosine_decay_learning_rate:Cosine
Constant learning_rate:float
Exponential initial_learning_rate:float decay_steps:uint32 decay_factor:float staircase:bool
  burnin_learning_rate:float burnin_steps:uint32 min_learning_rate:float
Manual initial_learning_rate:float schedule*:Schedule warmup:bool
Schedule step:uint32 learning_rate:float
Cosine learning_rate_base:float total_steps:uint32 warmup_learning_rate:float warmup_steps:uint32
  hold_base_rate_steps:uint32
Reader tf_record_input_reader:Records label_map_path:string shuffle:bool num_epochs:uint32
  sample_1_of_n_examples:uint32 load_instance_masks:bool num_additional_channels:int32 num_keypoints:uint32
Records input_path*:string
Eval use_moving_averages:bool
"""
SCALARS = {
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}


def parse_as_the_api(text: str) -> Any:
    """Return a pipeline.config as protocol buffers' own strict reader understands it."""
    file = descriptor_pb2.FileDescriptorProto(name="old_pipeline.proto", package="old", syntax="proto2")
    for line in MESSAGES.strip().replace("\n  ", " ").splitlines():
        name, *fields = line.split()
        message = file.message_type.add(name=name)
        for number, item in enumerate(fields, 1):
            add_field(message, number, *item.split(":"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("old.Pipeline"))
    return text_format.Parse(text, kind())


def add_field(message: Any, number: int, name: str, kind: str) -> None:
    """Add one field; a star behind its name says that it may be repeated, words with `|` are an enumeration's."""
    label = descriptor_pb2.FieldDescriptorProto
    repeated = label.LABEL_REPEATED if name.endswith("*") else label.LABEL_OPTIONAL
    field = message.field.add(name=name.rstrip("*"), number=number, label=repeated)
    if kind in SCALARS:
        field.type = SCALARS[kind]
    elif "|" in kind:
        field.type, field.type_name = label.TYPE_ENUM, f".old.{message.name}.{field.name.title().replace('_', '')}"
        enumeration = message.enum_type.add(name=field.name.title().replace("_", ""))
        for value, word in enumerate(kind.split("|")):
            enumeration.value.add(name=word, number=value)
    else:
        field.type, field.type_name = label.TYPE_MESSAGE, f".old.{kind}"
