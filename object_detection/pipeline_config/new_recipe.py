"""`recipe.yaml` of a pipeline.config: every value with the field it comes from, and what else the file says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from data.detection.label_map import read_label_map
from object_detection.pipeline_config.reading import read_pipeline_config
from object_detection.pipeline_config.setting import Setting
from object_detection.pipeline_config.translation import Translation, translate
from pipeline.errors import UserError


def recipe_from(file: Path, folder: Path, name: str) -> tuple[str, Translation]:
    """Return the text of a recipe.

    Args:
        file: the pipeline.config.
        folder: where the recipe will lie.
        name: the recipe's.

    Raises:
        UserError: the file cannot be read, or has what cannot be had here; names every such field with its line.
    """
    translation = translate(read_pipeline_config(file))
    check_classes(file, translation)
    lines = [
        f"# labline run {folder}/recipe.yaml",
        f"# From {file}: behind each value stands the field that it comes from.",
    ]
    lines += ["task: object_detection", f"name: {json.dumps(name)}", *section_lines(translation.settings)]
    lines += ["serving:", f"  name: {json.dumps(name)}"]
    if translation.differs:
        lines += ["", "# A little different here:", *(f"#   {text}" for text in translation.differs)]
    if translation.ignored:
        lines += ["", "# Without effect here:"]
        lines += [f"#   line {line}: {path}: {why}" for path, line, why in translation.ignored]
    return "\n".join(lines) + "\n", translation


def check_classes(file: Path, translation: Translation) -> None:
    """Compare the number of classes with the label map, if that is here.

    Raises:
        UserError: a class has a larger number.
    """
    named = translation.values().get("data.label_map")
    path = Path(str(named)).expanduser() if named else None
    if path is None or not path.is_file():
        return
    numbers = read_label_map(path)
    if max(numbers) > translation.classes:
        raise UserError(
            f"`model.ssd.num_classes` is {translation.classes}, but the label map has a class {max(numbers)}, "
            f"`{numbers[max(numbers)]}`.",
            f"{file}, {path}",
            f"Set `num_classes: {max(numbers)}`, or give the label map that belongs to it.",
        )


def section_lines(settings: list[Setting]) -> list[str]:
    """Write settings below the sections of their keys."""
    lines: list[str] = []
    open_sections: list[str] = []
    for item in settings:
        *sections, last = item.key.split(".")
        for depth, section in enumerate(sections):
            if open_sections[: depth + 1] != sections[: depth + 1]:
                open_sections = sections[: depth + 1]
                lines.append(f"{'  ' * depth}{section}:")
        open_sections = sections
        lines.append(f"{'  ' * len(sections) + f'{last}: {written(item.value)}':44} # {comment(item)}")
    return lines


def written(value: Any) -> str:
    """Write a value as YAML, which takes `1e-08` for a text."""
    return (
        re.sub(r"(?<![\w.])(\d+)e", r"\1.0e", json.dumps(value, ensure_ascii=False))
        if has_numbers(value)
        else json.dumps(value, ensure_ascii=False)
    )


def has_numbers(value: Any) -> bool:
    """Tell whether a value is a number or a list of numbers."""
    return isinstance(value, float) or (
        isinstance(value, list) and all(isinstance(item, (int, float)) or has_numbers(item) for item in value)
    )


def comment(item: Setting) -> str:
    """Tell where a value comes from."""
    parts = []
    if item.to_do:
        parts.append(f"TODO: {item.to_do}")
    if item.sources:
        parts.append(", ".join(item.sources) + ("" if item.given else " (default of the proto)"))
    if item.remark:
        parts.append(item.remark)
    return "; ".join(parts)
