"""Settings: frozen pydantic models whose fields say what they mean, and markers that tell the framework what they touch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseModel):
    """Base of every config class: unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


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
