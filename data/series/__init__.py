"""Series of dated values: CSV files read, measured, mended, and cut into windows."""
