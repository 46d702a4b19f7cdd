"""The catalogue of known layouts of raw data: what the formats' own files say, read without loading them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

FORMATS = Path(__file__).parent / "formats"


class Layout(NamedTuple):
    """How data of one format lie.

    Attributes:
        format: its name, as `data.format` has it.
        task: whose data they are.
        sentence: what they are.
        lines: examples of paths or lines, each with a word about it.
    """

    format: str
    task: str
    sentence: str
    lines: tuple[str, ...]

    def text(self) -> str:
        """Write the layout as a paragraph with its examples below."""
        return "\n".join([f"{self.format}: {self.sentence}", *(f"    {line}".rstrip() for line in self.lines)])


def layouts(task: str | None = None) -> list[Layout]:
    """Return the layouts of all formats, or of those of one task, by task and name."""
    found = [layout for path in sorted(FORMATS.glob("[!_]*.py")) if (layout := layout_of(path))]
    return sorted(
        (layout for layout in found if task in (None, layout.task)), key=lambda each: (each.task, each.format)
    )


def layout_of(path: Path) -> Layout | None:
    """Return what a format's file says; None if it is no format."""
    module = ast.parse(path.read_text("utf-8"))
    words = ast.get_docstring(module, clean=False) or ""  # as it stands: the examples are those with an indent
    task = next(
        (ast.literal_eval(node.value) for node in module.body if isinstance(node, ast.Assign) and is_task(node)), ""
    )
    lines = words.splitlines()
    sentence = " ".join(line for line in words.partition("\n\n")[0].splitlines())
    examples = [line[4:] for line in lines if line.startswith("    ")]
    return Layout(path.stem, task, sentence, tuple(examples)) if task else None


def is_task(node: ast.Assign) -> bool:
    return [target.id for target in node.targets if isinstance(target, ast.Name)] == ["TASK"]
