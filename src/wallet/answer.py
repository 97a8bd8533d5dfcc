"""Answering a request: what a grant, a refusal and a "not now" have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from ..consent.act import Place, open_relation
from ..did import render_document
from ..encoding import format_time
from ..errors import Conflict, Damaged
from ..records import EventType, Matter, SignedEvent
from .consents import Consents
from .kinds import COMPANY, IDENTITY, NOTICE, REQUEST, Company, Identity, KnownNotice, KnownRequest
from .plan import Desk, Plan
from .show import Shown, logs_for
from .vouchers import vouchers_in
from .wallet import Wallet

__all__ = ["Answer", "Answering"]


class Answer(msgspec.Struct, frozen=True):
    """An answer to a request, planned: with which DID, about which matters, and what would be signed.

    What was signed in answer to the same request before is in `plan.again`: it is delivered again.
    """

    identity: Identity
    matters: tuple[Matter, ...]
    plan: Plan


class Answering:
    """One request, the pairwise DID that answers it, and the desk where the events are made."""

    def __init__(self, wallet: Wallet, shown: Shown, *, at: datetime) -> None:
        self.wallet = wallet
        self.shown = shown
        self.at = at
        self.logs = logs_for(shown)
        wallet.logs.named(self.logs[0])  # home must be there, and be the one that was pinned
        self.identity = self._identity()
        self.signer = wallet.signer(self.identity)
        self._desk = Desk(wallet)
        self.consents = Consents(wallet, self.identity, self._desk.lanes(self.identity))

    def check_nothing_lost(self) -> None:
        """Raise `wallet.lost_leaf` where the log holds no longer what it had: no yes rests on such a log.

        A no does not ask: it brings back what was lost, and goes behind it.
        """
        if any(lane.lost for lane in self.consents.lanes.values()):
            raise Damaged("wallet.lost_leaf", origin=self.logs[0])

    def matter(self, purpose: str, channel: str) -> Matter:
        """Return what an answer to one offer is about."""
        return Matter(
            customer=self.identity.did, controller=self.shown.company, purpose=purpose, channel=channel
        )

    def sign(
        self,
        matter: Matter,
        kind: EventType,
        make: Callable[[int, Place], SignedEvent],
        *,
        address: tuple[str, str] | None = None,
    ) -> None:
        """Make one event of the answer, unless the same answer was given to this request before.

        Raises `wallet.answered_before` if that answer was another, or was followed by another act: a new one
        needs a new request.
        """
        lane = self._desk.lane_of(self.identity, matter)
        head = lane.head if lane else None
        for act, signed in lane.texts if lane else ():
            if signed.event.type == kind and _request_of(signed) == self.shown.read.signed.hash:
                if signed is not head or not _same(signed, make(act.lane, _place_of(signed))):
                    raise Conflict("wallet.answered_before", purpose=matter.purpose, channel=matter.channel)
                self._desk.again.append(act)
                return
        self._open_relation()
        self._desk.sign(self.identity, matter, self.logs, make, address=address)

    def answer(self, *matters: Matter) -> Answer:
        """Return what was made, with what the wallet remembers of the company from now on."""
        return Answer(self.identity, matters, self._desk.plan(*self._remember()))

    def _identity(self) -> Identity:
        """Return the pairwise DID that the request names, or the one for the company, or a new one."""
        company, named = self.shown.company, self.shown.read.signed.request.customer
        if named is not None and (identity := self.wallet.identity_of(named)):
            return msgspec.structs.replace(identity, company=company)
        return self.wallet.identity_for(company) or self.wallet.next_identity(company, at=self.at)

    def _open_relation(self) -> None:
        """Open the relation lane if there is none: its stop seal is what one objection breaks.

        One that we lost sight of is no use: the company may never have seen the seal that is open now.
        """
        relation = Matter(customer=self.identity.did, controller=self.shown.company)
        lane = self._desk.lane_of(self.identity, relation)
        if lane is None or not lane.whole:
            self._desk.sign(
                self.identity,
                relation,
                self.logs,
                lambda _, place: open_relation(place, at=self.at, signer=self.signer),
            )

    def _remember(self) -> list[tuple[str, str, bytes]]:
        read, at = self.shown.read, format_time(self.at)
        request, known = read.signed, self.wallet.vault.get(COMPANY, self.shown.company)
        company = Company(
            did=self.shown.company,
            name=self.shown.notice.controller.name,
            document=render_document(read.company),
            key_history=read.message.key_history,
            first_contact_at=known.first_contact_at if known else at,
        )
        return [
            IDENTITY.row(str(self.identity.number), self.identity),
            COMPANY.row(company.did, company),
            NOTICE.row(read.notice.hash, KnownNotice(read.notice.jws)),
            REQUEST.row(request.hash, KnownRequest(request.jws, company.did, request.request.expires_at)),
            *vouchers_in(self.wallet, read.message.vouchers, company=company.did),
        ]


def _request_of(signed: SignedEvent) -> str | None:
    found: str | None = getattr(signed.event.content, "request", None)
    return found


def _place_of(signed: SignedEvent) -> Place:
    event = signed.event
    return Place(
        matter=event.matter,
        seq=event.seq,
        prev=event.prev,
        seal=event.seal,
        next=str(event.next),
        logs=event.logs,
    )


def _same(one: SignedEvent, other: SignedEvent) -> bool:
    """Tell whether two events say the same, at whatever time."""
    return (one.event.content, one.event.target) == (other.event.content, other.event.target)
