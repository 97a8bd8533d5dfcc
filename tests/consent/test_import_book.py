"""What an import leaves in the book: each row once, no claim code, nothing at all after an interruption."""

from __future__ import annotations

import csv
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from konsens.consent import Company, Imported, claims_of, import_rows, read_mapping
from konsens.consent.company import KEYS
from konsens.consent.contact import addresses_of, customers_at
from konsens.consent.lists import attested_standing
from konsens.consent.tables import ATTESTED
from konsens.did import public_from_seed
from konsens.errors import Damaged
from konsens.records import claim_key
from konsens.registry import seal_of
from tests.house.tree import ROOT

from .world import ORIGIN, World

HEADER = ["Email Address", "OPTIN_TIME", "UNSUB_TIME", "EUID"]


@pytest.fixture
def world(world: World) -> World:
    world.publish()
    return world


def audience(world: World, count: int, *, start: int = 0, left: str = "") -> Path:
    path = world.folder / "audience.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for n in range(start, start + count):
            lines.writerow([f"customer.{n}@muster.example", "2024-01-02 10:00:00", left, f"e{n}"])
    return path


def run(world: World, path: Path, shop: Company | None = None) -> Imported:
    ledger = (shop or world.shop).ledger
    return import_rows(ledger, world.keys, path, read_mapping("mailchimp"), now=world.now)


def rows(world: World) -> int:
    counted: int
    (counted,) = world.shop.ledger.db.execute("SELECT count(*) FROM attested").fetchone()
    return counted


def test_a_row_is_written_once_with_its_address(world: World) -> None:
    done = run(world, audience(world, 3))
    ledger = world.shop.ledger
    assert rows(world) == 3
    for table in ("standing", "address", "fact"):
        own = ledger.db.execute(f"SELECT count(*) FROM {table} WHERE customer != ''").fetchone()
        assert own == (0,), table
    (address,) = addresses_of(ledger.db, ledger.contacts, "ref:e1", "email")
    assert address.address == "customer.1@muster.example"
    assert customers_at(ledger.db, ledger.contacts, "email", "Customer.1@muster.example") == ("ref:e1",)
    batch = ledger.batch_rows(done.event or "")
    assert [customer for customer, *_ in batch] == ["ref:e0", "ref:e1", "ref:e2"]
    assert ledger.knows("ref:e1")
    assert not ledger.knows("ref:e9")


def test_the_book_holds_no_claim_code_and_the_seed_gives_them_all(world: World) -> None:
    seen: set[bytes] = set()
    for start in (0, 10):
        done = run(world, audience(world, 5, start=start))
        ledger = world.shop.ledger
        codes = claims_of(ledger, world.keys, done.event or "")
        batch = ledger.batch_rows(done.event or "")
        assert [who for who, _ in codes] == [who for who, *_ in batch]
        for (_, code), (*_, row) in zip(codes, batch, strict=True):
            assert seal_of(public_from_seed(claim_key(code))).hex() == row.next
        seen |= {code for _, code in codes}
    assert len(seen) == 10
    other = world.make_shop("other")
    with other[0]:
        assert not {code for _, code in claims_of(ledger, other[1], done.event or "")} & seen
    assert claims_of(ledger, world.keys, "0" * 64) == []
    ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = b"".join(path.read_bytes() for path in (world.folder / "shop").rglob("*") if path.is_file())
    assert not [code for code in seen if code in stored or code.hex().encode() in stored]


def test_a_second_word_is_folded_with_the_first(world: World) -> None:
    run(world, audience(world, 2))
    run(world, audience(world, 1, left="2025-01-01 10:00:00"))
    ledger = world.shop.ledger
    assert (world.code("e0"), world.code("e1")) == ("consent.withdrawn", "ok")
    assert [row.state for row in ledger.attested("ref:e0", "newsletter", "email")] == ["given", "withdrawn"]
    for who in ("e0", "e1"):
        held = ledger.held(f"ref:{who}", "newsletter", "email")
        assert held == ledger.sight(who, "newsletter", "email").attested
        assert held == attested_standing(ledger)[who, "newsletter", "email"]
    assert len(ledger.all_held("ref:e0")) == 1


def test_another_companys_rows_in_the_same_book_are_not_ours(world: World) -> None:
    run(world, audience(world, 1))
    ledger = world.shop.ledger
    ledger.db.execute("UPDATE import_batch SET controller = 'did:key:other'")
    assert ledger.sight("e0", "newsletter", "email").attested is None
    assert ledger.held("ref:e0", "newsletter", "email") is None
    assert ledger.all_held("ref:e0") == []
    assert attested_standing(ledger) == {}
    assert world.code("e0") == "consent.none"


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("SELECT body FROM reachable WHERE customer = 'ref:1' AND channel = 'email'", "attested_customer"),
        ("SELECT customer FROM reachable WHERE finder = x'00' AND channel = 'email'", "attested_finder"),
        (
            f"SELECT {ATTESTED} FROM attested a JOIN import_batch i USING (batch) WHERE customer = ''",
            "attested_customer",
        ),
        ("SELECT 1 FROM matter WHERE customer = 'ref:1'", "attested_customer"),
    ],
)
def test_a_question_about_one_person_reads_no_whole_table(question: str, index: str, world: World) -> None:
    plan = " ".join(row[3] for row in world.shop.ledger.db.execute(f"EXPLAIN QUERY PLAN {question}"))
    assert index in plan
    assert "SCAN a" not in plan.replace("SCAN CONSTANT ROW", "")


def test_an_import_into_a_log_that_was_rolled_back_writes_nothing(world: World) -> None:
    size = world.registry.size()
    path = audience(world, 3)
    with Company.open(world.folder / "shop", did=world.did, home=world.registry, seen=size + 9) as shop:
        with pytest.raises(Damaged) as refused:
            run(world, path, shop)
        assert refused.value.code == "registry.rolled_back"
        with sqlite3.connect(world.folder / "shop" / KEYS) as keys:
            assert keys.execute("SELECT count(*) FROM contact_key").fetchone() == (0,)
        keys.close()
    assert (rows(world), world.registry.size()) == (0, size)
    assert world.shop.ledger.book.outstanding(ORIGIN) == []
    assert run(world, path).accepted == 3


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from konsens.consent import Company, import_rows, read_mapping
from konsens.registry import Registry
from tests.consent.world import CompanyKeys, Seed, key_of_seed, sha256, sign_label

def stop(done, total):
    if done > 2000:
        os.kill(os.getpid(), signal.SIGKILL)

folder, source = Path(sys.argv[1]), Path(sys.argv[2])
seed = Seed.from_bytes(sha256(b"shop").digest() * 2)
did, signer = key_of_seed(seed.derive(sign_label(0)))
with Registry.open(folder / "reg") as log, Company.open(folder / "shop", did=did, home=log) as shop:
    keys, now = CompanyKeys(signer, seed), datetime(2030, 1, 1, tzinfo=UTC)
    import_rows(shop.ledger, keys, source, read_mapping("mailchimp"), progress=stop, now=now)
"""


def test_an_import_killed_while_it_writes_has_written_nothing(world: World) -> None:
    path = audience(world, 4500)
    line = [sys.executable, "-c", KILLED, str(world.folder), str(path)]
    ended = subprocess.run(line, check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    assert (rows(world), world.registry.size()) == (0, 1)
    assert run(world, path).accepted == rows(world) == 4500
