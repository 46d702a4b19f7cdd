"""What evaluations share, settings and plots, and what forecasts are measured and judged by, one subject a file."""
