"""Object detection: images with boxes in, a detector out."""

ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1"}  # Model Garden is written for tf-keras
# the extra of setup.py that it needs, and its packages by what is imported of them
EXTRA = (
    "detection",
    {"official": "tf-models-official (Model Garden)", "tf_keras": "tf-keras", "pycocotools": "pycocotools"},
)
