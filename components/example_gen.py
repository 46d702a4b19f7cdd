"""Turn raw data into sharded TFRecords for training, validation and test, and a list of what is wrong with the data."""

from __future__ import annotations

from components.tasks import find_task
from data.config import BeamConfig, RawDataConfig
from pipeline.artifacts import Examples
from pipeline.component import Context, Out, SourceTree, component
from pipeline.progress import Progress


def sources(config: RawDataConfig, beam: BeamConfig, progress: Progress) -> list[SourceTree]:
    """Find the raw files, fetching a data set of the catalogue that is not here yet."""
    del beam
    return find_task(config.task).sources(config, progress)


@component(requires=["apache-beam", "numpy"], part="ingest", sources=sources)
def example_gen(examples: Out[Examples], config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
    """Write `<split>-*.tfrecord` and `rejected.json`.

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    find_task(config.task).ingest.write_examples(examples, config, beam, context)
