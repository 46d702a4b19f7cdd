"""Files of tables as bytes: plain or packed, in a zip or not, and in UTF-8 where they are UTF-16."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import UserError, explain_os_error

PACKED: dict[str, Callable[[Any], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": lambda file: bz2.BZ2File(file),
    ".xz": lambda file: lzma.LZMAFile(file),  # noqa: SIM115 - the caller closes it
}
MARKS = (  # of texts that are not UTF-8, the longer ones first
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
PIECE = 1 << 16  # bytes


@contextmanager
def open_binary(path: Path, member: str = "") -> Iterator[IO[bytes]]:
    """Open a file, or a zip's member, unpacking it if it is packed; UTF-16 comes as UTF-8.

    Raises:
        UserError: it cannot be read.
    """
    name = member or path.name
    try:
        with ExitStack() as opened:
            file: IO[bytes] = opened.enter_context(path.open("rb"))
            if member:
                file = opened.enter_context(opened.enter_context(zipfile.ZipFile(file)).open(member))
            unpack = PACKED.get(Path(name).suffix.lower())
            yield as_utf8(opened.enter_context(unpack(file)) if unpack else file, path)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}.get(path.suffix.lower(), "zip")
        raise UserError(f"This {kind} file is damaged: {error}.", str(path), "Get it again.") from None
    except (RuntimeError, NotImplementedError) as error:  # of zipfile
        raise UserError(f"This zip file cannot be opened: {error}.", str(path), "Unpack it yourself.") from None
    except OSError as error:
        if path.suffix.lower() == ".bz2" and error.errno is None:
            raise UserError(f"This bzip2 file is damaged: {error}.", str(path), "Get it again.") from None
        raise explain_os_error(error, path) from None


def as_utf8(file: IO[bytes], path: Path) -> IO[bytes]:
    """Return the file, or its text in UTF-8 where its first bytes say that it is UTF-16."""
    raw: Any = file
    buffered: io.BufferedReader[Any] = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)
    start = buffered.peek(4)[:4]
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return io.BufferedReader(Recoded(buffered, encoding, path), PIECE)
    if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return io.BufferedReader(Recoded(buffered, "utf-16-le", path), PIECE)
    if len(start) == 4 and start[0] == start[2] == 0 and start[1] and start[3]:
        return io.BufferedReader(Recoded(buffered, "utf-16-be", path), PIECE)
    return buffered


class Recoded(io.RawIOBase):
    """A text in UTF-16 or UTF-32 as UTF-8, a piece at a time."""

    def __init__(self, file: io.BufferedReader[Any], encoding: str, path: Path) -> None:
        super().__init__()
        self.file, self.path, self.encoding = file, path, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; 0 at the end.

        Raises:
            UserError: the text is not in its encoding.
        """
        while not self.left:
            piece = self.file.read(PIECE)
            try:
                self.left = self.decoder.decode(piece, final=not piece).encode()
            except UnicodeError as error:
                raise UserError(
                    f"This is no text in {self.encoding.upper()}: {error}.",
                    str(self.path),
                    "Save or export the table as `CSV UTF-8`.",
                ) from None
            if not piece:
                break
        size = min(len(target), len(self.left))
        target[:size] = self.left[:size]
        self.left = self.left[size:]
        return size
