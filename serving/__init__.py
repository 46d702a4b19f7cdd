"""Models out: the embedded server (TensorFlow Serving's protocol), its client, and the files that both read."""
