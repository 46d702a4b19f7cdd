"""SavedModels: functions with named signatures, their variables and assets; inputs that are refused if misshapen."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from components.export.stable_names import renumber_functions

if TYPE_CHECKING:
    import keras


def write_saved_model(
    network: keras.Model | None, functions: dict[str, Any], assets: dict[str, str], name: str, folder: Path
) -> None:
    """Write graph, variables and assets; nothing of Keras but the variables is tracked.

    Args:
        network: whose variables are written; None where the functions hold its weights as constants.
        functions: signature -> tf.function.
        assets: file name -> its text, kept in `assets/`.
        name: of the module.
    """
    with tempfile.TemporaryDirectory() as scratch:
        module = tf.Module(name=name)
        module.state = [variable.value for variable in network.variables] if network else []
        module.files = []
        for file_name, text in assets.items():
            file = Path(scratch, file_name)
            file.write_text(text, "utf-8")
            module.files.append(tf.saved_model.Asset(str(file)))
        module.functions = list(functions.values())
        tf.saved_model.save(module, str(folder), signatures=functions)
    # the file holds a random number and nothing that loading needs; without it, and with functions that are numbered
    # anew, equal exports are equal bytes
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    renumber_functions(folder / "saved_model.pb")


def check_shape(tensor: tf.Tensor, shape: list[int | None], name: str) -> tf.Tensor:
    """Return the tensor; in the graph, refuse one of another shape as an invalid argument.

    None in `shape` stands for any size. A server does not hold clients to declared shapes, and `tf.ensure_shape` will
    not do: it is optimised away where the declared shape already says the same. The placeholder keeps the optimiser
    from knowing the shape beforehand.
    """
    actual = tf.raw_ops.PlaceholderWithDefault(input=tf.shape(tensor), shape=[None])
    message = f"`{name}` must have shape [{', '.join('n' if size is None else str(size) for size in shape)}]"
    # an input of another rank must not be compared further: the second check waits for the first
    with tf.control_dependencies([tf.debugging.assert_equal(tf.size(actual), len(shape), message)]):
        sizes = tf.identity(actual)
    fixed = tf.constant([place for place, size in enumerate(shape) if size is not None], tf.int32)
    wanted = tf.constant([size for size in shape if size is not None], tf.int32)
    with tf.control_dependencies([tf.debugging.assert_equal(tf.gather(sizes, fixed), wanted, message)]):
        return tf.identity(tensor)
