"""Servable: one SavedModel in memory, run by a TensorFlow session exactly as TensorFlow Serving runs it.

The only file of the server that imports TensorFlow's python. A session's callable checks no shapes of its own, so
that only the graph complains, and it lets other threads run while it computes.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server.errors import RequestError
from serving.server_config_files import BatchingParameters

log = logging.getLogger("serving")
LONG = 0.1  # share of the time for one computation, beyond which a network is no small one


def import_tensorflow() -> Any:
    """Import TensorFlow without Keras, which a server does not need and which doubles the time to start."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow's last act is `import keras.src.optimizers`, and it goes on when that is missing
    if "keras" not in sys.modules:
        sys.modules.setdefault("keras.src", None)  # type: ignore[arg-type]
    import tensorflow

    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


@dataclass(frozen=True)
class Signature:
    """A signature of the model: types and, in order, names of tensors in the graph.

    Attributes:
        run: computes the outputs in the time that one computation has.
        run_untimed: computes them however long it takes; costs a second preparation, at its first use.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    run: Callable[..., list[NDArray[Any]]]
    run_untimed: Callable[..., list[NDArray[Any]]]


class Servable:
    """A loaded version; `acquire` and `release` keep it in memory while a request uses it.

    TensorFlow hands the operations of a graph to threads of its own, which wake each other; where several batches are
    computed at a time, each had better stay `in_callers_thread` (benchmarks/serving_throughput.py). Such a
    computation is not cut short, so a network that turns out to take long goes to the pool for good.

    Args:
        tags: of the graph to load.
        timeout_ms: time for one computation; 0 for any.
        session_config: a TensorFlow ConfigProto; None means TensorFlow's defaults.
        name: of the model, as metrics tell it.
    """

    def __init__(
        self, folder: Path, tags: list[str], timeout_ms: int, session_config: Any = None, name: str = ""
    ) -> None:
        tensorflow = import_tensorflow()
        self.errors: Any = tensorflow.errors
        self.folder, self.timeout_ms, self.name = folder, timeout_ms, name or folder.parent.name
        self.batching: BatchingParameters | None = None  # of this version's own batching_params.pbtxt
        self.in_callers_thread = False  # set it before the first signature is asked for
        self.users = 0
        self.unused = threading.Condition()
        self.preparing = threading.Lock()
        self.signatures: dict[str, Signature] = {}
        self.graph = tensorflow.Graph()
        with self.graph.as_default():
            self.session = tensorflow.compat.v1.Session(graph=self.graph, config=session_config)
            try:
                self.meta_graph = tensorflow.compat.v1.saved_model.load(self.session, tags, str(folder))
            except BaseException as error:
                self.session.close()
                raise explain(error, folder, tags) from None

    def signature(self, name: str) -> Signature | None:
        """Return a signature by name, ready to run; None if the model has none of that name."""
        if (known := self.signatures.get(name)) is not None:
            return known
        with self.preparing:
            if name not in self.signatures and name in self.meta_graph.signature_def:
                self.signatures[name] = self.prepare(self.meta_graph.signature_def[name])
            return self.signatures.get(name)

    def prepare(self, definition: Any) -> Signature:
        """Make the callables that feed and fetch a signature's tensors by position."""
        untimed: list[Callable[..., list[NDArray[Any]]]] = []

        def run_untimed(*values: NDArray[Any]) -> list[NDArray[Any]]:
            with self.preparing:
                if not untimed:
                    untimed.append(self.make_callable(definition, 0))
            return untimed[0](*values)

        return Signature(
            {name: type_name(info.dtype) for name, info in definition.inputs.items()},
            {name: type_name(info.dtype) for name, info in definition.outputs.items()},
            self.make_callable(definition, self.timeout_ms),
            run_untimed,
        )

    def make_callable(self, definition: Any, timeout_ms: int) -> Callable[..., list[NDArray[Any]]]:
        from tensorflow.core.protobuf import config_pb2

        options = config_pb2.CallableOptions()
        options.feed.extend(info.name for info in definition.inputs.values())
        options.fetch.extend(info.name for info in definition.outputs.values())
        if self.in_callers_thread:
            options.run_options.inter_op_thread_pool = -1
        else:
            options.run_options.timeout_in_ms = timeout_ms
        try:
            return self.session._make_callable_from_options(options) if options.fetch else (lambda *_: [])
        except self.errors.OpError as error:  # such a signature costs the others nothing: only who asks for it is told
            return partial(fail, error)

    def run(
        self, signature: Signature, arrays: dict[str, NDArray[Any]], deadline: float = 0
    ) -> dict[str, NDArray[Any]]:
        """Run the graph.

        Args:
            deadline: of the client, on `time.monotonic()`. Where it lies beyond the time that one computation has,
                and that time was not enough, the graph is run once more without a limit.

        Raises:
            RequestError: the graph failed; its own status code is kept.
        """
        values = [arrays[name] for name in signature.inputs]
        began = time.monotonic()
        try:
            try:
                outputs = signature.run(*values)
                if self.in_callers_thread and 0 < LONG * self.timeout_ms < (time.monotonic() - began) * 1e3:
                    self.leave_callers_thread()
            except self.errors.DeadlineExceededError:
                if deadline < time.monotonic():
                    raise
                log.warning(
                    "%s needs more than %d ms; it is computed anew, without a limit", self.name, self.timeout_ms
                )
                outputs = signature.run_untimed(*values)
        except self.errors.OpError as error:
            raise RequestError(code_name(error.error_code), error.message) from None
        except (TypeError, ValueError, RuntimeError) as error:
            raise RequestError("INTERNAL", f"{type(error).__name__}: {error}") from None
        return {name: as_array(value) for name, value in zip(signature.outputs, outputs, strict=True)}

    def leave_callers_thread(self) -> None:
        """Compute in TensorFlow's pool from the next call on."""
        with self.preparing:
            if self.in_callers_thread:
                self.in_callers_thread = False
                self.signatures.clear()  # made anew at their next use
                log.info("%s takes long: its batches are computed in several threads from now on", self.name)

    def acquire(self) -> None:
        with self.unused:
            self.users += 1

    def release(self) -> None:
        with self.unused:
            self.users -= 1
            if not self.users:
                self.unused.notify_all()

    def close(self) -> None:
        """Free the memory as soon as no request uses the model any more; nobody may take it up once this was called."""
        with self.unused:
            self.unused.wait_for(lambda: not self.users)
            self.signatures.clear()  # their callables die before their session
        self.session.close()


def explain(error: BaseException, folder: Path, tags: list[str]) -> BaseException:
    """Give what keeps a SavedModel from being loaded the code and the words that TensorFlow's C++ has for it."""
    text = str(error)
    if isinstance(error, OSError) and "does not exist" in text:
        return RequestError(
            "NOT_FOUND",
            f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {folder}. "
            "Check that the directory exists and that you have the right permissions for accessing it.",
        )
    if isinstance(error, OSError) and text.startswith("Cannot parse"):
        return RequestError("DATA_LOSS", f"Can't parse {folder / 'saved_model.pb'} as binary proto")
    if isinstance(error, RuntimeError) and text.startswith("MetaGraphDef associated with tags"):
        return RequestError(
            "NOT_FOUND",
            f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}. "
            "To inspect available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`",
        )
    return error


def fail(error: Any, *_: NDArray[Any]) -> list[NDArray[Any]]:
    """Run a signature that TensorFlow cannot make ready: end in the error that it gave."""
    raise type(error)(error.node_def, error.op, error.message)


def as_array(value: Any) -> NDArray[Any]:
    """Return a fetched value as an array; a string scalar comes as bytes, which numpy would cut at a zero byte."""
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


def type_name(dtype: int) -> str:
    """Name a type as TensorFlow's C++ does: `float`, `double`, `half`, `int64`, `string`."""
    from tensorflow.core.framework import types_pb2

    name: str = types_pb2.DataType.Name(dtype)
    return name.removeprefix("DT_").lower()


def code_name(code: int | None) -> str:
    """Name a status code."""
    from tensorflow.core.protobuf import error_codes_pb2

    return error_codes_pb2.Code.Name(code) if code is not None else "UNKNOWN"
