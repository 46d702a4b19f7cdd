"""Where the values of a recipe are written: YAML files and `key=value` arguments, laid over each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UsageError, explain_os_error
from pipeline.settings import WrittenFloat, WrittenInt

RECIPES = Path(__file__).with_name("recipes")


class RecipeLoader(yaml.SafeLoader):
    """Reads YAML as people mean it in a recipe.

    Dates are text, and numbers remember how they were written, for keys that want text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 (the library's own attribute)
        first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_int(self, node: Any) -> WrittenInt | str:
        text = node.value
        if ":" in text:  # YAML 1.1 takes 1:30 for ninety
            return str(text)
        decimal = text.lstrip("+-").replace("_", "").isdigit()  # and 010 for eight
        return WrittenInt(int(text) if decimal else self.construct_yaml_int(node), text)

    def construct_float(self, node: Any) -> WrittenFloat | str:
        if ":" in node.value:
            return str(node.value)
        return WrittenFloat(self.construct_yaml_float(node), node.value)


RecipeLoader.add_constructor("tag:yaml.org,2002:int", RecipeLoader.construct_int)
RecipeLoader.add_constructor("tag:yaml.org,2002:float", RecipeLoader.construct_float)


@dataclass(frozen=True)
class Layer:
    """One source of values; later layers win.

    Attributes:
        values: nested dictionaries of recipe keys.
        origin: dotted key -> where its value was written.
    """

    values: dict[str, Any]
    origin: Callable[[str], str]


def read_yaml(file: Path) -> Layer:
    """Read a recipe file, remembering the line of every key."""
    try:
        text = file.read_text("utf-8")
        node = yaml.compose(text, Loader=RecipeLoader)
        values = yaml.load(text, Loader=RecipeLoader) or {}
    except OSError as error:
        raise explain_os_error(error, file) from None
    except UnicodeDecodeError:
        raise UsageError("The recipe is no text in UTF-8.", str(file), "Save it as UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(
            f"The recipe is not valid YAML: {getattr(error, 'problem', error)}.", f"{file}{line}"
        ) from None
    except ValueError as error:  # a number that is none, such as 0x
        raise UsageError(f"The recipe has a value that cannot be read: {error}.", str(file)) from None
    if not isinstance(values, dict):
        raise UsageError("A recipe is a list of `key: value` lines.", str(file))
    lines: dict[str, int] = {}
    note_lines(node, "", lines, file)
    shown = file.name if file.is_relative_to(RECIPES) else str(file)
    return Layer(values, lambda key: f"{shown} line {nearest(lines, key)}")


def note_lines(node: Any, prefix: str, lines: dict[str, int], file: Path) -> None:
    """Collect the line of each dotted key; refuse a key written twice, which YAML would silently drop."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        dotted = f"{prefix}{key.value}"
        if dotted in lines:
            raise UsageError(
                f"`{dotted}` is written twice, in lines {lines[dotted]} and {key.start_mark.line + 1}.", str(file)
            )
        lines[dotted] = key.start_mark.line + 1
        note_lines(value, f"{dotted}.", lines, file)


def nearest(lines: dict[str, int], key: str) -> int:
    """Return the line of a key or of the innermost key around it."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)


def read_overrides(overrides: Iterable[str]) -> Layer:
    """Read `key=value` arguments."""
    values: dict[str, Any] = {}
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise UsageError(f"`{item}` is not of the form key=value.", "command line", "For example: trainer.epochs=5")
        try:
            value = yaml.load(text, Loader=RecipeLoader) if text else None
        except (yaml.YAMLError, ValueError):
            value = text
        place = values
        *parents, last = key.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UsageError(f"`{key}` is given both a value and a key below it.", "command line")
        place[last] = value
    return Layer(values, lambda key: "command line")


def merge(layers: list[Layer]) -> dict[str, Any]:
    """Lay nested dictionaries over each other; a scalar replaces whatever was there."""
    result: dict[str, Any] = {}
    for layer in layers:
        overlay(result, layer.values)
    return result


def overlay(below: dict[str, Any], above: dict[str, Any], depth: int = 0) -> None:
    """Lay one dictionary over another, in place; inside a section an empty one clears what was there."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict) and (value or depth == 0):
            overlay(below[key], value, depth + 1)
        else:
            below[key] = copy(value)


def copy(value: Any) -> Any:
    """Copy nested dictionaries, so that a preset is never changed."""
    return {key: copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def has(values: Any, key: str) -> bool:
    """Say whether a layer sets a dotted key or something around it that is no section."""
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            return not isinstance(values, dict)
        values = values[part]
    return True
