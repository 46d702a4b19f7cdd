"""Labelled photos: boxes and the photos they are on, looked at and written as records."""
