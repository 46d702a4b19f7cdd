"""Request: what is asked of a served model, before a protocol gives it its form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Kind = Literal["predict", "classify", "regress"]
Example = Mapping[str, Any] | bytes  # feature name -> value or list of values, or a serialized tf.Example


class ServedModel(NamedTuple):
    """A model of a server; the newest version that serves, where neither a version nor a label is named."""

    name: str
    version: int | None = None
    label: str = ""


@dataclass(frozen=True)
class Request:
    """A request of one of the three APIs.

    Attributes:
        signature: the default one if it is empty.
        instances, inputs: of `predict`, one of them: an element a row, or whole arrays by input name.
        examples, context: of `classify` and `regress`; the context's features are put to every example.
    """

    model: ServedModel
    kind: Kind
    signature: str = ""
    instances: Any = None
    inputs: Any = None
    examples: Sequence[Example] = ()
    context: Mapping[str, Any] | None = None
