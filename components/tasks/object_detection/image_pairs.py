"""Images twice, side by side: what is there, and what was found."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from components.tasks.object_detection.matching import Outcome
from components.tasks.object_detection.metrics import Detections, Floats, GroundTruth

SIDE = 420  # pixels of the longer side of an image in a pair
GAP = 6
THICK, LETTERS = 3, 16  # pixels of a frame and of a name: the page shows pairs at half their size
RIGHT, WRONG, MISSED = (60, 200, 110), (255, 80, 60), (255, 190, 30)
QUALITY = 85  # of JPEG


def draw_pair(
    encoded: bytes, truth: GroundTruth, detections: Detections, outcome: Outcome, labels: Sequence[str]
) -> Image.Image:
    """Return an image with its objects beside the same image with what was found.

    Green: found, and rightly found. Left, yellow and dashed: missed. Right, red and dashed: false, or of another class.
    """
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    scale = SIDE / max(image.size)
    image = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR
    )
    sheet = Image.new("RGB", (2 * image.width + GAP, image.height), "white")
    sheet.paste(draw_truth(image, truth, outcome, labels), (0, 0))
    sheet.paste(draw_found(image, detections, outcome, labels), (image.width + GAP, 0))
    return sheet


def draw_truth(image: Image.Image, truth: GroundTruth, outcome: Outcome, labels: Sequence[str]) -> Image.Image:
    """Return a copy of an image with the objects on it; crowds have no box."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    for row, found in zip(outcome.objects, outcome.found, strict=True):
        name = labels[int(truth.classes[row]) - 1] + (" (difficult)" if truth.difficult[row] else "")
        draw_box(pen, truth.boxes[row], drawn.size, RIGHT if found else MISSED, name, dashed=not found)
    return drawn


def draw_found(image: Image.Image, detections: Detections, outcome: Outcome, labels: Sequence[str]) -> Image.Image:
    """Return a copy of an image with what was found; less sure boxes below."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    pairs = sorted(
        zip(outcome.kept.tolist(), outcome.right.tolist(), strict=True), key=lambda pair: detections.scores[pair[0]]
    )
    for row, right in pairs:
        name = f"{labels[int(detections.classes[row]) - 1]} {detections.scores[row]:.0%}"
        draw_box(pen, detections.boxes[row], drawn.size, RIGHT if right else WRONG, name, dashed=not right)
    return drawn


def draw_box(
    pen: ImageDraw.ImageDraw,
    box: Floats,
    size: tuple[int, int],
    colour: tuple[int, int, int],
    name: str,
    dashed: bool,
) -> None:
    """Draw a box with its name on a strip above it, or inside where there is no room."""
    width, height = size
    top, left, bottom, right = (round(float(edge) * side) for edge, side in zip(box, (height, width) * 2, strict=True))
    right, bottom = min(max(right, left + 1), width - 1), min(max(bottom, top + 1), height - 1)
    draw_frame(pen, (left, top, right, bottom), colour, 10 if dashed else 0)
    font = ImageFont.load_default(size=LETTERS)
    _, _, wide, high = pen.textbbox((0, 0), name, font=font)
    above = top - high - 3 if top > high + 3 else top
    start = min(left, max(width - wide - 4, 0))
    pen.rectangle((start, above, start + wide + 3, above + high + 2), fill=colour)
    pen.text((start + 2, above), name, fill="black", font=font)


def draw_frame(
    pen: ImageDraw.ImageDraw, edges: tuple[int, int, int, int], colour: tuple[int, int, int], dash: int
) -> None:
    """Draw a frame on a thin dark one, so that it shows on any image; dashes are of so many pixels, 0 for none."""
    left, top, right, bottom = edges
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=(0, 0, 0))
    if not dash:
        pen.rectangle(edges, outline=colour, width=THICK)
        return
    for start in range(left, right, 2 * dash):
        for y in (top, bottom - 1):
            pen.line((start, y, min(start + dash, right), y), fill=colour, width=THICK)
    for start in range(top, bottom, 2 * dash):
        for x in (left, right - 1):
            pen.line((x, start, x, min(start + dash, bottom)), fill=colour, width=THICK)


def sheet_of(pairs: Sequence[Image.Image], columns: int = 2) -> Image.Image:
    """Return pairs below and beside each other on one sheet."""
    wide, high = max(pair.width for pair in pairs) + 2 * GAP, max(pair.height for pair in pairs) + 2 * GAP
    columns = min(columns, len(pairs))
    sheet = Image.new("RGB", (columns * wide, -(-len(pairs) // columns) * high), "white")
    for number, pair in enumerate(pairs):
        sheet.paste(pair, (number % columns * wide + GAP, number // columns * high + GAP))
    return sheet


def encode(image: Image.Image, kind: str) -> bytes:
    """Return an image's file, `PNG` or `JPEG`; the same image gives the same bytes."""
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": QUALITY} if kind == "JPEG" else {}))
    return stream.getvalue()
