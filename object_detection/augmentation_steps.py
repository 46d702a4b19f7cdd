"""Settings of the steps by which training photos are changed at random; defaults are the Object Detection API's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError, model_validator

from pipeline.errors import did_you_mean
from pipeline.settings import Settings

Written = str | dict[str, dict[str, float] | None]  # a step in a recipe: its name, alone or with settings of it


class HorizontalFlip(Settings):
    """Mirrored left to right."""

    probability: float = Field(0.5, ge=0, le=1, description="chance that a photo is mirrored")


class VerticalFlip(Settings):
    """Mirrored top to bottom."""

    probability: float = Field(0.5, ge=0, le=1, description="chance that a photo is mirrored")


class Rotation90(Settings):
    """Turned by a right angle, against the clock."""

    probability: float = Field(0.5, ge=0, le=1, description="chance that a photo is turned")


class SsdRandomCrop(Settings):
    """Cropped as Liu et al. 2016 do it; there is nothing to set."""


class Crop(Settings):
    """Cropped to a part that holds enough of some box."""

    min_object_covered: float = Field(1.0, ge=0, le=1, description="least share of some box that the part holds")
    min_aspect_ratio: float = Field(0.75, gt=0, description="least width / height of the part")
    max_aspect_ratio: float = Field(1.33, gt=0, description="largest width / height of the part")
    min_area: float = Field(0.1, gt=0, le=1, description="least share of the photo's area")
    max_area: float = Field(1.0, gt=0, le=1, description="largest share of the photo's area")
    overlap_thresh: float = Field(
        0.3, ge=0, le=1, description="least share of a box inside the part with which it stays"
    )
    random_coef: float = Field(0.0, ge=0, le=1, description="chance that the photo stays whole")

    @model_validator(mode="after")
    def check_order(self) -> Crop:
        """Refuse bounds that leave nothing."""
        for name in ("aspect_ratio", "area"):
            if getattr(self, f"min_{name}") > getattr(self, f"max_{name}"):
                raise ValueError(f"`min_{name}` is more than `max_{name}`")
        return self


class Pad(Settings):
    """Set on a larger ground of the photo's mean colour, up to twice as high and wide; there is nothing to set."""


class Brightness(Settings):
    """Made lighter or darker."""

    max_delta: float = Field(0.2, ge=0, le=1, description="largest change, as a share of the range from black to white")


class Contrast(Settings):
    """Given more or less contrast."""

    min_delta: float = Field(0.8, ge=0, description="least factor")
    max_delta: float = Field(1.25, ge=0, description="largest factor")


class Saturation(Settings):
    """Given more or less colour."""

    min_delta: float = Field(0.8, ge=0, description="least factor")
    max_delta: float = Field(1.25, ge=0, description="largest factor")


class Hue(Settings):
    """Turned on the circle of colours."""

    max_delta: float = Field(0.02, ge=0, le=0.5, description="largest turn, as a share of the circle")


class Grey(Settings):
    """Deprived of its colours."""

    probability: float = Field(0.1, ge=0, le=1, description="chance that a photo becomes grey")


class PixelScale(Settings):
    """Every number of every pixel times its own factor."""

    minval: float = Field(0.9, ge=0, description="least factor")
    maxval: float = Field(1.1, ge=0, description="largest factor")


STEPS: dict[str, type[Settings]] = {
    "horizontal_flip": HorizontalFlip,
    "vertical_flip": VerticalFlip,
    "rotation90": Rotation90,
    "ssd_random_crop": SsdRandomCrop,
    "crop": Crop,
    "pad": Pad,
    "brightness": Brightness,
    "contrast": Contrast,
    "saturation": Saturation,
    "hue": Hue,
    "grey": Grey,
    "pixel_scale": PixelScale,
}


def read_step(written: Any) -> tuple[str, Settings]:
    """Return a step's name and settings.

    Args:
        written: the name, or `{name: {setting: value}}`.

    Raises:
        ValueError: there is no such step, or it has no such setting.
    """
    if isinstance(written, Mapping) and len(written) == 1:
        name, values = next(iter(written.items()))
    else:
        name, values = written, None
    if not isinstance(name, str) or not isinstance(values, Mapping | None):
        raise ValueError("has steps such as `horizontal_flip`, or `{brightness: {max_delta: 0.3}}`")
    if name not in STEPS:
        raise ValueError(f"has no step `{name}`. {did_you_mean(name, STEPS)}")
    try:
        return name, STEPS[name](**(values or {}))
    except ValidationError as error:
        item = error.errors()[0]
        key = ".".join(str(part) for part in (name, *item["loc"]))
        if item["type"] == "extra_forbidden":
            raise ValueError(f"has no `{key}`. {did_you_mean(str(item['loc'][0]), STEPS[name].model_fields)}") from None
        raise ValueError(f"has a wrong `{key}`: {item['msg'].removeprefix('Value error, ')}") from None


def write_step(name: str, settings: Settings) -> Written:
    """Return a step as a recipe has it: its name, with the settings that are not the usual ones."""
    changed = settings.model_dump(exclude_defaults=True)
    return {name: changed} if changed else name


def settle_steps(written: Sequence[Any]) -> tuple[Written, ...]:
    """Return the steps of a recipe in the one way in which they are written.

    Raises:
        ValueError: as `read_step` does.
    """
    return tuple(write_step(*read_step(item)) for item in written)
