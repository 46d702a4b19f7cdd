"""Serve the exported model in its own process, ask it over REST, bless it if it answers as the trained network."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from components.config import InfraValidatorConfig
from components.tasks import find_task
from components.tasks.task import Expectation
from pipeline.artifacts import MANIFEST, Examples, InfraBlessing, Model, SavedModel
from pipeline.component import Context, Out, component
from pipeline.facts import InfraVerdictFacts
from serving.parity import Parity

if TYPE_CHECKING:
    from serving.launch import Server

NAME = "candidate"


@component(requires=["tensorflow", "keras", "tensorflow-serving-api", "httptools", "uvloop"], part="serving_check")
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
    from serving.launch import start_server
    from serving.tensorflow_serving import Models

    part = find_task(examples.task).serving_check
    base_path = prepare_base_path(saved_model, context.scratch / "served")
    log = infra_blessing.file("server.log")
    # the server imports TensorFlow while this process works out what the answers should be
    server = start_server(Models(base_path.parent, name=NAME, base_path=base_path), log, config.engine)
    try:
        expected = part.expect(examples, model, config.examples)
        differences, reason = ask(server, expected, saved_model, config)
    finally:
        server.stop()
        shutil.rmtree(base_path.parent, ignore_errors=True)
    if not reason:
        log.unlink()  # holds times and process numbers, and nobody needs it
    compared = [parity.max_difference for parity in differences.values() if parity.tolerance is None]
    infra_blessing.write_facts(
        InfraVerdictFacts(
            blessed=not reason,
            reason=first_line(reason),
            tolerance=config.tolerance,
            engine=server.engine,
            max_difference=finite(max(compared)) if compared else None,
            differences={name: finite(parity.max_difference) for name, parity in differences.items()},
            examples=len(expected),
            split=expected.split,
        )
    )


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


def ask(
    server: Server, expected: Expectation, saved_model: SavedModel, config: InfraValidatorConfig
) -> tuple[dict[str, Parity], str]:
    """Return how far the answers are from the expected ones, by signature, and why the model is not blessed.

    The reason is empty if it is; a server that fails gives no answers to compare.
    """
    from serving.client import Client, ServerError

    try:
        server.wait_until_ready(config.timeout)
        with Client(server.url) as client:
            differences, problem = expected.ask(client, NAME)
        differences |= expected.ask_files(saved_model)
    except ServerError as error:
        return {}, f"the server failed: {error.what}"
    return differences, problem or judge(differences, config.tolerance)


def judge(differences: dict[str, Parity], tolerance: float) -> str:
    """Say why the model is not blessed; empty if it is."""
    for signature, parity in differences.items():
        if parity.problem:
            return f"signature `{signature}`: {parity.problem}"
        allowed = tolerance if parity.tolerance is None else parity.tolerance
        if parity.max_difference > allowed:
            return (
                f"signature `{signature}`: example {parity.worst} differs by {parity.max_difference:.3g} from what the "
                f"trained network says; the tolerance is {allowed:g}"
            )
    return ""


def first_line(reason: str) -> str:
    return reason.splitlines()[0] if reason else "the served answers equal the trained network's"


def finite(difference: float) -> float | None:
    """Return a difference as JSON has a form for it: an infinite one is None."""
    return difference if difference < float("inf") else None
