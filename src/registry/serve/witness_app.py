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
from .limits import RateLimit, ReadsLimit, client_of
from .problems import HANDLERS, text_response

__all__ = ["witness_app"]

TEXT = "text/plain; charset=utf-8"
SUBMIT = "/add-checkpoint"


class Running(State):
    """What every handler has at hand."""

    witness: Witness
    submissions: RateLimit
    client: Callable[[Request[Any, Any, Any]], str]
    now: Callable[[], datetime]


def witness_app(
    witness: Witness,
    *,
    per_second: int = 50,
    behind_proxy: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Litestar:
    """Return the ASGI application of a witness; `per_second` is for each address.

    Reading, submitting checkpoints of a log that the witness knows (each log for itself), and submitting
    others are counted apart: who does the one takes nothing from who does the other at the same address.
    `behind_proxy` takes the last entry of `X-Forwarded-For` for the address: only if a proxy writes it.
    """

    def client(request: Request[Any, Any, Any]) -> str:
        return client_of(request, behind_proxy=behind_proxy)

    return Litestar(
        route_handlers=[add_checkpoint, checkpoint, live],
        state=Running(
            {"witness": witness, "submissions": RateLimit(per_second), "client": client, "now": now}
        ),
        middleware=[ReadsLimit(per_second, exclude=["/health", SUBMIT], client=client)],
        exception_handlers=HANDLERS,
        request_max_body_size=LONGEST_REQUEST,
        openapi_config=None,
        logging_config=None,
    )


@post(SUBMIT, status_code=200)
async def add_checkpoint(request: Request[Any, Any, Any], state: Running) -> HttpResponse[bytes]:
    """Cosign a checkpoint that goes on from the one before ("add-checkpoint")."""
    body = await request.body()
    state.submissions.draw(f"{state.client(request)} {_known_origin(body, state.witness)}")
    return _answer(await run_sync(lambda: state.witness.add_checkpoint(body, at=state.now())))


@get("/{origin_hash:str}/checkpoint", sync_to_thread=True)
def checkpoint(state: Running, origin_hash: FromPath[str]) -> HttpResponse[bytes]:
    """Show the newest cosigned checkpoint of a log ("Monitor Retrieval Mechanism")."""
    return _answer(state.witness.checkpoint(origin_hash))


@get("/health/live", media_type=TEXT, sync_to_thread=False)
def live() -> HttpResponse[bytes]:
    """Say that the process answers."""
    return text_response(b"alive\n", TEXT)


def _known_origin(body: bytes, witness: Witness) -> str:
    """Return the origin that a submission names, unchecked; empty if the witness does not know it."""
    named = body.partition(b"\n\n")[2].partition(b"\n")[0].decode("utf-8", "replace")
    return named if named in witness.origins else ""


def _answer(response: Response) -> HttpResponse[bytes]:
    return text_response(response.body, response.content_type, status=response.status)
