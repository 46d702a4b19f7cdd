"""Text tables (CSV, TSV ...) to columns of cells with the line that each row starts in, a block of the file at a time.

Blocks in which every line is regular are cut by pandas' parser; any other one (quotes, blank or ragged lines) by
Python's `csv`, which decides what is right.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas

from data.series.tables.cells import Cells, Ragged, Row, Sample, Table
from data.series.tables.encodings import propose_encodings
from data.series.tables.opening import PACKED, open_binary
from pipeline.errors import UserError

DELIMITERS = "\t;|, "  # the first one that gives a table; decimal commas stand in tables with semicolons
BLOCK = 1 << 21  # bytes
SAMPLE_BYTES, SAMPLE_ROWS = 1 << 18, 1000
END = 1 << 16  # bytes
BOM = b"\xef\xbb\xbf"
EXCEL_DELIMITER = re.compile(r'"?sep=(?P<delimiter>[;,|\t])"?[\r\n]')  # a first line for Excel, no part of the table
WRAPPED = re.compile(r"""="(.*)"|'(.*)'|“(.*)”|'([\d.,+-]+)""")  # as Excel protects texts, and databases write them
OTHER_KINDS = re.compile(r"\s*(<!doctype|<html|<\?xml|\{\s*\"|\[\s*\{)", re.IGNORECASE)
SPOKEN = {"\t": "tab", " ": "space"}  # as the recipe has them
TABULAR = 0.8  # share of the lines with the same number of cells that makes a table


def read_sample(path: Path, delimiter: str, encoding: str | None = None, member: str = "") -> Sample:
    """Return how a file is a table, with its first rows.

    Args:
        encoding: of the file if it is not UTF-8.
        member: name within the zip that the file is.

    Raises:
        UserError: it is empty or no such text.
    """
    with open_binary(path, member) as file:
        start = file.read(SAMPLE_BYTES)
        start += file.readline()
    text = decode(start.removeprefix(BOM), path, 1, encoding)
    named = EXCEL_DELIMITER.match(text)
    if delimiter == "auto":
        delimiter = named["delimiter"] if named else find_delimiter(text)
    rows = [row for row in split_rows(text, delimiter, 1, path, strict=False) if any(row.cells)][:SAMPLE_ROWS]
    rows = rows[1:] if named else rows
    if not rows:
        raise UserError("This file is empty.", str(path), "Check `data.path`.")
    if OTHER_KINDS.match(text):
        raise UserError(
            "This is HTML, XML or JSON and no table.", str(path), "Save or export the table as `CSV UTF-8`."
        )
    wrapped = sum(any(WRAPPED.fullmatch(cell) for cell in row.cells) for row in rows) >= TABULAR * len(rows)
    rows = [Row(row.line, unwrap(row.cells)) for row in rows] if wrapped else rows
    width = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
    if width == 1 and (other := cuts_names(rows[0].cells[0], find_delimiter(text))):
        raise UserError(
            f"`{delimiter}` separates no cells here, and `{other}` does.",
            str(path),
            f"Set `data.delimiter={SPOKEN.get(other, other)}`, or leave it to `auto`.",
        )
    return Sample(Table(path, delimiter, width, encoding, "text", member, wrapped=wrapped), rows)


def unwrap(cells: Sequence[str]) -> list[str]:
    """Return cells without the marks that they stand in."""
    return [match[match.lastindex or 0] if (match := WRAPPED.fullmatch(cell)) else cell for cell in cells]


def cuts_names(header: str, delimiter: str) -> str:
    """Return a delimiter that cuts a header into names, else nothing: numbers may have it as their decimal mark."""
    names = header.split(delimiter)
    return delimiter if len(names) > 1 and not any(letter.isdigit() for name in names for letter in name) else ""


def find_delimiter(text: str) -> str:
    """Return the first delimiter that cuts nearly all lines into equally many cells, two at least; else a comma.

    What stands above the first line of so many cells does not count.
    """
    lines = [line for line in text.splitlines()[:SAMPLE_ROWS] if line.strip()]
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            continue
        width, number = max(Counter(widths).items(), key=lambda item: item[1], default=(0, 0))
        if width > 1 and number >= TABULAR * (len(widths) - widths.index(width)):
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
    for first_line, block in read_blocks(table.path, table.member):
        if first_line <= skip and b'"' not in block and block.count(b"\r") == block.count(b"\r\n"):
            first_line, block = skip + 1, drop_lines(block, skip + 1 - first_line)
        cells = cut_regular(table, first_line, block, texts, numbers, missing) if first_line > skip else None
        if cells is None or blanks:
            text = decode(block, table.path, first_line, table.encoding)
            rows = split_rows(text, table.delimiter, first_line, table.path)
            kept = list(keep_full(rows, table.width, skip, ragged, blanks))
            kept = [Row(row.line, unwrap(row.cells)) for row in kept] if table.wrapped else kept
            cells = transpose(kept, [*texts, *numbers])
        if len(cells.lines):
            yield cells


def drop_lines(block: bytes, number: int) -> bytes:
    """Return what follows the first lines of a block."""
    place = 0
    for _ in range(number):
        place = block.find(b"\n", place) + 1 or len(block)
    return block[place:]


def read_blocks(path: Path, member: str = "") -> Iterator[tuple[int, bytes]]:
    """Yield pieces of a file with the number of their first line; none ends within a line or a quoted cell."""
    line = 1
    with open_binary(path, member) as file:
        first = file.read(len(BOM))
        block = first.removeprefix(BOM) + file.read(BLOCK)
        while block:
            block += file.readline()
            while block.count(b'"') % 2 and len(block) < 4 * BLOCK and (more := file.readline()):
                block += more
            yield line, block
            line += block.count(b"\n") if b"\n" in block else block.count(b"\r")
            block = file.read(BLOCK)


def last_rows(table: Table, number: int) -> list[Row]:
    """Return the last rows as they stand, blank lines left out.

    The lines of a large plain file are counted only where its end may be none of rows.
    """
    if not table.member and (end := read_end(table.path)) is not None and not irregular_end(end, table, number):
        return []
    first_line, block = deque(read_blocks(table.path, table.member), 1).pop()
    text = decode(block, table.path, first_line, table.encoding)
    rows = (row for row in split_rows(text, table.delimiter, first_line, table.path, strict=False) if any(row.cells))
    return list(deque(rows, number))


def read_end(path: Path) -> bytes | None:
    """Return the last bytes of a large plain file in UTF-8; None for another one."""
    if path.stat().st_size < 4 * END or path.suffix.lower() in PACKED:
        return None
    with path.open("rb") as file:
        if b"\0" in file.read(4):
            return None
        file.seek(-END, 2)
        return file.read()


def irregular_end(end: bytes, table: Table, number: int) -> bool:
    """Tell whether one of the last lines has quotes, other or empty cells, or begins with no digit."""
    lines = [line.strip() for line in end.replace(b"\r", b"\n").split(b"\n")[1:] if line.strip()][-number:]
    delimiter = table.delimiter.encode()
    return any(
        b'"' in line
        or line.count(delimiter) != table.width - 1
        or delimiter * 2 in line
        or line.endswith(delimiter)
        or not line[:1].isdigit()
        for line in lines
    )


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
        f"Save it as `CSV UTF-8`, or say how it is written: {propose_encodings(block, encoding)}.",
    )


def cut_regular(
    table: Table, first_line: int, block: bytes, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str]
) -> Cells | None:
    """Cut a block with pandas' parser; None if one of its lines is not regular."""
    if not block or table.wrapped or b'"' in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
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
        if row.cells == ["\x1a"]:  # where files of DOS end
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
