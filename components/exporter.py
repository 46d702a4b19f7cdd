"""Export the trained network as a SavedModel that takes raw data and needs no Keras and no client's preprocessing."""

from __future__ import annotations

from components.export.config import ExporterConfig
from components.tasks import find_task
from pipeline.artifacts import Examples, Model, SavedModel
from pipeline.component import Out, component


@component(requires=["tensorflow", "keras", "tensorflow-serving-api"], part="export")
def exporter(examples: Examples, model: Model, saved_model: Out[SavedModel], config: ExporterConfig) -> None:
    """Write a SavedModel with named signatures, assets, and warm-up requests in assets.extra; the task says which."""
    find_task(examples.task).export.export(examples, model, saved_model, config)
