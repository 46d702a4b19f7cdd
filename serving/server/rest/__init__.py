"""The REST API: routes, JSON and its limits, on ASGI."""
