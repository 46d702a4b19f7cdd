"""Bytes of `tf.train.Example` and of TFRecord files, written and read without TensorFlow.

Formats: https://www.tensorflow.org/tutorials/load_data/tfrecord and https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, TypeVar

import google_crc32c

FeatureValue = bytes | int | float
Item = TypeVar("Item")

BYTES, FLOAT, INT64 = 1, 2, 3  # field numbers of tf.train.Feature
MAX_RECORD_BYTES = 1 << 30
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def bytes_feature(key: bytes, value: bytes) -> bytes:
    """Return a feature of one byte string."""
    item = b"\x0a" + varint(len(value)) + value
    return feature_entry(key, BYTES, item)


def integer_feature(key: bytes, value: int) -> bytes:
    """Return a feature of one whole number, not below 0."""
    number = varint(value)
    return feature_entry(key, INT64, b"\x0a" + varint(len(number)) + number)


def list_feature(key: bytes, kind: int, values: Sequence[FeatureValue]) -> bytes:
    """Return a feature of any number of values, also none, of a kind: BYTES, FLOAT or INT64 (not below 0)."""
    if kind == BYTES:
        texts = [value for value in values if isinstance(value, bytes)]
        return feature_entry(key, kind, b"".join(b"\x0a" + varint(len(text)) + text for text in texts))
    if kind == FLOAT:
        packed = struct.pack(f"<{len(values)}f", *values)
    else:
        packed = b"".join(varint(int(value)) for value in values)
    return feature_entry(key, kind, b"\x0a" + varint(len(packed)) + packed if values else b"")


def feature_entry(key: bytes, kind: int, values: bytes) -> bytes:
    """Return one entry of the map `tf.train.Features.feature`."""
    feature = bytes((kind << 3 | 2,)) + varint(len(values)) + values
    item = b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(feature)) + feature
    return b"\x0a" + varint(len(item)) + item


_ONE_BYTE = [bytes((number,)) for number in range(128)]


def varint(value: int) -> bytes:
    """Return a number, not below 0, as protobuf writes it: seven bits a byte, the lowest first."""
    if value < 128:
        return _ONE_BYTE[value]
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append one record to a TFRecord file: length, its checksum, data, their checksum."""
    length = _LENGTH.pack(len(data))
    file.write(b"".join((length, _CRC.pack(masked_crc(length)), data, _CRC.pack(masked_crc(data)))))


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of `data`, rotated and shifted as TFRecord wants it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Record(NamedTuple):
    """A record and its place in its file: bytes from the start."""

    offset: int
    data: bytes


def scan_records(stream: IO[bytes]) -> Iterator[Record]:
    """Yield the records of a TFRecord file.

    Raises:
        ValueError: the file is cut short or a checksum is wrong; says where.
    """
    position = 0
    while head := stream.read(12):
        size = _size_of(head, position)
        if size > MAX_RECORD_BYTES:
            raise ValueError(f"no record begins at byte {position:,}")
        data, foot = stream.read(size), stream.read(4)
        if len(data) < size or len(foot) < 4:
            raise ValueError(f"the file ends in the record at byte {position:,}")
        if masked_crc(data) != _CRC.unpack(foot)[0]:
            raise ValueError(f"wrong checksum of the record at byte {position:,}")
        yield Record(position + 12, data)
        position += size + 16


def scan_heads(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield place and size of each whole record's data in a TFRecord file, reading no more than the heads.

    The file may end inside a record: somebody may be writing it. Whether the data are intact is for their reader to
    find out.

    Raises:
        ValueError: the checksum of a head is wrong; says where.
    """
    end, position = stream.seek(0, os.SEEK_END), 0
    while position + 12 <= end:
        stream.seek(position)
        size = _size_of(stream.read(12), position)
        if position + 16 + size > end:
            return
        yield position + 12, size
        position += 16 + size


def is_head(head: bytes) -> bool:
    """Tell whether 12 bytes are a record's head, by their checksum."""
    return len(head) == 12 and masked_crc(head[:8]) == _CRC.unpack(head[8:])[0]


def _size_of(head: bytes, position: int) -> int:
    """Return the length of a record's data, which its head of 12 bytes tells.

    Raises:
        ValueError: it is no head.
    """
    if not is_head(head):
        raise ValueError(f"no record begins at byte {position:,}")
    return int(_LENGTH.unpack(head[:8])[0])


def read_records(*paths: Path) -> Iterator[bytes]:
    """Yield the records of TFRecord files, one file after the other.

    Raises:
        ValueError: a file is damaged; says which and where.
    """
    for path in paths:
        with path.open("rb") as file:
            try:
                for record in scan_records(file):
                    yield record.data
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`; the last one may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def decode_example(data: bytes) -> dict[str, list[FeatureValue]]:
    """Return the features of a serialized `tf.train.Example` by name.

    Raises:
        ValueError: these are no bytes of one.
    """
    features: dict[str, list[FeatureValue]] = {}
    try:
        for _, body in _fields(data):
            for _, entry in _fields(body):
                pair = dict(_fields(entry))
                features[pair[1].decode()] = _values(pair.get(2, b""))
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError("these are no bytes of a tf.train.Example") from error
    return features


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of a message's fields; only length-delimited ones occur here."""
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        if tag & 7 != 2:
            raise ValueError(f"unexpected wire type {tag & 7}")
        size, position = _read_varint(data, position)
        if position + size > len(data):
            raise ValueError("the bytes end in the middle of a field")
        yield tag >> 3, data[position : position + size]
        position += size


def _values(feature: bytes) -> list[FeatureValue]:
    values: list[FeatureValue] = []
    for kind, body in _fields(feature):
        if kind == BYTES:
            values.extend(item for _, item in _fields(body))
        for _, packed in _fields(body) if kind != BYTES else ():
            if kind == FLOAT:
                values.extend(struct.unpack(f"<{len(packed) // 4}f", packed))
            else:
                values.extend(_integers(packed))
    return values


def _integers(packed: bytes) -> Iterator[int]:
    position = 0
    while position < len(packed):
        value, position = _read_varint(packed, position)
        yield value - (1 << 64) if value >> 63 else value


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
