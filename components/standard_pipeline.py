"""The standard line, from raw data to a pushed model."""

from __future__ import annotations

from typing import Any

from components.evaluator import evaluator
from components.example_gen import example_gen
from components.example_validator import example_validator
from components.exporter import exporter
from components.infra_validator import infra_validator
from components.pusher import pusher
from components.schema_gen import schema_gen
from components.statistics_gen import statistics_gen
from components.trainer import trainer
from pipeline.component import earlier, latest_blessed


def standard(recipe: Any) -> None:
    """Wire the components; nothing runs here."""
    examples = example_gen(config=recipe.data, beam=recipe.beam)
    statistics = statistics_gen(examples, beam=recipe.beam)
    schema = schema_gen(statistics, config=recipe.schema_gen)
    anomalies = example_validator(examples, statistics, schema, previous=earlier(statistics), config=recipe.validation)
    model = trainer(examples, statistics, checked=anomalies, config=recipe.trainer)
    evaluation, blessing = evaluator(examples, model, baseline=latest_blessed(model), config=recipe.evaluator)
    saved_model = exporter(examples, model, config=recipe.exporter)
    infra_blessing = infra_validator(examples, model, saved_model, config=recipe.infra_validator)
    pusher(saved_model, blessing, infra_blessing, config=recipe.pusher, serving=recipe.serving)
