"""Status codes: the errors a request can end in, and the HTTP status each is answered with."""

from __future__ import annotations

HTTP_STATUS = {
    "OK": 200,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        code: name of the status code, as in gRPC.
        message: what the client reads.
        body: False for the one error that TensorFlow Serving answers with an empty body.
    """

    def __init__(self, code: str, message: str, body: bool = True) -> None:
        super().__init__(message)
        self.code, self.message, self.body = code, message, body

    @property
    def http_status(self) -> int:
        return HTTP_STATUS.get(self.code, 500)


def invalid(message: str) -> RequestError:
    """Make the error of a request that is wrong in itself."""
    return RequestError("INVALID_ARGUMENT", message)
