"""A block in which a network's random layers may be used and are afterwards as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@contextmanager
def kept(model: keras.Model) -> Iterator[None]:
    """Set every seed generator of the model to a fixed state for the block, and back to its own state after it.

    Pictures then look the same however long the training ran, and the training goes on as if none had been made.
    """
    states = [variable for variable in model.variables if "seed_generator_state" in variable.path]
    before = [variable.numpy() for variable in states]
    try:
        for number, variable in enumerate(states):
            variable.assign([number + 1, 0])
        yield
    finally:
        for variable, value in zip(states, before, strict=True):
            variable.assign(value)
