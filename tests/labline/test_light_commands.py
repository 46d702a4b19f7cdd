"""Commands that compute nothing load nothing heavy, and answer at once; for a run in which all is reused see
`tests/test_whole_line.py`.
"""

from __future__ import annotations

import pytest

from tests.support.light import loaded_by


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["recipe", "list"], ["recipe", "show", "object_detection"], ["data", "list"]],
)
def test_a_command_that_only_tells_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(*arguments) == (0, "[]")
