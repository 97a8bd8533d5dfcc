"""How a log's operator reaches witnesses: through the one way out to the network."""

from __future__ import annotations

from ...errors import Unavailable
from ...fetch import Fetcher
from ..policy import Witness
from .collect import Transport

__all__ = ["witness_transport"]

LONGEST_ANSWER = 1 << 16


def witness_transport(*, loopback: bool = False) -> Transport:
    """Return what carries a checkpoint to a witness, at the URL that the policy names.

    A witness without a URL raises `remote.no_url`; it cosigns on its own and shows what it has.
    """

    def carry(witness: Witness, body: bytes, *, timeout: float) -> tuple[int, bytes]:
        if witness.url is None:
            raise Unavailable("remote.no_url", name=witness.name)
        fetcher = Fetcher(loopback=loopback, seconds=timeout)
        answer = fetcher.post(f"{witness.url.rstrip('/')}/add-checkpoint", body, most=LONGEST_ANSWER)
        return answer.status, answer.body

    return carry
