"""The embedded server: serves SavedModels by TensorFlow Serving's protocol, for machines without the real one."""
