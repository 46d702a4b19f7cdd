"""Records of labelled images under the Object Detection API's keys, which Model Garden's decoder reads too.

One example an image, m objects on it; edges are normalized to the image, 0..1. Features:
    image/encoded                        bytes   a JPEG or PNG file, upright
    image/format                         bytes   `jpeg` or `png`
    image/filename                       bytes   the path relative to the data, for archives the member's name
    image/source_id                      bytes   a whole number in digits, another for each image: Model Garden takes no
                                                 other text
    image/key/sha256                     bytes   checksum of the file, in hexadecimal digits
    image/height, image/width, image/channels, image/bytes    int64
    image/brightness                     float   mean of all pixel values, 0..1
    image/object/bbox/{ymin,xmin,ymax,xmax}    float [m]
    image/object/class/label             int64 [m]   numbers of the label map, from 1
    image/object/class/text              bytes [m]   their names
    image/object/{difficult,truncated,is_crowd}    int64 [m]   0 or 1
    image/boxes                          int64   m
    image/box/smallest, image/box/largest    float   area of the smallest and of the largest box as a share of the
                                                     image; 0 without any

The last three are there to be measured by the statistics. The Object Detection API's own tool put the file's name into
source_id.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence

from data.detection.boxes import Box
from data.tfrecord import BYTES, FLOAT, INT64, FeatureValue, list_feature, varint

EDGES = ("ymin", "xmin", "ymax", "xmax")
RECURRING = frozenset(
    f"image/{name}"
    for name in (
        "format", "channels", "height", "width", "boxes", "object/class/label", "object/class/text",
        "object/difficult", "object/truncated",
        "object/is_crowd",
    )
)  # fmt: skip


def encode_detection(
    encoded: bytes,
    detection_format: bytes,
    filename: bytes,
    number: int,
    size: tuple[int, int, int],
    brightness: float,
    boxes: Sequence[Box],
    labels: Mapping[str, int],
    checksum: str = "",
) -> bytes:
    """Return an image's serialized `tf.train.Example`.

    Features in the order of their names, so equal input gives equal bytes.

    Args:
        encoded: the JPEG or PNG file.
        detection_format: b"jpeg" or b"png".
        filename: where it came from.
        number: another for each image of the data, not below 0.
        size: height, width, channels.
        brightness: mean pixel value in 0..1.
        boxes: with normalized edges, see `data.detection.boxes.fit_boxes`.
        labels: number of each class, from 1.
        checksum: SHA-256 of `encoded` in hexadecimal digits, where it is known already.
    """
    areas = [(box.ymax - box.ymin) * (box.xmax - box.xmin) for box in boxes]
    values: dict[str, tuple[int, Sequence[FeatureValue]]] = {
        "image/encoded": (BYTES, [encoded]),
        "image/format": (BYTES, [detection_format]),
        "image/filename": (BYTES, [filename]),
        "image/source_id": (BYTES, [str(number).encode()]),
        "image/key/sha256": (BYTES, [(checksum or hashlib.sha256(encoded).hexdigest()).encode()]),
        "image/brightness": (FLOAT, [brightness]),
        "image/bytes": (INT64, [len(encoded)]),
        "image/boxes": (INT64, [len(boxes)]),
        "image/box/smallest": (FLOAT, [min(areas, default=0.0)]),
        "image/box/largest": (FLOAT, [max(areas, default=0.0)]),
        "image/object/class/label": (INT64, [labels[box.label] for box in boxes]),
        "image/object/class/text": (BYTES, [box.label.encode() for box in boxes]),
        "image/object/difficult": (INT64, [int(box.difficult) for box in boxes]),
        "image/object/truncated": (INT64, [int(box.truncated) for box in boxes]),
        "image/object/is_crowd": (INT64, [int(box.crowd) for box in boxes]),
    }
    values |= {f"image/object/bbox/{edge}": (FLOAT, [getattr(box, edge) for box in boxes]) for edge in EDGES}
    values |= {
        f"image/{name}": (INT64, [value]) for name, value in zip(("height", "width", "channels"), size, strict=True)
    }
    features = b"".join(
        recurring_feature(name, kind, tuple(items)) if name in RECURRING else list_feature(name.encode(), kind, items)
        for name, (kind, items) in sorted(values.items())
    )
    return b"\x0a" + varint(len(features)) + features


@functools.lru_cache(maxsize=4096)  # few values recur in many records
def recurring_feature(name: str, kind: int, values: tuple[FeatureValue, ...]) -> bytes:
    return list_feature(name.encode(), kind, values)
