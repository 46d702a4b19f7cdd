"""Tasks by file name: what differs between the problems, such as how a record becomes pixels and what the outputs mean."""

from __future__ import annotations

import importlib
from types import ModuleType

from pipeline.errors import UserError, did_you_mean
from pipeline.settings import ModuleIn


def find_task(name: str) -> ModuleType:
    """Return the module of a task.

    Raises:
        UserError: there is no such task.
    """
    names = ModuleIn("components/tasks").names()
    if name not in names:
        raise UserError(f"No task `{name}`.", "task", did_you_mean(name, names))
    return importlib.import_module(f"components.tasks.{name}")
