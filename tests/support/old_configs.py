"""A pipeline.config in the form of the public ones, what changes it, and what a recipe made of it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.training.config import OptimizerConfig
from components.training.optimizers import learning_rate_at
from object_detection.pipeline_config.reading import read_pipeline_config
from object_detection.pipeline_config.translation import translate

WriteConfig = Callable[..., Path]  # of changes, to the file's path
LAYERS = """
        activation: RELU_6
        regularizer { l2_regularizer { weight: 0.00004 } }
        initializer { truncated_normal_initializer { stddev: 0.03 mean: 0.0 } }
        batch_norm { train: true, scale: true, center: true, decay: 0.9997, epsilon: 0.001 }
"""
PETS = f"""# in the form of the public configurations for pets and COCO
model {{
  ssd {{
    num_classes: 37
    box_coder {{ faster_rcnn_box_coder {{ y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 width_scale: 5.0 }} }}
    matcher {{ argmax_matcher {{ matched_threshold: 0.5 unmatched_threshold: 0.5 force_match_for_each_row: true }} }}
    similarity_calculator {{ iou_similarity {{ }} }}
    anchor_generator {{
      ssd_anchor_generator {{
        num_layers: 6
        min_scale: 0.2
        max_scale: 0.95
        aspect_ratios: 1.0
        aspect_ratios: 2.0
        aspect_ratios: [0.5, 3.0, 0.3333]
      }}
    }}
    image_resizer {{ fixed_shape_resizer {{ height: 300 width: 300 }} }}
    box_predictor {{
      convolutional_box_predictor {{
        min_depth: 0
        use_dropout: false
        kernel_size: 1
        conv_hyperparams {{ {LAYERS} }}
      }}
    }}
    feature_extractor {{
      type: 'ssd_mobilenet_v1'
      min_depth: 16
      depth_multiplier: 1.0
      conv_hyperparams {{ {LAYERS} }}
    }}
    loss {{
      classification_loss {{ weighted_sigmoid {{ }} }}
      localization_loss {{ weighted_smooth_l1 {{ }} }}
      hard_example_miner {{
        num_hard_examples: 3000
        iou_threshold: 0.99
        loss_type: CLASSIFICATION
        max_negatives_per_positive: 3
      }}
    }}
    normalize_loss_by_num_matches: true
    post_processing {{
      batch_non_max_suppression {{
        score_threshold: 1e-8 iou_threshold: 0.6 max_detections_per_class: 100 max_total_detections: 100
      }}
      score_converter: SIGMOID
    }}
  }}
}}
train_config: {{
  batch_size: 24
  optimizer {{
    rms_prop_optimizer: {{
      learning_rate: {{ exponential_decay_learning_rate {{ initial_learning_rate: 0.004 decay_steps: 800720 }} }}
    }}
  }}
  fine_tune_checkpoint: "PATH_TO_BE_CONFIGURED/model.ckpt"
  from_detection_checkpoint: true
  num_steps: 200000
  data_augmentation_options {{ random_horizontal_flip {{ }} }}
  data_augmentation_options {{ ssd_random_crop {{ }} }}
}}
train_input_reader: {{
  tf_record_input_reader {{ input_path: "PATH_TO_BE_CONFIGURED/pet_train.record" }}
  label_map_path: "PATH_TO_BE_CONFIGURED/pet_label_map.pbtxt"
}}
eval_config: {{ num_examples: 2000 }}
eval_input_reader: {{
  tf_record_input_reader {{ input_path: "PATH_TO_BE_CONFIGURED/pet_val.record" }}
  label_map_path: "PATH_TO_BE_CONFIGURED/pet_label_map.pbtxt"
  shuffle: false
  num_readers: 1
}}
"""
RATE = "exponential_decay_learning_rate { initial_learning_rate: 0.004 decay_steps: 800720 }"
RMS = PETS[PETS.index("    rms_prop_optimizer") : PETS.index("  fine_tune_checkpoint:")]


def write_config(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the configuration, with one text in the place of another, and return its path."""
    text = PETS
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "pipeline.config").write_text(text, "utf-8")
    return folder / "pipeline.config"


def values_of(path: Path) -> dict[str, Any]:
    return translate(read_pipeline_config(path)).values()


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def rates(optimizer: dict[str, Any], *steps: int) -> list[float]:
    names = {key.removeprefix("trainer.optimizer."): value for key, value in optimizer.items() if "optimizer." in key}
    return [learning_rate_at(OptimizerConfig(**names), 10_000, step) for step in steps]
