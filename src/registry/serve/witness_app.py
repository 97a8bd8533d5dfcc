"""The HTTP face of a witness (C2SP tlog-witness): submission and monitoring under one prefix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from anyio.to_thread import run_sync
from litestar import Litestar, Request, get, post
from litestar import Response as HttpResponse
from litestar.datastructures import State
from litestar.params import FromPath

from ..witness import LONGEST_REQUEST, Response, Witness
from .limits import reads_limit
from .problems import HANDLERS

__all__ = ["witness_app"]

TEXT = "text/plain; charset=utf-8"


class Running(State):
    """What every handler has at hand."""

    witness: Witness
    now: Callable[[], datetime]


def witness_app(
    witness: Witness, *, per_second: int = 50, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Litestar:
    """Return the ASGI application of a witness; `per_second` is for each address."""
    return Litestar(
        route_handlers=[add_checkpoint, checkpoint, live],
        state=Running({"witness": witness, "now": now}),
        middleware=[reads_limit(per_second, exclude=["/health"]).middleware],
        exception_handlers=HANDLERS,
        request_max_body_size=LONGEST_REQUEST,
        openapi_config=None,
        logging_config=None,
    )


@post("/add-checkpoint", status_code=200)
async def add_checkpoint(request: Request[Any, Any, Any], state: Running) -> HttpResponse[bytes]:
    """Cosign a checkpoint that goes on from the one before ("add-checkpoint")."""
    body = await request.body()
    return _answer(await run_sync(lambda: state.witness.add_checkpoint(body, at=state.now())))


@get("/{origin_hash:str}/checkpoint", sync_to_thread=True)
def checkpoint(state: Running, origin_hash: FromPath[str]) -> HttpResponse[bytes]:
    """Show the newest cosigned checkpoint of a log ("Monitor Retrieval Mechanism")."""
    return _answer(state.witness.checkpoint(origin_hash))


@get("/health/live", media_type=TEXT, sync_to_thread=False)
def live() -> str:
    """Say that the process answers."""
    return "alive\n"


def _answer(response: Response) -> HttpResponse[bytes]:
    return HttpResponse(response.body, status_code=response.status, media_type=response.content_type)
