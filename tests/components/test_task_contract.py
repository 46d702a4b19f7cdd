"""Every task keeps the contract of tasks, the example's too, and the type checker says what one lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.tasks import find_task, names
from pipeline.errors import UserError
from pipeline.settings import ROOT
from tests.support.contracts_task import check_task

OWN = "examples.regression"
SNIPPET = """
from components.tasks import task
from components.tasks.image_classification.task import ImageClassification
from examples.regression.task import Regression


class Lacking(task.Task):
    name = "lacking"


class Misspelt(Regression):
    @property
    def schema(self) -> task.SchemaPart:
        from components.tasks.image_classification import checks

        return checks


Lacking()
Misspelt()
ImageClassification().evaluation.evalute
"""


@pytest.mark.parametrize("name", [*names(), OWN])
def test_every_task_keeps_the_contract(name: str) -> None:
    check_task(name)


def test_the_type_checker_refuses_a_task_with_a_missing_or_misspelt_part(tmp_path: Path) -> None:
    (tmp_path / "lacking.py").write_text(SNIPPET)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        str(tmp_path / "lacking.py"),
    ]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout
    assert 'Cannot instantiate abstract class "Lacking" with abstract attributes "checks", "data_check"' in said
    assert 'got Module, expected "SchemaPart"' in said
    assert '"EvaluationPart" has no attribute "evalute"' in said
    assert said.count("error:") == 3


def test_tasks_are_found_by_name_and_the_nearest_is_suggested() -> None:
    with pytest.raises(UserError) as error:
        find_task("image_clasification")
    assert "Did you mean `image_classification`" in error.value.fix
    with pytest.raises(UserError, match=r"no task `nowhere\.at_all`"):
        find_task("nowhere.at_all")
