"""How an image becomes the network's input, and how boxes are drawn on it."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf
    from PIL import Image

    from object_detection.detector import Detection

GOLDEN = 0.618034  # turns of the colour circle from one class to the next


def to_network(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Return an image [height, width, 3], 0..255, as the network takes it: [size, size, 3], -1..1.

    The proportions are not kept, and pixels are interpolated as TensorFlow 1 did (not about pixel centres), since the published
    weights were trained so.
    """
    import tensorflow as tf

    pixels = tf.cast(pixels, tf.float32)
    resized = tf.raw_ops.ResizeBilinear(images=pixels[tf.newaxis], size=[size, size], half_pixel_centers=False)[0]
    return resized * (2.0 / 255.0) - 1.0


def draw_boxes(image: Image.Image, detections: list[Detection]) -> Image.Image:
    """Return a copy of an image with boxes, labels and scores on it; less sure ones below."""
    from PIL import ImageDraw, ImageFont

    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    unit = max(drawn.size) / 640
    font, stroke = ImageFont.load_default(size=max(12, 14 * unit)), max(2, round(3 * unit))
    for found in reversed(detections):
        top, left, bottom, right = place(found, drawn.size)
        colour = colour_of(found.number)
        pen.rectangle((left, top, max(right, left + 1), max(bottom, top + 1)), outline=colour, width=stroke)
        text = f"{found.label} {found.score:.0%}"
        box = pen.textbbox((0, 0), text, font=font)
        high, wide = box[3] + stroke, box[2] + 2 * stroke
        above = top - high if top >= high else top
        start = min(left, max(drawn.width - wide, 0))
        pen.rectangle((start, above, start + wide, above + high), fill=colour)
        pen.text((start + stroke, above), text, fill="black", font=font)
    return drawn


def place(found: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box in pixels: (top, left, bottom, right) in an image of (width, height)."""
    width, height = size
    ymin, xmin, ymax, xmax = found.box
    return round(ymin * height), round(xmin * width), round(ymax * height), round(xmax * width)


def colour_of(number: int) -> tuple[int, int, int]:
    """Return a light colour for a class, far from its neighbours'."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.65, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
