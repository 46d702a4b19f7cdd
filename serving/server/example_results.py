"""Results of signatures that take tf.Examples, and the names of the methods that they are exported for."""

from __future__ import annotations

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"

Classes = list[tuple[str, float]]  # of one example: label and score
