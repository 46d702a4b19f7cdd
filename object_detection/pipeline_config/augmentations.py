"""Augmentation of a pipeline.config: steps that are here under the recipe's name, and those that are refused."""

from __future__ import annotations

from typing import Any

from data.detection.text_proto import Message, Scalar
from object_detection.pipeline_config.reading import PipelineConfig, Wrong
from pipeline.errors import did_you_mean

ONLY = "Only `random_horizontal_flip {}` and `ssd_random_crop {}` are here: leave it out."
STEPS = {"random_horizontal_flip": "horizontal_flip", "ssd_random_crop": "ssd_random_crop"}  # field -> recipe's name
REFUSED_STEPS: dict[str, str] = dict.fromkeys((
    "normalize_image", "random_pixel_value_scale", "random_image_scale", "random_rgb_to_gray",
    "random_adjust_brightness", "random_adjust_contrast", "random_adjust_hue", "random_adjust_saturation",
    "random_distort_color", "random_jitter_boxes", "random_crop_image", "random_pad_image",
    "random_crop_pad_image", "random_crop_to_aspect_ratio", "random_black_patches", "random_resize_method",
    "scale_boxes_to_pixel_coordinates", "resize_image", "subtract_channel_mean", "ssd_random_crop_pad",
    "ssd_random_crop_fixed_aspect_ratio", "ssd_random_crop_pad_fixed_aspect_ratio", "random_vertical_flip",
    "random_rotation90", "rgb_to_gray", "convert_class_logits_to_softmax", "random_absolute_pad_image",
    "random_self_concat_image", "autoaugment_image", "drop_label_probabilistically", "remap_labels",
    "random_jpeg_quality", "random_downscale_to_target_pixels", "random_patch_gaussian",
    "random_square_crop_by_scale", "random_scale_crop_and_pad_to_square", "adjust_gamma",
), ONLY)  # fmt: skip
COVERED = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # min_object_covered and overlap_thresh of the crops that are drawn from
CROP: dict[str, Any] = {
    "min_aspect_ratio": 0.5,
    "max_aspect_ratio": 2.0,
    "min_area": 0.1,
    "max_area": 1.0,
    "random_coef": 0.15,
    "clip_boxes": True,
}


def augmentation(config: PipelineConfig) -> list[str]:
    """Return the recipe's names of the steps, in their order; notes those that cannot be had."""
    path, found = "train_config.data_augmentation_options", []
    for option in config[path]:
        for name, values in option.fields.items():
            step = values[0]
            if name in REFUSED_STEPS:
                stop(config, step.line, f"`{path}.{name}` cannot be had here.", REFUSED_STEPS[name])
            elif name not in STEPS:
                near = did_you_mean(name, [*STEPS, *REFUSED_STEPS]).partition("?")[0]
                fix = f"{near}?" if near.startswith("Did") else ONLY
                stop(config, step.line, f"There is no augmentation `{name}`.", fix)
            elif STEPS[name] in found:
                stop(config, step.line, f"`{path}.{name}` stands here a second time.", "Leave one of them out.")
            elif isinstance(step, Message) and usual(name, step):
                found.append(STEPS[name])
            else:
                stop(
                    config, step.line, f"`{path}.{name}` has settings that cannot be had here.", "Leave it empty: `{}`."
                )
    return found


def usual(name: str, step: Message) -> bool:
    """Tell whether a step's settings are the ones it has here: a chance of a half; the seven crops of the API's own."""
    if name == "random_horizontal_flip":
        chance = number(step, "probability", 0.5)
        return set(step.fields) <= {"probability"} and chance == 0.5
    crops = step.fields.get("operations", [])
    if set(step.fields) - {"operations"} or (crops and len(crops) != len(COVERED)):
        return False
    return all(
        isinstance(crop, Message)
        and not set(crop.fields) - {"min_object_covered", "overlap_thresh", *CROP}
        and abs(number(crop, "min_object_covered", 0.0) - covered) < 1e-6
        and abs(number(crop, "overlap_thresh", 0.0) - covered) < 1e-6
        and all(
            abs(number(crop, key, float("nan") if key != "clip_boxes" else 1.0) - value) < 1e-6
            for key, value in CROP.items()
        )
        for crop, covered in zip(crops, COVERED, strict=False)
    )


def number(message: Message, name: str, default: float) -> float:
    """Return a field's number; `true` counts as 1."""
    values = message.fields.get(name, [])
    value = values[0].value if values and isinstance(values[0], Scalar) else default
    return {"true": 1.0, "false": 0.0}.get(value, float("nan")) if isinstance(value, str) else float(value)


def stop(config: PipelineConfig, line: int, what: str, fix: str) -> None:
    """Note that a step cannot be carried over."""
    config.wrong.append(Wrong(line, what, fix))
