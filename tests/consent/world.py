"""A shop, a log and customers whose keys come from seeds: everything real, in a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from konsens.consent import (
    AnchoredText,
    Choice,
    Company,
    CompanyKeys,
    ContactText,
    EventsMessage,
    Place,
    ReadRequest,
    SignedNotice,
    SignedRequest,
    act,
    render_message,
    target_of,
)
from konsens.did import LocalSigner, PrivateKey, Signer, did_key, kid_of, public_from_seed
from konsens.encoding import b64u_encode
from konsens.records import (
    AnchoredEvent,
    Matter,
    Seed,
    SignedEvent,
    did_label,
    event_salt,
    prepare,
    record_label,
    render_anchored,
    seal_label,
    sign_label,
    target_label,
)
from konsens.registry import NoteSigner, Registry, SignerHead, make_seal_leaf, seal_of
from konsens.strict_json import convert

ORIGIN = "log.muster.example"
START = datetime(2026, 11, 22, 10, tzinfo=UTC)
NEWSLETTER = (Path(__file__).parents[2] / "examples" / "notices" / "newsletter.toml").read_text("utf-8")


def key_of_seed(raw: bytes) -> tuple[str, Signer]:
    key = PrivateKey.ed25519(raw)
    did = did_key(key.public)
    return did, LocalSigner(key, kid_of(did))


class Clock:
    def __init__(self) -> None:
        self.now = START

    def tick(self, seconds: int = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


class World:
    """One log and one shop; `clock` moves only when a test moves it."""

    def __init__(self, folder: Path, *, name: str = "shop") -> None:
        self.folder = folder
        self.clock = Clock()
        self.log_signer = NoteSigner(ORIGIN, bytes(31) + b"L")
        self.registry = Registry.create(folder / "reg", origin=ORIGIN, signer=self.log_signer)
        self.head = SignerHead(folder / "head")
        self.customers: dict[tuple[str, str], Customer] = {}
        self.shop, self.keys, self.did = self.make_shop(name)

    def make_shop(self, name: str) -> tuple[Company, CompanyKeys, str]:
        seed = Seed.from_bytes(sha256(name.encode()).digest() * 2)
        did, signer = key_of_seed(seed.derive(sign_label(0)))
        home = self.folder / name
        home.mkdir()
        return Company.create(home, did=did, home=self.registry), CompanyKeys(signer, seed), did

    @property
    def now(self) -> datetime:
        return self.clock.now

    def checkpoint(self) -> None:
        self.registry.publish(self.log_signer, at=self.clock.tick(), remembered=self.head)

    def publish(self, toml: str = NEWSLETTER) -> SignedNotice:
        return self.shop.publish(self.keys, toml, now=self.now)[0]

    def ask(self, **more: Any) -> SignedRequest:
        asked = {"notice": "newsletter", "purposes": ["newsletter"], **more}
        return self.shop.ask(self.keys, now=self.now, **asked)

    def receive(self, *events: AnchoredEvent, **more: Any) -> Any:
        """Deliver events, and before them what opened the customer's relation lane, as every wallet does."""
        contacts = more.pop("contacts", ())
        matters = {event.event.event.matter for event in events}
        if len(matters) == 1 and (matter := matters.pop()).purpose:
            customer = self.customers[str(matter.customer), matter.controller]
            if 0 not in customer.lanes:
                customer.open()
            first = customer.lanes[0][0]
            if not self.shop.ledger.book.has(first.event.event_hash):
                events = (first, *events)
        return self.shop.receive(self.keys, message(*events, contacts=contacts), now=self.now, **more)

    def code(self, customer: str, **more: Any) -> str:
        now = more.pop("now", self.now)
        purpose, channel = more.pop("purpose", "newsletter"), more.pop("channel", "email")
        return self.shop.decide(customer, purpose, channel, now=now, **more).code

    def close(self) -> None:
        self.shop.close()
        self.registry.close()


def message(*events: AnchoredEvent, contacts: tuple[ContactText, ...] = ()) -> bytes:
    texts = tuple(convert(render_anchored(event), AnchoredText) for event in events)
    return render_message(EventsMessage(events=texts, contacts=contacts))


@dataclass
class Customer:
    """A wallet reduced to its seed and what it remembers of its lanes."""

    world: World
    seed: Seed
    company: int = 0
    controller: str = ""
    lanes: dict[int, list[AnchoredEvent]] = field(default_factory=dict)
    matters: dict[Matter, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.customers.setdefault((self.did, self.controller), self)

    @classmethod
    def new(cls, world: World, name: str = "anna") -> Customer:
        return cls(world, Seed.from_bytes(sha256(name.encode()).digest() * 2), controller=world.did)

    @property
    def signer(self) -> Signer:
        return key_of_seed(self.seed.derive(did_label(self.company)))[1]

    @property
    def did(self) -> str:
        return key_of_seed(self.seed.derive(did_label(self.company)))[0]

    def matter(self, purpose: str | None = "newsletter", channel: str | None = "email") -> Matter:
        return Matter(customer=self.did, controller=self.controller, purpose=purpose, channel=channel)

    def seal(self, lane: int, seq: int) -> str:
        return seal_of(public_from_seed(self.seed.derive(seal_label(self.company, lane, seq)))).hex()

    def lane_of(self, matter: Matter) -> int:
        if matter not in self.matters:
            used = set(self.matters.values()) | set(self.lanes) | {0}
            self.matters[matter] = 0 if matter.kind == "relation" else max(used) + 1
        return self.matters[matter]

    def place(self, matter: Matter, logs: tuple[str, ...] = (ORIGIN,)) -> Place:
        lane = self.lane_of(matter)
        seq = len(self.lanes.get(lane, []))
        prev = self.lanes[lane][-1].event.event_hash if seq else None
        return Place(
            matter=matter,
            seq=seq,
            prev=prev,
            seal=self.seal(lane, seq),
            next=self.seal(lane, seq + 1),
            logs=logs,
        )

    def anchor(self, signed: SignedEvent) -> AnchoredEvent:
        """Append the event's leaf to the log and remember it."""
        event = signed.event
        lane = self.lane_of(event.matter)
        salt = event_salt(self.seed.derive(record_label(self.company, lane)), event.seq, signed.event_hash)
        key = self.seed.derive(seal_label(self.company, lane, event.seq))
        outgoing = prepare(signed, salt=salt, seal_key=key)
        (index,) = self.world.registry.append([outgoing.seal_leaf])
        anchored = outgoing.anchored_at(index)
        self.lanes.setdefault(lane, []).append(anchored)
        return anchored

    def target(self, address: str, channel: str = "email") -> tuple[str, ContactText]:
        salt = self.seed.derive(target_label(self.company, self.lane_of(self.matter(channel=channel))))
        contact = ContactText(channel=channel, address=address, salt=b64u_encode(salt))
        return target_of(salt, channel, address), contact

    def open(self) -> AnchoredEvent:
        place = self.place(self.matter(None, None))
        return self.anchor(act.open_relation(place, at=self.world.now, signer=self.signer))

    def give(self, notice: SignedNotice, request: SignedRequest | None = None, **more: Any) -> AnchoredEvent:
        return self._grant(act.give, notice, request, **more)

    def renew(self, notice: SignedNotice, **more: Any) -> AnchoredEvent:
        return self._grant(act.renew, notice, None, **more)

    def _grant(
        self, verb: Any, notice: SignedNotice, request: SignedRequest | None, **more: Any
    ) -> AnchoredEvent:
        matter = self.matter(more.pop("purpose", "newsletter"), more.pop("channel", "email"))
        at = more.pop("at", self.world.now)
        logs = more.pop("logs", (ORIGIN,))
        choice = Choice(notice=notice.hash, language="de", request=request.hash if request else None, **more)
        signed = verb(self.place(matter, logs), choice, offered=notice.notice, at=at, signer=self.signer)
        return self.anchor(signed)

    def withdraw(self, matter: Matter | None = None) -> AnchoredEvent:
        place = self.place(matter or self.matter())
        return self.anchor(act.withdraw(place, at=self.world.now, signer=self.signer))

    def refuse(self, request: SignedRequest, verb: Any = act.refuse) -> AnchoredEvent:
        signed = verb(
            self.place(self.matter()),
            request=request.hash,
            notice=request.request.notice,
            at=self.world.now,
            signer=self.signer,
        )
        return self.anchor(signed)

    def object_to(self, scope: str | None = None) -> AnchoredEvent:
        place = self.place(self.matter(None, None))
        return self.anchor(act.object_to(place, scope=scope, at=self.world.now, signer=self.signer))

    def restore(self, scope: str | None = None) -> AnchoredEvent:
        place = self.place(self.matter(None, None))
        return self.anchor(act.restore(place, scope=scope, at=self.world.now, signer=self.signer))

    def break_bare(self, lane: int, seq: int) -> int:
        """Break a seal and show nothing, as whoever has only the words does."""
        key = self.seed.derive(seal_label(self.company, lane, seq))
        leaf = make_seal_leaf(key, sha256(b"bare").digest(), origin=ORIGIN)
        return self.world.registry.append([leaf])[0]


__all__ = ["NEWSLETTER", "ORIGIN", "START", "Customer", "ReadRequest", "World", "message"]
