"""Labelled images: boxes and the images they are on, looked at and written as records."""
