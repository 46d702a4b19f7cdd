"""Image classification: which class an image belongs to."""

from __future__ import annotations

from components.tasks import task
from components.tasks.image_classification.config import ImageRecipe
from components.tasks.image_classification.metric_list import ACCURACY, METRICS
from serving.monitor.task import MonitoringPart


class ImageClassification(task.Task):
    """Image classification: which class an image belongs to."""

    name = "image_classification"
    recipe = ImageRecipe
    metrics = METRICS
    primary_metric = ACCURACY
    requires = {"ingest": ("pillow",), "statistics": ("pillow",)}
    served_output = "probabilities"

    @property
    def ingest(self) -> task.IngestPart:
        from components.tasks.image_classification import ingest

        return ingest

    @property
    def statistics(self) -> task.StatisticsPart:
        from components.tasks.image_classification import statistics

        return statistics

    @property
    def schema(self) -> task.SchemaPart:
        from components.tasks.image_classification import schema

        return schema

    @property
    def checks(self) -> task.ChecksPart:
        from components.tasks.image_classification import checks

        return checks

    @property
    def training(self) -> task.TrainingPart:
        from components.tasks.image_classification import training

        return training

    @property
    def evaluation(self) -> task.EvaluationPart:
        from components.tasks.image_classification import evaluation

        return evaluation

    @property
    def export(self) -> task.ExportPart:
        from components.tasks.image_classification import export

        return export

    @property
    def serving_check(self) -> task.ServingCheckPart:
        from components.tasks.image_classification import serving_check

        return serving_check

    @property
    def predict_command(self) -> task.PredictPart:
        from components.tasks.image_classification import predict_command

        return predict_command

    @property
    def monitoring(self) -> MonitoringPart:
        from components.tasks.image_classification import monitoring

        return monitoring

    @property
    def data_check(self) -> task.DataCheckPart:
        from components.tasks.image_classification import data_check

        return data_check

    @property
    def report(self) -> task.ReportPart:
        from components.tasks.image_classification import report

        return report


TASK = ImageClassification()
