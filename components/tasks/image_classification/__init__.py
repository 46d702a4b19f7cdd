"""Image classification: which class a picture belongs to."""
