"""Settings: frozen pydantic models whose fields say what they mean, and markers that say what a field touches."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

ROOT = Path(__file__).resolve().parent.parent


class WrittenInt(int):
    """A whole number that knows how it was written: 007."""

    text: str

    def __new__(cls, value: int, text: str) -> WrittenInt:
        made = super().__new__(cls, value)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        return int, (int(self),)


class WrittenFloat(float):
    """A number that knows how it was written: 1.10."""

    text: str

    def __new__(cls, value: float, text: str) -> WrittenFloat:
        made = super().__new__(cls, value)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


class Settings(BaseModel):
    """Base of every config class: unknown keys are refused, values never change, `~` in a path is the user's home."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def idle(self) -> dict[str, str]:
        """Return the fields that the other values leave without any effect, each with the reason."""
        return {}

    @field_validator("*", mode="before")
    @classmethod
    def as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """Take the numbers of a recipe as they were written where text is wanted: a folder 007, a class 1."""
        annotation: Any = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, dict):
            return {text_of(key): item for key, item in value.items()}
        if wants_text(annotation):
            if isinstance(value, (list, tuple)):
                return [text_of(item) for item in value]
            return text_of(value)
        return value

    @field_validator("*", mode="after")
    @classmethod
    def at_home(cls, value: Any, info: ValidationInfo) -> Any:
        """Put the home folder in the place of `~` in fields that name files."""
        named = any(
            isinstance(item, (SourceFile, ModuleIn)) for item in cls.model_fields[str(info.field_name)].metadata
        )
        if named and isinstance(value, (str, Path)) and str(value).startswith("~"):
            return type(value)(Path(value).expanduser())
        return value


SettingsT = TypeVar("SettingsT", bound=Settings)


def narrow(settings: Settings, kind: type[SettingsT]) -> SettingsT:
    """Return settings as those of a task, which they are where the task's own recipe was read.

    Raises:
        TypeError: they are another task's.
    """
    if not isinstance(settings, kind):
        raise TypeError(f"{kind.__name__} is needed here, not {type(settings).__name__}")
    return settings


def text_of(value: Any) -> Any:
    """Return a number as it was written; anything else as it is."""
    return value.text if isinstance(value, (WrittenInt, WrittenFloat)) else value


@functools.cache
def wants_text(annotation: Hashable) -> bool:
    """Say whether an annotation such as `str | None` or `tuple[Path, ...]` takes text and no numbers."""
    kinds = set(leaves(annotation))
    return bool(kinds & {str, Path}) and not kinds & {int, float}


def leaves(annotation: Any) -> Iterator[Any]:
    """Yield the types inside an annotation."""
    inner = getattr(annotation, "__args__", None)
    if inner is None:
        yield annotation
    for item in inner or ():
        yield from leaves(item)


@dataclass(frozen=True)
class NotFingerprinted:
    """Marks a field that cannot change what a component writes, such as a number of workers."""


@dataclass(frozen=True)
class ModuleIn:
    """Marks a field that names a module by its file name; that file belongs to the component's fingerprint.

    Attributes:
        folder: the folder below the project, such as `components/networks`.
    """

    folder: str

    def names(self) -> list[str]:
        """List the modules there are."""
        return sorted(path.stem for path in (ROOT / self.folder).glob("*.py") if not path.stem.startswith("_"))


@dataclass(frozen=True)
class SourceFile:
    """Marks a field that names the user's files: their contents, not their place, belong to the fingerprint."""


def markers(settings: Settings, kind: type) -> dict[str, Any]:
    """Return the marker of `kind` for each field of `settings` that carries one."""
    found = {}
    for name, info in type(settings).model_fields.items():
        for item in info.metadata:
            if isinstance(item, kind):
                found[name] = item
    return found
