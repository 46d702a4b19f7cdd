"""The checks of `example_validator`, one subject a file."""
