"""Image classification: which class an image belongs to."""
