"""Recipe keys of a pipeline.config, each with the field that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from object_detection.pipeline_config.augmentations import augmentation
from object_detection.pipeline_config.fields import BODY_DECAY, BODY_MOMENTUM, EXTRACTOR
from object_detection.pipeline_config.networks import FPNLITE, SSD_MOBILENET_V1
from object_detection.pipeline_config.optimizer import optimizer
from object_detection.pipeline_config.pyramid import check_pyramid, pyramid_differences
from object_detection.pipeline_config.reading import PipelineConfig, same
from object_detection.pipeline_config.records import data_path, plain_path
from object_detection.pipeline_config.setting import SSD, TRAINING, Setting, setting

EXTRACTOR_TYPE = f"{SSD}.feature_extractor"
PARTS = {  # of the weight of boxes in the loss
    0.25: "a quarter, for the four numbers of a box",
    4.0: "four times, for the mean of a box's four numbers counts here",
}
BOXES_TOO = "body_and_boxes also takes the box predictors, which learns faster"
PRACTICALLY_NONE = 0.99  # overlap from which on the API's miner dropped anchors; below it drops too many to be left out


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
    if config.network is SSD_MOBILENET_V1:
        check_mining(config)
    else:
        check_pyramid(config)
    result.settings += data(config)
    result.settings += [Setting("trainer.network", config.network.name, (f"{EXTRACTOR_TYPE}.type",))]
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
    nearest = config.network.nearest_size(max(config[height], config[width]))
    if config[height] != config[width]:
        fix = f"Photos are brought to a square here: set height and width to {nearest}, if that will do."
        config.stop(width, f"is {config[width]}, the height {config[height]}.", fix)
    elif config[height] != nearest:
        multiple = f", and a multiple of {config.network.multiple}" if config.network.multiple > 1 else ""
        what = f"is {config[height]}; with this network it is {config.network.least} or more{multiple}."
        config.stop(height, what, f"Set height and width to {nearest}.")
    factor, min_depth = config[f"{EXTRACTOR_TYPE}.depth_multiplier"], config[f"{EXTRACTOR_TYPE}.min_depth"]
    if not config.network.fits(factor, min_depth):
        config.stop(
            f"{EXTRACTOR_TYPE}.min_depth",
            f"{min_depth} at `depth_multiplier` {factor:g} gives layers other numbers of channels than here.",
            "Here they are multiples of 8, of at least 8: take a multiplier of .5, .75 or 1, "
            "or `min_depth: 8` with a narrower one such as .25.",
        )
    ratios = config.network.ratios
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
    extra, heads = weight_decay(config, EXTRACTOR), weight_decay(config, config.network.predictor)
    body = extra if override else BODY_DECAY
    if config[f"{TRAINING}.add_regularization_loss"] and not (same(extra, heads) and same(extra, body)):
        path = f"{EXTRACTOR}.regularizer.l2_regularizer.weight"
        config.stop(
            path if path in config.values else f"{EXTRACTOR}.activation",
            f"goes with a weight decay of {extra:g}, the predictors' is {heads:g}, the body's {body:g}.",
            "Here they are one number; the body's own is `l2_regularizer { weight: 0.00004 }`.",
        )
    momentum = f"{EXTRACTOR}.batch_norm.decay"
    heads_momentum = config.values.get(f"{config.network.predictor}.batch_norm.decay")
    if heads_momentum and not same(config[momentum], heads_momentum.value):
        what = f"is {config[momentum]:g}, that of the predictors {heads_momentum.value:g}."
        config.stop(momentum, what, "Here they are one number.")
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


def check_mining(config: PipelineConfig) -> None:
    """Note what the loss cannot be: v1 always mines examples here, and only in the API's usual way."""
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
        yield setting(config, "data.label_map", plain_path(config[given[0]]), *given)


def options(config: PipelineConfig) -> Iterator[Setting]:
    """Give the network's own options: size, width, anchors, suppression."""
    for name in config.network.direct:
        path = f"{SSD}.{name}"
        value = list(config[path]) if isinstance(config[path], (list, tuple)) else config[path]
        yield setting(config, config.network.fields[path].key, value, path)


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
    yield setting(config, "trainer.warm_start", plain_path(config[checkpoint]) or None, checkpoint)
    is_detection = config[kind] in ("detection", "fine_tune", "full") or (not config[kind] and config[detection])
    whole = config[kind] == "full" or (is_detection and config[everything])
    yield setting(
        config,
        "trainer.warm_start_parts",
        "all" if whole else "body",
        kind,
        detection,
        everything,
        remark=BOXES_TOO if is_detection and not whole else "",
    )
    frozen = f"{SSD}.freeze_batchnorm"
    yield setting(config, "trainer.batch_norm", "frozen" if config[frozen] else "trained", frozen)
    yield learning_part(config)


def learning_part(config: PipelineConfig) -> Setting:
    """Give what is trained: everything, or all but the body."""
    frozen, updated = f"{TRAINING}.freeze_variables", f"{TRAINING}.update_trainable_variables"
    names = config.network.variable_names(config[f"{EXTRACTOR_TYPE}.depth_multiplier"])
    kept = set()
    try:
        for name in names:
            learns = not config[updated] or any(re.search(pattern, name) for pattern in config[updated])
            if not learns or any(re.search(pattern, name) for pattern in config[frozen]):
                kept.add(name)
    except re.error as error:
        config.stop(frozen, f"has a broken pattern: {error}.", "Mend the pattern.")
    body = {name for name in names if config.network.in_body(name)}
    if kept not in (set(), body):
        patterns = config.network.frozen
        config.stop(
            frozen if config[frozen] else updated,
            f"keeps {len(kept)} of {len(names)} variables.",
            "Here either everything learns, or all but the body: "
            + " ".join(f'`freeze_variables: "{pattern}"`' for pattern in patterns),
        )
    return setting(config, "trainer.trained", "extras" if kept else "all", frozen, updated)


def training(config: PipelineConfig) -> Iterator[Setting]:
    """Give length, batches, augmentation and the weights of the losses."""
    steps, size = f"{TRAINING}.num_steps", f"{TRAINING}.batch_size"
    yield length(config, steps)
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
    part = (0.25 if config[shared] else 1.0) * (4 if config.network.shared_codes else 1)
    yield setting(
        config,
        "trainer.localization_weight",
        config[boxes] * part,
        boxes,
        *([shared] if part != 1 else []),
        remark=PARTS.get(part, ""),
    )
    negatives = f"{SSD}.loss.hard_example_miner.max_negatives_per_positive"
    if negatives in config.values:
        yield setting(config, "trainer.negatives_per_positive", config[negatives], negatives)
    half = f"{TRAINING}.use_bfloat16"
    yield setting(config, "trainer.mixed_precision", config[half], half)


def length(config: PipelineConfig, steps: str) -> Setting:
    """Give the number of steps: where the file says none, those of its cosine."""
    if config[steps] >= 1:
        return setting(config, "trainer.steps", config[steps], steps)
    ends = [path for path in config.values if path.endswith("cosine_decay_learning_rate.total_steps")]
    if ends and config.values[ends[0]].given and not config.values[steps].given:
        remark = "the file has no `num_steps`, which means without end; then the rate is 0"
        return setting(config, "trainer.steps", config[ends[0]], ends[0], remark=remark)
    config.stop(
        steps,
        "is missing or 0, which means without end.",
        "Set it, as `num_steps: 20000`, to what you gave as --num_train_steps; here a training ends.",
    )
    return setting(config, "trainer.steps", 1, steps)


def differences(config: PipelineConfig) -> Iterator[str]:
    """Tell what is a little different here, though it trains the same network."""
    for layers, kernels in config.network.kernels.items():
        chosen = config.chosen.get(f"{layers}.initializer", ("",))[0]
        path = f"{layers}.initializer.{chosen}"
        if chosen != kernels.initializer or any(
            not same(config[f"{path}.{name}"], value) for name, value in kernels.values.items()
        ):
            yield f"{layers}.initializer: new kernels begin with {kernels.told} here"
    if config.network is FPNLITE:
        yield from pyramid_differences(config)
    override = f"{EXTRACTOR_TYPE}.override_base_feature_extractor_hyperparams"
    started = config[f"{TRAINING}.fine_tune_checkpoint"]
    if config.network is SSD_MOBILENET_V1 and config[override] and not started:
        yield f"{override}: kernels of a new body begin with deviation 0.09 here, its depthwise ones too"
