"""Damaged configurations and label maps are refused in words, and at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from data.detection.label_map import read_label_map
from object_detection.pipeline_config.new_recipe import recipe_from
from pipeline.errors import UserError
from tests.support.mutations import mutate
from tests.support.old_configs import PETS
from tests.support.zoo_configs import FPNLITE

MUTATIONS = 1000  # of each kind of file
MAP = "# a comment\n" + "".join(
    f"item {{\n  id: {number}\n  name: '/m/0{number}'\n  display_name: \"caf\\303\\251 {number}\"\n}}\n"
    for number in range(1, 9)
)


def check(read: Callable[[Path], object], contents: list[bytes], path: Path) -> int:
    """Read many mutations; return how many were refused."""
    refused, slowest = 0, 0.0
    for seed in range(MUTATIONS):
        content = mutate(random.Random(seed), contents[seed % len(contents)])
        path.write_bytes(content)
        began = time.process_time()
        try:
            read(path)
        except UserError as error:
            refused += 1
            assert error.what
        except Exception as error:  # pragma: no cover
            raise AssertionError(f"mutation {seed}: {content!r}") from error
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 2
    return refused


def test_a_damaged_pipeline_config_is_read_or_refused_in_words(tmp_path: Path) -> None:
    contents = [PETS.encode(), FPNLITE.encode()]
    refused = check(lambda path: recipe_from(path, tmp_path / "new", "new"), contents, tmp_path / "pipeline.config")
    assert refused > MUTATIONS / 2


def test_a_damaged_label_map_is_read_or_refused_in_words(tmp_path: Path) -> None:
    assert check(read_label_map, [MAP.encode()], tmp_path / "label_map.pbtxt") > MUTATIONS / 4
