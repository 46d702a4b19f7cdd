"""Predict answers as JSON, in TensorFlow Serving's row and columnar formats, down to its digits and spaces.

It breaks the line inside objects and columnar lists, and not inside the lists of a row. What stands at `depth` is
indented so many times: the answer's only member at 1.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server.errors import invalid
from serving.server.execution import Answer

UNWRITABLE = {"half", "bfloat16", "uint16", "complex64", "complex128"}
NON_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
FEW = 16


def write_predict(answer: Answer, dtypes: dict[str, str], rows: bool) -> bytes:
    """Return the response: `predictions` with one element a row, or `outputs` with any shapes.

    Args:
        dtypes: output name -> type name, as the signature declares them.
        rows: whether the request was in row format.

    Raises:
        RequestError: a type that JSON cannot carry, or outputs that have no common rows.
    """
    for name in answer.outputs:
        if dtypes[name] in UNWRITABLE and answer.outputs[name].size:
            raise invalid(f"Failed to write JSON value for tensor type: {dtypes[name]}")
    if rows:
        texts = own(answer, row_texts(answer))
        return document("predictions", open_list(texts) if len(answer.outputs) == 1 else spread(texts, "[]", 1))
    if len(answer.outputs) == 1:
        return document("outputs", column_text(answer, next(iter(answer.outputs)), 1))
    members = [f"{quote(name)}: {column_text(answer, name, 2)}" for name in answer.outputs]
    return document("outputs", spread(members, "{}", 1))


def document(key: str, text: str) -> bytes:
    return f'{{\n    "{key}": {text}\n}}'.encode("utf-8", "surrogateescape")


def open_list(texts: list[str]) -> str:
    """Return a list whose end alone stands on a line of its own."""
    return "[" + ", ".join(texts) + "\n    ]"


def spread(texts: list[str], ends: str, depth: int) -> str:
    """Return a list or an object, by its `ends`, that stands at `depth` and has a line for each of its parts."""
    if not texts:
        return ends
    indent = "\n" + "    " * depth
    return f"{ends[0]}{indent}    {f',{indent}    '.join(texts)}{indent}{ends[1]}"


def own(answer: Answer, texts: list[str]) -> list[str]:
    """Return this call's part of the texts of all rows that ran together."""
    return texts if answer.rows is None else texts[answer.rows]


def row_texts(answer: Answer) -> list[str]:
    """Return the text of every row that ran together, made by the first call that asks.

    Raises:
        RequestError: an output has not the batch as its first dimension.
    """
    if "rows" not in answer.texts:
        answer.texts["rows"] = write_rows(answer.outputs)
    texts: list[str] = answer.texts["rows"]
    return texts


def column_text(answer: Answer, name: str, depth: int) -> str:
    """Return the text of one output of this call, which stands at `depth`."""
    if answer.rows is None:
        return write_array(answer.outputs[name], name, depth, is_column=True)[0]
    if "columns" not in answer.texts:
        answer.texts["columns"] = {
            key: write_array(array, key, depth + 1, keep=1, is_column=True) for key, array in answer.outputs.items()
        }
    return spread(answer.texts["columns"][name][answer.rows], "[]", depth)


def write_rows(outputs: dict[str, NDArray[Any]]) -> list[str]:
    """Return the text of each row; every output must have the batch as its first dimension."""
    batch = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if batch not in (-1, len(array)):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch}")
        if not len(array):
            raise invalid(f"Tensor name: {name} has invalid batch size: 0")
        batch = len(array)
    depth = 2 if len(outputs) == 1 else 3
    columns = [write_array(array, name, depth, keep=1) for name, array in outputs.items()]
    if len(columns) == 1:
        return columns[0]
    names = [quote(name) for name in outputs]
    return [
        spread([f"{name}: {text}" for name, text in zip(names, row, strict=True)], "{}", 2)
        for row in zip(*columns, strict=True)
    ]


def write_array(array: NDArray[Any], name: str, depth: int, keep: int = 0, is_column: bool = False) -> list[str]:
    """Return the JSON texts of an array's sub-arrays below its first `keep` dimensions; each stands at `depth`."""
    texts = write_scalars(array.ravel(), name, depth + array.ndim - keep)
    for axis in reversed(range(keep, array.ndim)):
        size = array.shape[axis]
        count = int(np.prod(array.shape[:axis], dtype=np.int64))
        parts = (texts[start * size : (start + 1) * size] for start in range(count))
        if is_column:
            texts = [spread(part, "[]", depth + axis - keep) for part in parts]
        else:
            texts = ["[" + ", ".join(part) + "]" for part in parts]
    return texts


def write_scalars(values: NDArray[Any], name: str, depth: int) -> list[str]:
    """Return the JSON text of each value of a flat array."""
    if values.dtype == object:
        as_base64 = name.endswith("_bytes")
        items = [item if isinstance(item, bytes) else str(item).encode() for item in values]
        if as_base64:
            return [spread([f'"b64": "{base64.b64encode(item).decode()}"'], "{}", depth) for item in items]
        return [quote(item.decode("utf-8", "surrogateescape")) for item in items]
    if values.dtype == np.bool_:
        return ["true" if value else "false" for value in values]
    if values.dtype.kind == "f":
        return write_floats(values)
    return list(map(str, values.tolist()))


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def write_floats(values: NDArray[Any]) -> list[str]:
    """Return floats with six digits where those give the value back, and with 9 (float) or 17 (double) where not."""
    if not values.size:
        return []
    more = "%.9g" if values.dtype == np.float32 else "%.17g"
    formats = np.where(has_six_digits(values), "%.6g", more).tolist()
    texts = ("\n".join(formats) % tuple(values.tolist())).split("\n")
    if not np.isfinite(values).all():
        texts = [NON_FINITE.get(text, text) for text in texts]
    return [text if "." in text or "e" in text or text[-1] in "Ny" else text + ".0" for text in texts]


def has_six_digits(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which values come back from their six first digits."""
    if values.size <= FEW:  # as most answers have; what follows takes longer to begin than these take one by one
        rounded = np.array([float(f"{value:.6g}") for value in values.tolist()])
        return np.equal(rounded.astype(values.dtype), values)
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log10(np.abs(wide))) - 5
        # whole numbers and powers of ten up to the 22nd are exact, so their quotient or product is the nearest double
        scale = 10.0 ** np.abs(exponent)
        rounded = np.where(exponent < 0, np.rint(wide * scale) / scale, np.rint(wide / scale) * scale)
        exact: NDArray[np.bool_] = (wide == 0) | (rounded.astype(values.dtype) == values)
    for index in np.flatnonzero(np.isfinite(exponent) & (np.abs(exponent) > 22)):
        exact[index] = np.array(f"{wide[index]:.6g}").astype(values.dtype) == values[index]
    return exact


def write_error(message: str) -> bytes:
    """Return the body of an error."""
    return document("error", quote(message))
