"""One act, all the way through, and every way in which it ends."""

from __future__ import annotations

from .world import Customer, World


def test_a_consent_holds_until_its_seal_breaks(world: World, anna: Customer) -> None:
    notice = world.publish()
    request = world.ask()
    received = world.receive(anna.open(), anna.give(notice, request), ref="C-1001")
    assert (received.new, received.known, received.ref) == (2, 0, "C-1001")
    assert world.code("C-1001") == world.code(anna.did) == "ok"
    receipts, cards = world.shop.receipts(
        world.keys, received.events, checkpoint=world.checkpoint, now=world.now
    )
    assert len(receipts.receipts) == len(cards) == 1
    assert receipts.receipts[0].proof
    assert world.shop.receipts(world.keys, received.events, now=world.now)[1] == cards
    withdrawn = anna.withdraw()
    assert world.code("C-1001") == "consent.seal_broken"
    world.receive(withdrawn)
    assert world.code("C-1001") == "consent.withdrawn"
