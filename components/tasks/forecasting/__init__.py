"""Forecasting; `task.py` is its face."""
