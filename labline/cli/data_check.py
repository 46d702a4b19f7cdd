"""What `labline data check` prints: what raw data look like, what is wrong with them, and whether a run would stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from components.recipes import load
from components.tasks import find_task, names, tasks
from data import catalog, formats
from data.file_tree import printable
from data.formats import tfds
from pipeline.errors import EXIT_ANOMALIES, UsageError, UserError
from pipeline.progress import Progress
from pipeline.recipe import settings_inside

EXAMPLES = 5  # culprits shown of each finding


def show_data_check(path: str, overrides: list[str], task: str, as_json: bool) -> int:
    """Print what raw data look like, and return the status that a run would end with.

    With `auto` it finds out whose task's they are.

    Raises:
        UserError: the data cannot be read, or are a data set of TensorFlow Datasets that is not here yet.
    """
    chosen = task_of_data(path, overrides) if task == "auto" else task
    if path.startswith("tfds:") and chosen == tfds.TASK:
        tfds.expect_prepared(path.removeprefix("tfds:"))
    try:
        recipe = load(chosen, [f"data.path={path}", *overrides]).recipe
        summary = find_task(chosen).data_check.inspect(recipe.data, recipe.validation, Progress())
    except UserError as error:
        guessed = task == "auto" and Path(path).expanduser().exists()
        raise with_task(error, chosen, overrides) if guessed else error from None
    print(json.dumps(summary) if as_json else printable(summary_text(summary)))
    return EXIT_ANOMALIES if summary["stops"] else 0


def with_task(error: UserError, chosen: str, overrides: list[str]) -> UserError:
    """Return an error that also says whose task's data these were taken for.

    Keys that only other tasks have are told as theirs, instead of the nearest key of the task that was guessed.
    """
    others = [name for name in names() if name != chosen]
    guess = f"Taken for data of {chosen}; if not: {' or '.join(f'`--task {name}`' for name in others)}."
    foreign = [sentence for item in overrides if (sentence := whose_key(item.partition("=")[0], chosen, others))]
    if isinstance(error, UsageError) and foreign:
        return UsageError(error.what, error.where, "\n         ".join([*foreign, guess]))
    return type(error)(error.what, error.where, f"{error.fix}\n         {guess}")


def whose_key(key: str, chosen: str, others: list[str]) -> str:
    """Say which other tasks have a key; empty if the chosen one has it, or none."""
    if has_key(chosen, key) or not (having := [name for name in others if has_key(name, key)]):
        return ""
    tasks = " or ".join(f"`--task {name}`" for name in having)
    return f"`{key}` is a key of {' and '.join(having)}: say so with {tasks}."


def has_key(task: str, key: str) -> bool:
    """Tell whether a task's recipe has a key."""
    shape: type[BaseModel] | None = find_task(task).recipe
    for part in key.split("."):
        if shape is None or part not in shape.model_fields:
            return False
        shape = settings_inside(shape.model_fields[part].annotation)
    return True


def task_of_data(path: str, overrides: list[str] | None = None) -> str:
    """Say whose data they are: the format that the user names tells, or the catalogue's entry, else each task is asked.

    Raises:
        UserError: they are nobody's, or what belongs to them is missing.
    """
    place = Path(path).expanduser()
    named = [item.removeprefix("data.format=") for item in overrides or () if item.startswith("data.format=")]
    for task in names():
        if named and named[-1] in formats.names(task):
            return task
    if not place.exists() and path in catalog.names():
        return catalog.find(path).task
    sure = {task.name: task.data_check.recognize(place) for task in tasks()}
    best = max(sure, key=lambda name: sure[name])
    if sure[best]:
        return best
    if not place.exists():
        return "image_classification"  # whose reader says what is missing
    raise unknown_data(place)


def unknown_data(place: Path) -> UserError:
    """Return the error that no task has a format for these data."""
    known = "; ".join(f"{', '.join(formats.names(task))} for {task}" for task in names())
    expected = "\n         ".join(formats.EXPECTED[task] for task in names() if task in formats.EXPECTED)
    return UserError(
        f"These data are in none of the known formats: {known}.",
        str(place),
        f"{expected}\n         `--task` says whose data they are, `data.format=` how they are to be read; "
        "`labline data formats` shows all layouts.",
    )


def summary_text(summary: dict[str, Any]) -> str:
    """Write the result of a data check as lines, the verdict last."""
    lines = [
        f"{key:14} {counts_text(value) if isinstance(value, dict) else value}"
        for key, value in summary.items()
        if key not in ("findings", "stops", "verdict")
    ]
    for item in summary["findings"]:
        lines.append(f"{item['severity']}: {item['name']}: {item['description']}")
        for example in item["examples"][:EXAMPLES]:
            words = (example["file"] or example["label"] or example["split"], example.get("detail", ""))
            lines.append(f"    {': '.join(word for word in words if word)}")
        if item["count"] > EXAMPLES:
            lines.append(f"    and {item['count'] - min(EXAMPLES, len(item['examples'])):,} more")
    return "\n".join([*lines, summary["verdict"]])


def counts_text(counts: dict[str, int]) -> str:
    """Write numbers by name on one line."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
