"""Metrics: counters and histograms under TensorFlow Serving's names, in Prometheus' text format."""

from __future__ import annotations


class Metrics:
    """The counters of one server; safe to use from any thread, and cheap."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter, such as `:tensorflow:serving:request_count`."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put a value into a histogram, such as microseconds into `:tensorflow:serving:request_latency`."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return b""
