"""`:predict`: from a body to a call of the model, and from its outputs to an answer.

The threads that compute are kept free for that: an answer is written where it is sent, unless it is so large that it
would hold up all others there.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from serving.server.errors import RequestError
from serving.server.execution import Answer, Arrays, Outcome
from serving.server.models.versions import ServableHandle
from serving.server.rest.json_reader import read_predict
from serving.server.rest.json_writer import write_predict
from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response, error_response

log = logging.getLogger("serving")
SMALL_ANSWER = 8 * 2**10  # bytes of all outputs that ran together; their text takes some milliseconds at most


def answer_predict(context: RequestContext) -> None:
    """Begin to answer `:predict`; the answer comes from where the model is computed."""
    call = PredictCall(context)
    try:
        body = context.body()
    except Exception as error:
        log.exception("a body could not be read")
        call.fail(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))
    else:
        call.begin(body)


class PredictCall:
    """One predict request on its way to the model and back."""

    __slots__ = (
        "arrays",
        "computing",
        "context",
        "core",
        "handle",
        "logged",
        "outputs",
        "rows",
        "signature",
        "target",
    )

    def __init__(self, context: RequestContext) -> None:
        self.context, self.core, self.target = context, context.core, context.target
        self.handle: ServableHandle | None = None
        self.outputs: dict[str, str] = {}
        self.signature, self.rows, self.logged = "", False, False
        self.arrays: Arrays = {}
        self.computing = 0.0  # since when the model has the call

    def begin(self, body: bytes) -> None:
        """Read a body and submit its call."""
        try:
            self.signature, self.arrays, self.rows = read_predict(body, self.look_up)
            assert self.handle is not None
            deadline = self.core.rest_deadline()
            self.logged = self.context.is_loggable() and self.core.request_log.wants(self.target.model)
            self.computing = time.perf_counter()
            self.core.execution.submit(self.handle.servable, self.signature, self.arrays, deadline, self.end)
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
        self.handle = self.core.manager.lend(self.target.model, self.target.version, self.target.label)
        found = self.handle.servable.signature(signature)
        if found is None:
            raise RequestError("INVALID_ARGUMENT", f'Serving signature name: "{signature}" not found in signature def')
        self.outputs = found.outputs
        return found.inputs

    def end(self, outcome: Outcome) -> None:
        """Answer with what the model said."""
        ended = time.perf_counter()
        if isinstance(outcome, Answer) and outcome.bytes() > SMALL_ANSWER:
            self.context.send(self.write(outcome, ended))
        else:
            self.context.send_written(partial(self.write, outcome, ended))

    def write(self, outcome: Outcome, ended: float) -> Response:
        """Return the answer to what the model said at `ended`, on `time.perf_counter()`."""
        if isinstance(outcome, RequestError):
            return self.finish(outcome)
        try:
            self.core.metrics.computed(self.target.model, "Predict", ended - self.computing)
            text = write_predict(outcome, self.outputs, self.rows)
            if self.logged and self.handle is not None:
                self.core.request_log.predict(
                    self.target.model, self.handle.version, self.signature, self.arrays, outcome.arrays()
                )
        except RequestError as error:
            return self.finish(error)
        except Exception as error:
            log.exception("an answer could not be written")
            return self.finish(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))
        return self.finish(None, text)

    def fail(self, error: RequestError) -> None:
        """Answer with an error before the model has been asked."""
        self.context.send(self.finish(error))

    def finish(self, error: RequestError | None, text: bytes = b"") -> Response:
        """Give the model back and count the request; return the answer."""
        if self.handle is not None:
            self.handle.give_back()
        code = error.code if error else "OK"
        self.core.metrics.answered(self.target.model, "predict", "REST", code, self.context.request.started)
        return error_response(error) if error else Response(200, text)
