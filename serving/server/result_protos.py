"""Requests and results of tf.Example APIs as TensorFlow Serving's messages, for gRPC and for the request log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.server.errors import RequestError
from serving.server.example_results import Classes


def read_examples(message: Any) -> list[bytes]:
    """Return an Input's serialized tf.Examples; a context's features come first in each, so an example's own count."""
    kind = message.WhichOneof("kind")
    if kind == "example_list":
        return [example.SerializeToString() for example in message.example_list.examples]
    if kind == "example_list_with_context":
        listed = message.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return []


def serialize(message: Any) -> bytes:
    """Return a message's bytes."""
    content: bytes = message.SerializeToString()
    return content


def fill_examples(message: Any, examples: Sequence[bytes]) -> None:
    """Put serialized tf.Examples into an Input."""
    message.example_list.SetInParent()
    for example in examples:
        message.example_list.examples.add().MergeFromString(example)


def fill_classes(message: Any, results: Sequence[Classes]) -> None:
    """Put each example's classes into a ClassificationResult.

    Raises:
        RequestError: a label is not UTF-8, which these messages cannot carry.
    """
    for classes in results:
        added = message.classifications.add().classes
        for label, score in classes:
            try:
                added.add(label=label, score=score)
            except ValueError:
                raw = label.encode("utf-8", "surrogateescape")
                raise RequestError("INTERNAL", f"The label {raw!r} is not UTF-8; only REST can carry it.") from None


def fill_numbers(message: Any, values: Sequence[float]) -> None:
    """Put each example's number into a RegressionResult."""
    for value in values:
        message.regressions.add(value=value)


def fill_spec(spec: Any, name: str, version: int | None, signature: str) -> None:
    """Fill in a ModelSpec; without a version, the one that was asked for is left open."""
    spec.name, spec.signature_name = name, signature
    if version is not None:
        spec.version.value = version
