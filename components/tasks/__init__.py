"""Tasks: a folder each with what differs between the problems, one file for each component that needs one.

| part | of | does |
|---|---|---|
| `ingest` | example_gen | raw data to examples |
| `statistics` | statistics_gen | what TFDV is not shown, what is measured beside it |
| `schema` | schema_gen | what is known of the features beforehand |
| `checks` | example_validator | findings that TFDV cannot express |
| `training` | trainer | the Keras it uses, network, objective, feed and judge, images of what it learnt |
| `evaluation` | evaluator | metrics, plots and the verdict |
| `export` | exporter | signatures and warm-up requests |
| `serving` | infra_validator | what the served model must answer |
| `asking` | the demo and `labline predict` | files to requests, answers to words |
| `monitoring` | `labline monitor` | logged requests to what statistics_gen measured |
| `looking` | `labline data check` | raw data to facts and findings |
| `report` | the report | figures and sections of the run's page |

Other files beside them are theirs: what one of them needs, or several. Importing a part loads neither TensorFlow nor Beam.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from types import ModuleType

from pipeline.errors import UserError, did_you_mean, install_extra


def find_part(task: str, part: str) -> ModuleType:
    """Return the module of a task that does its part of a component.

    Raises:
        UserError: there is no such task.
    """
    if task not in names():
        raise UserError(f"There is no task `{task}`.", "task", did_you_mean(task, names()))
    return importlib.import_module(f"components.tasks.{task}.{part}")


def prepare_process(task: str) -> None:
    """Make ready what a task needs of the process before TensorFlow is imported: `ENVIRONMENT` and `EXTRA` of its folder.

    Raises:
        UserError: packages of an extra are not installed.
    """
    if task not in names():
        return  # a pipeline of the user's own
    module = importlib.import_module(f"components.tasks.{task}")
    extra, packages = getattr(module, "EXTRA", ("", {}))
    missing = [package for name, package in packages.items() if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{task.replace('_', ' ').capitalize()} needs packages that are not installed: {', '.join(missing)}.",
            f"task: {task}",
            install_extra(extra),
        )
    os.environ.update(getattr(module, "ENVIRONMENT", {}))


def names() -> list[str]:
    """List the tasks."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))
