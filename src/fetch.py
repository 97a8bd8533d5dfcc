"""The one way out to the network: a fetcher that cannot be turned against the house that uses it.

An address that stands in somebody else's message may point anywhere: into the company's own network, at a
server that drips for hours, at a name that answers differently the second time. Therefore:

- `https` only, and every address that the name has must be public;
- the socket goes to the address that was checked, while the certificate is checked for the name;
- no redirects, no proxy from the environment, no credentials in the address;
- one deadline for everything, and a limit on the size of the answer.

>>> check_url("https://log.muster.example/checkpoint")
>>> check_url("http://log.muster.example/checkpoint")  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
konsens.errors.InputError: fetch.address: http://log.muster.example/checkpoint is not fetched: only public...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from .errors import InputError, Unavailable

if TYPE_CHECKING:
    import ssl

    import httpcore2

__all__ = ["Answer", "Fetcher", "check_url"]

MOST_BYTES = 1 << 20
SECONDS = 5.0

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052, section 2.1
_UNICAST = ip_network("2000::/3")  # all that IANA has given out of the global unicast space (RFC 4291, 2.4)

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Iterable[str]]
"""Returns the addresses of a host, as text."""


class Answer(msgspec.Struct, frozen=True):
    """What a server answered."""

    status: int
    body: bytes
    headers: dict[str, str]
    """With lower-case names; of repeated ones, the last."""


def check_url(url: str, *, loopback: bool = False) -> None:
    """Raise `fetch.address` unless `url` is one that may be fetched; names are not looked up yet.

    With `loopback`, `http` is allowed to an address of this machine, written in digits: for a log that the
    user himself has started and named, never for what came in a message.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        ok = bool(host) and port != 0 and parts.username is None and parts.password is None
        ok = ok and url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}#')
        if (literal := _literal(host)) is not None:
            ok = ok and (_public(literal) or (loopback and literal.is_loopback))
        scheme = "http" if loopback and literal is not None and literal.is_loopback else "https"
        ok = ok and parts.scheme in {scheme, "https"}
    except ValueError as error:
        raise InputError("fetch.address", url=url) from error
    if not ok:
        raise InputError("fetch.address", url=url)


class Fetcher:
    """Gets and posts by the rules above. Each request has a connection of its own, and shares nothing."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        seconds: float = SECONDS,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` may bring certificates of a test's own; `loopback` is explained at `check_url`."""
        self._loopback = loopback
        self._seconds = seconds
        self._lookup = lookup or _addresses
        self._tls = tls

    def get(self, url: str, *, most: int = MOST_BYTES) -> Answer:
        """Return what is at `url`; see `send`."""
        return self.send("GET", url, most=most)

    def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, most: int = MOST_BYTES
    ) -> Answer:
        """Send `body` to `url` and return the answer; see `send`."""
        return self.send("POST", url, body=body, headers=headers, most=most)

    def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = MOST_BYTES,
    ) -> Answer:
        """Return the answer, whatever its status.

        Raises `fetch.address` for an address that is not allowed, `fetch.unreachable` for a server that does
        not answer in time or not by the rules of HTTP and TLS, `fetch.too_large` beyond `most` bytes.
        """
        check_url(url, loopback=self._loopback)
        try:
            import httpcore2
        except ImportError as error:
            raise Unavailable("fetch.unreachable", url=url, problem="konsens[service] is missing") from error
        until = monotonic() + self._seconds
        backend = _backend(self._connectable, until)
        try:
            with httpcore2.ConnectionPool(
                ssl_context=self._tls or _trusted(), network_backend=backend
            ) as pool:
                sent = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
                sent += [(b"Host", _host_header(url)), (b"Accept-Encoding", b"identity")]
                extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)}
                with pool.stream(method, url, headers=sent, content=body, extensions=extensions) as answer:
                    data = bytearray()
                    for chunk in answer.iter_stream():
                        data += chunk
                        if len(data) > most:
                            raise InputError("fetch.too_large", url=url, limit=most)
                        if monotonic() > until:
                            raise Unavailable("fetch.unreachable", url=url, problem="too slow")
                    found = {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in answer.headers
                    }
                    return Answer(answer.status, bytes(data), found)
        except _failures() as error:
            raise Unavailable("fetch.unreachable", url=url, problem=type(error).__name__) from error

    def _connectable(self, host: str, port: int) -> str:
        """Return an address of `host` that a socket may go to, once all that it has are public."""
        found = [ip_address(text.partition("%")[0]) for text in self._lookup(host, port)]
        if not found:
            raise Unavailable("fetch.unreachable", url=host, problem="no address")
        for address in found:
            if not (_public(address) or (self._loopback and address.is_loopback and _literal(host))):
                raise InputError("fetch.address", url=host)
        return str(found[0])


def _public(address: Address) -> bool:
    """Return whether an address belongs to the open network, whichever way it is wrapped."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not _public(inner):
            return False
        if address not in _UNICAST and address not in _NAT64:
            return False
    return address.is_global and not address.is_multicast


def _literal(host: str) -> Address | None:
    """Return the address that `host` spells in digits; other spellings of numbers are names, and fail."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _addresses(host: str, port: int) -> list[str]:
    import socket  # here and below: who only reads an address pays for neither

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable("fetch.unreachable", url=host, problem="no such name") from error
    return [str(place[0]) for *_, place in found]


def _host_header(url: str) -> bytes:
    return urlsplit(url).netloc.encode()


@cache
def _trusted() -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context()  # some 30 ms


def _failures() -> tuple[type[Exception], ...]:
    import httpcore2

    return (
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.TimeoutException,
        httpcore2.UnsupportedProtocol,
        OSError,
    )


def _backend(connectable: Callable[[str, int], str], until: float) -> httpcore2.NetworkBackend:
    """Return what opens sockets: to checked addresses only, and for as long as there is time at all."""
    import httpcore2

    class Timed(httpcore2.NetworkStream):
        """A stream on which every step ends with the deadline: a server that drips gains nothing."""

        def __init__(self, stream: httpcore2.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._stream.read(max_bytes, _left(until))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, _left(until))

        def close(self) -> None:
            self._stream.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore2.NetworkStream:
            return Timed(self._stream.start_tls(ssl_context, server_hostname, _left(until)))

        def get_extra_info(self, info: str) -> object:
            return self._stream.get_extra_info(info)

    class Backend(httpcore2.NetworkBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
        ) -> httpcore2.NetworkStream:
            return Timed(httpcore2.SyncBackend().connect_tcp(connectable(host, port), port, _left(until)))

    return Backend()


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
