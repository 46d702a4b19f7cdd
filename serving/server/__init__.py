"""The embedded server: a SavedModel server that speaks TensorFlow Serving's protocol, for machines without the real one."""
