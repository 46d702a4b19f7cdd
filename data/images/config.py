"""The recipe's `data` section for pictures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.config import RawDataConfig, SplitShares
from data.expressions import valid_expression
from pipeline.settings import ModuleIn, SourceFile


class SplitConfig(SplitShares):
    """Shares of the splits, where the data themselves have none."""

    train: float = Field(0.8, gt=0, le=1, description="share of the pictures to learn from")
    validation: float = Field(0.1, ge=0, lt=1, description="share to watch the training with")
    test: float = Field(0.1, ge=0, lt=1, description="share to judge the result with")


class ImageDataConfig(RawDataConfig):
    """Which images, and how they are split."""

    task: ClassVar[Literal["image_classification"]] = "image_classification"

    path: Annotated[str, SourceFile()] = Field(
        description="a folder, zip or file; a data set of the catalogue (`labline data list`); or tfds:NAME"
    )
    format: Annotated[str, ModuleIn("data/formats")] = Field(
        "auto", description="format of the data; `auto` looks at them: image_folder, image_csv, idx, cifar, tfds"
    )
    channels: Literal["auto", 1, 3] = Field("auto", description="1 grey, 3 colour; `auto`: 3 if any picture has colour")
    split: SplitConfig = Field(SplitConfig(), description="shares of the splits, where the data have no split folders")
    validation_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the given training pictures held out for validation, where the data have only train and "
        "test",
    )
    seed: int = Field(0, description="decides which pictures go into which split, and their order")
    group_by: str | None = Field(
        None,
        description="regular expression on the picture's path; pictures whose match (first group) is equal stay in "
        "one split",
    )
    given_splits: bool = Field(
        True,
        description="whether lists beside class folders (train.txt, a table with a column `split`) say the splits; "
        "false passes over them",
    )
    label_pattern: str | None = Field(
        None,
        description="regular expression on the picture's path whose first group is its class; null: the class folder",
    )
    split_folders: Literal["auto", "none"] | dict[str, Literal["train", "validation", "test", "none"]] = Field(
        "auto",
        description="which folders are splits; `auto`: those whose names say so and that hold the same classes; "
        "`none`: all are classes; or the split of each, such as {train_1: train, eval: test, more: none}, where `none` "
        "leaves a folder out",
    )
    classes: tuple[str, ...] | None = Field(
        None, description="use only these classes, numbered in this order; null: all, sorted"
    )
    class_names: tuple[str, ...] | None = Field(
        None, description="names for classes that the data give as numbers, in order from 0; null: the numbers"
    )
    limit: int | None = Field(
        None,
        gt=1,
        description="about so many pictures, of every class and split in proportion and at least two, for a quick look",
    )
    examples_per_shard: int = Field(2000, gt=0, description="pictures a TFRecord file")
    max_pixels: int = Field(
        64_000_000,
        gt=0,
        description="larger pictures are refused before they are decoded (64 megapixels hold any common camera's "
        "photo)",
    )
    path_column: str | None = Field(
        None,
        description="image_csv: column with the picture's name, relative to the table's folder; null: `path`, or the "
        "one that names pictures",
    )
    label_column: str | None = Field(
        None, description="image_csv: column with the class; null: `label`, or the one that may be it by its content"
    )
    split_column: str | None = Field(
        None,
        description="image_csv: column with train, validation or test; null: `split`, or one with nothing but such "
        "words",
    )
    image_folder: str | None = Field(
        None,
        description="image_csv: folder, relative to the table's, that the names in it lack; `.` for the table's own; "
        "null: found where nearly all pictures lie in one",
    )
    image_ending: str | None = Field(
        None,
        description="image_csv: ending, such as .jpg, that the names in the table lack; null: found where nearly all "
        "pictures have one",
    )

    expressions = field_validator("group_by", "label_pattern")(valid_expression)

    @field_validator("classes")
    @classmethod
    def at_least_two(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (len(value) < 2 or len(set(value)) < len(value)):
            raise ValueError("name at least two different classes")
        return value
