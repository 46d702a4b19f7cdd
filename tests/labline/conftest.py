"""The toy line, as the framework's own tests have it; a detector and old checkpoints, as those of object detection."""

from tests.pipeline.conftest import line  # noqa: F401
from tests.support.detector_fixtures import (  # noqa: F401
    old_arrays,
    old_checkpoint,
    small_config,
    small_ssd,
    write_checkpoint,
)
