"""The log was put back to an older state: the company gives back what it lost, and follows customers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from konsens.consent import Company, receipts_for
from konsens.credentials import parse_sd_jwt
from konsens.records import AnchoredEvent, Countersignature, check_in_log
from konsens.registry import PublicLeaf, Registry, SealLeaf, parse_leaf

from .world import Customer, World


def state_of(world: World) -> bytes:
    """Return the log's file with all that is in it."""
    connection = sqlite3.connect(world.folder / "reg" / "log.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return (world.folder / "reg" / "log.sqlite").read_bytes()


def put_back(world: World, before: bytes, *, others: int = 9) -> None:
    """Write an older state over the log where it lies; `others` go on with it."""
    world.close()
    log: Path = world.folder / "reg" / "log.sqlite"
    for beside in ("-wal", "-shm"):
        log.with_name(log.name + beside).unlink(missing_ok=True)
    with log.open("r+b") as same_file:
        same_file.write(before)
        same_file.truncate()
    world.registry = Registry.open(world.folder / "reg")
    world.registry.append([PublicLeaf(bytes([n]) * 32) for n in range(others)])
    world.shop = Company.open(world.folder / "shop", did=world.did, home=world.registry)
    world.clock.tick()


def again(world: World, event: AnchoredEvent) -> AnchoredEvent:
    """Let the customer's wallet append the same leaf once more, and return the event in its new place."""
    leaf = parse_leaf(event.leaf)
    assert isinstance(leaf, SealLeaf)
    (index,) = world.registry.append([leaf])
    assert index != event.leaf_index
    return AnchoredEvent(event.event, event.salt, event.leaf, event.origin, index)


def check_receipts(world: World, *events: AnchoredEvent) -> list[str]:
    """Check as a wallet does: every event is named where it lies, and so is the company's own."""
    hashes = [event.event.event_hash for event in events]
    message, _ = receipts_for(world.shop.ledger, world.keys, hashes, now=world.now)
    for receipt in message.receipts:
        claims: Any = parse_sd_jwt(receipt.credential).jwt.unverified_claims
        for named in claims["events"]:
            stored = world.shop.ledger.book.event(named["event"])
            assert named["leaf_index"] == stored.leaf_index
            check_in_log(stored.anchored, world.registry)
        for own in (one for one in claims["events"] if one["type"] == "countersigned"):
            check_in_log(world.shop.ledger.book.event(own["event"]).anchored, world.registry)
    contents = [
        stored.anchored.event.event.content
        for stored in world.shop.ledger.book.events()
        if stored.leaf_index in [receipt.leaf_index for receipt in message.receipts]
    ]
    named = {(c.event, c.leaf_index) for c in contents if isinstance(c, Countersignature)}
    places = {event: world.shop.ledger.book.event(event).leaf_index for event in hashes}
    assert named == {(event, places[event]) for event in hashes}
    return [receipt.credential for receipt in message.receipts]


@pytest.fixture
def lost(world: World, anna: Customer) -> tuple[AnchoredEvent, AnchoredEvent]:
    """Anna's relation and grant, received and answered; then the log is as it was before."""
    notice = world.publish()
    before = state_of(world)
    opened, given = anna.open(), anna.give(notice)
    world.receive(opened, given)
    check_receipts(world, given)
    put_back(world, before)
    return opened, given


def by_the_wallet(world: World, opened: AnchoredEvent, given: AnchoredEvent) -> None:
    world.receive(again(world, opened), again(world, given))


def by_the_old_file(world: World, opened: AnchoredEvent, given: AnchoredEvent) -> None:
    world.receive(opened, given)


def by_half_of_it(world: World, opened: AnchoredEvent, given: AnchoredEvent) -> None:
    again(world, opened)
    world.receive(given)


@pytest.mark.parametrize("come", [by_the_wallet, by_the_old_file, by_half_of_it])
def test_events_that_the_log_had_lost_are_answered_where_they_lie_now(
    come: Callable[..., None], world: World, anna: Customer, lost: tuple[AnchoredEvent, AnchoredEvent]
) -> None:
    come(world, *lost)
    receipts = check_receipts(world, lost[1])
    assert world.code(anna.did) == world.code(anna.did, deep=True) == "ok"
    size = world.registry.size()
    come_again = world.receive(*lost)
    assert (come_again.new, come_again.known) == (0, 2)
    assert check_receipts(world, lost[1]) == receipts, "the same file twice changes nothing"
    assert world.registry.size() == size
    world.receive(anna.withdraw())
    assert world.code(anna.did) == "consent.withdrawn"


def test_a_letter_brings_back_what_it_would_have_taken_the_place_of(
    world: World, anna: Customer, lost: tuple[AnchoredEvent, AnchoredEvent]
) -> None:
    world.close()
    world.registry = Registry.open(world.folder / "reg")
    world.shop = Company.open(world.folder / "shop", did=world.did, home=world.registry)
    world.shop.withdraw(world.keys, anna.did, method="letter", now=world.now)
    assert world.code(anna.did) == "consent.withdrawn"
    world.receive(*lost)
    check_receipts(world, lost[1])
    assert world.code(anna.did) == "consent.withdrawn"
    for stored in world.shop.ledger.book.events():
        check_in_log(stored.anchored, world.registry)


@pytest.mark.parametrize("seq", [0, 1], ids=["the grant's own seal", "the seal after it"])
def test_a_break_that_came_before_the_grant_came_back_counts(
    seq: int, world: World, anna: Customer, lost: tuple[AnchoredEvent, AnchoredEvent]
) -> None:
    broken = anna.break_bare(1, seq)
    again(world, lost[0])
    world.receive(lost[1])
    assert world.registry.find(bytes.fromhex(anna.seal(1, seq))) == broken
    assert world.code(anna.did) == "consent.seal_broken"


def test_an_objection_and_a_use_that_were_lost_come_again_too(world: World, anna: Customer) -> None:
    given = anna.give(world.publish())
    world.receive(given, ref="C-1")
    before = state_of(world)
    use, _ = world.shop.record_use(
        world.keys, "C-1", "newsletter", "email", campaign="may", now=world.clock.tick()
    )
    objection = anna.object_to()
    world.receive(objection)
    hashes = [objection.event.event_hash]
    (first,), _ = _texts(world, hashes)
    put_back(world, before)
    assert world.code(anna.did) == "consent.objected", "the book remembers what the log forgot"
    world.receive(objection)
    (second,), _ = _texts(world, hashes)
    assert use is not None
    assert first.credential != second.credential
    lying = [stored.type for stored in world.shop.ledger.book.events()]
    assert lying[-2:] == ["used", "objected"]
    for stored in world.shop.ledger.book.events():
        check_in_log(stored.anchored, world.registry)
    assert world.code(anna.did) == "consent.objected"


def _texts(world: World, hashes: Sequence[str]) -> tuple[Any, Any]:
    message, cards = receipts_for(world.shop.ledger, world.keys, hashes, now=world.now)
    return message.receipts, cards
