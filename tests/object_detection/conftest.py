"""Networks without training, and old checkpoints made of them."""

from tests.support.detector_fixtures import (  # noqa: F401
    make_ssd,
    old_arrays,
    old_checkpoint,
    small_config,
    small_ssd,
    write_checkpoint,
)
