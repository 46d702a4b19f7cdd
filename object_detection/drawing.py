"""Draws detections on an image."""

from __future__ import annotations

import colorsys

from PIL import Image, ImageDraw, ImageFont

from data.detection.detections import Detection

GOLDEN = 0.618034  # turns of the colour circle from one class to the next


def draw_boxes(image: Image.Image, detections: list[Detection]) -> Image.Image:
    """Return a copy of an image with boxes, labels and scores on it; less sure ones below."""
    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    unit = max(drawn.size) / 640
    font, stroke = ImageFont.load_default(size=max(12, 14 * unit)), max(2, round(3 * unit))
    for detection in reversed(detections):
        top, left, bottom, right = in_pixels(detection, drawn.size)
        colour = colour_of(detection.number)
        pen.rectangle((left, top, max(right, left + 1), max(bottom, top + 1)), outline=colour, width=stroke)
        text = f"{detection.label} {detection.score:.0%}"
        box = pen.textbbox((0, 0), text, font=font)
        high, wide = box[3] + stroke, box[2] + 2 * stroke
        above = top - high if top >= high else top
        start = min(left, max(drawn.width - wide, 0))
        pen.rectangle((start, above, start + wide, above + high), fill=colour)
        pen.text((start + stroke, above), text, fill="black", font=font)
    return drawn


def in_pixels(detection: Detection, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box in pixels: (top, left, bottom, right) in an image of (width, height)."""
    width, height = size
    ymin, xmin, ymax, xmax = detection.box
    return round(ymin * height), round(xmin * width), round(ymax * height), round(xmax * width)


def colour_of(number: int) -> tuple[int, int, int]:
    """Return a light colour for a class, far from its neighbours'."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.65, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
