"""A pushed version says itself how its requests are merged, where that is safe."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.config import BatchingConfig
from serving.server_config_files import BATCHING_FILE, read_batching
from serving.version_batching import write_version_batching

Save = Callable[..., Path]


def test_requests_of_one_shape_are_merged(half_plus_two: Path, tmp_path: Path) -> None:
    version = shutil.copytree(half_plus_two, tmp_path / "1")
    config = BatchingConfig(max_batch_size=8, timeout_micros=2000, allowed_batch_sizes=(2, 8))
    assert write_version_batching(version, config) == ""
    written = read_batching(version / BATCHING_FILE)
    assert (written.execution_size, written.batch_timeout_micros, written.max_enqueued_batches) == (8, 2000, 100)
    assert written.allowed_batch_sizes == (2, 8)
    assert written.max_batch_size == 4096, "a large request is split, not refused"


@pytest.mark.parametrize(
    ("shape", "outputs", "obstacle"),
    [
        ([None, None, 3], None, "`x` of signature `serving_default` may differ in shape"),
        ([3], None, "`x` of signature `serving_default` may differ in shape"),
        (None, None, "`x` of signature `serving_default` may differ in shape"),
        ([None, 2], "sum", "`y` of signature `serving_default` has no row"),
        ([None, 2], None, ""),
    ],
)
def test_requests_that_may_not_fit_together_are_not(
    save_model: Save, tmp_path: Path, shape: list[int | None] | None, outputs: str | None, obstacle: str
) -> None:
    import tensorflow as tf

    version = save_model(
        tmp_path / "1", lambda x: {"y": tf.reduce_sum(x) if outputs else tf.identity(x)}, {"x": (shape, "float32")}
    )
    assert obstacle in write_version_batching(version, BatchingConfig())
    assert (version / BATCHING_FILE).exists() == (not obstacle)
    assert write_version_batching(version, BatchingConfig(enabled=True)) == "", "unless the recipe insists"
    assert (version / BATCHING_FILE).exists()


def test_batching_can_be_off_and_wrong_settings_are_told(half_plus_two: Path, tmp_path: Path) -> None:
    version = shutil.copytree(half_plus_two, tmp_path / "1")
    assert "off" in write_version_batching(version, BatchingConfig(enabled=False))
    assert not (version / BATCHING_FILE).exists()
    with pytest.raises(UserError, match="allowed_batch_sizes") as caught:
        write_version_batching(version, BatchingConfig(max_batch_size=8, allowed_batch_sizes=(2, 4)))
    assert caught.value.where == "serving.batching"
