"""A picture that a person gives the page, made into what training would have stored of it."""

from __future__ import annotations

from pipeline.errors import UserError
from serving.server.rest.page import UNCACHED, answer_json
from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response


def answer_picture(context: RequestContext) -> Response:
    """Answer with the JPEG or PNG that training would have stored of the picture that is the body."""
    from serving.client.images import prepare  # with PIL, which a server does without

    try:
        content = prepare(context.body())
    except UserError as error:
        return answer_json(400, {"error": f"{error.what} {error.fix}".strip()})
    return Response(200, content, "image/jpeg" if content[:2] == b"\xff\xd8" else "image/png", UNCACHED)
