"""The compiled reader of numbers, `_numbers.c`."""

import numpy as np
from numpy.typing import NDArray

def read(text: bytes, start: int, out: NDArray[np.float64]) -> tuple[int, tuple[int, ...], bool] | None:
    """Read the regular array of JSON numbers at an offset of a text into `out`, without the interpreter's lock.

    Returns:
        The offset behind the array, its shape, and whether all numbers are integers that float64 holds exactly; None if
        it is not such an array by JSON's grammar, or does not fit.
    """
