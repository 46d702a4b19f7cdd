"""Names inside a served SavedModel: the signature that is asked where a request names none, and the warm-up file."""

from __future__ import annotations

from pathlib import Path

DEFAULT_SIGNATURE = "serving_default"  # by this name `tf.saved_model.save` writes it, too
WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")  # what a server replays before a version is available
