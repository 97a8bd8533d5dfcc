"""Refusing: a signed no, or a "not now", to each offer of a request. It is as easy as a grant."""

from __future__ import annotations

from datetime import datetime

from ..consent.act import Place, defer, refuse
from ..consent.state import ALIVE
from ..errors import RefusedByPolicy
from ..records import EventType, SignedEvent
from .answer import Answer, Answering
from .show import Shown
from .wallet import Wallet

__all__ = ["plan_refusal"]


def plan_refusal(wallet: Wallet, shown: Shown, *, at: datetime, later: bool = False) -> Answer:
    """Plan a no to everything that a request offers, or with `later` a "not now".

    What holds goes on holding: saying no to a renewal withdraws nothing. If nothing else is offered,
    `wallet.nothing_to_refuse`.
    """
    answering = Answering(wallet, shown, at=at)
    act = defer if later else refuse
    kind: EventType = "deferred" if later else "refused"
    read = shown.read

    def make(_: int, place: Place) -> SignedEvent:
        return act(place, request=read.signed.hash, notice=read.notice.hash, at=at, signer=answering.signer)

    matters = [answering.matter(*offer) for offer in shown.offers]
    open_matters = [one for one in matters if answering.consents.standing(one).state not in ALIVE]
    if not open_matters:
        raise RefusedByPolicy("wallet.nothing_to_refuse")
    for matter in open_matters:
        answering.sign(matter, kind, make)
    return answering.answer(*open_matters)
