"""Not found: what a server means when it does not know a model, a version or a label, and which ones there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError, did_you_mean
from serving.client.answers import ServerError
from serving.client.model_client import ModelClient
from serving.model_config import FILE_NAME, FOLDER, ModelConfig, read_models

NOT_THERE = (400, 404)  # a label that is not there is a 400


@contextmanager
def explaining_not_found(
    client: ModelClient, workspace: Path | None, name: str, version: int | None = None, label: str = ""
) -> Iterator[None]:
    """Tell what there is, if the block asks for a model, a version or a label that is not there.

    Args:
        workspace: whose models.config names models and labels.

    Raises:
        ServerError: as the block, with a sentence more.
    """
    try:
        yield
    except ServerError as error:
        if error.status not in NOT_THERE or error.fix:
            raise
        known = models_of_workspace(workspace)
        serving = versions_serving(client, name)
        if error.status == 404 and not serving:
            fix = did_you_mean(name, known) if known else "`labline serve` says which models it serves."
            raise ServerError(f"The server has no model `{name}`.", error.where, fix, error.status) from error
        if label and "label" in error.what:
            fix = did_you_mean(label, known[name].labels if name in known else ())
            raise ServerError(f"`{name}` has no label `{label}`.", error.where, fix, error.status) from error
        if error.status == 404 and version is not None and version not in serving:
            fix = f"There are: {', '.join(map(str, serving))}."
            what = f"The server has no version {version} of `{name}`."
            raise ServerError(what, error.where, fix, error.status) from error
        raise


def models_of_workspace(workspace: Path | None) -> dict[str, ModelConfig]:
    """Return a workspace's models by name; none where it has no models.config that can be read."""
    try:
        return {model.name: model for model in read_models(workspace / FOLDER / FILE_NAME)} if workspace else {}
    except UserError:
        return {}


def versions_serving(client: ModelClient, name: str) -> list[int]:
    """Return the versions of a model that answer; none if there is no such model."""
    try:
        return sorted(item.version for item in client.status(name) if item.state == "AVAILABLE")
    except ServerError:
        return []
