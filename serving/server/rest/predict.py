"""`:predict`: from a body to a call of the model, and from its outputs to an answer.

The threads that compute are kept free for that: an answer is written where it is sent, unless it is so large that it would
hold up all others there.
"""

from __future__ import annotations

import logging
import time
import zlib
from functools import partial

from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.execution import Answer, Arrays, Outcome
from serving.server.models.versions import Lent
from serving.server.rest.json_reader import read_predict
from serving.server.rest.json_writer import write_error, write_predict
from serving.server.rest.response_queue import Reply, Written
from serving.server.rest.routes import Route

log = logging.getLogger("serving")
SMALL_ANSWER = 8 * 2**10  # bytes of all outputs that ran together; their text takes some milliseconds at most


class Predict:
    """One predict request on its way.

    Args:
        started: when the request came, on `time.perf_counter()`.
        loggable: may belong to the request log's sample.
    """

    __slots__ = (
        "arrays",
        "computing",
        "core",
        "inputs",
        "lent",
        "loggable",
        "logged",
        "outputs",
        "reply",
        "route",
        "rows",
        "signature",
        "started",
    )

    def __init__(self, core: Core, route: Route, started: float, reply: Reply, loggable: bool = True) -> None:
        self.core, self.route, self.started, self.reply, self.loggable = core, route, started, reply, loggable
        self.lent: Lent | None = None
        self.outputs: dict[str, str] = {}
        self.signature, self.rows, self.logged = "", False, False
        self.arrays: Arrays = {}
        self.computing = 0.0  # since when the model has the call

    def begin(self, body: bytes) -> None:
        """Read a body and submit its call."""
        try:
            self.signature, self.arrays, self.rows = read_predict(body, self.look_up)
            assert self.lent is not None
            deadline = self.core.rest_deadline()
            self.logged = self.loggable and self.core.request_log.wants(self.route.model)
            self.computing = time.perf_counter()
            self.core.execution.submit(self.lent.servable, self.signature, self.arrays, deadline, self.end)
        except RequestError as error:
            self.fail(error)
        except Exception as error:
            log.exception("a predict request failed")
            self.fail(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))

    def look_up(self, signature: str) -> dict[str, str]:
        """Borrow the model that should answer, and return the inputs of one of its signatures.

        Raises:
            RequestError: there is no such model, version, label or signature.
        """
        self.lent = self.core.manager.lend(self.route.model, self.route.version, self.route.label)
        found = self.lent.servable.signature(signature)
        if found is None:
            raise RequestError("INVALID_ARGUMENT", f'Serving signature name: "{signature}" not found in signature def')
        self.outputs = found.outputs
        return found.inputs

    def end(self, outcome: Outcome) -> None:
        """Answer with what the model said."""
        ended = time.perf_counter()
        if isinstance(outcome, Answer) and outcome.bytes() > SMALL_ANSWER:
            self.reply.send(*self.write(outcome, ended))
        else:
            self.reply.send_written(partial(self.write, outcome, ended))

    def write(self, outcome: Outcome, ended: float) -> Written:
        """Return the answer to what the model said at `ended`, on `time.perf_counter()`."""
        if isinstance(outcome, RequestError):
            return self.finish(outcome)
        try:
            self.core.metrics.computed(self.route.model, "Predict", ended - self.computing)
            text = write_predict(outcome, self.outputs, self.rows)
            if self.logged and self.lent is not None:
                self.core.request_log.predict(
                    self.route.model, self.lent.version, self.signature, self.arrays, outcome.arrays()
                )
        except RequestError as error:
            return self.finish(error)
        except Exception as error:
            log.exception("an answer could not be written")
            return self.finish(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))
        return self.finish(None, text)

    def fail(self, error: RequestError) -> None:
        """Answer with an error before the model has been asked."""
        self.reply.send(*self.finish(error))

    def finish(self, error: RequestError | None, text: bytes = b"") -> Written:
        """Give the model back and count the request; return the answer."""
        if self.lent is not None:
            self.lent.give_back()
        code = error.code if error else "OK"
        self.core.metrics.answered(self.route.model, "predict", "REST", code, self.started)
        return (error.http_status, write_error(error.message)) if error else (200, text)


def inflate(body: bytes, most: int) -> bytes:
    """Unpack a gzip body; one that cannot be unpacked, or is too large unpacked, acts as an empty one."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, most)
    except zlib.error:
        return b""
    return content if unpacker.eof else b""
