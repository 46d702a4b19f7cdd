"""The REST API: HTTP/1.1 on an event loop, routes, and JSON as TensorFlow Serving reads and writes it."""
