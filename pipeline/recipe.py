"""Recipes: YAML to frozen settings, with the origin of every value and errors that name file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.component import PipelineTask
from pipeline.errors import UsageError, did_you_mean
from pipeline.layers import RECIPES, Layer, has


@dataclass(frozen=True)
class Resolved:
    """A recipe with every value settled.

    Attributes:
        values: dotted key -> (value, origin); origins read `default`, `recipe name`, `network cnn`, `FILE line N`
            or `command line`.
        pipeline: the function that builds the graph from the recipe.
        idle: what was written and has no effect, a sentence each.
        task: what differs between kinds of problems; None for a pipeline that knows none.
    """

    recipe: Any
    values: dict[str, tuple[Any, str]]
    pipeline: Callable[[Any], None]
    idle: tuple[str, ...] = ()
    task: PipelineTask | None = None


def name_for(words: str) -> str:
    """Make a recipe's name, which is also the served model's.

    Other characters than ASCII letters, digits, dots and dashes become underscores.
    """
    return re.sub(r"[^A-Za-z0-9_.-]|^[.-]", "_", words) or "mine"


def shipped() -> list[str]:
    """List the names of the shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def find(name: str) -> Path:
    """Return the file of a recipe."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UsageError(f"There is no recipe file {name}.", str(path.absolute()), did_you_mean(path.stem, shipped()))
    if path.is_dir() and (path / "recipe.yaml").is_file():
        return path / "recipe.yaml"
    if name in shipped():
        return RECIPES / f"{name}.yaml"
    raise UsageError(f"There is no recipe `{name}`.", fix=did_you_mean(name, shipped()))


def check_keys(shape: type[BaseModel], *layers: Layer) -> None:
    """Refuse unknown keys, all at once, before anything depends on them."""
    found = [item for layer in layers for item in unknown_keys(shape, layer.values, "", layer)]
    if found:
        what, where, fix = zip(*found, strict=True)
        raise UsageError("\n  ".join(what), "; ".join(dict.fromkeys(where)), "\n  ".join(dict.fromkeys(fix)))


def unknown_keys(
    shape: type[BaseModel], values: dict[str, Any], prefix: str, layer: Layer
) -> Iterator[tuple[str, str, str]]:
    """Yield what, where and how to mend of each key that a settings class does not have."""
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if key not in shape.model_fields:
            meant = did_you_mean(dotted, [f"{prefix}{name}" for name in shape.model_fields])
            yield f"Unknown key `{dotted}`.", layer.origin(dotted), meant
        elif isinstance(value, dict) and (inner := settings_inside(shape.model_fields[key].annotation)):
            yield from unknown_keys(inner, value, f"{dotted}.", layer)


def settings_inside(annotation: Any) -> type[BaseModel] | None:
    """Return the one settings class of an annotation such as `Optimizer | None`."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    inner = [
        item for item in getattr(annotation, "__args__", ()) if isinstance(item, type) and issubclass(item, BaseModel)
    ]
    return inner[0] if len(inner) == 1 else None


def explain(error: ValidationError, layers: list[Layer], shape: type[BaseModel], prefix: str = "") -> UsageError:
    """Turn pydantic's findings into one error in the recipe's own keys."""
    messages, places = [], []
    for item in error.errors():
        key = ".".join([prefix, *(str(part) for part in item["loc"])]).strip(".")
        messages.append(describe(item, key, length_of(shape, item["loc"])))
        places.append(next((layer.origin(key) for layer in reversed(layers) if has(layer.values, key)), "missing"))
    where = "; ".join(dict.fromkeys(places))
    return UsageError(
        "\n  ".join(messages), where, "`labline recipe show RECIPE` lists every key, its value and its meaning."
    )


def length_of(shape: type[BaseModel], place: tuple[int | str, ...]) -> int:
    """Return how many values the list of a key has, such as 2 of a height and a width; 1 where any number will do."""
    section: type[BaseModel] | None = shape
    for name in place[:-1]:
        field = section.model_fields.get(str(name)) if section else None
        section = settings_inside(field.annotation) if field else None
    field = section.model_fields.get(str(place[-1])) if section else None
    kinds = [field.annotation, *get_args(field.annotation)] if field else []
    lengths = [len(get_args(kind)) for kind in kinds if get_origin(kind) is tuple and ... not in get_args(kind)]
    return max(lengths, default=1)


def describe(item: ErrorDetails, key: str, length: int = 1) -> str:
    """Put one of pydantic's findings into a sentence.

    Args:
        length: of the list that belongs there.
    """
    if item["type"] == "extra_forbidden":
        return f"Unknown key `{key}`."
    if item["type"] == "missing":
        return f"`{key}` is missing."
    if item["type"] in ("int_parsing", "int_type", "int_from_float"):
        return f"`{key}` must be a whole number; it is {item['input']!r}."
    if item["type"] in ("float_parsing", "float_type"):
        return f"`{key}` must be a number; it is {item['input']!r}."
    if item["type"] in ("tuple_type", "list_type"):
        values = ", ".join([str(item["input"])] * length)
        return f"`{key}` must be a list, such as `{key}=[{values}]`; it is {item['input']!r}."
    if item["type"] == "string_type" and not isinstance(item["input"], (dict, list)):
        return f"`{key}` must be text; YAML reads {item['input']!r}, so write it in quotes."
    if item["type"] == "string_pattern_mismatch":
        return f"`{key}` may have only letters, digits, dots, dashes and underscores; it is {item['input']!r}."
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ").removesuffix(".")
    allowed = message if item["msg"].startswith("Value error") else f"must be {message}"
    return f"`{key}` {allowed}; it is {item['input']!r}."


def origins(recipe: BaseModel, layers: list[Layer]) -> dict[str, tuple[Any, str]]:
    """Return every leaf of a settled recipe with the origin of its value."""
    found: dict[str, tuple[Any, str]] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                visit(f"{prefix}.{key}" if prefix else key, item)
            return
        origin = next((layer.origin(prefix) for layer in reversed(layers) if has(layer.values, prefix)), "default")
        found[prefix] = (value, origin)

    visit("", recipe.model_dump(mode="json"))
    return found


def descriptions(shape: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Return what each dotted key of a settings class means."""
    found = {}
    for name, info in shape.model_fields.items():
        key = f"{prefix}{name}"
        found[key] = info.description or ""
        if inner := settings_inside(info.annotation):
            found |= descriptions(inner, f"{key}.")
    return found
