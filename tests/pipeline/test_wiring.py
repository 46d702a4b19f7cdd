"""Wrong wires are refused before anything runs."""

import pytest

from pipeline.artifacts import Examples, Model
from pipeline.component import Context, building
from pipeline.errors import UsageError


def refused(line, wire):
    with pytest.raises(UsageError) as error:
        line.toy.runner_of(line.workspace, line.values(), wire=wire)
    assert not list((line.workspace / "artifacts").glob("*/*"))
    return str(error.value)


def test_an_artifact_of_the_wrong_type_is_refused_by_name(line):
    def wire(recipe):
        examples = line.toy.reader(config=recipe.data)
        line.toy.judge(examples, baseline=None)

    assert "`judge` needs `model`: a Model, not the Examples of `reader`" in refused(line, wire)


def test_a_missing_input_is_named(line):
    assert "`checker` needs `examples`" in refused(line, lambda recipe: line.toy.checker(config=recipe.validation))


def test_a_misspelt_argument_is_answered_with_the_right_one(line):
    assert "Did you mean `config`?" in refused(line, lambda recipe: line.toy.reader(confg=recipe.data))


def test_settings_of_another_class_are_refused(line):
    assert "a DataConfig, not TrainerConfig" in refused(line, lambda recipe: line.toy.reader(config=recipe.trainer))


def test_too_many_arguments_are_refused(line):
    assert "takes 1 arguments" in refused(line, lambda recipe: line.toy.reader(recipe.data, 2))


def test_an_unknown_step_to_run_fresh_is_answered_with_the_nearest(line):
    with pytest.raises(UsageError, match="trainer"):
        line.run(fresh={"trainr"})


def test_a_component_outside_a_pipeline_is_the_plain_function(line, tmp_path):
    examples, model = Examples.create(tmp_path / "examples"), Model.create(tmp_path / "model")
    line.toy.reader(examples=examples, config=line.toy.DataConfig(path=str(line.raw)))
    line.toy.trainer(examples, None, model, line.toy.TrainerConfig(steps=2), Context.standalone(tmp_path))
    assert model.read_json("model.json") == {"total": 24, "steps": 2}


def test_a_parameter_without_a_known_type_is_refused():
    from pipeline.component import component

    @component()
    def odd(number: int) -> None: ...

    with building(), pytest.raises(UsageError, match="parameter `number`"):
        odd(number=3)
