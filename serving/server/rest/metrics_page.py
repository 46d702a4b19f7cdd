"""The page of metrics that Prometheus reads."""

from __future__ import annotations

from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response


def answer_metrics(context: RequestContext) -> Response:
    """Answer with the metrics, whatever the method; a query makes it another page, which is not there."""
    target, path = context.request.target, context.limits.metrics_path
    if target == path:
        return Response(200, context.core.metrics.text(), "text/plain")
    return Response(400, f"Unexpected path: {target}. Should be {path}".encode(), "text/plain")
