"""Fit the recipe's network on the training examples."""

from __future__ import annotations

from components.networks import find_network, network_config
from components.tasks import find_task
from components.training.config import TrainerConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context, Out, SourceTree, component
from pipeline.fingerprint import marked_sources
from pipeline.progress import Progress


def sources(config: TrainerConfig, progress: Progress) -> list[SourceTree]:
    """Find the weights to begin with: those that the recipe names, and files that the network's own options name."""
    del progress
    options = network_config(config.network, config.options)
    return [*marked_sources(config), *(tree for tree in marked_sources(options) if tree.files[0].is_file())]


def prepare(config: TrainerConfig, progress: Progress) -> None:
    """Find the weights to begin with, downloaded if need be, so that what is missing is told before the first step.

    Raises:
        UserError: they are not to be had.
    """
    find_task(config.task).find_start(config, progress)
    find_network(config.network).prepare(network_config(config.network, config.options))


@component(requires=["tensorflow", "keras", "numpy"], part="training", sources=sources, prepare=prepare)
def trainer(
    examples: Examples,
    statistics: Statistics,
    checked: Anomalies,
    model: Out[Model],
    config: TrainerConfig,
    context: Context,
) -> None:
    """Write a trained model, its history and images to `model`, and TensorBoard logs to the run's folder."""
    del checked  # training waits for the checks; what they found is theirs to tell
    from components.training.fit import fit

    fit(find_task(examples.task), examples, statistics, model, config, context)
