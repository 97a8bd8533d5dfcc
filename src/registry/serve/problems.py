"""How an error becomes an answer: problem details for machines and people (RFC 9457)."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from ...errors import KonsensError
from .wire import problem_of, render_http_problem, status_of

__all__ = ["HANDLERS", "answer_error"]

PROBLEM = "application/problem+json"


def answer_error(_: Request[Any, Any, Any], error: KonsensError) -> Response[bytes]:
    """Answer one of our errors by its cause."""
    headers = {"Retry-After": str(error.facts["seconds"])} if error.code == "append.limit" else {}
    return Response(problem_of(error), media_type=PROBLEM, status_code=status_of(error), headers=headers)


def _answer_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what litestar refuses by itself (no such path, a wrong method, too large a body) alike."""
    body = render_http_problem(error.status_code, error.detail)
    return Response(body, media_type=PROBLEM, status_code=error.status_code, headers=error.headers)


HANDLERS: dict[int | type[Exception], Any] = {KonsensError: answer_error, HTTPException: _answer_http}
