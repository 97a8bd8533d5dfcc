"""How often one address may ask."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from time import monotonic
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import TooManyRequestsException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["RateLimit", "ReadsLimit", "client_of", "sender_of"]

PREFIX = 64  # what one IPv6 customer has at least (RFC 6177, section 2)


def client_of(request: Request[Any, Any, Any], *, behind_proxy: bool = False) -> str:
    """Return whom a limit is counted for; of a proxy of ours, the one that it names.

    The last entry of the last `X-Forwarded-For` counts: those before it may be the client's own words.
    """
    if behind_proxy and (forwarded := request.headers.getall("x-forwarded-for", [])):
        return sender_of(forwarded[-1].rpartition(",")[2].strip())
    return sender_of(request.client.host if request.client else "")


def sender_of(address: str) -> str:
    """Return what an address is counted as: all of an IPv6 network of 64 bits is one sender.

    >>> sender_of("2001:db8:1:2::7"), sender_of("::ffff:192.0.2.1"), sender_of("192.0.2.1")
    ('2001:db8:1:2::/64', '192.0.2.1', '192.0.2.1')
    """
    with suppress(ValueError):
        parsed = ip_address(address.removeprefix("[").removesuffix("]").partition("%")[0])
        if isinstance(parsed, IPv6Address):
            if parsed.ipv4_mapped is not None:
                return str(parsed.ipv4_mapped)
            return str(ip_network((parsed, PREFIX), strict=False))
    return address


class RateLimit:
    """So many requests of one sender in a second.

    Only the senders of one second are known, so what it remembers is bounded by what a server can answer in
    a second, and no address stays.
    """

    def __init__(self, per_second: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._second = 0
        self._asked: dict[str, int] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._asked)

    def draw(self, sender: str) -> None:
        """Count a request, or raise 429 (RFC 6585, section 4)."""
        with self._lock:
            second = int(self._clock())
            if second != self._second:
                self._second, self._asked = second, {}
            asked = self._asked.get(sender, 0)
            if asked >= self._per_second:
                raise TooManyRequestsException(headers={"Retry-After": "1"})
            self._asked[sender] = asked + 1


class ReadsLimit(ASGIMiddleware):
    """The limit of all paths that do not begin with one of `exclude`."""

    scopes = (ScopeType.HTTP,)

    def __init__(
        self,
        per_second: int,
        *,
        exclude: Collection[str],
        client: Callable[[Request[Any, Any, Any]], str] = client_of,
    ) -> None:
        self.limit = RateLimit(per_second)
        self._exclude, self._client = tuple(exclude), client

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not scope["path"].startswith(self._exclude):
            self.limit.draw(self._client(Request(scope)))
        await next_app(scope, receive, send)
