"""PNG bytes of small pictures laid out in a grid, drawn the same way on every machine (matplotlib's Agg, no display).

Only letters that matplotlib's own font lacks are taken from the machine's fonts.
"""

from __future__ import annotations

import io
import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

DOTS_PER_INCH = 100
USUAL_FONT = "DejaVu Sans"
PLACEHOLDERS = ("Last Resort", "Noto Color")  # fonts that draw no letters
REGULAR = 400  # weight
LAST_COMMON = 0x24F  # Latin letters, which the usual font has


def draw_grid(
    tiles: NDArray[Any], captions: list[str] | None, columns: int, title: str = "", side: float = 1.1
) -> bytes:
    """Draw RGB pictures row by row, each with a caption below it.

    Args:
        tiles: float 0..1 [n, H, W, 3].
        captions: one for each tile, or none at all.
        side: inches of a tile's longer side.
    """
    count, height, width = tiles.shape[:3]
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    scale = side / max(height, width)
    lines = max((caption.count("\n") + 1 for caption in captions), default=0) if captions else 0
    tile_width, tile_height, gap, head = width * scale, height * scale, 0.08, 0.3 if title else 0.05
    row_height = tile_height + 0.15 * lines + gap
    figure = Figure(figsize=(columns * (tile_width + gap) + gap, rows * row_height + head), dpi=DOTS_PER_INCH)
    figure_width, figure_height = figure.get_size_inches()
    for number in range(count):
        row, column = divmod(number, columns)
        left = gap + column * (tile_width + gap)
        top = figure_height - head - row * row_height
        axes = figure.add_axes(
            (
                left / figure_width,
                (top - tile_height) / figure_height,
                tile_width / figure_width,
                tile_height / figure_height,
            )
        )
        axes.imshow(tiles[number], interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        if captions:
            x, y = (left + tile_width / 2) / figure_width, (top - tile_height - 0.03) / figure_height
            figure.text(x, y, captions[number], ha="center", va="top", fontsize=7, linespacing=1.05)
    if title:
        figure.text(gap / figure_width, 1 - 0.07 / figure_height, title, ha="left", va="top", fontsize=9)
    return png(figure)


def mosaic(tiles: NDArray[Any], columns: int, background: float) -> NDArray[Any]:
    """Lay single-channel tiles [n, H, W] out in one array with a one-pixel line of `background` between them."""
    count, height, width = tiles.shape
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), background, tiles.dtype)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def png(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    stream = io.BytesIO()
    lend_fonts(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from|Matplotlib currently does not support")
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def lend_fonts(figure: Figure) -> None:
    """Let the machine's fonts write what the usual one cannot, such as Chinese class names.

    Without such a font, boxes stay.
    """
    for text in figure.findobj(Text):
        missing = frozenset(letter for letter in text.get_text() if ord(letter) > LAST_COMMON)
        if missing and (fonts := find_fonts(missing)):
            text.set_fontfamily([USUAL_FONT, *fonts])


@cache
def find_fonts(letters: frozenset[str]) -> tuple[str, ...]:
    """Return names of installed fonts that together have as many of the letters as can be had, the usual font aside."""
    wanted = {ord(letter) for letter in letters}
    by_name = sorted(
        fontManager.ttflist, key=lambda font: (font.name, font.style == "normal" and font.weight == REGULAR)
    )
    files = {font.name: font.fname for font in by_name}  # of each name the last one, the upright regular font
    wanted -= known_letters(files.pop(USUAL_FONT, ""))
    found = []
    for name, file in files.items():
        if not wanted:
            break
        if not name.startswith(PLACEHOLDERS) and wanted & known_letters(file):
            wanted -= known_letters(file)
            found.append(name)
    return tuple(found)


@cache
def known_letters(file: str) -> frozenset[int]:
    """Return the code points that a font has a glyph for; none of a file that cannot be read."""
    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return uint8 pixels [H, W, 1 or 3] as PNG, at most 160 pixels on the longer side."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((160, 160))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def as_rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """Turn pictures [n, H, W, 1 or 3] of any range into RGB 0..1: bytes as they are, others by one common scale."""
    values = np.asarray(pixels, np.float32)
    low, high = float(values.min()), float(values.max())
    if pixels.dtype == np.uint8 or (low >= 0 and 2 < high <= 255):
        values = values / 255
    elif low < 0 or high > 1:
        values = (values - low) / max(high - low, 1e-9)
    return np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else values[..., :3]


def shorten(text: str, length: int = 16) -> str:
    """Cut a caption that would run into its neighbour."""
    return text if len(text) <= length else text[: length - 1] + "…"


def plain_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Any:
    """Add axes without upper and right lines."""
    axes = figure.add_axes((left, bottom, width, height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return axes


def save(images: dict[str, bytes], folder: Path, writer: tf.summary.SummaryWriter | None, step: int) -> None:
    """Write PNG bytes by name as files and, where there is a writer, as TensorBoard images of the same names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in images.items():
        (folder / f"{name}.png").write_bytes(png)
    if writer is None:
        return
    with writer.as_default(step=step):
        for name, png in images.items():
            tf.summary.image(name, tf.io.decode_png(png, channels=3)[tf.newaxis])
    writer.flush()
