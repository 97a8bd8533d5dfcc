"""How an error becomes an answer: problem details for machines and people (RFC 9457); and answers of text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from ...errors import KonsensError
from .wire import problem_of, render_http_problem, status_of

__all__ = ["HANDLERS", "answer_error", "text_response"]

_LOG = logging.getLogger(__name__)

PROBLEM = "application/problem+json"


def text_response(
    body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return an answer of just this type: litestar adds a charset to every `text/…` that it is told of."""
    return Response(body, status_code=status, headers={**(headers or {}), "Content-Type": content_type})


def answer_error(_: Request[Any, Any, Any], error: KonsensError) -> Response[bytes]:
    """Answer one of our errors by its cause."""
    if status_of(error) == 500:  # the others have a limit of their own, or are logged by the writer
        _LOG.error("a request failed", extra={"code": error.code})
    headers = {"Retry-After": str(error.facts["seconds"])} if error.code == "append.limit" else {}
    return Response(problem_of(error), media_type=PROBLEM, status_code=status_of(error), headers=headers)


def _answer_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what litestar refuses by itself (no such path, a wrong method, too large a body) alike."""
    body = render_http_problem(error.status_code, error.detail)
    return Response(body, media_type=PROBLEM, status_code=error.status_code, headers=error.headers)


def _answer_bug(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer what should not have happened, and log it: who asked learns nothing of it."""
    _LOG.error("a request failed", exc_info=error)
    return Response(render_http_problem(500, "Internal Server Error"), media_type=PROBLEM, status_code=500)


HANDLERS: dict[int | type[Exception], Any] = {
    KonsensError: answer_error,
    HTTPException: _answer_http,
    Exception: _answer_bug,
}
