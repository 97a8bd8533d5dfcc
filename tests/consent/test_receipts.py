"""A receipt for every event of a customer: issued once, with a proof where a checkpoint gives one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from konsens.consent import RECEIPT_TYPE
from konsens.credentials import parse_sd_jwt
from konsens.records import AnchoredEvent

from .world import START, Customer, World


def receipts(world: World, *events: AnchoredEvent, **more: Any) -> tuple[Any, ...]:
    hashes = [event.event.event_hash for event in events]
    message, cards = world.shop.receipts(world.keys, hashes, now=world.now, **more)
    assert len(cards) == len(set(cards)) == len(message.receipts)
    return message.receipts


def claims_of(receipt: Any) -> dict[str, Any]:
    return dict(parse_sd_jwt(receipt.credential).jwt.unverified_claims)


def test_a_receipt_says_what_was_agreed_then_and_not_what_came_after(world: World, anna: Customer) -> None:
    until = START + timedelta(days=30)
    notice = world.publish()
    given = anna.give(notice, until=until)
    world.receive(given)
    withdrawn = anna.withdraw()
    world.receive(withdrawn)
    first, second = (claims_of(one) for one in receipts(world, given, withdrawn))
    assert (first["state"], second["state"]) == ("given", "withdrawn")
    assert (first["vct"], first["iss"], first["sub"]) == (RECEIPT_TYPE, world.did, anna.did)
    assert first["until"] == "2026-12-22T10:00:00Z"
    assert first["notice"] == notice.hash
    assert [one["event"] for one in first["events"]] == [given.event.event_hash]
    assert {one["event"] for one in second["events"]} > {given.event.event_hash, withdrawn.event.event_hash}
    assert not {"exp", "status", "_sd"} & first.keys()


@pytest.mark.parametrize("scope", [None, "newsletter"])
def test_an_objection_has_a_receipt_without_an_event_of_the_companys(
    world: World, anna: Customer, scope: str | None
) -> None:
    world.receive(anna.give(world.publish()))
    objection = anna.object_to(scope)
    world.receive(objection)
    (receipt,) = receipts(world, objection)
    claims = claims_of(receipt)
    assert (claims["state"], claims["until"]) == ("objected", None)
    assert claims["matter"] == {"customer": anna.did, "controller": world.did}
    own = (receipt.event, receipt.salt, receipt.leaf, receipt.origin, receipt.leaf_index, receipt.proof)
    assert own == (None,) * 6


def test_a_proof_comes_with_the_checkpoint_that_covers_it(world: World, anna: Customer) -> None:
    given = anna.give(world.publish())
    world.receive(given)
    (without,) = receipts(world, given)
    (proven,) = receipts(world, given, checkpoint=world.checkpoint)
    assert without.proof is None
    assert proven.proof is not None
    assert proven.credential == without.credential, "issued once"


def test_nothing_is_made_for_what_needs_no_receipt(world: World, anna: Customer) -> None:
    opened = anna.open()
    world.receive(opened, anna.give(world.publish()))
    made = []
    message, cards = world.shop.receipts(
        world.keys, ["0" * 64], checkpoint=lambda: made.append(1), now=world.now
    )
    assert (message.receipts, cards, made) == ((), (), [])
