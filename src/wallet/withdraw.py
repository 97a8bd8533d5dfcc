"""Withdrawing and objecting: a signed event where the wallet has the words, a bare break where it has not.

Nothing is needed but the seed and one of the logs: no company, no request, no answer. Where another device
was faster, the seal behind its leaf is broken at once. While a served log is away, what this wallet knows by
itself is ended: signed, kept, and sent with the next act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from ..consent.act import Place, object_to, withdraw
from ..consent.state import ALIVE
from ..errors import Conflict, KonsensError, NotFound, Unavailable, VerificationError
from ..records import GAP_LIMIT, Matter, Objection, SignedEvent
from .consents import Consents
from .kinds import ACT, IDENTITY, Act, Identity
from .lanes import Lane
from .plan import Desk, Plan, carry_out
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

    What another device agreed with a company, so that its words are not here, ends with whatever is withdrawn
    there: it may be what was meant. An ending that was interrupted on its way, or that a log has lost, is in
    `plan.again`; where nothing is left to end, so is everything else that a log has lost. Raises
    `wallet.nothing_to_withdraw`.
    """
    desk = Desk(wallet, offline=True)
    identities = _everyone(desk) if company is None else _with(wallet, company)
    for identity in identities:
        ending = _Ending(desk, identity, at=at)
        lanes = list(desk.lanes(identity).values())
        ending.withdraw_all(lanes, purpose, channel)
        if company is None and purpose is None and channel is None:
            for lane in [lane for lane in lanes if lane.is_relation]:
                ending.object(lane)
    if not (desk.acts or desk.again or _bring_back(desk, identities)):
        raise desk.unreachable or NotFound("wallet.nothing_to_withdraw")
    return desk.plan(*(IDENTITY.row(str(one.number), one) for one in identities))


def plan_objection(wallet: Wallet, company: str, *, at: datetime) -> Plan:
    """Plan the breaking of the stop seal: no direct marketing by this company, every consent there withdrawn.

    One leaf does it. Only where another device acted meanwhile, every consent is ended by its own seal too:
    the company may never have seen the stop seal that is open now. Raises `wallet.no_relation` where nothing
    was ever agreed or refused, `wallet.already_objected` where nothing is left to stop.
    """
    desk, found, identities = Desk(wallet, offline=True), False, _with(wallet, company)
    for identity in identities:
        ending = _Ending(desk, identity, at=at)
        lanes = list(desk.lanes(identity).values())
        if not all(lane.whole or lane.ended_by_us for lane in lanes):
            ending.withdraw_all(lanes)
        for lane in [lane for lane in lanes if lane.is_relation]:
            found = True
            ending.object(lane)
    if not found:
        raise desk.unreachable or NotFound("wallet.no_relation", company=company)
    if not (desk.acts or desk.again or _bring_back(desk, identities)):
        raise desk.unreachable or Conflict("wallet.already_objected", company=company)
    return desk.plan()


def insist(wallet: Wallet, make_plan: Callable[[], Plan]) -> list[Act]:
    """Carry out a withdrawal or objection, and go on behind every leaf that another device put in between."""
    done: dict[str, Act] = {}
    with wallet.acting():
        for _ in range(GAP_LIMIT):
            try:
                plan = make_plan()
            except (NotFound, Conflict):
                if not done:
                    raise
                return list(done.values())  # the leaf that was faster ended the rest
            try:
                return list((done | {act.key: act for act in carry_out(wallet, plan)}).values())
            except Conflict:
                stored = (wallet.vault.get(ACT, act.key) for act in plan.acts)
                done |= {act.key: act for act in stored if act is not None and act.leaf_index is not None}
    raise Conflict("wallet.overtaken", limit=GAP_LIMIT)


class _Ending:
    """Ends lanes of one company."""

    def __init__(self, desk: Desk, identity: Identity, *, at: datetime) -> None:
        self.desk = desk
        self.wallet = desk.wallet
        self.identity = identity
        self.at = at
        self.consents = Consents(self.wallet, identity, desk.lanes(identity))
        self.lost = {act.key for act in self.wallet.lost(identity.number)}

    def withdraw_all(
        self, lanes: Iterable[Lane], purpose: str | None = None, channel: str | None = None
    ) -> None:
        """End every consent that fits, and every one whose words are not here."""
        for lane in lanes:
            matter = lane.matter
            if lane.is_relation or (matter and not _fits(matter, purpose, channel)):
                continue
            if self._on_its_way(lane):
                continue
            if matter is None or not lane.whole:
                self._break_off(lane)
            elif self._alive(matter):
                self._sign(lane, matter, self._withdraw)

    def object(self, lane: Lane) -> None:
        """Break a stop seal, unless an objection to everything stands and nothing was agreed after it."""
        if self._on_its_way(lane):
            return
        if lane.matter is None or not lane.whole:
            self._break_off(lane)
            return
        last = lane.events[-1].event
        objected = isinstance(last.content, Objection) and last.type == "objected" and not last.content.scope
        if not objected or any(map(self._alive, self.consents.matters)):
            self._sign(lane, lane.matter, self._object)

    def _on_its_way(self, lane: Lane) -> bool:
        """Tell whether an end of this lane was signed that only has to be sent (again), and see to it."""
        act = lane.acts[-1] if lane.acts else None
        if act is None or not act.ends or not (act.leaf_index is None or act.key in self.lost):
            return False
        if _takes(self.wallet, act.origin):
            self.desk.again.append(act)
            return True
        self._break_off(lane)
        return True

    def _sign(self, lane: Lane, matter: Matter, make: Callable[[int, Place], SignedEvent]) -> None:
        logs = lane.events[-1].event.logs
        # An event's leaf lies in its home log. In another of its logs a leaf is a stop, whatever it says.
        if not _takes(self.wallet, logs[0]):
            self._break_off(lane)
        else:
            self.desk.sign(self.identity, matter, logs, make)

    def _break_off(self, lane: Lane) -> None:
        """Break the open seal of a lane in the first log that takes it, unless we did so before."""
        if lane.ended_by_us and not lane.waiting:
            return
        logs = lane.events[-1].event.logs if lane.events else (str(lane.origin),)
        origin = next((origin for origin in logs if _takes(self.wallet, origin)), None)
        if origin is None:
            raise _problem(self.wallet, logs[0]) or Unavailable("wallet.no_log")
        self.desk.break_open_seal(self.identity, lane, origin=origin)

    def _alive(self, matter: Matter) -> bool:
        return self.consents.standing(matter).state in ALIVE

    def _withdraw(self, _: int, place: Place) -> SignedEvent:
        return withdraw(place, at=self.at, signer=self.wallet.signer(self.identity))

    def _object(self, _: int, place: Place) -> SignedEvent:
        return object_to(place, at=self.at, signer=self.wallet.signer(self.identity))


def _bring_back(desk: Desk, identities: Iterable[Identity]) -> list[Act]:
    """See to every leaf with these companies that a log has lost, a refusal or an expired grant too."""
    desk.again += [act for one in identities for act in desk.wallet.lost(one.number)]
    return desk.again


def _fits(matter: Matter, purpose: str | None, channel: str | None) -> bool:
    return purpose in (None, matter.purpose) and channel in (None, matter.channel)


def _takes(wallet: Wallet, origin: str) -> bool:
    return _problem(wallet, origin) is None


def _problem(wallet: Wallet, origin: str) -> KonsensError | None:
    """Return why a log takes no leaves at the moment, or None."""
    try:
        log = wallet.logs.named(origin)
    except KonsensError as error:
        return error
    return Unavailable("registry.copy", folder=origin) if log.is_copy else None


def _with(wallet: Wallet, company: str) -> list[Identity]:
    did = wallet.find_company(company).did
    return [one for one in wallet.identities() if one.company == did]


def _everyone(desk: Desk) -> list[Identity]:
    """Return every identity, also those of which only the logs know; not those while a log is away."""
    wallet = desk.wallet
    known = {one.number: one for one in wallet.identities()}
    try:
        used = set(scan(wallet.seed, wallet.logs))
    except (Unavailable, VerificationError) as error:
        desk.unreachable, used = error, set()
    for number in used - known.keys():
        known[number] = Identity(number, did_of_number(wallet.seed, number), None, wallet.profile.created_at)
    return [known[number] for number in sorted(known)]
