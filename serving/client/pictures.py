"""Pictures as requests: files as ingest would store them, in batches of bearable size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UserError

PICTURES_AT_ONCE = 32
BYTES_AT_ONCE = 32 * 2**20


def prepare(image: Path | str | bytes) -> bytes:
    """Return a picture's bytes as ingest would store them: JPEG or PNG, upright, without transparency.

    Raises:
        UserError: there is no such file, or it is no picture.
    """
    from data.pictures.picture import BadPicture, examine, stored_bytes

    where = "bytes" if isinstance(image, bytes) else str(image)
    try:
        content = image if isinstance(image, bytes) else Path(image).read_bytes()
        return stored_bytes(content, examine(content, max_pixels=2**27))[0]
    except BadPicture as error:
        fix = "Give a picture, such as a JPEG or PNG file."
        raise UserError(f"This is not a readable picture: {error.args[-1]}.", where, fix) from None
    except OSError as error:
        raise UserError(f"The picture cannot be read: {error.strerror}.", where) from None


def batches(encoded: Sequence[bytes]) -> list[list[bytes]]:
    """Cut a list of pictures into requests of bearable size."""
    groups: list[list[bytes]] = []
    size = 0
    for picture in encoded:
        if not groups or len(groups[-1]) == PICTURES_AT_ONCE or size + len(picture) > BYTES_AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(picture)
        size += len(picture)
    return groups
