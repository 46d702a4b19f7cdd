"""Object detection: images with boxes in, a detector out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.networks import find_network
from components.tasks import task
from components.tasks.object_detection.config import DetectionRecipe
from components.tasks.object_detection.facts import DetectionExamplesFacts
from components.tasks.object_detection.metric_list import MAP, METRICS
from components.tasks.object_detection.start import find_start
from data.config import RawDataConfig
from data.detection.config import DetectionDataConfig
from pipeline.component import SourceTree
from pipeline.errors import UserError
from pipeline.settings import narrow
from serving.monitor.task import MonitoringPart

if TYPE_CHECKING:
    from components.config import StandardRecipe
    from components.training.config import TrainerConfig
    from components.validation.stopping import Unusable
    from data.findings import Finding
    from pipeline.artifacts import Examples
    from pipeline.progress import Progress

KERAS = ("tf-keras", "tf-models-official")


class ObjectDetection(task.Task):
    """Object detection: images with boxes in, a detector out."""

    name = "object_detection"
    recipe = DetectionRecipe
    metrics = METRICS
    primary_metric = MAP
    environment = {"TF_USE_LEGACY_KERAS": "1"}  # Model Garden is written for tf-keras
    extra = "detection"
    extra_packages = {
        "official": "tf-models-official (Model Garden)",
        "tf_keras": "tf-keras",
        "pycocotools": "pycocotools",
    }
    requires = {
        "ingest": ("pillow",),
        "statistics": ("pillow",),
        "training": (*KERAS, "pycocotools"),
        "evaluation": ("pycocotools", *KERAS),
        "export": KERAS,
        "serving_check": KERAS,
    }
    served_output = "detection_boxes"
    predict_takes = frozenset({"out", "min_score"})

    @property
    def ingest(self) -> task.IngestPart:
        from components.tasks.object_detection import ingest

        return ingest

    @property
    def statistics(self) -> task.StatisticsPart:
        from components.tasks.object_detection import statistics

        return statistics

    @property
    def schema(self) -> task.SchemaPart:
        from components.tasks.object_detection import schema

        return schema

    @property
    def checks(self) -> task.ChecksPart:
        from components.tasks.object_detection import checks

        return checks

    @property
    def training(self) -> task.TrainingPart:
        from components.tasks.object_detection import training

        return training

    @property
    def evaluation(self) -> task.EvaluationPart:
        from components.tasks.object_detection import evaluation

        return evaluation

    @property
    def export(self) -> task.ExportPart:
        from components.tasks.object_detection import export

        return export

    @property
    def serving_check(self) -> task.ServingCheckPart:
        from components.tasks.object_detection import serving_check

        return serving_check

    @property
    def predict_command(self) -> task.PredictPart:
        from components.tasks.object_detection import predict_command

        return predict_command

    @property
    def monitoring(self) -> MonitoringPart:
        from components.tasks.object_detection import monitoring

        return monitoring

    @property
    def data_check(self) -> task.DataCheckPart:
        from components.tasks.object_detection import data_check

        return data_check

    @property
    def report(self) -> task.ReportPart:
        from components.tasks.object_detection import report

        return report

    def unusable(self, findings: list[Finding], examples: Examples) -> Unusable:
        from components.tasks.object_detection.checks import unusable

        facts = examples.facts_as(DetectionExamplesFacts)
        return unusable(findings, facts.splits, facts.boxes)

    def find_start(self, config: TrainerConfig, progress: Progress) -> Path | None:
        return find_start(config, progress)

    def sources(self, config: RawDataConfig, progress: Progress) -> list[SourceTree]:
        trees = super().sources(config, progress)
        label_map = narrow(config, DetectionDataConfig).label_map
        if label_map:
            if not label_map.is_file():
                raise UserError("There is no such label map.", str(label_map), "Check `data.label_map`.")
            trees.append(SourceTree(label_map.resolve().parent, [label_map.resolve()]))
        return trees

    def idle_settings(self, recipe: StandardRecipe) -> dict[str, str]:
        network = recipe.trainer.network
        if find_network(network, self.name).mines_negatives:
            return {}
        return {"trainer.negatives_per_positive": f"the loss of {network} takes all background anchors"}


TASK = ObjectDetection()
