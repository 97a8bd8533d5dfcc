"""A company with everything in its book: the world of the consent tests, a few years later."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from konsens.consent import import_rows, read_mapping
from konsens.consent.use import UseRow, record_uses
from konsens.did import OfflineResolver
from konsens.records import Actor
from konsens.registry import render_vkey
from konsens.trail.bundle import Identity
from konsens.trail.desk import Desk
from konsens.trail.export import export
from konsens.trail.query import Query
from konsens.trail.trust import Trust, TrustedCompany, TrustFile

from ..consent.world import Customer, World

MAPPING = """
name = "list"
id_column = ["id"]
[[consent]]
purpose = "newsletter"
channel = "email"
address = "email"
since = ["since"]
given = [{ column = "state", is = ["yes"] }]
withdrawn = [{ column = "state", is = ["no"] }]
"""


class Town:
    """`people` by name; what each did is in the method of that name."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.folder = folder
        self.notice = self.world.publish()
        self.moments: list[datetime] = []
        self.people: dict[str, Customer] = {}

    @property
    def desk(self) -> Desk:
        return Desk(
            company=self.world.shop,
            name="Muster-Shop",
            log=self.world.registry,
            identity=Identity(self.world.keys.signer, OfflineResolver().resolve(self.world.did)),
            checkpoint=self.checkpoint,
        )

    def bundle(self, **asked: Any) -> bytes:
        """The bytes of a bundle about a question."""
        out = io.BytesIO()
        export(self.desk, Query(**asked), kind="bundle", out=out, now=self.world.now)
        return out.getvalue()

    def checkpoint(self) -> None:
        """The log's operator signs, at the moment that the world's clock shows."""
        world = self.world
        world.registry.publish(world.log_signer, at=world.now, remembered=world.head)

    @property
    def trust(self) -> Trust:
        policy = f"log {render_vkey(self.world.registry.vkey)}\nquorum none\n"
        company = TrustedCompany(did=self.world.did, name="Muster-Shop")
        return Trust((TrustFile(v=1, policy=policy, company=(company,)),))

    def person(self, name: str, ref: str | None = None, **grant: Any) -> Customer:
        """A customer who opens the relation and grants the newsletter."""
        customer = self.people[name] = Customer.new(self.world, name)
        self.world.clock.tick(60)
        request = self.world.ask()
        self.world.receive(customer.open(), customer.give(self.notice, request, **grant), ref=ref)
        return customer

    def receipts(self, name: str) -> None:
        ledger = self.world.shop.ledger
        events = [e.event_hash for e in ledger.book.events() if e.signer == self.people[name].did]
        self.world.shop.receipts(
            self.world.keys, events, checkpoint=self.world.checkpoint, now=self.world.now
        )

    def import_people(self, rows: str, name: str = "list.csv") -> None:
        source, mapping = self.folder / name, self.folder / "mapping.toml"
        source.write_text(rows, "utf-8")
        mapping.write_text(MAPPING, "utf-8")
        import_rows(
            self.world.shop.ledger, self.world.keys, source, read_mapping(str(mapping)), now=self.world.now
        )

    def mail(self, *names: str, campaign: str = "summer") -> None:
        """A mailing that nobody decided: what a careless company would do."""
        ledger = self.world.shop.ledger
        rows = []
        for name in names:
            events = [e for e in ledger.book.events() if e.signer == self._did(name) and e.type == "given"]
            rows.append(UseRow(name, events[-1].event_hash if events else None, "consent"))
        record_uses(
            ledger,
            self.world.keys,
            rows,
            purpose="newsletter",
            channel="email",
            campaign=campaign,
            now=self.world.clock.tick(60),
        )

    def _did(self, name: str) -> str:
        return name if name.startswith("did:") else (self.world.shop.ledger.sight(name, "", "").did or "")

    def close(self) -> None:
        self.world.close()


IMPORT = """id,email,since,state
R-1,rosa@muster.example,2024-05-01,yes
R-2,rolf@muster.example,2024-05-02,yes
R-3,ruth@muster.example,2024-05-03,no
C-2,bert@muster.example,2024-05-04,yes
"""


def full(folder: Path) -> Town:
    """Everything at once; the moments between are kept in `town.moments`."""
    town = Town(folder)
    world = town.world
    town.person("anna", "C-1")
    town.import_people(IMPORT)
    bert = town.person("bert", "C-2", until=world.now + timedelta(days=30))
    carl = town.person("carl", "C-3")
    dora = town.person("dora", "C-4")
    emil = town.person("emil", "C-5")
    town.person("fred", "C-6")
    gina = town.people["gina"] = Customer.new(world, "gina")
    request = world.ask()
    world.receive(gina.open(), gina.refuse(request), ref="C-7")
    world.shop.record_use(
        world.keys, "C-1", "newsletter", "email", campaign="spring", now=world.clock.tick(60)
    )
    town.mail("C-1", "C-3", "R-1")
    world.checkpoint()
    town.moments.append(world.now)
    world.clock.tick(3600)
    world.receive(carl.withdraw())
    dora.withdraw()  # with no message to anybody
    emil.break_bare(0, 1)  # the stop seal
    world.shop.withdraw(
        world.keys,
        "C-6",
        method="letter",
        note="by post",
        actor=Actor(name="Eva", role="desk"),
        now=world.now,
    )
    world.shop.withdraw(world.keys, "R-2", method="phone", now=world.now)
    world.shop.object(world.keys, "R-1", method="phone", now=world.now)
    world.receive(bert.object_to("newsletter"))
    world.checkpoint()
    town.moments.append(world.now)
    town.receipts("carl")
    world.clock.tick(3600)
    world.receive(carl.give(town.notice))
    town.moments.append(world.now)
    return town
