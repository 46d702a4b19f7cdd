"""What `labline data formats` prints: the layouts that raw data may have."""

from __future__ import annotations

from data.layouts import layouts
from pipeline.errors import UserError, did_you_mean


def show_formats(task: str = "") -> None:
    """Print the layouts of all formats, or of those of one task.

    Raises:
        UserError: no format is for such a task.
    """
    tasks = list(dict.fromkeys(layout.task for layout in layouts()))
    if task and task not in tasks:
        raise UserError(f"There is no format for `{task}`.", "", did_you_mean(task, tasks))
    for name in [task] if task else tasks:
        print(f"{name}\n")
        for layout in layouts(name):
            print(f"{layout.text()}\n")
