"""A task: what differs between kinds of problems, one slot for each part that a step or a command asks for.

A slot returns a module that fits the slot's protocol, so `mypy` says which function is missing, misspelt or takes
something else. Modules are imported when a slot is first asked for: naming a task loads neither TensorFlow nor Beam.
"""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from components.training.start import find_start
from components.validation.stopping import Unusable, unusable_files
from data.locate import source_trees
from pipeline.component import SourceTree
from pipeline.errors import UserError, install_extra

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from components.config import StandardRecipe
    from components.evaluation.config import EvaluatorConfig
    from components.export.config import ExporterConfig
    from components.training.config import TrainerConfig
    from components.training.engine import Session
    from components.training.run import TrainingRun
    from data.config import BeamConfig, RawDataConfig
    from data.findings import Finding
    from data.validation.config import ValidationConfig
    from pipeline.artifacts import (
        Anomalies,
        Artifact,
        Blessing,
        Evaluation,
        Examples,
        Model,
        SavedModel,
        Statistics,
    )
    from pipeline.component import Context
    from pipeline.facts import StatisticsFacts
    from pipeline.metric import Metric
    from pipeline.progress import Progress
    from serving.client import Client, ModelClient
    from serving.monitor.task import MonitoringPart
    from serving.parity import Parity

Sums = list[list[int]]  # exact whole numbers, so that they are the same in whatever order they are added
Values = dict[str, Any]  # JSON values by name
Artifacts = Mapping[str, "Artifact | None"]  # output name -> sealed artifact; None where the run did not come so far
Inline = Callable[["Artifact", str], str]  # an artifact's image file as an address that needs no other file


class IngestPart(Protocol):
    """Raw data to examples, for example_gen."""

    def write_examples(self, examples: Examples, config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
        """Write `<split>-*.tfrecord` and `rejected.json`, and set the artifact's facts."""


@dataclass(frozen=True)
class ExactSums:
    """Whole numbers that statistics_gen adds up over the training split beside what TFDV measures.

    Attributes:
        feature: of bytes, whose values are summed.
        of: gives the sums of some of the values of the examples.
        add: adds up tables of sums, in any order and grouping.
    """

    feature: str
    of: Callable[[list[bytes], Examples], Sums]
    add: Callable[[Iterable[Sums]], Sums]


class StatisticsPart(Protocol):
    """What is measured beside what TFDV measures, for statistics_gen."""

    @property
    def PAYLOAD(self) -> tuple[str, ...]:  # noqa: N802 (constants of a module)
        """Features that TFDV is not shown."""

    @property
    def SUMS(self) -> ExactSums | None:  # noqa: N802
        """What is added up exactly, if anything."""

    def facts(self, examples: Examples, splits: list[str], sums: Sums) -> StatisticsFacts:
        """Return what the statistics of these splits say of themselves."""

    def page(self, examples: Examples) -> Values:
        """Return what `statistics.json` tells beside the features."""

    def write_samples(self, examples: Examples, statistics: Statistics) -> None:
        """Write images of some examples, if there are any to be shown."""


class SchemaPart(Protocol):
    """What is known of the features beforehand, for schema_gen."""

    def add_domains(self, schema: schema_pb2.Schema, statistics: Statistics) -> None:
        """Narrow the domains of the features, in place."""


class ChecksPart(Protocol):
    """Findings that TFDV cannot express, for example_validator."""

    def check(self, examples: Examples, config: ValidationConfig) -> list[Finding]:
        """Return what is wrong or odd in the examples."""

    def illustrate(self, findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
        """Write images of what the findings name, and set their `thumbnail`."""


class TrainingPart(Protocol):
    """The network and all that its training needs, for trainer."""

    @property
    def SESSION(self) -> Session:  # noqa: N802
        """The Keras that the networks are written in."""

    def begin(self, examples: Examples, statistics: Statistics, config: TrainerConfig, context: Context) -> TrainingRun:
        """Build the network and the objective; called where the strategy's variables are made."""


class EvaluationPart(Protocol):
    """Metrics, plots and the verdict, for evaluator."""

    def evaluate(
        self,
        examples: Examples,
        model: Model,
        baseline: Model | None,
        evaluation: Evaluation,
        blessing: Blessing,
        config: EvaluatorConfig,
        context: Context,
    ) -> None:
        """Write metrics.json, details.json, predictions.npz and plots to `evaluation`; the verdict to `blessing`."""


class ExportPart(Protocol):
    """Signatures and warm-up requests, for exporter."""

    def export(self, examples: Examples, model: Model, saved_model: SavedModel, config: ExporterConfig) -> None:
        """Write a SavedModel that takes raw data."""


class Expectation(ABC):
    """What the trained network says of some examples, to be compared with what the served one says."""

    split: str

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def ask(self, client: Client, name: str) -> tuple[dict[str, Parity], str]:
        """Ask the served model by every signature; return each one's parity, and other faults or an empty text."""

    def ask_files(self, saved_model: SavedModel) -> dict[str, Parity]:
        """Ask what lies beside the SavedModel for other runtimes; by default nothing does."""
        del saved_model
        return {}


class ServingCheckPart(Protocol):
    """What the served model must answer, for infra_validator."""

    def expect(self, examples: Examples, model: Model, count: int) -> Expectation:
        """Ask the trained network itself about so many examples."""


@dataclass(frozen=True)
class PredictOptions:
    """What one may say to `labline predict` beside the files.

    Attributes:
        version: that is asked; None asks the default one.
        workspace: of the server, if it is known.
        top: classes shown.
        as_json: print JSON instead of words.
        out: where a detector's boxes are drawn, or a forecaster's table is written.
        min_score: score below which a detector's boxes are left out.
        settings: how the files are read where it is not as the model's data were, each as `data.decimal=,`.
    """

    version: int | None = None
    workspace: Path | None = None
    top: int = 3
    as_json: bool = False
    out: Path | None = None
    min_score: float | None = None
    settings: tuple[str, ...] | None = None


class PredictPart(Protocol):
    """Files to requests, answers to words, for `labline predict` and the demo."""

    def predict(self, client: ModelClient, name: str, files: list[Path], options: PredictOptions) -> None:
        """Ask a served model about files and print its answers."""

    def demonstrate(self, client: Client, name: str, examples: Examples, folder: Path) -> None:
        """Ask about one test example, and print the request, the answer and the truth."""


class DataCheckPart(Protocol):
    """Raw data to facts and findings, for `labline data check`."""

    def recognize(self, place: Path) -> int:
        """Say how surely raw data that are there are the task's: 0 for not at all; the highest number has them.

        Raises:
            UserError: they are the task's, and something that belongs to them is missing.
        """

    def inspect(self, config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> Values:
        """Return what the data are like, `findings`, whether a run `stops`, and the `verdict` in words."""


class ReportPart(Protocol):
    """Figures and sections of the run's page; `sections.html` beside it draws them."""

    @property
    def CURVES(self) -> tuple[str, ...]:  # noqa: N802
        """Metrics whose course over the training is drawn."""

    @property
    def WIDE_IMAGES(self) -> bool:  # noqa: N802
        """Whether the images of the training take the page's whole width."""

    def figures(self, run: Values, artifacts: Artifacts) -> list[Values]:
        """Return the headline figures."""

    def data(self, artifacts: Artifacts, inline: Inline) -> Values | None:
        """Return what the section on the data shows."""

    def images(self, model: Artifact, inline: Inline) -> dict[str, list[str]]:
        """Return images of what the network learnt, by title."""

    def remark(self, model: Artifact) -> str:
        """Say what else there is to say of the training; empty for nothing."""

    def evaluation(self, artifacts: Artifacts, inline: Inline) -> Values | None:
        """Return what the section on the evaluation shows."""

    def queries(self, name: str, address: str, workspace: str) -> dict[str, str]:
        """Return what to type to ask the served model: `predict` and `query`."""


class Task(ABC):
    """A kind of problem.

    A subclass stands in `components/tasks/<name>/task.py`, its one object is `TASK` there, and each slot returns the
    module of its name beside it. Slots are abstract: a task without one cannot be made, and mypy says so.

    Attributes:
        name: as recipes write it.
        recipe: its settings.
        metrics: all that it is measured by, by name.
        primary_metric: the one that stands for a run.
        environment: variables of the process that must be set before TensorFlow is imported.
        extra: the extra of setup.py that it needs; empty for none.
        extra_packages: what is imported of that extra -> the package's name.
        requires: part -> packages whose versions belong to its fingerprint.
        served_output: of the default signature: how a served model is known to be this task's.
        predict_takes: which of `out`, `min_score` and `settings` mean something to `labline predict`.
        predict_reads_workspace: whether `labline predict` needs the workspace's copy of the model, whatever server
            is asked.
    """

    name: ClassVar[str]
    recipe: ClassVar[type[StandardRecipe]]
    metrics: ClassVar[Mapping[str, Metric]]
    primary_metric: ClassVar[Metric]
    served_output: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}
    extra: ClassVar[str] = ""
    extra_packages: ClassVar[Mapping[str, str]] = {}
    requires: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    predict_takes: ClassVar[frozenset[str]] = frozenset()
    predict_reads_workspace: ClassVar[bool] = False

    @property
    @abstractmethod
    def ingest(self) -> IngestPart: ...

    @property
    @abstractmethod
    def statistics(self) -> StatisticsPart: ...

    @property
    @abstractmethod
    def schema(self) -> SchemaPart: ...

    @property
    @abstractmethod
    def checks(self) -> ChecksPart: ...

    @property
    @abstractmethod
    def training(self) -> TrainingPart: ...

    @property
    @abstractmethod
    def evaluation(self) -> EvaluationPart: ...

    @property
    @abstractmethod
    def export(self) -> ExportPart: ...

    @property
    @abstractmethod
    def serving_check(self) -> ServingCheckPart: ...

    @property
    @abstractmethod
    def predict_command(self) -> PredictPart: ...

    @property
    @abstractmethod
    def monitoring(self) -> MonitoringPart: ...

    @property
    @abstractmethod
    def data_check(self) -> DataCheckPart: ...

    @property
    @abstractmethod
    def report(self) -> ReportPart: ...

    def module_of(self, part: str) -> str:
        """Return the name of the module that a slot gives, without importing it, for the fingerprint of its code."""
        return f"{type(self).__module__.rpartition('.')[0]}.{part}"

    def packages_of(self, part: str) -> tuple[str, ...]:
        """Return the packages whose versions belong to a part's fingerprint."""
        return self.requires.get(part, ())

    def prepare_process(self) -> None:
        """Make ready what the task needs of the process before TensorFlow is imported.

        Raises:
            UserError: packages of its extra are not installed.
        """
        missing = [name for module, name in self.extra_packages.items() if importlib.util.find_spec(module) is None]
        if missing:
            raise UserError(
                f"{self.name.replace('_', ' ').capitalize()} needs packages that are not installed: "
                f"{', '.join(missing)}.",
                f"task: {self.name}",
                install_extra(self.extra),
            )
        os.environ.update(self.environment)

    def unusable(self, findings: list[Finding], examples: Examples) -> Unusable:
        """Say how much of the raw data cannot be used: by default files.

        Args:
            findings: what ingest found.
            examples: what it wrote.
        """
        return unusable_files(findings, examples.splits)

    def find_start(self, config: TrainerConfig, progress: Progress) -> Path | None:
        """Return where the weights to begin with are, downloaded if need be; None if the recipe names none.

        Raises:
            UserError: they are not to be had.
        """
        return find_start(config)

    def sources(self, config: RawDataConfig, progress: Progress) -> list[SourceTree]:
        """Find the raw files, fetching a data set of the catalogue that is not here yet.

        Every run asks for them, also one in which all is reused: this must load nothing heavy.

        Raises:
            UserError: there are no such data.
        """
        return [SourceTree(root, files) for root, files in source_trees(config, progress)]

    def idle_settings(self, recipe: StandardRecipe) -> dict[str, str]:
        """Return the keys that the other values of a recipe leave without effect, each with the reason.

        There are none by default.
        """
        del recipe
        return {}
