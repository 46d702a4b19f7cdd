"""The recipe's `data` section for labelled photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.config import RawDataConfig
from data.expressions import valid_expression
from data.images.config import SplitConfig
from pipeline.settings import ModuleIn, SourceFile


class DetectionDataConfig(RawDataConfig):
    """Which images with boxes, and how they are split."""

    task: ClassVar[Literal["object_detection"]] = "object_detection"

    path: Annotated[str, SourceFile()] = Field(
        description="a folder or zip with photos and their annotations; records (`data/*.record`); or a data set of "
        "the catalogue"
    )
    format: Annotated[str, ModuleIn("data/formats")] = Field(
        "auto",
        description="format of the data; `auto` looks at them: voc, coco, yolo, box_csv, cvat_images, labelme, "
        "detection_records",
    )
    classes: tuple[str, ...] | None = Field(
        None,
        description="use only boxes of these classes, numbered in this order, and photos with such a box or with none "
        "at all; null: all, sorted",
    )
    label_map: Annotated[Path | None, SourceFile()] = Field(
        None, description="label map (.pbtxt) whose numbers the classes keep; null: they are numbered from 1"
    )
    boxes: Literal["auto", "pixels", "shares"] = Field(
        "auto", description="what the boxes' numbers count; `auto`: shares of the photo in yolo, pixels elsewhere"
    )
    box_form: Literal["auto", "corners", "corner_size", "centre_size"] = Field(
        "auto",
        description="box_csv, coco and yolo: what the four numbers of a box are: two `corners`, a `corner_size` (left, "
        "top, width, height) or a `centre_size`; `auto`: what the columns' names, COCO or YOLO say, else what keeps "
        "the boxes in their photos",
    )
    more_values: Literal["auto", "outlines", "points"] = Field(
        "auto",
        description="yolo: what lines of more than a box hold: `outlines`, around which boxes are put, or a box with "
        "key `points` behind it; `auto`: what data.yaml's kpt_shape or the values themselves say, and it stops where "
        "they do not",
    )
    pair_by: Literal["auto", "filename", "own_name"] = Field(
        "auto",
        description="what tells the photo of an annotation's file: `filename`, that it states; `own_name`, the name of "
        "the file itself; `auto`: both, and it stops where that leaves two photos to choose from",
    )
    given_splits: bool = Field(
        True,
        description="put photos into the splits that lists, tables, a data.yaml or folders give them; false: pass over "
        "these and cut all photos by `data.split`",
    )
    split: SplitConfig = Field(SplitConfig(), description="shares of the splits, where the data have no splits")
    validation_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the given training photos held out for validation, where the data have only train and "
        "test",
    )
    seed: int = Field(0, description="decides which photos go into which split, and their order")
    group_by: str | None = Field(
        None,
        description="regular expression on the photo's path; photos whose match (first group) is equal stay in one "
        "split",
    )
    limit: int | None = Field(
        None,
        gt=1,
        description="about so many photos, of every class and split in proportion and at least two, for a quick look",
    )
    examples_per_shard: int = Field(500, gt=0, description="photos a TFRecord file")
    max_pixels: int = Field(
        64_000_000,
        gt=0,
        description="larger photos are refused before they are decoded (64 megapixels hold any common camera's photo)",
    )
    max_side: int | None = Field(
        None,
        ge=32,
        description="photos are shrunk to so many pixels on the longer side, which trains faster on large ones; null: "
        "they keep their bytes",
    )

    expressions = field_validator("group_by")(valid_expression)

    @field_validator("classes")
    @classmethod
    def different_ones(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or len(set(value)) < len(value)):
            raise ValueError("name at least one class, and none twice")
        return value
