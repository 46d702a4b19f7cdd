"""Trees of small pictures in folders and zips, and what the reader of folders makes of them."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

from data.formats import image_folder
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem
from pipeline.errors import UserError

BOTH = {("cats", "train"), ("dogs", "train"), ("cats", "test"), ("dogs", "test")}
PLAIN: set[tuple[str, str | None]] = {("cats", None), ("dogs", None)}

numbers = itertools.count()


def tiny() -> bytes:
    """Return the file of a picture that is like no other."""
    number = next(numbers)
    stream = io.BytesIO()
    Image.new("RGB", (2, 2), (number % 256, number // 256 % 256, 7)).save(stream, "PNG")
    return stream.getvalue()


def write(root: Path, *files: str) -> Path:
    """Write pictures of these names; a name that ends in `*3` stands for three of them in a folder."""
    for name in files:
        folder, star, count = name.partition("*")
        for place in [f"{folder}{number}.png" for number in range(int(count))] if star else [name]:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_bytes(tiny())
    return root


def packed(target: Path, root: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root).as_posix())
    return target


def found(path: Path, **said: object) -> set[tuple[str, str | None]]:
    """Return the classes and splits that the pictures have."""
    return {(item.label, item.split) for item in listed(path, **said) if isinstance(item, ImageSample)}


def problems(path: Path, **said: object) -> set[tuple[str, str]]:
    return {(item.name, item.file) for item in listed(path, **said) if isinstance(item, Problem)}


def listed(path: Path, **said: object) -> list[ImageSample | Problem]:
    assert image_folder.detect(path)
    return list(image_folder.list_samples(path, ImageDataConfig.model_validate({"path": str(path), **said})))


def stop(path: Path, **said: object) -> UserError:
    with pytest.raises(UserError) as caught:
        listed(path, **said)
    return caught.value


def setting(error: UserError, key: str) -> object:
    """Return the value that an error's remedy gives a setting, as a shell and YAML read it."""
    typed = re.search(rf"`{re.escape(key)}='?(.*?)'?`", error.fix)
    assert typed, error.fix
    return yaml.safe_load(typed[1])
