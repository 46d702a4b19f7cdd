"""Forecasting: what comes next in a series."""

from __future__ import annotations

from components.tasks import task
from components.tasks.forecasting.config import ForecastRecipe
from components.tasks.forecasting.metric_list import METRICS, RMSE
from serving.monitor.task import MonitoringPart


class Forecasting(task.Task):
    """Forecasting: what comes next in a series."""

    name = "forecasting"
    recipe = ForecastRecipe
    metrics = METRICS
    primary_metric = RMSE
    requires = {"ingest": ("pandas", "google-crc32c"), "evaluation": ("statsmodels", "scipy")}
    served_output = "forecast"
    predict_takes = frozenset({"out", "settings"})
    predict_reads_workspace = True  # how a file is read stands in the exported model

    @property
    def ingest(self) -> task.IngestPart:
        from components.tasks.forecasting import ingest

        return ingest

    @property
    def statistics(self) -> task.StatisticsPart:
        from components.tasks.forecasting import statistics

        return statistics

    @property
    def schema(self) -> task.SchemaPart:
        from components.tasks.forecasting import schema

        return schema

    @property
    def checks(self) -> task.ChecksPart:
        from components.tasks.forecasting import checks

        return checks

    @property
    def training(self) -> task.TrainingPart:
        from components.tasks.forecasting import training

        return training

    @property
    def evaluation(self) -> task.EvaluationPart:
        from components.tasks.forecasting import evaluation

        return evaluation

    @property
    def export(self) -> task.ExportPart:
        from components.tasks.forecasting import export

        return export

    @property
    def serving_check(self) -> task.ServingCheckPart:
        from components.tasks.forecasting import serving_check

        return serving_check

    @property
    def predict_command(self) -> task.PredictPart:
        from components.tasks.forecasting import predict_command

        return predict_command

    @property
    def monitoring(self) -> MonitoringPart:
        from components.tasks.forecasting import monitoring

        return monitoring

    @property
    def data_check(self) -> task.DataCheckPart:
        from components.tasks.forecasting import data_check

        return data_check

    @property
    def report(self) -> task.ReportPart:
        from components.tasks.forecasting import report

        return report


TASK = Forecasting()
