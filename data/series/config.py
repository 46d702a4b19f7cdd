"""The recipe's `data` section for series."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from data.config import RawDataConfig, SplitShares
from data.series.frequency import BUSINESS_DAY, read_frequency
from data.series.times.forms import time_form
from data.series.times.words import known_language
from data.series.times.zones import known_zone
from pipeline.settings import ModuleIn, Settings, SourceFile

NO_TIME = "none"


class TimeSplitConfig(SplitShares):
    """Shares of the splits; they follow each other in time."""

    train: float = Field(0.8, gt=0, le=1, description="share of the time steps to learn from, the first ones")
    validation: float = Field(0.1, ge=0, lt=1, description="share to watch the training with, those after them")
    test: float = Field(0.1, ge=0, lt=1, description="share to judge the result with, the last ones")


class TableReadingConfig(Settings):
    """How a file of series is read.

    Every setting that says so stands here, for a trained model tells all of them and files are read for it by them.
    """

    layout: Literal["auto", "long", "wide_times", "wide_months", "wide_steps"] = Field(
        "auto",
        description="`long`: a row for each time step; `wide_times`: a row a series, a column a time; `wide_months`: a "
        "row a year, a column a month; `wide_steps`: a row a series, a column a step without time; `auto` looks at the "
        "names",
    )
    time_column: str = Field(
        "auto",
        description="column with the times; several joined by +, such as year+month+day+hour; `none`: equally spaced "
        "rows without times",
    )
    value_columns: tuple[str, ...] | None = Field(
        None, min_length=1, description="columns to forecast; null: the one numeric column that is left"
    )
    series_column: str | None = Field(
        None,
        description="column that says which series a row belongs to; several joined by +, such as store+item; null: "
        "one series, unless the columns are called as they are for tools of forecasting (unique_id, item_id)",
    )
    covariate_columns: tuple[str, ...] = Field(
        (), description="numeric columns that are known in advance, over the horizon too, such as holidays"
    )
    ignore_columns: tuple[str, ...] = Field((), description="columns that are left out on purpose")
    files: Literal["auto", "series", "parts"] = Field(
        "auto",
        description="files of a folder: `series`: a series each; `parts`: parts of one series, such as a file a month; "
        "`auto`: a series each, and it is asked where the times of one follow those of another",
    )
    sheet: str | None = Field(
        None,
        description="sheet of a workbook, by its name or its number from 1, or the table in a zip; null: the only one",
    )
    header_row: int | None = Field(
        None, ge=0, description="line of the header, from 1; 0: there is none; null: found out"
    )
    encoding: str | None = Field(
        None,
        description="how texts are written that are not UTF-8: cp1252 (western Europe's Windows), cp1250, cp1251, "
        "latin-1 ...; null: all are UTF-8, or UTF-16 as Excel writes it",
    )
    delimiter: str = Field("auto", min_length=1, description="what separates the cells; `auto` looks at the file")
    decimal: Literal["auto", ".", ","] = Field(
        "auto", description="decimal point or comma; `auto` looks at the numbers"
    )
    time_format: str | None = Field(
        None,
        description="how times are written, as in strptime (%d/%m/%Y %H:%M), with %q for a quarter and %h for a half "
        "year, or `unix seconds` (milliseconds, microseconds, nanoseconds), `excel days`, `excel days since 1904`, "
        "`decimal years`, `fiscal years`, `index`; null: found out",
    )
    time_language: str | None = Field(
        None, description="language of the names of months and days, such as de or pt; null: found out"
    )
    time_zone: str | None = Field(
        None,
        description="zone whose clocks show the times that do not say theirs, such as Europe/Berlin: both changes of "
        "clocks are followed; null: times are taken as they stand",
    )
    missing: tuple[str, ...] = Field(
        (),
        description="further spellings of a missing value, besides an empty cell and the usual ones (NA, n.a., NaN, "
        "null, None, -, ., ?, #N/A ...); a number counts however it is written",
    )
    frequency: str = Field(
        "auto", description="step from row to row, such as `1 month` or `15 minutes`; `auto`: the most frequent one"
    )
    snap: str | None = Field(
        None,
        description="step, such as `1 minute`, to whose full times the rows' times are moved where they are a little "
        "off; null: they must lie on even steps",
    )
    resample: str | None = Field(
        None,
        description="step, such as `1 hour`, for each of which the rows are gathered to one; null: none are",
    )
    resample_by: Literal["mean", "sum", "first", "last", "min", "max"] = Field(
        "mean", description="what becomes of the values of the rows that `resample` gathers"
    )
    fill: Literal["error", "forward", "linear", "seasonal"] = Field(
        "error",
        description="missing values and time steps: `error` stops; `forward` repeats the last value; `linear` draws a "
        "line; `seasonal` takes the same phase one season before, plus the change since, drawn as a line",
    )

    @field_validator("delimiter")
    @classmethod
    def one_character(cls, value: str) -> str:
        value = {"tab": "\t", "\\t": "\t", "space": " "}.get(value, value)
        if value != "auto" and (len(value) != 1 or value in '"\r\n'):
            raise ValueError("must be one character, `tab`, `space` or `auto`")
        return value

    @field_validator("sheet", mode="before")
    @classmethod
    def sheet_by_number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("encoding")
    @classmethod
    def known_encoding(cls, value: str | None) -> str | None:
        letters = bytes(range(128))
        try:
            keeps_ascii = value is None or letters.decode(value) == letters.decode()
        except UnicodeError:
            keeps_ascii = False
        except LookupError:
            raise ValueError("must be an encoding that Python knows, such as cp1252, cp1250 or latin-1") from None
        if not keeps_ascii:
            raise ValueError("must write ASCII as ASCII does; tables in UTF-16 are known without it")
        return value

    @field_validator("frequency")
    @classmethod
    def readable_frequency(cls, value: str) -> str:
        if value != "auto":
            read_frequency(value)
        return value

    @field_validator("snap", "resample")
    @classmethod
    def readable_step(cls, value: str | None) -> str | None:
        if value is not None and read_frequency(value).unit in (BUSINESS_DAY, "step"):
            raise ValueError("must be a step of the clock or the calendar, such as `1 minute`, `1 hour` or `1 month`")
        return value

    @field_validator("time_zone")
    @classmethod
    def readable_zone(cls, value: str | None) -> str | None:
        if value is not None and not known_zone(value):
            raise ValueError("must be the name of a zone, such as Europe/Berlin, America/New_York or UTC")
        return value

    @field_validator("time_language")
    @classmethod
    def readable_language(cls, value: str | None) -> str | None:
        if value is not None and not known_language(value):
            raise ValueError("must be the code of a language, such as de, fr or pt")
        return value

    @field_validator("time_format")
    @classmethod
    def readable_time_format(cls, value: str | None) -> str | None:
        if value is not None:
            time_form(value)
        return value

    @model_validator(mode="after")
    def each_column_once(self) -> TableReadingConfig:
        named = [*(self.value_columns or ()), *self.covariate_columns, *self.ignore_columns]
        named += [name for name in (self.series_column, self.time_column) if name is not None]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"column `{name}` is named for two purposes")
        return self


class SeriesDataConfig(TableReadingConfig, RawDataConfig):
    """Which series, how the file is read, and how windows are cut.

    Class attributes:
        of_model: whether the settings are those of a trained model, and the file another one.
    """

    task: ClassVar[Literal["forecasting"]] = "forecasting"
    of_model: ClassVar[bool] = False

    path: Annotated[str, SourceFile()] = Field(
        description="a CSV, TSV or TXT file (also .gz, .bz2, .xz, .zip), a workbook (.xlsx, .xls, .xlsb, .ods), a "
        "Parquet or Feather file, a folder of them (a series each), or a data set of the catalogue such as milk"
    )
    format: Annotated[str, ModuleIn("data/formats")] = Field(
        "auto",
        description="format of the data; `auto` looks at them: csv_series, excel_series, parquet_series, zip_series",
    )
    skip_rows: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (), description="lines that are left out, from 1, such as a total among the rows"
    )
    season: Literal["auto"] | Annotated[int, Field(gt=0)] = Field(
        "auto",
        description="rows a season; `auto` by the frequency: month 12, quarter 4, week 52, day 7, hour 24, else a day "
        "or 1",
    )
    history: Literal["auto"] | Annotated[int, Field(gt=0)] = Field(
        "auto", description="rows that the network sees; `auto`: two seasons and a little more"
    )
    horizon: int = Field(1, gt=0, description="rows that it forecasts")
    stride: int = Field(
        1, gt=0, description="rows between neighbouring windows; raise it where training takes too long"
    )
    split: TimeSplitConfig = Field(
        TimeSplitConfig(), description="shares of the splits, which follow each other in time"
    )
    examples_per_shard: int = Field(20_000, gt=0, description="windows a TFRecord file")


class AskedDataConfig(SeriesDataConfig):
    """How a file is read that a trained model is asked about: columns that were left out need not be in it."""

    of_model: ClassVar[bool] = True
