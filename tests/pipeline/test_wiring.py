"""Wrong wires are refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.artifacts import Examples, Model
from pipeline.component import Context, building, component
from pipeline.errors import UsageError
from tests.pipeline.conftest import ToyLine
from tests.support import toy_line
from tests.support.toy_line import Recipe


def refused(line: ToyLine, wire: Callable[[Recipe], object]) -> str:
    with pytest.raises(UsageError) as error:
        toy_line.runner_of(line.workspace, line.values(), wire=wire)
    assert not list((line.workspace / "artifacts").glob("*/*"))
    return str(error.value)


def test_an_artifact_of_the_wrong_type_is_refused_by_name(line: ToyLine) -> None:
    def wire(recipe: Recipe) -> None:
        examples = toy_line.reader(config=recipe.data)
        toy_line.judge(examples, baseline=None)

    assert "`judge` needs `model`: a Model, not the Examples of `reader`" in refused(line, wire)


def test_a_missing_input_is_named(line: ToyLine) -> None:
    assert "`checker` needs `examples`" in refused(line, lambda recipe: toy_line.checker(config=recipe.validation))


def test_a_misspelt_argument_is_answered_with_the_right_one(line: ToyLine) -> None:
    assert "Did you mean `config`?" in refused(line, lambda recipe: toy_line.reader(confg=recipe.data))


def test_settings_of_another_class_are_refused(line: ToyLine) -> None:
    assert "a DataConfig, not TrainerConfig" in refused(line, lambda recipe: toy_line.reader(config=recipe.trainer))


def test_too_many_arguments_are_refused(line: ToyLine) -> None:
    assert "takes 1 arguments" in refused(line, lambda recipe: toy_line.reader(recipe.data, 2))


def test_an_unknown_step_to_run_fresh_is_answered_with_the_nearest(line: ToyLine) -> None:
    with pytest.raises(UsageError, match="trainer"):
        line.run(fresh={"trainr"})


def test_a_component_outside_a_pipeline_is_the_plain_function(line: ToyLine, tmp_path: Path) -> None:
    examples, model = Examples.create(tmp_path / "examples"), Model.create(tmp_path / "model")
    toy_line.reader(examples=examples, config=toy_line.DataConfig(path=str(line.raw)))
    toy_line.trainer(examples, None, model, toy_line.TrainerConfig(steps=2), Context.standalone(tmp_path))
    assert model.read_json("model.json") == {"total": 24, "steps": 2}


def test_a_parameter_without_a_known_type_is_refused() -> None:
    @component()
    def odd(number: int) -> None: ...

    with building(), pytest.raises(UsageError, match="parameter `number`"):
        odd(number=3)
