"""The `digits` data set without a download: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels as PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from data.images.image import encode_png


def write_digits(folder: Path) -> None:
    """Write `<class>/<number>.png`; the values 0..16 become 0..255."""
    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)
    for number, (image, label) in enumerate(zip(pixels, digits.target, strict=True)):
        target = folder / str(label) / f"{number:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode_png(image))
