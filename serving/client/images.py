"""Images as requests: files as ingest would store them, in batches of bearable size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from data.images.image import encode_png, examine, stored_bytes
from data.sample import BadImage
from pipeline.errors import UserError, explain_os_error

IMAGES_AT_ONCE = 32
BYTES_AT_ONCE = 32 * 2**20
MAX_PIXELS = 2**27


def prepare(image: Path | str | bytes) -> bytes:
    """Return an image's bytes as ingest would store them: JPEG or PNG, upright, without transparency.

    Of images with 16 bits a value all 16 are sent: the model knows which of them its training images filled.

    Raises:
        UserError: there is no such file, or it is no image.
    """
    content = image if isinstance(image, bytes) else read_bytes(Path(image))
    with explaining_bad_image("bytes" if isinstance(image, bytes) else str(image)):
        examined = examine(content, max_pixels=MAX_PIXELS)
        return encode_png(examined.deep) if examined.deep is not None else stored_bytes(content, examined)[0]


def read_bytes(path: Path) -> bytes:
    """Return an image file's bytes.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fix = f"Check the path; it is relative to the working directory, {Path.cwd()}."
        raise UserError("There is no such file.", str(path), fix) from None
    except IsADirectoryError:
        raise UserError("This is a folder.", str(path), f"Name the pictures in it: {path}/*.jpg") from None
    except OSError as error:
        raise explain_os_error(error, path) from error


@contextmanager
def explaining_bad_image(where: str) -> Iterator[None]:
    """Turn an image that cannot be used into an error for the user.

    Raises:
        UserError: the block met one.
    """
    try:
        yield
    except BadImage as error:
        detail = str(error.args[-1]).removeprefix("not a picture: ")
        fix = "Give a picture: a JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF or HEIC file."
        raise UserError(f"This is not a readable picture: {detail}.", where, fix) from None


def batches(encoded: Sequence[bytes]) -> list[list[bytes]]:
    """Cut a list of images into requests of bearable size."""
    groups: list[list[bytes]] = []
    size = 0
    for image in encoded:
        if not groups or len(groups[-1]) == IMAGES_AT_ONCE or size + len(image) > BYTES_AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(image)
        size += len(image)
    return groups
