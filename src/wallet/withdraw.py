"""Withdrawing and objecting: a signed event where the wallet has the words, a bare break where it has not.

Nothing is needed but the seed and one of the logs: no company, no request, no answer. Where another device
was faster, the seal behind its leaf is broken at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from ..consent.act import Place, object_to, withdraw
from ..consent.state import ALIVE
from ..did import Signer
from ..errors import Conflict, KonsensError, NotFound, Unavailable
from ..records import GAP_LIMIT, Matter, Objection, SignedEvent
from .consents import Consents
from .kinds import ACT, IDENTITY, Act, Identity
from .lanes import Lane
from .plan import Desk, Plan, carry_out, send_outstanding
from .scan import scan
from .wallet import Wallet, did_of_number

__all__ = ["insist", "plan_objection", "plan_withdrawal"]


def plan_withdrawal(
    wallet: Wallet,
    *,
    at: datetime,
    company: str | None = None,
    purpose: str | None = None,
    channel: str | None = None,
) -> Plan:
    """Plan the end of every consent that fits; without `company`, of everything that the seed ever opened.

    A company's lanes of which this wallet has no words are broken too, unless a purpose or channel is named:
    nobody knows what they are about. Raises `wallet.nothing_to_withdraw`.
    """
    desk = Desk(wallet)
    identities = _everyone(wallet) if company is None else _with(wallet, company)
    for identity in identities:
        ending = _Ending(desk, identity, at=at)
        lanes = list(desk.lanes(identity).values())
        for lane in lanes:
            if _is_relation(lane):
                continue
            if lane.matter is None:
                if purpose is None and channel is None:
                    ending.break_off(lane)
            elif purpose in (None, lane.matter.purpose) and channel in (None, lane.matter.channel):
                ending.withdraw(lane, lane.matter)
        if company is None and purpose is None and channel is None:
            for lane in filter(_is_relation, lanes):
                ending.object(lane)
    if not desk.acts:
        raise NotFound("wallet.nothing_to_withdraw")
    return desk.plan(*(IDENTITY.row(str(one.number), one) for one in identities))


def plan_objection(wallet: Wallet, company: str, *, at: datetime) -> Plan:
    """Plan the breaking of the stop seal: no direct marketing by this company, every consent there withdrawn.

    One leaf does it, whatever was agreed there and on whichever device. Raises `wallet.no_relation` where
    nothing was ever agreed or refused, `wallet.already_objected` where the seal is broken.
    """
    desk, found = Desk(wallet), False
    for identity in _with(wallet, company):
        ending = _Ending(desk, identity, at=at)
        for lane in filter(_is_relation, list(desk.lanes(identity).values())):
            found = True
            ending.object(lane)
    if not found:
        raise NotFound("wallet.no_relation", company=company)
    if not desk.acts:
        raise Conflict("wallet.already_objected", company=company)
    return desk.plan()


def insist(wallet: Wallet, make_plan: Callable[[], Plan]) -> list[Act]:
    """Carry out a withdrawal or objection, and go on behind every leaf that another device put in between.

    What an interrupted one left behind is sent first, and counts as done.
    """
    with wallet.acting():
        done = {act.key: act for act in send_outstanding(wallet) if _ends(act)}
        for _ in range(GAP_LIMIT):
            try:
                plan = make_plan()
            except (NotFound, Conflict):
                if not done:
                    raise
                return list(done.values())
            try:
                return list((done | {act.key: act for act in carry_out(wallet, plan)}).values())
            except Conflict:
                stored = (wallet.vault.get(ACT, act.key) for act in plan.acts)
                done |= {act.key: act for act in stored if act is not None and act.leaf_index is not None}
    raise Conflict("wallet.overtaken", limit=GAP_LIMIT)


def _ends(act: Act) -> bool:
    signed = act.signed
    return signed is None or signed.event.type in ("withdrawn", "objected")


class _Ending:
    """Ends lanes of one company."""

    def __init__(self, desk: Desk, identity: Identity, *, at: datetime) -> None:
        self.desk = desk
        self.wallet = desk.wallet
        self.identity = identity
        self.at = at
        self.consents = Consents(self.wallet, identity, desk.lanes(identity))

    def withdraw(self, lane: Lane, matter: Matter) -> None:
        """Sign a withdrawal if there is something to withdraw."""
        if not lane.whole:
            self.break_off(lane)
        elif self.consents.standing(matter).state in ALIVE:
            self._sign(lane, matter, lambda _, place: withdraw(place, at=self.at, signer=self._signer))

    def object(self, lane: Lane) -> None:
        """Break a stop seal, unless it is broken: by an objection to everything that was not lifted."""
        if lane.matter is None or not lane.whole:
            self.break_off(lane)
            return
        last = lane.events[-1].event
        if last.type != "objected" or not isinstance(last.content, Objection) or last.content.scope:
            self._sign(lane, lane.matter, lambda _, place: object_to(place, at=self.at, signer=self._signer))

    def break_off(self, lane: Lane) -> None:
        """Break the open seal of a lane, unless we did so before."""
        if not lane.ended_by_us:
            logs = lane.events[-1].event.logs if lane.events else (lane.origin,)
            self.desk.break_open_seal(self.identity, lane, origin=_reachable(self.wallet, logs))

    def _sign(self, lane: Lane, matter: Matter, make: Callable[[int, Place], SignedEvent]) -> None:
        logs = lane.events[-1].event.logs
        # An event's leaf lies in its home log. In another of its logs a leaf is a stop, whatever it says.
        if lane.lost or _reachable(self.wallet, logs) != logs[0]:
            self.break_off(lane)
        else:
            self.desk.sign(self.identity, matter, logs, make)

    @property
    def _signer(self) -> Signer:
        return self.wallet.signer(self.identity)


def _is_relation(lane: Lane) -> bool:
    """Tell whether a lane's open seal is a stop seal; lane 0 is, also where its words are not here."""
    return lane.number == 0 if lane.matter is None else lane.matter.kind == "relation"


def _reachable(wallet: Wallet, origins: Iterable[str | None]) -> str:
    """Return the first of these logs that takes leaves, or raise what keeps the first one from it."""
    first_error: KonsensError | None = None
    for origin in origins:
        try:
            log = wallet.logs.named(str(origin))
            if not log.is_copy:
                return log.origin
            first_error = first_error or Unavailable("registry.copy", folder=origin)
        except Unavailable as error:
            first_error = first_error or error
    raise first_error or Unavailable("wallet.no_log")


def _with(wallet: Wallet, company: str) -> list[Identity]:
    did = wallet.find_company(company).did
    return [one for one in wallet.identities() if one.company == did]


def _everyone(wallet: Wallet) -> list[Identity]:
    """Return every identity, also those of which only the logs know."""
    known = {one.number: one for one in wallet.identities()}
    for number in scan(wallet.seed, wallet.logs).keys() - known.keys():
        known[number] = Identity(number, did_of_number(wallet.seed, number), None, wallet.profile.created_at)
    return [known[number] for number in sorted(known)]
