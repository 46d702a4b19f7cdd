"""Recipes: YAML to frozen settings, with the origin of every value and errors that name file and line."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import UsageError, did_you_mean
from pipeline.layers import RECIPES, Layer, has, merge, read_overrides, read_yaml
from pipeline.settings import Settings


@dataclass(frozen=True)
class Resolved:
    """A recipe with every value settled.

    Attributes:
        values: dotted key -> (value, origin); origins read `default`, `recipe name`, `network cnn`, `FILE line N` or `command line`.
        pipeline: the function that builds the graph from the recipe.
        idle: what was written and has no effect, a sentence each.
    """

    recipe: Any
    values: dict[str, tuple[Any, str]]
    pipeline: Callable[[Any], None]
    idle: tuple[str, ...] = ()


def load(name: str, overrides: Iterable[str] = ()) -> Resolved:
    """Settle a recipe: class defaults < the chosen network's preset < the file < `key=value` overrides.

    Args:
        name: a YAML file, or the name of a shipped recipe.
        overrides: `dotted.key=value`, values written as in YAML.

    Raises:
        UsageError: an unknown recipe, key or network, or a value of the wrong type.
    """
    file = find(name)
    written = read_yaml(file)
    given = read_overrides(overrides)
    task = written.values.get("task", "")
    shape = recipe_class(task, file)
    check_keys(shape, written, given)
    preset = network_preset(merge([written, given]), shape, task)
    layers = one_length([preset, written, given])
    values = merge(layers)
    values.setdefault("name", name_for(file.stem))
    named = Layer({"serving": {"name": values["name"]}}, lambda key: "recipe name")
    layers, values = [named, *layers], merge([named, Layer(values, lambda key: "")])
    try:
        recipe = shape.model_validate(values)
    except ValidationError as error:
        raise explain(error, layers, shape) from None
    recipe = settle_options(recipe, layers)
    pipeline = importlib.import_module("components.standard_pipeline").standard
    return Resolved(recipe, origins(recipe, layers), pipeline, idle_keys(recipe, [written, given]))


def name_for(words: str) -> str:
    """Make a recipe's name, which is also the served model's: other than ASCII letters, digits, dots and dashes become underscores."""
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


def one_length(layers: list[Layer]) -> list[Layer]:
    """Drop a training's `epochs` where a later layer gives `steps`, and the other way round: the last word counts."""
    kept: list[Layer] = []
    dropped: set[str] = set()
    for layer in reversed(layers):
        trainer = layer.values.get("trainer") or {}
        if not isinstance(trainer, dict):  # refused later, by its type
            kept.insert(0, layer)
            continue
        values = layer.values | {"trainer": {key: value for key, value in trainer.items() if key not in dropped}}
        kept.insert(0, Layer(values, layer.origin))
        given = {"epochs", "steps"} & trainer.keys()
        if len(given) == 1:
            dropped |= {"epochs", "steps"} - given
    return kept


def recipe_class(task: str, file: Path) -> type[Settings]:
    """Return the settings class of a task's recipe: `pipeline/recipes/<task>.py`."""
    tasks = sorted(path.stem for path in RECIPES.glob("*.py") if not path.stem.startswith("_"))
    if task not in tasks:
        what = f"There is no task `{task}`." if task else "The recipe does not say its `task`."
        raise UsageError(what, str(file), did_you_mean(str(task), tasks))
    return importlib.import_module(f"pipeline.recipes.{task}").Recipe


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


def network_preset(values: dict[str, Any], shape: type[BaseModel], task: str) -> Layer:
    """Return the defaults that the chosen network brings."""
    from components.networks import preset

    section = shape.model_fields["trainer"].annotation
    assert isinstance(section, type) and issubclass(section, BaseModel)
    given = values.get("trainer")
    chosen = (given if isinstance(given, dict) else {}).get("network", section.model_fields["network"].default)
    return Layer(preset(str(chosen), task), lambda key: f"network {Path(str(chosen)).stem}")


def settle_options(recipe: Any, layers: list[Layer]) -> Any:
    """Check the network's own options against its `Config` and fill in their defaults."""
    from components.networks import network_config

    try:
        options = network_config(recipe.trainer.network, recipe.trainer.options)
    except ValidationError as error:
        raise explain(error, layers, type(recipe), "trainer.options") from None
    trainer = recipe.trainer.model_copy(update={"options": options.model_dump(mode="json")})
    return recipe.model_copy(update={"trainer": trainer})


def idle_keys(section: Settings, written: list[Layer], prefix: str = "") -> tuple[str, ...]:
    """Return a sentence for each key that somebody wrote and that nothing reads."""
    said: list[str] = []
    for key, why in section.idle().items():
        value, default = getattr(section, key), type(section).model_fields[key].default
        origin = next(
            (layer.origin(prefix + key) for layer in reversed(written) if has(layer.values, prefix + key)), ""
        )
        if origin and value != default:
            said.append(f"`{prefix}{key}` has no effect: {why} ({origin}).")
    for key in type(section).model_fields:
        if isinstance(inner := getattr(section, key), Settings):
            said += idle_keys(inner, written, f"{prefix}{key}.")
    return tuple(said)


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
    """Return how many values the list of a key has, such as the two of a height and a width; 1 where any number will do."""
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


def meanings(recipe: Any) -> dict[str, str]:
    """Return what each dotted key of a recipe means, the options of its network included."""
    from components.networks import find_network

    options = find_network(recipe.trainer.network).Config
    return descriptions(type(recipe)) | descriptions(options, "trainer.options.")


def descriptions(shape: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Return what each dotted key of a settings class means."""
    found = {}
    for name, info in shape.model_fields.items():
        key = f"{prefix}{name}"
        found[key] = info.description or ""
        if inner := settings_inside(info.annotation):
            found |= descriptions(inner, f"{key}.")
    return found
