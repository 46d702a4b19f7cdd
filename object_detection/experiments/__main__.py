"""Runs Model Garden's training driver with this package's experiments registered: see its first lines."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # before TensorFlow is imported

from absl import app, flags
from official.common import flags as model_garden_flags
from official.vision import train

from object_detection.experiments import task  # noqa: F401 - registers the experiments

if __name__ == "__main__":
    model_garden_flags.define_flags()
    flags.mark_flags_as_required(["experiment", "mode", "model_dir"])
    app.run(train.main)
