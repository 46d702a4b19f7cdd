"""Small pictures of the examples that findings name, for the report."""

from __future__ import annotations

from data.finding import Finding
from data.records import decode_example, read_records
from pipeline.artifacts import Anomalies, Examples

SIDE = 64


def write_thumbnails(findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
    """Write `thumbnails/<number>.png` of every named file that is among the examples, and note it beside the name.

    Files that were left out cannot be shown: nothing of them but their names came this far.
    """
    wanted = {
        row["file"]
        for finding in findings
        for row in finding["examples"]
        if row["file"] and finding["name"] not in ("schema", "skew", "drift")
    }
    pictures = find_pictures(examples, wanted) if wanted else {}
    if not pictures:
        return
    anomalies.file("thumbnails").mkdir()
    names = {}
    for number, source in enumerate(sorted(pictures)):
        names[source] = f"thumbnails/{number}.png"
        anomalies.file(names[source]).write_bytes(shrink(pictures[source]))
    for finding in findings:
        for row in finding["examples"]:
            if row["file"] in names:
                row["thumbnail"] = names[row["file"]]


def find_pictures(examples: Examples, sources: set[str]) -> dict[str, bytes]:
    """Return the encoded pictures of these sources, as far as they are among the examples."""
    found: dict[str, bytes] = {}
    needles = {source.encode(): source for source in sources}
    for split in examples.splits:
        for shard in examples.shards(split):
            for record in read_records(shard):
                # nearly every record is passed over by this search of bytes; only a hit is worth decoding
                if any(needle in record for needle in needles):
                    features = decode_example(record)
                    source, encoded = features["image/source"][0], features["image/encoded"][0]
                    if source in needles and isinstance(encoded, bytes) and isinstance(source, bytes):
                        found[needles.pop(source)] = encoded
                    if not needles:
                        return found
    return found


def shrink(encoded: bytes) -> bytes:
    """Return a picture as PNG of at most 64 pixels on its longer side."""
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(encoded)).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
