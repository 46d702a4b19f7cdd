"""How long `labline data check` takes, against another version of labline in the same run.

    git worktree add ../before v0.1.0
    python benchmarks/data_check.py ../before [series photos folders] [--rounds 3]

A series of 1,000,000 rows, 20,000 photos with Pascal VOC annotations, 20,000 pictures in class folders. The versions
take turns; printed are the fastest round of each and their ratio.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parents[1]
PHOTOS, ROWS = 20_000, 1_000_000
SIZE = (96, 128)  # height, width of the photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("before", type=Path, help="folder of the other version")
    parser.add_argument("data", nargs="*", choices=[*MAKERS, []], help=", ".join(MAKERS))
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for kind in chosen.data or MAKERS:
            path = MAKERS[kind](Path(name) / kind)
            times: dict[Path, list[float]] = {chosen.before.resolve(): [], HERE: []}
            for _ in range(chosen.rounds):
                for tree, taken in times.items():
                    taken.append(check(tree, path))
            before, now = (min(taken) for taken in times.values())
            print(f"{kind}: {now:.1f} s against {before:.1f} s before, {now / before:.2f} x", flush=True)


def check(tree: Path, path: Path) -> float:
    """Return the seconds that a check of the data takes with the labline of a folder."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "labline", "data", "check", str(path), "--json"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def make_series(path: Path) -> Path:
    """Write a table of minutes with one value."""
    path.mkdir()
    times = np.datetime_as_string(np.datetime64("2020-01-01T00:00") + np.arange(ROWS), unit="m")
    values = np.random.default_rng(0).normal(20, 3, ROWS).round(3)
    lines = (f"{when},{value}\n" for when, value in zip(times, values, strict=True))
    (path / "minutes.csv").write_text("time,value\n" + "".join(lines))
    return path / "minutes.csv"


def make_photo(number: int) -> bytes:
    """Return a small JPEG unlike all others, with a dark box in it."""
    pixels = np.full((*SIZE, 3), 90 + number % 120, np.uint8)
    pixels[:8, :64] = (np.frombuffer(number.to_bytes(64, "little"), np.uint8) % 2 * 160)[:, None] + 40
    pixels[30:60, 40:90] = 20
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def make_photos(path: Path) -> Path:
    """Write photos with Pascal VOC annotations."""
    for folder in ("images", "annotations"):
        (path / folder).mkdir(parents=True)
    for number in range(PHOTOS):
        (path / "images" / f"{number:05d}.jpg").write_bytes(make_photo(number))
        (path / "annotations" / f"{number:05d}.xml").write_text(
            f"<annotation><filename>{number:05d}.jpg</filename><size><width>{SIZE[1]}</width><height>{SIZE[0]}</height>"
            "</size><object><name>thing</name><bndbox><xmin>40</xmin><ymin>30</ymin><xmax>90</xmax><ymax>60</ymax>"
            "</bndbox></object></annotation>"
        )
    return path


def make_folders(path: Path) -> Path:
    """Write pictures in folders of ten classes."""
    for number in range(PHOTOS):
        folder = path / f"class {number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05d}.jpg").write_bytes(make_photo(number))
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {"series": make_series, "photos": make_photos, "folders": make_folders}

if __name__ == "__main__":
    main()
