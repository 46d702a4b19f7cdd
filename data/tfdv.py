"""TensorFlow Data Validation, imported without its remark on a missing IPython, which nobody here can act on."""

from __future__ import annotations

import contextlib
import io
from typing import Any


def import_tfdv() -> Any:
    """Return the module; the first import takes seconds."""
    # these set up their logging at import, so they come first, with the real standard error
    import apache_beam  # noqa: F401
    import tensorflow  # noqa: F401

    with contextlib.redirect_stderr(io.StringIO()):
        import tensorflow_data_validation
    return tensorflow_data_validation
