"""Pictures and folders of pictures for the tests of `data`."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def image(number: int, kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    """Return the file of a random picture; `size` is (height, width)."""
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 2, "P": 1, "CMYK": 4, "1": 1}[mode]
    values = np.random.default_rng(number).integers(0, 256, (*size, channels)).astype(np.uint8)
    image = Image.fromarray(values.squeeze(-1) if channels == 1 else values, None if mode in ("P", "1") else mode)
    image = image.convert(mode) if mode in ("P", "1") else image
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def write_folder(root: Path, classes: dict[str, int], start: int = 0, kind: str = "PNG") -> Path:
    """Write `<class>/<number>.png` with different random pictures."""
    number = start
    for name, count in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (root / name / f"{index:03d}.{kind.lower()}").write_bytes(image(number, kind))
            number += 1
    return root


def write_zip(target: Path, root: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Pack a folder."""
    with zipfile.ZipFile(target, "w", compression) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root).as_posix())
    return target


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three classes of ten pictures."""
    return write_folder(tmp_path / "photos", {"ant": 10, "bee": 10, "cow": 10})


@pytest.fixture
def make_image() -> Callable[..., bytes]:
    return image


@pytest.fixture
def make_folder() -> Callable[..., Path]:
    return write_folder


@pytest.fixture
def make_zip() -> Callable[..., Path]:
    return write_zip


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data sets of the tests are kept apart from the user's."""
    monkeypatch.setenv("LABLINE_DATA_DIR", str(tmp_path / "data_sets"))
    return tmp_path / "data_sets"
