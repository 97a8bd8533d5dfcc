"""What the benchmarks of consent share: a shop in a folder, filled quickly, and how figures are shown."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from konsens.consent import Company, CompanyKeys, State
from konsens.consent.tables import Held, Stops
from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
from konsens.records import Seed, sign_label
from konsens.registry import NoteSigner, Registry, make_seal_leaf

ORIGIN = "log.muster.example"
NOTICE = Path(__file__).parents[1] / "examples" / "notices" / "newsletter.toml"


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    limit: float | None = None,
    aim: float | None = None,
    more_is_better: bool = False,
) -> dict[str, object]:
    """Return one figure with its physical limit and its aim; `holds` says whether the aim is met."""
    holds = None if aim is None else (value >= aim if more_is_better else value <= aim)
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "limit": limit if limit is None else round(limit, 2),
        "peers": {},
        "aim": aim,
        "holds": holds,
    }


def report(benchmark: str, figures: list[dict[str, object]], *, as_json: bool) -> None:
    """Print the figures, for a machine or for a person."""
    if as_json:
        print(json.dumps({"benchmark": benchmark, "figures": figures}, ensure_ascii=False))
        return
    for item in figures:
        aim = f"  aim {item['aim']:,} {'held' if item['holds'] else 'MISSED'}" if item["aim"] else ""
        print(f"{item['name']:<44} {item['value']:>12,} {item['unit']}  (limit {item['limit']}){aim}")


class Shop:
    """A company with its own log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.registry = Registry.create(
            folder / "reg", origin=ORIGIN, signer=NoteSigner(ORIGIN, bytes(31) + b"L")
        )
        seed = Seed.from_bytes(bytes(64))
        key = PrivateKey.ed25519(seed.derive(sign_label(0)))
        self.did = did_key(key.public)
        self.keys = CompanyKeys(LocalSigner(key, kid_of(self.did)), seed)
        self.company = Company.create(folder, did=self.did, home=self.registry)

    def publish(self) -> None:
        """Publish the newsletter's notice."""
        self.company.publish(self.keys, NOTICE.read_text("utf-8"), now=self.now)

    def fill(self, count: int) -> list[str]:
        """Put `count` standing consents into the book, and as many broken seals into the log.

        The rows are those that a customer's grant leaves, written without the signatures under them: what is
        measured reads the rows.
        """
        ledger = self.company.ledger
        people = [f"did:key:z6Mk{n:044d}" for n in range(count)]
        encode = msgspec.msgpack.Encoder().encode
        for start in range(0, count, 1000):
            self.registry.append(
                [
                    make_seal_leaf(hashlib.sha256(b"%d" % n).digest(), bytes(32), origin=ORIGIN)
                    for n in range(start, min(count, start + 1000))
                ]
            )
        with ledger.book.write() as db:
            for n, who in enumerate(people):
                held = Held(
                    customer=who,
                    state=State.GIVEN,
                    since=1,
                    event=hashlib.sha256(b"e%d" % n).hexdigest(),
                    grant=hashlib.sha256(b"e%d" % n).hexdigest(),
                    notice="0" * 64,
                    index=n,
                    target="1" * 64,
                    data=("email",),
                    recipients=("Versand GmbH",),
                    assurance="customer_signed",
                    seals=(((ORIGIN,), hashlib.sha256(b"s%d" % n).hexdigest()),),
                )
                stops = Stops(seals=(((ORIGIN,), hashlib.sha256(b"t%d" % n).hexdigest()),))
                db.execute(
                    "INSERT INTO standing VALUES (?, 'newsletter', 'email', ?, ?)",
                    (self.did, who, encode(held)),
                )
                db.execute("INSERT INTO relation VALUES (?, ?, ?)", (self.did, who, encode(stops)))
                db.execute("INSERT INTO person VALUES (?, ?, 'staff', 1)", (who, f"C-{n}"))
        return people
