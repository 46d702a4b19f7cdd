"""A version's own batching settings: batching_params.pbtxt, which lies beside its saved_model.pb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from serving.config import BatchingConfig
from serving.protos import read
from serving.server_config_files import BATCHING_FILE, BatchingParameters, write_batching

LARGEST_REQUEST = 4096  # rows; it is split into batches


def write_version_batching(version: Path, config: BatchingConfig) -> str:
    """Write a version's batching settings if it should have any; return why it has none, or nothing.

    Raises:
        UserError: the settings do not go together.
    """
    if config.enabled is False:
        return "`serving.batching.enabled` is off"
    if config.enabled is None and (obstacle := find_obstacle(version)):
        return obstacle
    parameters = BatchingParameters(
        max_batch_size=max(LARGEST_REQUEST, config.max_batch_size),
        batch_timeout_micros=config.timeout_micros,
        max_enqueued_batches=config.max_enqueued_batches,
        allowed_batch_sizes=config.allowed_batch_sizes,
        enable_large_batch_splitting=True,
        max_execution_batch_size=config.max_batch_size,
    )
    try:
        write_batching(version / BATCHING_FILE, parameters)
    except UserError as error:
        raise UserError(error.what, "serving.batching", error.fix) from None
    return ""


def find_obstacle(version: Path) -> str:
    """Say what keeps requests from being merged safely; empty if nothing does."""
    try:
        graphs = read("SavedModel", (version / "saved_model.pb").read_bytes()).meta_graphs
    except (OSError, ValueError):
        return "its signatures cannot be read"
    for graph in graphs:
        for name, signature in sorted(graph.signature_def.items()):
            for key, info in sorted(signature.inputs.items()):
                if not has_rows(info.tensor_shape) or any(dim.size < 0 for dim in info.tensor_shape.dim[1:]):
                    return f"requests with `{key}` of signature `{name}` may differ in shape"
            for key, info in sorted(signature.outputs.items()) if signature.inputs else ():
                if not has_rows(info.tensor_shape):
                    return f"`{key}` of signature `{name}` has no row for each row of the request"
    return ""


def has_rows(shape: Any) -> bool:
    """Say whether the first dimension is a free number of rows."""
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size == -1
