"""What forecasting does differently from other tasks, a file for each component."""
