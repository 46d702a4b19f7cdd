"""`labline new`: a project folder with a recipe that explains every key, and a network.

The network is one's own, or that of an old configuration.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from components.recipes import load, meanings
from components.tasks import names
from object_detection.pipeline_config.new_recipe import recipe_from
from object_detection.pipeline_config.translation import Translation
from pipeline.errors import UserError, did_you_mean, explain_os_error
from pipeline.recipe import name_for

TEMPLATES = Path(__file__).with_name("templates")


def create(folder: Path, task: str) -> None:
    """Write `recipe.yaml`, and `my_network.py` for tasks whose networks are written by their users, into a new folder.

    Raises:
        UserError: the task is unknown, or the folder has files in it.
    """
    if task not in names():
        raise UserError(f"There is no task `{task}`.", "--task", did_you_mean(task, names()))
    check_new(folder)
    files = {"recipe.yaml": recipe_text(task, folder, name_for(folder.resolve().name))}
    template = TEMPLATES / f"my_network_{task}.py.txt"
    if template.exists():
        files["my_network.py"] = template.read_text("utf-8")
    write(folder, files)
    print(f"{folder}/recipe.yaml     every key with its default; set data.path to your data")
    if template.exists():
        print(f"{folder}/my_network.py   a network to change: trainer.network={folder}/my_network.py")
    print(f"Next: labline run {folder}/recipe.yaml")


def create_from_pipeline_config(folder: Path, file: Path) -> None:
    """Write the `recipe.yaml` of an Object Detection API's pipeline.config into a new folder.

    Raises:
        UserError: the folder has files in it, or the file has what cannot be had here.
    """
    check_new(folder)
    text, translation = recipe_from(file, folder, name_for(folder.resolve().name))
    check_values(text, translation, file)
    write(folder, {"recipe.yaml": text})
    given = sum(item.given for item in translation.settings)
    defaults = sum(bool(item.sources) for item in translation.settings) - given
    print(f"{folder}/recipe.yaml   {given} values of {file}, {defaults} defaults of the Object Detection API")
    for difference in translation.differs:
        print(f"a little different here: {difference}")
    if translation.ignored:
        print(f"{len(translation.ignored)} fields without effect here stand at its end")
    todo = [item.key for item in translation.settings if item.to_do]
    if todo:
        print(f"TODO, with your own paths: {', '.join(todo)}; in the recipe, or behind the command")
    given_here = "".join(f" {key}=YOUR_PATH" for key in todo)
    print(f"Next: labline run {folder}/recipe.yaml{given_here}")


def check_values(text: str, translation: Translation, file: Path) -> None:
    """Refuse values that a recipe may not have, by the fields that they come from.

    Raises:
        UserError: there are some.
    """
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(text, "utf-8")
        try:
            load(str(recipe))
        except UserError as error:
            named = [item for item in translation.settings if f"`{item.key}" in error.what]
            fields = ", ".join(f"`{source}`" for item in named for source in item.sources)
            raise UserError(error.what, f"{file}: {fields}", "Set the field to a value that is allowed.") from None


def check_new(folder: Path) -> None:
    """Refuse a folder with files in it.

    Raises:
        UserError: it has some.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError("This folder is not empty.", str(folder.absolute()), "Name a new one; nothing was written.")


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder, making it first."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise explain_os_error(error, folder) from None


def recipe_text(task: str, folder: Path, name: str) -> str:
    """Write a recipe with every key; all but the data's path are commented out, because they are the defaults."""
    resolved = load(task)
    meaning = meanings(resolved.recipe)
    lines = [f"# labline run {folder}/recipe.yaml", f"task: {task}", f"name: {json.dumps(name)}"]
    open_sections: list[str] = []
    for key, (value, _) in resolved.values.items():
        *sections, last = key.split(".")
        if not sections:
            continue
        for depth, section in enumerate(sections):
            if open_sections[: depth + 1] != sections[: depth + 1]:
                open_sections = sections[: depth + 1]
                title = ".".join(open_sections)
                blank = [""] if depth == 0 else []
                lines += [*blank, recipe_line(depth, f"{section}:", meaning.get(title, ""), title == "data")]
        value = name if key == "serving.name" else value
        shown = f"{last}: {json.dumps(value, ensure_ascii=False)}"
        lines.append(recipe_line(len(sections), shown, meaning.get(key, ""), key == "data.path"))
    return "\n".join(lines) + "\n"


def recipe_line(depth: int, text: str, meaning: str, written: bool) -> str:
    """Indent one line, comment it out unless it is to be in force, and put its meaning behind it."""
    line = ("  " * depth + text) if written else ("# " + "  " * depth + text)
    return f"{line:48} # {meaning}" if meaning else line
