"""A task in one module, for what is small: a trial, or a beginning."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from components.tasks import task
from serving.monitor.task import MonitoringPart


class AllParts(
    task.IngestPart,
    task.StatisticsPart,
    task.SchemaPart,
    task.ChecksPart,
    task.TrainingPart,
    task.EvaluationPart,
    task.ExportPart,
    task.ServingCheckPart,
    task.PredictPart,
    MonitoringPart,
    task.DataCheckPart,
    task.ReportPart,
    Protocol,
):
    """Everything that the steps and commands ask of a task."""


class SmallTask(task.Task):
    """A task whose parts all stand in one module, which is imported when the first of them is asked for."""

    @property
    @abstractmethod
    def parts(self) -> AllParts:
        """The module."""

    def module_of(self, part: str) -> str:
        return f"{type(self).__module__.rpartition('.')[0]}.parts"

    @property
    def ingest(self) -> task.IngestPart:
        return self.parts

    @property
    def statistics(self) -> task.StatisticsPart:
        return self.parts

    @property
    def schema(self) -> task.SchemaPart:
        return self.parts

    @property
    def checks(self) -> task.ChecksPart:
        return self.parts

    @property
    def training(self) -> task.TrainingPart:
        return self.parts

    @property
    def evaluation(self) -> task.EvaluationPart:
        return self.parts

    @property
    def export(self) -> task.ExportPart:
        return self.parts

    @property
    def serving_check(self) -> task.ServingCheckPart:
        return self.parts

    @property
    def predict_command(self) -> task.PredictPart:
        return self.parts

    @property
    def monitoring(self) -> MonitoringPart:
        return self.parts

    @property
    def data_check(self) -> task.DataCheckPart:
        return self.parts

    @property
    def report(self) -> task.ReportPart:
        return self.parts
