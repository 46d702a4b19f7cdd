"""Augmentation of a pipeline.config: steps that are here, with their settings, and those that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.detection.text_proto import Message, Scalar
from object_detection.augmentation_steps import Written, read_step, write_step
from object_detection.pipeline_config.reading import PipelineConfig, Wrong, convert, same
from pipeline.errors import did_you_mean

PATH = "train_config.data_augmentation_options"
STEPS = {  # field -> the recipe's name
    "random_horizontal_flip": "horizontal_flip",
    "random_vertical_flip": "vertical_flip",
    "random_rotation90": "rotation90",
    "ssd_random_crop": "ssd_random_crop",
    "random_crop_image": "crop",
    "random_pad_image": "pad",
    "random_adjust_brightness": "brightness",
    "random_adjust_contrast": "contrast",
    "random_adjust_saturation": "saturation",
    "random_adjust_hue": "hue",
    "random_rgb_to_gray": "grey",
    "random_pixel_value_scale": "pixel_scale",
}
HERE = f"Leave it out; here are: {', '.join(f'`{name}`' for name in STEPS)}, `random_distort_color`."
RESIZED = "Photos are brought to the network's size in the end: leave it out."
IN_RANGE = "Photos come to the network as numbers of -1 to 1: leave it out."
INSTEAD = "Write `{} {{}}` in its place, if that will do."
REFUSED_STEPS: dict[str, str] = {
    **dict.fromkeys(("normalize_image", "subtract_channel_mean"), IN_RANGE),
    **dict.fromkeys(("random_image_scale", "random_resize_method", "resize_image", "random_downscale_to_target_pixels",
                     "scale_boxes_to_pixel_coordinates"), RESIZED),
    **dict.fromkeys(("random_crop_pad_image", "random_crop_to_aspect_ratio", "random_square_crop_by_scale",
                     "random_scale_crop_and_pad_to_square"), INSTEAD.format("random_crop_image")),
    **dict.fromkeys(("ssd_random_crop_pad", "ssd_random_crop_fixed_aspect_ratio",
                     "ssd_random_crop_pad_fixed_aspect_ratio"), INSTEAD.format("ssd_random_crop")),
    "random_absolute_pad_image": INSTEAD.format("random_pad_image"),
    "rgb_to_gray": "The network takes three colours: write `random_rgb_to_gray { probability: 1.0 }` in its place.",
    **dict.fromkeys(("random_jitter_boxes", "random_black_patches", "convert_class_logits_to_softmax",
                     "random_self_concat_image", "autoaugment_image", "drop_label_probabilistically", "remap_labels",
                     "random_jpeg_quality", "random_patch_gaussian", "adjust_gamma"), HERE),
}  # fmt: skip
DISTORTIONS: dict[str, dict[str, float]] = {  # of `random_distort_color`
    "brightness": {"max_delta": 32 / 255},
    "saturation": {"min_delta": 0.5, "max_delta": 1.5},
    "hue": {"max_delta": 0.2},
    "contrast": {"min_delta": 0.5, "max_delta": 1.5},
}
ORDERS = {
    0: ("brightness", "saturation", "hue", "contrast"),
    1: ("brightness", "contrast", "saturation", "hue"),
}  # by `color_ordering`
COVERED = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # min_object_covered and overlap_thresh of the crops that are drawn from
CROP: dict[str, float] = {
    "min_aspect_ratio": 0.5,
    "max_aspect_ratio": 2.0,
    "min_area": 0.1,
    "max_area": 1.0,
    "random_coef": 0.15,
}


def augmentation(config: PipelineConfig) -> list[Written]:
    """Return the steps as a recipe has them, in their order; notes those that cannot be had."""
    found: list[Written] = []
    for option in config[PATH]:
        for name, values in option.fields.items():
            if name in REFUSED_STEPS:
                stop(config, values[0].line, f"`{PATH}.{name}` cannot be had here.", REFUSED_STEPS[name])
            elif name not in STEPS and name != "random_distort_color":
                near, _, listed = did_you_mean(name, [*STEPS, "random_distort_color", *REFUSED_STEPS]).partition("? ")
                stop(config, values[0].line, f"There is no augmentation `{name}`.", f"{near}?" if listed else HERE)
            else:
                found += [step for value in values for step in read(config, name, value)]
    return found


def read(config: PipelineConfig, name: str, step: Message | Scalar) -> Iterator[Written]:
    """Give the steps that one of a file's becomes."""
    if isinstance(step, Scalar):
        stop(config, step.line, f"`{PATH}.{name}` is no message.", f"Write `{name} {{ ... }}`.")
        return
    if name == "ssd_random_crop":
        operations = [item for item in step.fields.pop("operations", []) if isinstance(item, Message)]
        if len(operations) == 1:  # the API draws from one crop then
            yield from convert_step(config, "random_crop_image", operations[0], bare=True)
        elif operations and not usual(operations):
            what = f"`{PATH}.{name}` has {len(operations)} crops to draw from that cannot be had here."
            stop(config, step.line, what, "Leave it empty, `{}`, for the API's own seven, or leave one `operations`.")
        else:
            yield from convert_step(config, name, step)
        return
    if name != "random_distort_color":
        yield from convert_step(config, name, step)
        return
    order = number(step, "color_ordering", 0)
    if set(step.fields) - {"color_ordering"} or order not in ORDERS:
        stop(config, step.line, f"`{PATH}.{name}` has settings that cannot be had here.", "Write `color_ordering: 0`.")
        return
    for kind in ORDERS[int(order)]:
        yield write_step(*read_step({kind: DISTORTIONS[kind]}))


def convert_step(config: PipelineConfig, name: str, step: Message, bare: bool = False) -> Iterator[Written]:
    """Give the one step that one of a file's becomes.

    Args:
        bare: the message has no defaults, as those inside `ssd_random_crop`; missing numbers are 0.
    """
    kind = STEPS[name]
    _, usual_settings = read_step(kind)
    values: dict[str, float] = dict.fromkeys(type(usual_settings).model_fields, 0.0) if bare else {}
    for key, given in step.fields.items():
        value = given[0]
        if key == "keypoint_flip_permutation":
            config.ignored.append((f"{PATH}.{name}.{key}", value.line, "there are no keypoints"))
        elif key == "clip_boxes" and number(step, key, 1) == 1:
            continue
        elif key not in type(usual_settings).model_fields:
            fix = f"Leave it out; {settable(type(usual_settings).model_fields)}."
            stop(config, value.line, f"`{PATH}.{name}.{key}` cannot be had here.", fix)
            return
        else:
            try:
                values[key] = convert(value, float)
            except ValueError:
                stop(config, value.line, f"`{PATH}.{name}.{key}` must be a number.", "Mend the line.")
                return
    try:
        yield write_step(*read_step({kind: values}))
    except ValueError as error:
        stop(config, step.line, f"`{PATH}.{name}` {error}.", "Mend the number.")


def settable(names: Any) -> str:
    """Say what can be set of a step."""
    return f"here can be set: {', '.join(f'`{name}`' for name in names)}" if names else "here it is empty, `{}`"


def usual(operations: list[Message]) -> bool:
    """Tell whether the crops that are drawn from are the API's own seven."""
    if len(operations) != len(COVERED):
        return False
    return all(
        not set(crop.fields) - {"min_object_covered", "overlap_thresh", "clip_boxes", *CROP}
        and same(number(crop, "min_object_covered", 0.0), covered)
        and same(number(crop, "overlap_thresh", 0.0), covered)
        and number(crop, "clip_boxes", 1.0) == 1
        and all(same(number(crop, key, 0.0), value) for key, value in CROP.items())
        for crop, covered in zip(operations, COVERED, strict=True)
    )


def number(message: Message, name: str, default: float) -> float:
    """Return a field's number; `true` counts as 1."""
    values = message.fields.get(name, [])
    value = values[0].value if values and isinstance(values[0], Scalar) else default
    return {"true": 1.0, "false": 0.0}.get(value, float("nan")) if isinstance(value, str) else float(value)


def augmentation_fields(steps: list[Written]) -> list[dict[str, Any]]:
    """Return the messages of a recipe's steps; the protos have the same defaults."""
    named = {recipe: field for field, recipe in STEPS.items()}
    read = [read_step(step) for step in steps]
    return [{named[name]: settings.model_dump(exclude_defaults=True)} for name, settings in read]


def stop(config: PipelineConfig, line: int, what: str, fix: str) -> None:
    """Note that a step cannot be carried over."""
    config.wrong.append(Wrong(line, what, fix))
