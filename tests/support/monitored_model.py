"""A workspace with a model that was pushed but never trained, what it was trained on, and logs of requests to it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorflow import make_tensor_proto
from tensorflow_serving.apis import prediction_log_pb2

from data.tfdv import import_tfdv
from data.tfrecord import write_record
from pipeline.artifacts import Anomalies, Artifact, Examples, Model, PushedModel, SavedModel, Schema, Statistics
from pipeline.workspace import Workspace
from serving.monitor.measuring import statistics_of
from serving.monitor.task import Row

DAY = 86_400
START = 1_700_000_000


@dataclass
class Line:
    """Seals steps as a run does."""

    workspace: Workspace
    digests: dict[str, str] = field(default_factory=dict)

    def seal(self, component: str, inputs: Sequence[str], **outputs: Artifact) -> None:
        """Seal what a component wrote; `inputs` are names of earlier outputs, or PARAMETER=OUTPUT."""
        parameters = {text.partition("=")[0]: self.digests[text.rpartition("=")[2]] for text in inputs}
        record: dict[str, Any] = {
            "component": component,
            "fingerprint": f"{component}0",
            "parts": {},
            "recipe": "r",
            "run": "run-1",
            "started": START,
            "seconds": 1.0,
            "reason": "",
            "inputs": parameters,
            "outputs": {},
        }
        temporary = next(iter(outputs.values())).path.parent
        for name, artifact in outputs.items():
            artifact.properties.setdefault("made as", name)  # empty folders would all have the same digest
        sealed = self.workspace.seal(temporary, record, outputs)
        self.digests |= {name: item["digest"] for name, item in sealed["outputs"].items()}

    def begin(self, component: str) -> Path:
        return self.workspace.begin(component, f"{component}0")


def push_model(
    workspace: Path, facts: dict[str, Any], rows: list[Row], types: dict[str, str], schema_text: str = ""
) -> Workspace:
    """Make a workspace in which version 1 of `pet` was pushed, trained on examples with these features.

    Args:
        facts: properties of the examples.
        types: feature -> INT, FLOAT or BYTES.
        schema_text: the user's own schema; by default it is inferred.
    """
    made = Workspace(workspace)
    line = Line(made)
    examples = Examples.create(line.begin("example_gen") / "examples")
    examples.properties = facts
    line.seal("example_gen", [], examples=examples)
    statistics = Statistics.create(line.begin("statistics_gen") / "statistics")
    counted = statistics_of(rows, types)
    statistics.file("train.pb").write_bytes(counted.SerializeToString(deterministic=True))
    line.seal("statistics_gen", ["examples"], statistics=statistics)
    schema = Schema.create(line.begin("schema_gen") / "schema")
    text = schema_text or text_format.MessageToString(import_tfdv().infer_schema(counted))
    schema.file("schema.pbtxt").write_text(text)
    schema.properties = {"curated": bool(schema_text), "features": sorted(types)}
    line.seal("schema_gen", ["statistics"], schema=schema)
    line.seal(
        "example_validator",
        ["examples", "statistics", "schema"],
        anomalies=Anomalies.create(line.begin("example_validator") / "anomalies"),
    )
    line.seal(
        "trainer", ["examples", "statistics", "checked=anomalies"], model=Model.create(line.begin("trainer") / "model")
    )
    line.seal("exporter", ["examples", "model"], saved_model=SavedModel.create(line.begin("exporter") / "saved_model"))
    pushed = PushedModel.create(line.begin("pusher") / "pushed_model")
    pushed.properties = {"name": "pet", "version": 1}
    line.seal("pusher", ["saved_model"], pushed_model=pushed)
    (made.path / "served_models" / "pet" / "1").mkdir(parents=True)
    return made


def write_log(
    file: Path,
    requests: Iterable[tuple[dict[str, Any], dict[str, Any]]],
    version: int = 1,
    signature: str = "",
    start: int = START,
    every: int = 600,
) -> None:
    """Add requests, each inputs and outputs by name, to a log; one every so many seconds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        for number, (inputs, outputs) in enumerate(requests):
            write_record(stream, prediction_log(inputs, outputs, version, signature, start + number * every))


def prediction_log(inputs: dict[str, Any], outputs: dict[str, Any], version: int, signature: str, time: int) -> bytes:
    """Return a serialized PredictionLog."""
    record = prediction_log_pb2.PredictionLog()
    record.log_metadata.timestamp_secs = time
    request, response = record.predict_log.request, record.predict_log.response
    request.model_spec.name, request.model_spec.signature_name = "pet", signature
    response.model_spec.version.value = version
    for target, arrays in ((request.inputs, inputs), (response.outputs, outputs)):
        for name, value in arrays.items():
            target[name].CopyFrom(make_tensor_proto(value))
    serialized: bytes = record.SerializeToString()
    return serialized


def images(count: int, seed: int, brightness: float = 0.5, size: int = 8) -> list[bytes]:
    """Return grey PNG files whose mean brightness is spread around a value."""
    random = np.random.default_rng(seed)
    files = []
    for level in np.clip(random.normal(brightness, 0.1, count), 0.05, 0.95):
        stream = io.BytesIO()
        Image.fromarray(np.full((size, size), round(255 * level), np.uint8)).save(stream, "PNG")
        files.append(stream.getvalue())
    return files
