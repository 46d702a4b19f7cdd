"""Images with one class each: looked at and written as records."""
