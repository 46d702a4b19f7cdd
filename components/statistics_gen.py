"""Statistics of every split: TFDV's for the measurable features, and what the task measures beside them."""

from __future__ import annotations

from components.tasks import find_task
from data.config import BeamConfig
from pipeline.artifacts import Examples, Statistics
from pipeline.component import Context, Out, component
from pipeline.errors import UserError


@component(requires=["tensorflow-data-validation", "tensorflow", "apache-beam"], part="statistics")
def statistics_gen(examples: Examples, statistics: Out[Statistics], beam: BeamConfig, context: Context) -> None:
    """Write `<split>.pb` (TFDV), `statistics.json` (the same, for reading), `samples/` and normalisation constants."""
    if not examples.splits.get("train"):
        raise UserError(
            "There is no example in the training split.", str(examples.path), "Check `data.split` and the data itself."
        )
    from components.statistics.measure import count
    from components.statistics.summary import summarize
    from data.beam import watch

    part = find_task(examples.task).statistics
    splits = sorted(split for split, number in examples.splits.items() if number)
    sizes = {f"{split}.pb": examples.splits[split] for split in splits}
    with watch(statistics.path, sizes, "statistics", context.progress):
        sums = count(examples, splits, statistics, beam)
    summaries = {split: summarize(statistics.file(f"{split}.pb")) for split in splits}
    statistics.write_json("statistics.json", {**part.page(examples), "splits": summaries})
    part.write_samples(examples, statistics)
    statistics.write_facts(part.facts(examples, splits, sums))
