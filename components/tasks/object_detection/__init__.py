"""Object detection: photos with boxes in, a detector out."""

ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1"}  # Model Garden is written for tf-keras
EXTRA = ("detection", ("official", "tf_keras", "pycocotools"))  # its name in setup.py, and what of it is imported
