"""Small images of examples, for the report: of those that findings name, and strips of several."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from PIL import Image

from data.findings import Finding
from data.tfrecord import FeatureValue, decode_example, read_records
from pipeline.artifacts import Anomalies, Examples

Features = dict[str, list[FeatureValue]]

SIDE = 64
COMPARED = ("schema", "skew", "drift")  # findings about features, not single examples


def write_thumbnails(
    findings: list[Finding],
    examples: Examples,
    anomalies: Anomalies,
    *,
    feature: str = "image/source",
    paint: Callable[[Features], bytes] | None = None,
) -> None:
    """Write `thumbnails/<number>.png` of every example that a finding concerns, and note it there.

    Files that were left out cannot be shown: nothing of them but their names came this far.

    Args:
        feature: which feature of the examples holds the name of their file.
        paint: makes the PNG of an example; without it, the image alone.
    """
    rows = [row for finding in findings if finding["name"] not in COMPARED for row in finding["examples"]]
    wanted = {row.get("photo") or row["file"] for row in rows} - {""}
    names: dict[str, str] = {}
    for source, features in find_examples(examples, feature, wanted):
        names[source] = f"thumbnails/{len(names)}.png"
        anomalies.file("thumbnails").mkdir(exist_ok=True)
        anomalies.file(names[source]).write_bytes((paint or shrink)(features))
    for row in rows:
        if name := names.get(row.get("photo") or row["file"]):
            row["thumbnail"] = name


def find_examples(examples: Examples, feature: str, sources: Iterable[str]) -> Iterator[tuple[str, Features]]:
    """Yield the examples of these sources, as far as they are there, each source once."""
    needles = {source.encode(): source for source in sources}
    for split in examples.splits:
        for record in read_records(*examples.shards(split)):
            if not needles:
                return
            # nearly every record is passed over by this search of bytes; only a hit is worth decoding
            if any(needle in record for needle in needles):
                features = decode_example(record)
                found = features[feature][0]
                if isinstance(found, bytes) and found in needles:
                    yield needles.pop(found), features


def shrink(features: Features) -> bytes:
    """Return the image of an example as PNG of at most 64 pixels on its longer side."""
    encoded = features["image/encoded"][0]
    assert isinstance(encoded, bytes)
    return as_png(thumbnail(encoded))


def thumbnail(encoded: bytes) -> Image.Image:
    """Decode an image for showing, at most 64 pixels on its longer side."""
    image: Image.Image = Image.open(io.BytesIO(encoded)).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    return image


def as_png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    """Put images into one row."""
    height = max(image.height for image in images)
    sheet = Image.new("RGBA", (sum(image.width + 2 for image in images) - 2, height))
    left = 0
    for image in images:
        sheet.paste(image, (left, (height - image.height) // 2))
        left += image.width + 2
    return sheet
