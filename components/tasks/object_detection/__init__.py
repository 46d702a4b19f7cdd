"""Object detection; `task.py` is its face."""
