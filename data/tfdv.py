"""TensorFlow Data Validation, imported without its remark on a missing IPython, which it prints to standard output."""

from __future__ import annotations

from typing import Any


def import_tfdv() -> Any:
    """Return the module; the first import takes seconds."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        import tensorflow_data_validation
    return tensorflow_data_validation
