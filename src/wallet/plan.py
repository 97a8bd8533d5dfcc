"""What a verb would do, and doing it: sign in memory, store the leaves, append them, take note of the answer.

- Planning writes nothing: a plan can be shown, thrown away, or carried out.
- Carried out, every leaf is stored before it leaves the wallet, and leaves that an earlier act left behind go
  first. After any interruption the next act brings the same bytes to the same place.
- A leaf that a log has lost is on its way again: every act first brings it back, in its old order.
- A plan that no longer fits (another program or device acted meanwhile) is refused whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from ..consent.act import Place
from ..errors import Conflict, KonsensError, Unavailable, VerificationError
from ..records import (
    Matter,
    Outgoing,
    Sent,
    SignedEvent,
    bare_label,
    event_salt,
    flush,
    prepare,
    prepare_break,
    record_label,
    seal_label,
)
from .kind import Record
from .kinds import ACT, Act, Identity
from .lanes import Lane, lanes_of
from .scan import seal_at
from .wallet import Wallet

__all__ = ["Desk", "Plan", "carry_out", "send_outstanding"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The leaves that would be made, in their order, and what the wallet would remember besides.

    `first` are bare breaks of lanes that we lost sight of; only when they are in the log, `acts` follow.
    `again` has what was made for the same purpose before. `basis` names the acts that the wallet had when the
    plan was made.
    """

    acts: tuple[Act, ...]
    first: tuple[Act, ...] = ()
    again: tuple[Act, ...] = ()
    remember: tuple[Record, ...] = ()
    basis: frozenset[str] = frozenset()

    @property
    def events(self) -> tuple[SignedEvent, ...]:
        """The events that would be signed."""
        return tuple(signed for act in self.acts if (signed := act.signed))


class Desk:
    """Where the leaves of one plan are made, in memory.

    `offline` lets it go by what the wallet itself knows where no log can be asked, or shows two histories
    (`unreachable` says why): if another device was faster, the log refuses the leaf, and it never happened.
    """

    def __init__(self, wallet: Wallet, *, offline: bool = False) -> None:
        self.wallet = wallet
        self.offline = offline
        self.unreachable: KonsensError | None = None
        self.known = wallet.acts()
        self.acts: list[Act] = []
        self.first: list[Act] = []
        self.again: list[Act] = []
        self._lanes: dict[int, dict[int, Lane]] = {}

    def plan(self, *remember: Record) -> Plan:
        """Return what was made here."""
        return Plan(
            acts=tuple(self.acts),
            first=tuple(self.first),
            again=tuple(self.again),
            remember=remember,
            basis=frozenset(act.key for act in self.known),
        )

    def lanes(self, identity: Identity) -> dict[int, Lane]:
        """Return the lanes with one company by number, with what was made here."""
        if identity.number not in self._lanes:
            try:
                self._lanes[identity.number] = self.wallet.lanes(identity)
            except (Unavailable, VerificationError) as error:
                if not self.offline:
                    raise
                self.unreachable = error
                self._lanes[identity.number] = lanes_of(self.wallet.acts(identity.number), {})
        return self._lanes[identity.number]

    def lane_of(self, identity: Identity, matter: Matter) -> Lane | None:
        """Return the newest lane about this matter, or None."""
        lanes = reversed(self.lanes(identity).values())
        return next((lane for lane in lanes if lane.matter == matter), None)

    def sign(
        self,
        identity: Identity,
        matter: Matter,
        logs: tuple[str, ...],
        make: Callable[[int, Place], SignedEvent],
        *,
        address: tuple[str, str] | None = None,
    ) -> SignedEvent:
        """Make the next event about a matter, in its lane or as the first of a new one.

        `make` gets the number of the lane and the event's place, and signs.
        """
        seed, company, lane = self.wallet.seed, identity.number, self._lane_for(identity, matter)
        place = Place(
            matter=matter,
            seq=lane.open,
            prev=lane.events[-1].event_hash if lane.events else None,
            seal=seal_at(seed, company, lane.number, lane.open).hex(),
            next=seal_at(seed, company, lane.number, lane.open + 1).hex(),
            logs=logs,
        )
        event = make(lane.number, place)
        salt = event_salt(seed.derive(record_label(company, lane.number)), lane.open, event.event_hash)
        key = seed.derive(seal_label(company, lane.number, lane.open))
        self._add(identity, lane, lane.open, prepare(event, salt=salt, seal_key=key), self.acts, address)
        return event

    def break_open_seal(self, identity: Identity, lane: Lane, *, origin: str) -> None:
        """Make a bare break of a lane's open seal, in the named log: it needs nothing but the seed.

        Where events of the lane still wait for another log, nobody has seen them: the seals that they would
        break, by which the lane is known, are broken here too.
        """
        self._break(identity, lane, origin, self.acts)

    def _lane_for(self, identity: Identity, matter: Matter) -> Lane:
        """Return the lane in which the next event about a matter goes.

        That is the newest one, if this wallet has all of it. Else a new one. A second lane is void while the
        first one holds (`lane.duplicate`), so before it the open seals of those that we lost sight of are
        broken: of the lane about this matter, and of every lane whose words are not here, which may be about
        the same.
        """
        lane = self.lane_of(identity, matter)
        if lane is not None and lane.whole:
            return lane
        lanes = self.lanes(identity)
        for other in list(lanes.values()):
            if (other is lane or other.matter is None) and other.origin and not other.ended_by_us:
                self._break(identity, other, other.origin, self.first)
        relation = matter.kind == "relation" and 0 not in lanes
        return Lane(0 if relation else max(lanes, default=0) + 1, (), None)

    def _break(self, identity: Identity, lane: Lane, origin: str, to: list[Act]) -> None:
        seed = self.wallet.seed
        waiting = [act.seq for act in lane.waiting if act.origin != origin]
        for seq in (*waiting, lane.open):
            numbers = identity.number, lane.number, seq
            committed, key = seed.derive(bare_label(*numbers)), seed.derive(seal_label(*numbers))
            self._add(identity, lane, seq, prepare_break(committed, seal_key=key, origin=origin), to)

    def _add(
        self,
        identity: Identity,
        lane: Lane,
        seq: int,
        outgoing: Outgoing,
        to: list[Act],
        address: tuple[str, str] | None = None,
    ) -> None:
        order = max((act.order for act in self.known), default=-1) + 1 + len(self.first) + len(self.acts)
        act = Act(
            order=order,
            company=identity.number,
            lane=lane.number,
            seq=seq,
            origin=outgoing.origin,
            leaf=outgoing.leaf,
            event=outgoing.event.text if outgoing.event else None,
            salt=outgoing.salt,
            address=address,
        )
        to.append(act)
        lanes = self.lanes(identity)
        before = lanes.get(lane.number, lane)
        lanes[lane.number] = Lane(lane.number, (*before.acts, act), lane.found)


class _Outbox:
    """The vault as the place where leaves wait (`konsens.records.Outbox`)."""

    def __init__(self, wallet: Wallet) -> None:
        self._vault = wallet.vault
        self._wallet = wallet

    @contextmanager
    def write(self) -> Iterator[None]:
        with self._vault.write():
            yield

    def keep(self, outgoing: Outgoing) -> None:
        """Nothing to do: `carry_out` keeps acts, which say more than their leaves."""

    def outstanding(self, origin: str) -> Sequence[Outgoing]:
        return [
            act.outgoing for act in self._wallet.acts() if act.origin == origin and act.leaf_index is None
        ]

    def settle(self, sent: Sent) -> None:
        act = next(act for act in self._wallet.acts() if act.leaf == sent.outgoing.leaf)
        if sent.leaf_index is None:
            # Another device used the key first: what was signed here never happened.
            self._vault.delete(ACT, act.key)
        else:
            self._vault.put(ACT, act.key, msgspec.structs.replace(act, leaf_index=sent.leaf_index))


def carry_out(wallet: Wallet, plan: Plan) -> list[Act]:
    """Store the plan's leaves, append them, and return the acts with their places, those of `again` first.

    Raises `wallet.changed_meanwhile` if another program acted since the plan was made, and
    `wallet.used_elsewhere` if another device used one of its keys first: that act never happened. Where a
    log does not take the leaves, `wallet.not_sent`: they are stored, and the next act sends them.
    """
    with wallet.acting():
        _take_up_lost(wallet)
        send_outstanding(wallet)
        if {act.key for act in wallet.acts()} != plan.basis:
            raise Conflict("wallet.changed_meanwhile")
        if plan.first:
            _send(wallet, plan.first)
        return _send(wallet, plan.acts, again=plan.again, remember=plan.remember)


def _take_up_lost(wallet: Wallet) -> None:
    """Let every leaf that a log has lost be on its way again: the same bytes, to whatever index they get."""
    with wallet.vault.write():
        for act in wallet.lost():
            wallet.vault.put(ACT, act.key, msgspec.structs.replace(act, leaf_index=None))


def send_outstanding(wallet: Wallet) -> KonsensError | None:
    """Append every leaf that is still on its way, in the order in which they were made.

    A log that is away holds up nothing that goes to another one; why it did not take its leaves is returned.
    """
    problem: KonsensError | None = None
    for origin in dict.fromkeys(act.origin for act in wallet.acts() if act.leaf_index is None):
        try:
            flush(wallet.logs.named(origin), _Outbox(wallet))
        except KonsensError as error:
            problem = problem or error
    return problem


def _send(
    wallet: Wallet, acts: Sequence[Act], *, again: Sequence[Act] = (), remember: Sequence[Record] = ()
) -> list[Act]:
    with wallet.vault.write():
        for kind, key, value in remember:
            wallet.vault.put_json(kind, key, value)
        for act in acts:
            wallet.vault.put(ACT, act.key, act)
    problem = send_outstanding(wallet)
    stored = [wallet.vault.get(ACT, act.key) for act in (*again, *acts)]
    sent = [act for act in stored if act is not None]
    if len(sent) < len(stored):
        raise Conflict("wallet.used_elsewhere")
    if waiting := [act.origin for act in sent if act.leaf_index is None]:
        if problem is not None and problem.code == "wallet.storage":
            raise Unavailable("wallet.not_noted", origin=waiting[0], problem=problem.code) from problem
        code = problem.code if problem else ""
        raise Unavailable("wallet.not_sent", origin=waiting[0], problem=code) from problem
    return sent
