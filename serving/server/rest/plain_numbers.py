"""Large bodies whose only array is one of numbers, which is how images of numbers come: read by compiled code.

`_numbers.c` takes the place of reading, flattening and looking for irregular rows at once, and lets other threads run
meanwhile. It is built where the installation finds a C compiler and the processor an 80 bit `long double`; elsewhere
simdjson (`number_bodies`) reads these bodies, too.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server.rest.tensors import FLOATS, INTEGERS

try:
    from serving.server.rest import _numbers
except ImportError:  # the installation had no compiler
    COMPILED = False
else:
    COMPILED = True

SPACE = rb"[ \t\n\r]*"
NAME = SPACE + rb'"signature_name"' + SPACE + rb":" + SPACE + rb'"([A-Za-z0-9_]*)"' + SPACE
HEAD = re.compile(
    SPACE + rb"\{(?:" + NAME + rb",)?" + SPACE + rb'"(instances|inputs)"' + SPACE + rb":" + SPACE + rb"(?=\[)"
)
TAIL = re.compile(SPACE + rb"(?:," + NAME + rb")?\}" + SPACE)


class PlainNumbers:
    """A body that was one array of numbers, and perhaps the name of a signature.

    Attributes:
        signature: the signature's name; empty if it was not given.
        rows: the array came as `instances`.
    """

    def __init__(self, numbers: NDArray[np.float64], whole: bool, signature: str, rows: bool) -> None:
        self.numbers, self.whole, self.signature, self.rows = numbers, whole, signature, rows

    def arrays(self, inputs: dict[str, str]) -> dict[str, NDArray[Any]] | None:
        """Return the array for a signature's inputs (name -> type name); None if it does not fit exactly."""
        if len(inputs) != 1:
            return None
        ((name, dtype),) = inputs.items()
        if dtype in FLOATS:
            with np.errstate(over="ignore"):
                return {name: self.numbers.astype(FLOATS[dtype])}
        if dtype not in INTEGERS or not self.whole:
            return None
        kind, (smallest, largest) = INTEGERS[dtype]
        if self.numbers.min() < smallest or self.numbers.max() > largest:
            return None
        return {name: self.numbers.astype(np.int64).astype(kind)}

    def forget(self) -> None:
        """Nothing is kept of the text."""


def parse(body: bytes) -> PlainNumbers | None:
    """Return what a body holds; None if another reader must do it."""
    head = HEAD.match(body) if COMPILED else None
    if head is None:
        return None
    # a number takes two bytes at least; what is not written to takes no memory
    out = np.empty(len(body) // 2 + 1, np.float64)
    found = _numbers.read(body, head.end(), out)
    if found is None:
        return None
    end, shape, whole = found
    tail = TAIL.fullmatch(body, end)
    if tail is None or (head[1] is not None and tail[1] is not None):
        return None
    signature = (head[1] or tail[1] or b"").decode()
    return PlainNumbers(out[: math.prod(shape)].reshape(shape), whole, signature, head[2] == b"instances")
