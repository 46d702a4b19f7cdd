"""Image classification; `task.py` is its face."""
