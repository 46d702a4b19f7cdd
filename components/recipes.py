"""Recipes of tasks: class defaults, network's preset, file and command line, settled into a task's settings."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from components.config import StandardRecipe
from components.networks import find_network, network_config, preset
from components.standard_pipeline import standard
from components.tasks import find_task, is_own, names
from components.tasks.task import Task
from pipeline.errors import UsageError, did_you_mean
from pipeline.layers import Layer, has, merge, read_overrides, read_yaml
from pipeline.recipe import Resolved, check_keys, descriptions, explain, find, name_for, origins
from pipeline.settings import Settings


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
    task = task_of(written, file)
    shape = task.recipe
    check_keys(shape, written, given)
    preset = network_preset(merge([written, given]), shape, task.name)
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
    return Resolved(recipe, origins(recipe, layers), standard, idle_keys(recipe, task, [written, given]), task)


def task_of(written: Layer, file: Path) -> Task:
    """Return the task that a recipe's file names.

    Raises:
        UsageError: there is no such task, or it names none.
    """
    name = written.values.get("task", "")
    if name not in names() and not is_own(str(name)):
        what = f"There is no task `{name}`." if name else "The recipe does not say its `task`."
        raise UsageError(what, str(file), did_you_mean(str(name), names()))
    return find_task(name)


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


def network_preset(values: dict[str, Any], shape: type[BaseModel], task: str) -> Layer:
    """Return the defaults that the chosen network brings."""
    section = shape.model_fields["trainer"].annotation
    assert isinstance(section, type) and issubclass(section, BaseModel)
    given = values.get("trainer")
    chosen = (given if isinstance(given, dict) else {}).get("network", section.model_fields["network"].default)
    return Layer(preset(str(chosen), task), lambda key: f"network {Path(str(chosen)).stem}")


def settle_options(recipe: Any, layers: list[Layer]) -> Any:
    """Check the network's own options against its `Config` and fill in their defaults."""
    shape, prefix = find_network(recipe.trainer.network).Config, "trainer.options."
    for key in recipe.trainer.options:
        if key not in shape.model_fields:
            dotted = f"{prefix}{key}"
            where = next((layer.origin(dotted) for layer in reversed(layers) if has(layer.values, dotted)), "")
            meant = did_you_mean(dotted, [f"{prefix}{name}" for name in shape.model_fields])
            raise UsageError(f"Unknown key `{dotted}` of network {Path(recipe.trainer.network).stem}.", where, meant)
    try:
        options = network_config(recipe.trainer.network, recipe.trainer.options)
    except ValidationError as error:
        raise explain(error, layers, type(recipe), "trainer.options") from None
    trainer = recipe.trainer.model_copy(update={"options": options.model_dump(mode="json")})
    return recipe.model_copy(update={"trainer": trainer})


def idle_keys(recipe: StandardRecipe, task: Task, written: list[Layer]) -> tuple[str, ...]:
    """Return a sentence for each key that somebody wrote and that nothing reads."""
    said = []
    for key, why in {**idle_of(recipe), **task.idle_settings(recipe)}.items():
        origin = next((layer.origin(key) for layer in reversed(written) if has(layer.values, key)), "")
        *sections, last = key.split(".")
        section = functools.reduce(getattr, sections, recipe)
        if origin and getattr(section, last) != type(section).model_fields[last].default:
            said.append(f"`{key}` has no effect: {why} ({origin}).")
    return tuple(said)


def idle_of(section: Settings, prefix: str = "") -> dict[str, str]:
    """Return what the sections themselves say of keys without effect, by dotted key."""
    found = {f"{prefix}{key}": why for key, why in section.idle().items()}
    for key in type(section).model_fields:
        if isinstance(inner := getattr(section, key), Settings):
            found |= idle_of(inner, f"{prefix}{key}.")
    return found


def meanings(recipe: Any) -> dict[str, str]:
    """Return what each dotted key of a recipe means, the options of its network included."""
    options = find_network(recipe.trainer.network).Config
    return descriptions(type(recipe)) | descriptions(options, "trainer.options.")
