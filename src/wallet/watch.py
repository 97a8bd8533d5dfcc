"""Which seals a customer has to watch: the open ones of the wallet, and those that companies showed."""

from __future__ import annotations

from .kinds import COMPANY_EVENT
from .wallet import Wallet

__all__ = ["seals_to_watch"]


def seals_to_watch(wallet: Wallet) -> list[bytes]:
    """Return the open seal of each lane that the wallet knows, sorted.

    One of its own that breaks without it means that somebody else has the words or a copy of the wallet; one
    of a company's, that the company has acted on a consent.
    """
    seals: set[str] = set()
    broken: set[str] = set()
    signed = [act.signed for act in wallet.acts()]
    signed += [event.signed for event in wallet.vault.list(COMPANY_EVENT).values()]
    for event in filter(None, signed):
        broken.add(event.event.seal)
        if event.event.next is not None:
            seals.add(event.event.next)
    return sorted(bytes.fromhex(seal) for seal in seals - broken)
