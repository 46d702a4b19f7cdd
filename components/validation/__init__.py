"""What `schema_gen` and `example_validator` share between the tasks, one subject a file."""
