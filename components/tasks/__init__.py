"""Tasks: a folder each with what differs between the problems; `task.py` says what each of their parts must do.

Other files beside the parts are theirs: what one of them needs, or several.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

from components.tasks.task import Task
from pipeline.errors import UserError, did_you_mean


def find_task(name: str) -> Task:
    """Return a task by its name; none of its parts is imported yet.

    Args:
        name: of a shipped task, or the package of one's own, such as `examples.regression`.

    Raises:
        UserError: there is no such task.
    """
    if name not in names() and not is_own(name):
        raise UserError(f"There is no task `{name}`.", "task", did_you_mean(name, names()))
    task = importlib.import_module(f"{name}.task" if is_own(name) else f"components.tasks.{name}.task").TASK
    assert isinstance(task, Task)
    return task


def is_own(name: str) -> bool:
    """Say whether a name is that of a package with a task of the user's own."""
    try:
        return "." in name and importlib.util.find_spec(f"{name}.task") is not None
    except ModuleNotFoundError:
        return False


def tasks() -> list[Task]:
    """Return all tasks."""
    return [find_task(name) for name in names()]


def names() -> list[str]:
    """List the tasks."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/task.py"))
