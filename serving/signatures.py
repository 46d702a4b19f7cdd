"""The signature that a server asks where a request names none."""

from __future__ import annotations

DEFAULT_SIGNATURE = "serving_default"  # by this name `tf.saved_model.save` writes it, too
