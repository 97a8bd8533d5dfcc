"""The HTTP face of a log (extra `[service]`): tlog-tiles reads, appends, vouchers, health, metrics.

What is asked is never which seal is broken: members read on from where they are, small parties take a bucket
of the map. `docs/registry.md` has the interface in words, `/openapi/openapi.json` for programs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from anyio.to_thread import run_sync
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath

from ...errors import KonsensError, Unavailable
from ..note import render_vkey
from .limits import ReadsLimit, client_of
from .log_service import LogService
from .metrics import Metrics
from .problems import HANDLERS, answer_error, text_response
from .publication import Published
from .wire import (
    MOST_BYTES,
    parse_append,
    parse_vouchers,
    render_appended,
)

__all__ = ["log_app"]

JSON, TEXT, OCTETS, PROBLEM = (
    "application/json",
    "text/plain; charset=utf-8",
    "application/octet-stream",
    "application/problem+json",
)
FIGURES = "text/plain; version=0.0.4; charset=utf-8"
FOREVER = "public, max-age=31536000, immutable"  # a tile never changes (C2SP tlog-tiles, "Merkle Tree")
ASK_AGAIN = "no-cache"


class Running(State):
    """What every handler has at hand."""

    service: LogService
    metrics: Metrics
    published: Callable[[], Published | None]


def log_app(
    service: LogService,
    *,
    reads_per_second: int = 100,
    published: Callable[[], Published | None] = lambda: None,
) -> Litestar:
    """Return the ASGI application of one log.

    `reads_per_second` is for each address; `published` says how far this process has published, if it does.
    """
    return Litestar(
        route_handlers=[checkpoint, vkey, tile, bucket, append, register, live, ready, metrics],
        state=Running(
            {
                "service": service,
                "metrics": Metrics(service.intake, published),
                "published": published,
            }
        ),
        # Appends have limits of their own.
        middleware=[ReadsLimit(reads_per_second, exclude=["/health", "/metrics", "/append"], client=_client)],
        exception_handlers=HANDLERS | {KonsensError: _problem},
        request_max_body_size=MOST_BYTES,
        openapi_config=OpenAPIConfig(
            title=f"konsens log {service.vkey.name}",
            version="1",
            path="/openapi",
            render_plugins=[JsonRenderPlugin()],
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )


@get("/checkpoint", media_type=TEXT, sync_to_thread=True)
def checkpoint(state: Running) -> Response[bytes]:
    """The newest checkpoint, a signed note with the cosignatures that have come (C2SP tlog-checkpoint)."""
    note = state.service.checkpoint()
    return text_response(note, TEXT, headers={"Cache-Control": ASK_AGAIN})


@get("/vkey", media_type=TEXT, sync_to_thread=False)
def vkey(state: Running) -> Response[bytes]:
    """The key of the log, for first contact; whoever relies on it gets it another way, too."""
    return text_response(f"{render_vkey(state.service.vkey)}\n".encode(), TEXT)


@get("/tile/{path:path}", media_type=OCTETS, sync_to_thread=True)
def tile(state: Running, path: FromPath[str]) -> Response[bytes]:
    """A tile of the Merkle tree, or a bundle of entries (C2SP tlog-tiles)."""
    data = state.service.file(f"tile{path}")
    return Response(data, media_type=OCTETS, headers={"Cache-Control": FOREVER})


@get("/map/{path:path}", media_type=OCTETS, sync_to_thread=True)
def bucket(state: Running, path: FromPath[str]) -> Response[bytes]:
    """A bucket of the seal map: all broken seals that begin with a few bits (docs/formats.md)."""
    data = state.service.file(f"map{path}")
    cached = ASK_AGAIN if path == "/newest" else FOREVER
    return Response(data, media_type=OCTETS, headers={"Cache-Control": cached})


_ONE = Schema(type=OpenAPIType.INTEGER, const=1)


def _texts(description: str) -> Schema:
    return Schema(
        type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING), min_items=1, description=description
    )


@dataclass
class _JsonBody(Operation):
    """An operation whose body goes through the strict door, which litestar does not know."""

    members: dict[str, Schema] = field(default_factory=dict)

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.OBJECT, properties=dict(self.members), required=list(self.members))
        self.request_body = RequestBody(content={JSON: OpenAPIMediaType(schema=schema)}, required=True)


@dataclass
class _Append(_JsonBody):
    members: dict[str, Schema] = field(
        default_factory=lambda: {"v": _ONE, "leaves": _texts("The entry of each leaf, in base64url.")}
    )


@dataclass
class _Register(_JsonBody):
    members: dict[str, Schema] = field(
        default_factory=lambda: {"v": _ONE, "hashes": _texts("SHA-256 of each voucher, in hex.")}
    )


@post("/append", media_type=JSON, status_code=200, operation_class=_Append)
async def append(request: Request[Any, Any, Any], state: Running) -> Response[bytes]:
    """Append leaves, all or none, and answer with index and acknowledgement of each when all are durable.

    Sending the same leaves again is no error and gives the same indices.
    """
    begun, body = monotonic(), await request.body()
    service = state.service
    member = service.member(request.headers.get("authorization"), body)
    client = _client(request)
    admitted = await run_sync(lambda: service.admit(parse_append(body), member=member, client=client))
    try:
        indices = await asyncio.wrap_future(admitted.indices)
    except KonsensError as error:
        await run_sync(service.refused, admitted, error)
        raise
    signed = await run_sync(service.acknowledge, admitted, indices)
    state.metrics.appended.inc(len(indices))
    state.metrics.seconds.observe(monotonic() - begun)
    return Response(render_appended(indices, signed), media_type=JSON)


@post("/vouchers", status_code=204, operation_class=_Register)
async def register(request: Request[Any, Any, Any], state: Running) -> None:
    """Register vouchers by their hashes; for members, who sign the request."""
    body = await request.body()
    member = state.service.member(request.headers.get("authorization"), body)
    await run_sync(lambda: state.service.register_vouchers(parse_vouchers(body), member=member))


@get("/health/live", media_type=TEXT, sync_to_thread=False)
def live() -> Response[bytes]:
    """Whether the process answers."""
    return text_response(b"alive\n", TEXT)


@get("/health/ready", media_type=TEXT, sync_to_thread=True)
def ready(state: Running) -> Response[bytes]:
    """Whether leaves are taken, signed and shown; if not, or not within a minute, 503 and why.

    Then a line for each witness, `witness NAME up` or why not, whether they are a `quorum`, and
    `publication CODE` as soon as the public files cannot be written.
    """
    now = state.service.intake.state
    if now.stopped or now.problem is not None:
        raise Unavailable("append.stopped", problem=now.problem.code if now.problem else "closed")
    state.service.check_published()
    lines = ["ready"]
    shown = state.published()
    if shown is not None:
        lines += [f"witness {one.witness} {one.error.code if one.error else 'up'}" for one in shown.answers]
        if shown.answers:
            lines.append(f"quorum {'reached' if shown.quorum else 'missing'}")
        if shown.problem is not None:
            lines.append(f"publication {shown.problem.code}")
    return text_response("\n".join([*lines, ""]).encode(), TEXT)


@get("/metrics", media_type=FIGURES, sync_to_thread=False)
def metrics(state: Running) -> Response[bytes]:
    """Figures for Prometheus."""
    return text_response(state.metrics.render(), FIGURES)


def _client(request: Request[Any, Any, Any]) -> str:
    return client_of(request, behind_proxy=request.app.state.service.policy.behind_proxy)


def _problem(request: Request[Any, Any, Any], error: KonsensError) -> Response[bytes]:
    request.app.state.metrics.refused.labels(error.code).inc()
    return answer_error(request, error)
