"""Text tables (CSV, TSV ...) to columns of cells with the line that each row starts in, a block of the file at a time.

Blocks in which every line is regular are cut by pandas' parser; any other one (quotes, blank or ragged lines) by
Python's `csv`, which decides what is right.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pandas
from numpy.typing import NDArray

from pipeline.errors import UserError, explain_os_error

DELIMITERS = "\t;|, "  # the first one that gives a table; decimal commas stand in tables with semicolons
BLOCK = 1 << 21  # bytes
SAMPLE_BYTES, SAMPLE_ROWS = 1 << 18, 1000
ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
BOM = b"\xef\xbb\xbf"
EXCEL_DELIMITER = re.compile(r'"?sep=(?P<delimiter>[;,|\t])"?[\r\n]')  # a first line for Excel, no part of the table
TABULAR = 0.8  # share of the lines with the same number of cells that makes a table


class Row(NamedTuple):
    """A row of the table: the line it starts in, and its cells."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """How a text file is a table.

    Attributes:
        path: the file.
        delimiter: what separates the cells.
        width: cells in a row.
        encoding: of texts that are not UTF-8; None if all are.
    """

    path: Path
    delimiter: str
    width: int
    encoding: str | None = None


Column = list[str] | NDArray[np.float64]


class Cells(NamedTuple):
    """Some columns of some rows.

    Attributes:
        lines: int64 [n] the line of each row.
        columns: by their numbers; float64 [n] where all cells are plain numbers or empty and were wanted as numbers,
            else texts.
    """

    lines: NDArray[np.int64]
    columns: dict[int, Column]

    def texts(self, column: int) -> list[str]:
        """Return the cells of a column that was wanted as texts."""
        cells = self.columns[column]
        assert isinstance(cells, list)
        return cells


Ragged = Callable[[int, str], None]  # told the line and what is wrong with it


def read_sample(path: Path, delimiter: str, encoding: str | None = None) -> tuple[Table, list[Row]]:
    """Return how a file is a table, with its first rows.

    Args:
        encoding: of the file if it is not UTF-8.

    Raises:
        UserError: it is empty or no such text.
    """
    with open_binary(path) as file:
        start = file.read(SAMPLE_BYTES)
        start += file.readline()
    for mark, name in ENCODINGS.items():
        if start.startswith(mark):
            fix = f"Save it as `CSV UTF-8`, or convert it: iconv -f {name} -t UTF-8."
            raise UserError(f"This file is in {name}, not in UTF-8.", str(path), fix)
    text = decode(start.removeprefix(BOM), path, 1, encoding)
    named = EXCEL_DELIMITER.match(text)
    if delimiter == "auto":
        delimiter = named["delimiter"] if named else find_delimiter(text)
    rows = [row for row in split_rows(text, delimiter, 1, path, strict=False) if any(row.cells)][:SAMPLE_ROWS]
    rows = rows[1:] if named else rows
    if not rows:
        raise UserError("This file is empty.", str(path), "Check `data.path`.")
    width = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
    return Table(path, delimiter, width, encoding), rows


def find_delimiter(text: str) -> str:
    """Return the first delimiter that cuts nearly all lines into equally many cells, two at least; else a comma."""
    lines = [line for line in text.splitlines()[:SAMPLE_ROWS] if line.strip()]
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row)
        except csv.Error:
            continue
        width, number = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        if width > 1 and number >= TABULAR * sum(widths.values()):
            return delimiter
    return ","


def read_cells(
    table: Table, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str], ragged: Ragged, skip: int = 0
) -> Iterator[Cells]:
    """Yield the wanted columns of a table, block by block.

    Args:
        texts: numbers of the columns wanted as they stand.
        numbers: numbers of the columns that should be numbers.
        missing: spellings of a missing number.
        ragged: told about each line with too few or too many cells.
        skip: leave out everything up to this line, the header's.

    Raises:
        UserError: it is no text in UTF-8 or the table's encoding, or a quoted cell does not end.
    """
    blanks: list[int] = []  # a table of one column: blank lines are missing values, but not those at its end
    for first_line, block in read_blocks(table.path):
        if first_line <= skip and b'"' not in block and block.count(b"\r") == block.count(b"\r\n"):
            first_line, block = skip + 1, drop_lines(block, skip + 1 - first_line)
        cells = cut_regular(table, first_line, block, texts, numbers, missing) if first_line > skip else None
        if cells is None or blanks:
            text = decode(block, table.path, first_line, table.encoding)
            rows = split_rows(text, table.delimiter, first_line, table.path)
            kept = list(keep_full(rows, table.width, skip, ragged, blanks))
            cells = transpose(kept, [*texts, *numbers])
        if len(cells.lines):
            yield cells


def drop_lines(block: bytes, number: int) -> bytes:
    """Return what follows the first lines of a block."""
    place = 0
    for _ in range(number):
        place = block.find(b"\n", place) + 1 or len(block)
    return block[place:]


def read_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of a file with the number of their first line; none ends within a line or a quoted cell."""
    line = 1
    with open_binary(path) as file:
        first = file.read(len(BOM))
        block = first.removeprefix(BOM) + file.read(BLOCK)
        while block:
            block += file.readline()
            while block.count(b'"') % 2 and len(block) < 4 * BLOCK and (more := file.readline()):
                block += more
            yield line, block
            line += block.count(b"\n") if b"\n" in block else block.count(b"\r")
            block = file.read(BLOCK)


@contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file, unpacking it if it is gzipped.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"This gzip file is damaged: {error}.", str(path), "Get it again.") from None
    except OSError as error:
        raise explain_os_error(error, path) from None


def decode(block: bytes, path: Path, first_line: int, encoding: str | None) -> str:
    """Return a block's text: what is UTF-8 is read as that, and as another encoding only what is not.

    Raises:
        UserError: it is in neither.
    """
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        if b"\0" in block:
            raise UserError("This is no text.", str(path), "Save or export the table as `CSV UTF-8`.") from None
        fault = error
    if encoding:
        try:
            return block.decode(encoding)
        except UnicodeDecodeError as error:
            fault = error
    tried = f"UTF-8 or {encoding}" if encoding else "UTF-8"
    line = first_line + block.count(b"\n", 0, fault.start)
    raise UserError(
        f"This is no text in {tried}: byte 0x{block[fault.start]:02x}.",
        f"{path}, line {line}",
        "Save it as `CSV UTF-8`, or say how it is written: `data.encoding=cp1252` is western Europe's Windows.",
    )


def cut_regular(
    table: Table, first_line: int, block: bytes, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str]
) -> Cells | None:
    """Cut a block with pandas' parser; None if one of its lines is not regular."""
    if not block or b'"' in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
        return None
    if not block.isascii():
        block = decode(block, table.path, first_line, table.encoding).encode()
    block = block if block.endswith(b"\n") else block + b"\n"
    letters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(letters == 10)
    delimiters = np.flatnonzero(letters == ord(table.delimiter))
    counts = np.diff(np.searchsorted(delimiters, ends), prepend=0)
    lengths = np.diff(ends, prepend=-1) - (2 if b"\r" in block else 1)
    if (counts != table.width - 1).any() or (lengths < table.width).any():
        return None

    def cut(types: dict[int, type]) -> pandas.DataFrame:
        return pandas.read_csv(
            io.BytesIO(block),
            sep=table.delimiter,
            header=None,
            names=range(table.width),
            usecols=sorted(types),
            dtype=types,
            keep_default_na=False,
            na_values={column: list(missing) for column in numbers},
            skipinitialspace=True,
            float_precision="round_trip",
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            engine="c",
            low_memory=False,
        )

    kept = {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, float)}
    try:
        frame = cut(kept)
    except ValueError:  # texts among the numbers
        kept |= dict.fromkeys(numbers, str)
        numbers = ()
        frame = cut(kept)
    lines = np.arange(first_line, first_line + len(ends), dtype=np.int64)
    return Cells(lines, {c: frame[c].to_numpy() if c in numbers else frame[c].tolist() for c in kept})


def split_rows(text: str, delimiter: str, first_line: int, path: Path, strict: bool = True) -> Iterator[Row]:
    """Yield the rows of a text; blank lines are rows without cells.

    Raises:
        UserError: a quoted cell does not end, something follows its end, or a cell is longer than 128 KiB.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict)
    while True:
        line = first_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"This line cannot be read as CSV: {error}.",
                f"{path}, line {line}",
                "Does a quoted cell not end, or does something follow its end? Correct the line; a quote within "
                "quotes is written twice.",
            ) from None
        yield Row(line, [cell.strip() for cell in cells])


def keep_full(rows: Iterator[Row], width: int, skip: int, ragged: Ragged, blanks: list[int]) -> Iterator[Row]:
    """Yield the rows with the right number of cells; lines without any text hold nothing."""
    for row in rows:
        if row.line <= skip:
            continue
        if not any(row.cells):
            if width == 1 and row.cells == [""]:
                yield row
            elif width == 1:
                blanks.append(row.line)
        elif len(row.cells) != width:
            ragged(row.line, f"{len(row.cells)} cells instead of {width}")
        else:
            yield from (Row(line, [""]) for line in blanks)
            blanks.clear()
            yield row


def transpose(rows: list[Row], columns: Sequence[int]) -> Cells:
    lines = np.array([row.line for row in rows], np.int64)
    return Cells(lines, {column: [row.cells[column] for row in rows] for column in columns})
