"""What holds now: from our own events, the company's, and the seals in the logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from ..consent.facts import event_fact
from ..consent.fold import fold
from ..consent.moments import seconds
from ..consent.state import ELSEWHERE, Break, Fact, Standing, Terms
from ..encoding import format_time, parse_time
from ..errors import KonsensError
from ..records import Matter, SignedEvent
from .history import company_events
from .kinds import REQUEST, Act, Identity
from .lanes import Lane, lanes_of
from .scan import seal_at
from .wallet import Wallet

__all__ = ["Consents", "Record", "count_untold", "list_consents", "records_of"]

ON_ITS_WAY = 1 << 50  # the position of a leaf that no log has taken yet


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Where one consent stands.

    `leaf_index` is None until a log has the leaf. `checked` is false where no log could be asked: the state
    is then what this wallet remembers. `missing` names a log that lost a leaf on which the state rests: who
    reads that log may not see it. A seal that was broken in a home recovered from the words has neither
    company nor purpose: its words are elsewhere.
    """

    record: str | None
    company: str | None
    purpose: str | None
    channel: str | None
    state: str
    since: str | None
    until: str | None
    event: str | None
    seal: str
    next: str | None
    leaf_index: int | None
    checked: bool = True
    missing: str | None = None


class Consents:
    """The lanes of one company, folded."""

    def __init__(
        self, wallet: Wallet, identity: Identity, lanes: Mapping[int, Lane], *, checked: bool = True
    ) -> None:
        self.wallet = wallet
        self.identity = identity
        self.lanes = lanes
        self.checked = checked
        self._theirs = company_events(wallet, identity)
        self._lost = wallet.lost(identity.number)

    @classmethod
    def of(cls, wallet: Wallet, identity: Identity) -> Consents:
        """Return what holds with one company; where no log can be asked, what the wallet remembers."""
        try:
            return cls(wallet, identity, wallet.lanes(identity), checked=wallet.logs.current)
        except KonsensError:
            return cls(wallet, identity, lanes_of(wallet.acts(identity.number), {}), checked=False)

    @property
    def matters(self) -> list[Matter]:
        """Every consent that there ever was, in the order of the lanes."""
        found = dict.fromkeys(lane.matter for lane in self.lanes.values())
        return [matter for matter in found if matter is not None and matter.kind == "consent"]

    def standing(self, matter: Matter) -> Standing:
        """Return the state of one consent: the same fold that the company makes."""
        relation = Matter(customer=matter.customer, controller=matter.controller)
        facts, context = self._facts(matter), self._facts(relation)
        breaks = {
            seal: found
            for lane in self.lanes.values()
            if lane.matter in (matter, relation)
            for seal, found in self._breaks(lane).items()
        }
        return fold(
            facts, breaks=breaks, relation=context, terms=self.terms(facts), purpose=str(matter.purpose)
        )

    def record(self, matter: Matter, *, at: datetime) -> Record:
        """Return the shared object of one consent."""
        standing = self.standing(matter)
        state = standing.at(seconds(at), self.terms(self._facts(matter)))
        head = standing.head
        last = next(lane for lane in reversed([*self.lanes.values()]) if lane.matter == matter).events[-1]
        until = standing.grant.until if standing.grant else None
        return Record(
            record=matter.record_id,
            company=matter.controller,
            purpose=matter.purpose,
            channel=matter.channel,
            state=str(state),
            since=_time(standing.since),
            until=_time(until),
            event=head.event if head else last.event_hash,
            seal=last.event.seal,
            next=last.event.next,
            leaf_index=None if head is None or head.index >= ON_ITS_WAY else head.index,
            checked=self.checked,
            missing=self._missing(matter),
        )

    def terms(self, facts: Iterable[Fact]) -> dict[str, Terms]:
        """Return what notices and requests say about each grant, as far as they are kept here."""
        found = {}
        for fact in facts:
            if fact.type in ("given", "renewed"):
                request = self.wallet.vault.get(REQUEST, fact.request) if fact.request else None
                lapses = {} if request is None else {"lapses_at": seconds(parse_time(request.expires_at))}
                found[fact.event] = Terms(double_opt_in=self._double_opt_in(fact), **lapses)
        return found

    def _missing(self, matter: Matter) -> str | None:
        matters = matter, Matter(customer=matter.customer, controller=matter.controller)
        numbers = {lane.number for lane in self.lanes.values() if lane.matter in matters}
        return next((act.origin for act in self._lost if act.lane in numbers), None)

    def _facts(self, matter: Matter) -> list[Fact]:
        ours = [
            _fact(signed, lane.events[0].event_hash, act.leaf_index, act.order)
            for lane in self.lanes.values()
            if lane.matter == matter
            for act, signed in lane.texts
        ]
        return ours + [
            _fact(signed, signed.event_hash, index, 0)
            for signed, index in self._theirs
            if signed.event.matter == matter
        ]

    def _breaks(self, lane: Lane) -> dict[str, Break]:
        """Return where the seals that our events named were broken."""
        found = {}
        for signed in lane.events:
            where = lane.found.broken.get(signed.event.seq + 1) if lane.found else None
            if where is not None and signed.event.next is not None:
                since = self._before(where)
                index = where[1] if where[0] == signed.event.logs[0] else ELSEWHERE
                found[str(signed.event.next)] = Break(index, since, since)
        return found

    def _before(self, where: tuple[str, int]) -> int:
        before = self.wallet.logs.named(where[0]).head_before(where[1])
        return 0 if before is None else seconds(before)

    def _double_opt_in(self, fact: Fact) -> bool:
        notice = self.wallet.notice(str(fact.notice))
        signed = next(s for lane in self.lanes.values() for s in lane.events if s.event_hash == fact.event)
        purpose = notice.purpose_named(str(signed.event.matter.purpose)) if notice else None
        return bool(purpose and purpose.double_opt_in)


def list_consents(
    wallet: Wallet, *, at: datetime, company: str | None = None, state: str | None = None
) -> list[Record]:
    """Return every consent, of one company if it is named, in one state if one is named."""
    did = None if company is None else wallet.find_company(company).did
    records = []
    for identity in wallet.identities():
        if did in (None, identity.company):
            consents = Consents.of(wallet, identity)
            records += [consents.record(matter, at=at) for matter in consents.matters]
    return [record for record in records if state in (None, record.state)]


def count_untold(wallet: Wallet) -> int:
    """Return how many consents may hold that only the logs know: in a wallet recovered from the words.

    They are those of pairwise DIDs for which no company is known here. What no log can be asked about does
    not count.
    """
    count = 0
    for identity in wallet.identities():
        if identity.company is None:
            with suppress(KonsensError):
                lanes = wallet.lanes(identity).values()
                count += sum(not (lane.matter or lane.is_relation or lane.ended_by_us) for lane in lanes)
    return count


def records_of(wallet: Wallet, acts: Iterable[Act], *, at: datetime) -> list[Record]:
    """Return where the consents stand that these acts were about.

    An objection is about every consent with its company. A break of a seal whose words are not here has a
    record without names.
    """
    numbers: dict[int, list[Act]] = {}
    for act in acts:
        numbers.setdefault(act.company, []).append(act)
    records: list[Record] = []
    for identity in wallet.identities():
        done = numbers.get(identity.number, [])
        consents = Consents.of(wallet, identity) if done else None
        if consents is not None:
            matters = {act.lane: consents.lanes[act.lane].matter for act in done}
            whole = any(matter is not None and matter.kind == "relation" for matter in matters.values())
            records += [
                consents.record(matter, at=at)
                for matter in consents.matters
                if whole or matter in matters.values()
            ]
            records += [_nameless(wallet, act, at) for act in done if matters[act.lane] is None]
    return records


def _nameless(wallet: Wallet, act: Act, at: datetime) -> Record:
    return Record(
        record=None,
        company=None,
        purpose=None,
        channel=None,
        state="withdrawn",
        since=format_time(at),
        until=None,
        event=None,
        seal=seal_at(wallet.seed, act.company, act.lane, act.seq).hex(),
        next=None,
        leaf_index=act.leaf_index,
    )


def _fact(signed: SignedEvent, lane: str, index: int | None, order: int) -> Fact:
    event, received = signed.event, getattr(signed.event.content, "received_at", None)
    since = seconds(event.at if received is None else min(event.at, received))
    index = ON_ITS_WAY + order if index is None else index
    return event_fact(signed, lane=lane, index=index, since=since, known=since)


def _time(moment: int | None) -> str | None:
    return None if not moment else format_time(datetime.fromtimestamp(moment, UTC))
