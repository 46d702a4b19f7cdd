"""Serve the exported model in a process of its own, ask it over REST, and bless it if it answers as the trained network does."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipeline.artifacts import MANIFEST, Examples, InfraBlessing, Model, SavedModel
from pipeline.component import Context, Out, component
from pipeline.settings import NotFingerprinted, Settings
from serving.config import Engine
from serving.parity import Parity

if TYPE_CHECKING:
    import numpy as np

    from serving.client import Client

NAME = "candidate"
MOST_PIXEL_VALUES = 600_000  # sent as JSON numbers, about 2.5 MB


class InfraValidatorConfig(Settings):
    """How the served model is compared with the trained one."""

    tolerance: float = Field(1e-5, gt=0, description="largest absolute difference of any probability that is let pass")
    examples: int = Field(64, gt=0, description="test pictures that are sent")
    engine: Engine = Field(
        "auto", description="server: `tensorflow-serving`, `docker`, `embedded`; `auto`: the first of these there is"
    )
    timeout: Annotated[float, NotFingerprinted()] = Field(
        180.0, gt=0, description="seconds the server has to become ready"
    )


@dataclass(frozen=True)
class Expectation:
    """What the trained network says of some pictures, worked out as a user of the .keras file would."""

    records: list[bytes]
    encoded: list[bytes]
    pixels: np.ndarray
    probabilities: np.ndarray
    labels: list[str]
    split: str


@component(requires=["tensorflow", "keras", "tensorflow-serving-api", "uvicorn", "starlette"])
def infra_validator(
    examples: Examples,
    model: Model,
    saved_model: SavedModel,
    infra_blessing: Out[InfraBlessing],
    config: InfraValidatorConfig,
    context: Context,
) -> None:
    """Write whether the served answers equal the network's, and by how much they differ at most.

    A server that does not start, or refuses a request, is no error of the run: the model is not blessed and
    `server.log` in the artifact says why.
    """
    from serving.client import Client, ServerError
    from serving.launch import start_server
    from serving.tensorflow_serving import Models

    base_path = prepare_base_path(saved_model, context.scratch / "served")
    log = infra_blessing.file("server.log")
    # the server imports TensorFlow while this process works out what the answers should be
    server = start_server(Models(base_path.parent, name=NAME, base_path=base_path), log, config.engine)
    facts: dict[str, Any] = {"tolerance": config.tolerance, "engine": server.engine, "max_difference": None}
    try:
        expected = expect(examples, model, config.examples)
        facts |= {"examples": len(expected.records), "split": expected.split}
        server.wait_until_ready(config.timeout)
        with Client(server.url) as client:
            differences, problem = ask(client, expected)
        facts["differences"] = {name: parity.max_difference for name, parity in differences.items()}
        facts["max_difference"] = max(facts["differences"].values())
        reason = problem or judge(differences, config.tolerance)
    except ServerError as error:
        facts.setdefault("examples", 0)
        reason = f"the server failed: {error.what}"
    finally:
        server.stop()
        shutil.rmtree(base_path.parent, ignore_errors=True)
    if not reason:
        log.unlink()  # holds times and process numbers, and nobody needs it
    infra_blessing.properties = {"blessed": not reason, "reason": first_line(reason), **finite(facts)}


def prepare_base_path(saved_model: SavedModel, folder: Path) -> Path:
    """Lay out the SavedModel as version 1 of a model; hard links cost no space."""
    shutil.rmtree(folder, ignore_errors=True)
    version = folder / NAME / "1"
    try:
        shutil.copytree(saved_model.path, version, copy_function=link, ignore=shutil.ignore_patterns(MANIFEST))
    except (OSError, shutil.Error):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved_model.path, version, ignore=shutil.ignore_patterns(MANIFEST))
    return version.parent


def link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def expect(examples: Examples, model: Model, count: int) -> Expectation:
    """Ask the trained network itself."""
    import tensorflow as tf

    from components.networks import load_model
    from components.tasks.image_classification import decode, output_kind, probabilities
    from serving.samples import encoded_picture, sample_records

    split, records = sample_records(examples, count)
    encoded = [encoded_picture(record) for record in records]
    network = load_model(model)
    pixels = tf.function(decode)(tf.constant(encoded), tuple(model.properties["input_shape"])).numpy()
    answers = probabilities(
        network.predict(pixels.astype("float32"), batch_size=32, verbose=0), output_kind(network)
    ).numpy()
    return Expectation(records, encoded, pixels, answers, model.properties["labels"], split)


def ask(client: Client, expected: Expectation) -> tuple[dict[str, Parity], str]:
    """Send the pictures by every signature; return the parity of each, and what is wrong with the labels."""
    from serving.client import PICTURES_AT_ONCE
    from serving.parity import check_labels, compare

    few = min(len(expected.records), max(1, MOST_PIXEL_VALUES // expected.pixels[0].size))
    sent: dict[str, list[Any]] = {
        "serving_default": expected.encoded,
        "examples": expected.records,
        "pixels": list(expected.pixels[:few]),
    }
    differences, problem = {}, ""
    for signature, instances in sent.items():
        answers: list[dict[str, Any]] = []
        for start in range(0, len(instances), PICTURES_AT_ONCE):
            answers += client.predict(NAME, instances=instances[start : start + PICTURES_AT_ONCE], signature=signature)
        got = [answer["probabilities"] for answer in answers]
        differences[signature] = compare(got, expected.probabilities[: len(instances)])
        if not differences[signature].problem:
            class_ids, given = [answer["class_id"] for answer in answers], [answer["label"] for answer in answers]
            problem = problem or check_labels(class_ids, given, got, expected.labels)
    return differences, problem


def judge(differences: dict[str, Parity], tolerance: float) -> str:
    """Say why the model is not blessed; empty if it is."""
    for signature, parity in differences.items():
        if parity.problem:
            return f"signature `{signature}`: {parity.problem}"
        if parity.max_difference > tolerance:
            return (
                f"signature `{signature}`: picture {parity.worst} differs by {parity.max_difference:.3g} from what the "
                f"trained network says; the tolerance is {tolerance:g}"
            )
    return ""


def first_line(reason: str) -> str:
    return reason.splitlines()[0] if reason else "the served answers equal the trained network's"


def finite(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts that JSON has a form for: an infinite difference is written as null."""
    differences = {
        name: value if value < float("inf") else None for name, value in facts.get("differences", {}).items()
    }
    largest = facts["max_difference"]
    return {
        **facts,
        "differences": differences,
        "max_difference": largest if largest is None or largest < float("inf") else None,
    }
