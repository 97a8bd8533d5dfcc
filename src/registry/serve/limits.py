"""How often one address may ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.middleware.rate_limit import RateLimitConfig

__all__ = ["client_of", "reads_limit"]


def client_of(request: Request[Any, Any, Any], *, behind_proxy: bool = False) -> str:
    """Return the address that a limit is counted for; of a proxy of ours, the one that it names."""
    if behind_proxy and (forwarded := request.headers.get("x-forwarded-for")):
        return forwarded.rpartition(",")[2].strip()
    return request.client.host if request.client else ""


def reads_limit(
    per_second: int, *, exclude: list[str], client: Callable[[Request[Any, Any, Any]], str] = client_of
) -> RateLimitConfig:
    """Return the limit of all that is not in `exclude`: 429 beyond so many requests in a second."""
    return RateLimitConfig(rate_limit=("second", per_second), exclude=exclude, identifier_for_request=client)
