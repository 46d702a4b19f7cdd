"""Recipe keys of a pipeline.config, each with the field that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from object_detection.pipeline_config.augmentations import augmentation
from object_detection.pipeline_config.channels import same_channels, variable_names
from object_detection.pipeline_config.fields import BODY_DECAY, BODY_MOMENTUM, EXTRACTOR, FIELDS, PREDICTOR
from object_detection.pipeline_config.optimizer import optimizer
from object_detection.pipeline_config.reading import PipelineConfig, same
from object_detection.pipeline_config.records import data_path
from object_detection.pipeline_config.setting import SSD, TRAINING, Setting, setting

EXTRACTOR_TYPE = f"{SSD}.feature_extractor"
DIRECT = (
    "image_resizer.fixed_shape_resizer.height",
    "feature_extractor.depth_multiplier",
    "anchor_generator.ssd_anchor_generator.min_scale",
    "anchor_generator.ssd_anchor_generator.max_scale",
    "anchor_generator.ssd_anchor_generator.aspect_ratios",
    "anchor_generator.ssd_anchor_generator.interpolated_scale_aspect_ratio",
    "anchor_generator.ssd_anchor_generator.reduce_boxes_in_lowest_layer",
    "feature_extractor.conv_hyperparams.batch_norm.decay",
    "post_processing.batch_non_max_suppression.score_threshold",
    "post_processing.batch_non_max_suppression.iou_threshold",
    "post_processing.batch_non_max_suppression.max_total_detections",
)
PRACTICALLY_NONE = 0.99  # overlap from which on the API's miner dropped anchors; below it drops too many to be left out
KERNELS = {EXTRACTOR: 0.03, PREDICTOR: 0.03}  # deviation of the normal distribution that kernels begin with here


@dataclass
class Translation:
    """What a file becomes.

    Attributes:
        settings: in the recipe's order.
        differs: what is a little different here.
        ignored: path, line and reason.
        classes: their number by the file.
    """

    settings: list[Setting] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    ignored: list[tuple[str, int, str]] = field(default_factory=list)
    classes: int = 0

    def values(self) -> dict[str, Any]:
        """Return the values by their keys."""
        return {item.key: item.value for item in self.settings}


def translate(config: PipelineConfig) -> Translation:
    """Return the recipe of a file.

    Raises:
        UserError: something cannot be carried over; names every such field with its line.
    """
    config.check()
    classes = f"{SSD}.num_classes"
    told = f"{config[classes]}; here the data and the label map say how many classes there are"
    ignored = [*config.ignored, (classes, config.values[classes].line, told)]
    result = Translation(ignored=sorted(ignored, key=lambda item: item[1]), classes=config[classes])
    check_network(config)
    check_loss(config)
    result.settings += data(config)
    result.settings += [Setting("trainer.network", "ssd_mobilenet_v1", (f"{EXTRACTOR_TYPE}.type",))]
    result.settings += options(config)
    result.settings += start(config)
    result.settings += training(config)
    result.settings += optimizer(config)
    result.differs += differences(config)
    config.check()
    return result


def check_network(config: PipelineConfig) -> None:
    """Note what the network cannot be built as."""
    if config[f"{SSD}.num_classes"] < 1:
        config.stop(f"{SSD}.num_classes", "is missing or 0.", "Set the number of classes, background not counted.")
    height, width = (f"{SSD}.image_resizer.fixed_shape_resizer.{edge}" for edge in ("height", "width"))
    if config[height] != config[width]:
        config.stop(width, f"is {config[width]}, the height {config[height]}.", "Photos are brought to a square here.")
    factor, min_depth = config[f"{EXTRACTOR_TYPE}.depth_multiplier"], config[f"{EXTRACTOR_TYPE}.min_depth"]
    if not same_channels(factor, min_depth):
        config.stop(
            f"{EXTRACTOR_TYPE}.min_depth",
            f"{min_depth} at `depth_multiplier` {factor:g} gives layers other numbers of channels than here.",
            "Here they are multiples of 8, of at least 8: take a multiplier of .5, .75 or 1, "
            "or `min_depth: 8` with .25.",
        )
    ratios = f"{SSD}.anchor_generator.ssd_anchor_generator.aspect_ratios"
    if not config[ratios]:
        config.stop(ratios, "is missing.", "List them, as `aspect_ratios: [1.0, 2.0, 0.5, 3.0, 0.3333]`.")
    each, total = (
        f"{SSD}.post_processing.batch_non_max_suppression.max_{name}"
        for name in ("detections_per_class", "total_detections")
    )
    if config[each] != config[total]:
        config.stop(each, f"is {config[each]}, `max_total_detections` {config[total]}.", "Here they are one number.")
    check_layers(config)


def check_layers(config: PipelineConfig) -> None:
    """Note settings of the layers that differ between parts which have one setting here."""
    override = config[f"{EXTRACTOR_TYPE}.override_base_feature_extractor_hyperparams"]
    extra, heads = weight_decay(config, EXTRACTOR), weight_decay(config, PREDICTOR)
    body = extra if override else BODY_DECAY
    if config[f"{TRAINING}.add_regularization_loss"] and not (same(extra, heads) and same(extra, body)):
        path = f"{EXTRACTOR}.regularizer.l2_regularizer.weight"
        config.stop(
            path if path in config.values else f"{EXTRACTOR}.activation",
            f"goes with a weight decay of {extra:g}, the predictors' is {heads:g}, the body's {body:g}.",
            "Here they are one number; the body's own is `l2_regularizer { weight: 0.00004 }`.",
        )
    momentum = f"{EXTRACTOR}.batch_norm.decay"
    if not (override or config[f"{SSD}.freeze_batchnorm"] or same(config[momentum], BODY_MOMENTUM)):
        config.stop(
            momentum,
            f"is {config[momentum]:g}, but that of the body {BODY_MOMENTUM:g}, and here they are one number.",
            f"Set it to {BODY_MOMENTUM:g}, or `override_base_feature_extractor_hyperparams: true`.",
        )


def weight_decay(config: PipelineConfig, layers: str) -> float:
    """Return the weight decay of some layers; 0 without a regularizer."""
    value = config.values.get(f"{layers}.regularizer.l2_regularizer.weight")
    return float(value.value) if value else 0.0


def check_loss(config: PipelineConfig) -> None:
    """Note what the loss cannot be: mining is always done here, and of the API's settings of it only the usual one."""
    miner = f"{SSD}.loss.hard_example_miner"
    examples = config[f"{miner}.num_hard_examples"]
    if examples and examples < 2000:
        config.stop(
            f"{miner}.num_hard_examples",
            f"is {examples}: fewer than there are anchors.",
            "Here all are looked at: 3000.",
        )
    if config[f"{miner}.iou_threshold"] < PRACTICALLY_NONE - 1e-6:
        config.stop(
            f"{miner}.iou_threshold",
            f"is {config[f'{miner}.iou_threshold']:g}: overlapping anchors would be left out of the loss.",
            "Here they are not: 0.99.",
        )
    if config[f"{miner}.max_negatives_per_positive"] < 1:
        config.stop(
            f"{miner}.max_negatives_per_positive", "is 0.", "Say how many are kept for each positive, such as 3."
        )


def data(config: PipelineConfig) -> Iterator[Setting]:
    """Give the data: records and the label map."""
    path, sources = data_path(config)
    if sources:
        yield setting(config, "data.path", path, *sources)
    else:
        yield Setting("data.path", path, (), False, "the file names no `input_path`")
    yield Setting("data.format", "detection_records", (), False, "TFRecord files")
    maps = [f"{reader}.label_map_path" for reader in ("train_input_reader", "eval_input_reader")]
    given = [path for path in maps if config[path]]
    if len({config[path] for path in given}) > 1:
        config.stop(maps[1], "is another than that of the training.", "One label map counts for all photos.")
    if given:
        yield setting(config, "data.label_map", config[given[0]], *given)


def options(config: PipelineConfig) -> Iterator[Setting]:
    """Give the network's own options: size, width, anchors, suppression."""
    for name in DIRECT:
        path = f"{SSD}.{name}"
        value = config[path]
        yield setting(config, FIELDS[path].key, list(value) if isinstance(value, (list, tuple)) else value, path)


def start(config: PipelineConfig) -> Iterator[Setting]:
    """Give the weights to start from, and what of the network learns."""
    checkpoint, kind, detection, everything = (
        f"{TRAINING}.{name}"
        for name in (
            "fine_tune_checkpoint",
            "fine_tune_checkpoint_type",
            "from_detection_checkpoint",
            "load_all_detection_checkpoint_vars",
        )
    )
    yield setting(config, "trainer.warm_start", config[checkpoint] or None, checkpoint)
    is_detection = config[kind] in ("detection", "fine_tune", "full") or (not config[kind] and config[detection])
    whole = config[kind] == "full" or (is_detection and config[everything])
    yield setting(
        config,
        "trainer.warm_start_parts",
        "all" if whole else "body",
        kind,
        detection,
        everything,
        remark="" if whole else "body_and_boxes also takes the box predictors, which learns faster",
    )
    frozen = f"{SSD}.freeze_batchnorm"
    yield setting(config, "trainer.batch_norm", "frozen" if config[frozen] else "trained", frozen)
    yield learning_part(config)


def learning_part(config: PipelineConfig) -> Setting:
    """Give what is trained: everything, or all but the body."""
    frozen, updated = f"{TRAINING}.freeze_variables", f"{TRAINING}.update_trainable_variables"
    names = variable_names(config[f"{EXTRACTOR_TYPE}.depth_multiplier"])
    kept = set()
    try:
        for name in names:
            learns = not config[updated] or any(re.search(pattern, name) for pattern in config[updated])
            if not learns or any(re.search(pattern, name) for pattern in config[frozen]):
                kept.add(name)
    except re.error as error:
        config.stop(frozen, f"has a broken pattern: {error}.", "Mend the pattern.")
    body = {name for name in names if "/MobilenetV1/" in name and "13_pointwise_" not in name}
    if kept not in (set(), body):
        config.stop(
            frozen if config[frozen] else updated,
            f"keeps {len(kept)} of {len(names)} variables.",
            "Here either everything learns, or all but the body (Conv2d_0 to Conv2d_13).",
        )
    return setting(config, "trainer.trained", "extras" if kept else "all", frozen, updated)


def training(config: PipelineConfig) -> Iterator[Setting]:
    """Give length, batches, augmentation and the weights of the losses."""
    steps, size = f"{TRAINING}.num_steps", f"{TRAINING}.batch_size"
    if config[steps] < 1:
        config.stop(steps, "is missing or 0, which means without end.", "Set it; here a training ends.")
    yield setting(config, "trainer.steps", config[steps], steps)
    yield setting(config, "trainer.batch_size", config[size], size)
    shuffled = "train_input_reader.shuffle"
    yield setting(config, "trainer.shuffle", config[shuffled], shuffled)
    yield setting(config, "trainer.augmentation", augmentation(config), f"{TRAINING}.data_augmentation_options")
    added, decay = f"{TRAINING}.add_regularization_loss", f"{EXTRACTOR}.regularizer.l2_regularizer.weight"
    sources = [added, *([decay] if decay in config.values else [])]
    value = weight_decay(config, EXTRACTOR) if config[added] else 0.0
    yield setting(config, "trainer.weight_decay", value, *sources)
    classes, boxes, shared = (
        f"{SSD}.{name}"
        for name in ("loss.classification_weight", "loss.localization_weight", "normalize_loc_loss_by_codesize")
    )
    yield setting(config, "trainer.classification_weight", config[classes], classes)
    code = 4 if config[shared] else 1
    yield setting(
        config,
        "trainer.localization_weight",
        config[boxes] / code,
        boxes,
        *([shared] if code > 1 else []),
        remark="a quarter, for the four numbers of a box" if code > 1 else "",
    )
    negatives = f"{SSD}.loss.hard_example_miner.max_negatives_per_positive"
    yield setting(config, "trainer.negatives_per_positive", config[negatives], negatives)
    half = f"{TRAINING}.use_bfloat16"
    yield setting(config, "trainer.mixed_precision", config[half], half)


def differences(config: PipelineConfig) -> Iterator[str]:
    """Tell what is a little different here, though it trains the same network."""
    for layers, deviation in KERNELS.items():
        chosen = config.chosen.get(f"{layers}.initializer", ("",))[0]
        path = f"{layers}.initializer.{chosen}"
        normal = chosen == "truncated_normal_initializer" and same(config[f"{path}.stddev"], deviation)
        if not (normal and config[f"{path}.mean"] == 0):
            begin = f"new kernels begin with a truncated normal distribution of deviation {deviation} here"
            yield f"{layers}.initializer: {begin}"
    override = f"{EXTRACTOR_TYPE}.override_base_feature_extractor_hyperparams"
    if config[override] and not config[f"{TRAINING}.fine_tune_checkpoint"]:
        yield f"{override}: kernels of a new body begin with deviation 0.09 here, its depthwise ones too"
