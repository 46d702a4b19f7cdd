"""The shipped recipes: for each task a YAML file, and beside it the types of its sections."""
