"""What the client says when the picture or the address is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.client import Client, prepare


def test_a_text_file_for_a_picture_is_told_in_words_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError) as refused:
        prepare(tmp_path / "notes.txt")
    assert "corrupt_file" not in refused.value.what
    assert refused.value.fix


def test_an_address_without_http_is_told_how_addresses_look() -> None:
    with Client("nonsense") as client, pytest.raises(UserError) as refused:
        client.status("rose")
    assert "http://" in refused.value.fix
