"""Score the trained model on examples it has never seen, and say whether it is good enough to serve."""

from __future__ import annotations

from components.evaluation.config import EvaluatorConfig
from components.tasks import find_task
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context, Out, component
from pipeline.errors import UserError, did_you_mean


@component(requires=["tensorflow", "keras", "numpy", "matplotlib"], part="evaluation")
def evaluator(
    examples: Examples,
    model: Model,
    baseline: Model | None,
    evaluation: Out[Evaluation],
    blessing: Out[Blessing],
    config: EvaluatorConfig,
    context: Context,
) -> None:
    """Write metrics.json, details.json, predictions.npz and plots to `evaluation`, and the verdict to `blessing`.

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training
    ended.
    """
    check_split(examples, config)
    find_task(examples.task).evaluation.evaluate(examples, model, baseline, evaluation, blessing, config, context)


def check_split(examples: Examples, config: EvaluatorConfig) -> None:
    """Refuse to score a split without examples, and thresholds for another split than the scored one."""
    if not examples.splits.get(config.split):
        filled = [split for split, number in examples.splits.items() if number]
        raise UserError(
            f"There are no examples in split `{config.split}` to score.",
            "evaluator.split",
            did_you_mean(config.split, filled),
        )
    for name in config.thresholds:
        if name.partition("/")[0] != config.split:
            raise UserError(
                f"`{name}` cannot be checked: split `{config.split}` is scored.",
                "evaluator.thresholds",
                f"Write `{config.split}/{name.partition('/')[2]}`, or set evaluator.split.",
            )
