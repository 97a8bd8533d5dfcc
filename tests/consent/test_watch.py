"""Which seals a company watches: those whose break ends a consent, and none of its own."""

from __future__ import annotations

from konsens.consent import import_rows, read_mapping
from konsens.consent.watch import seals_to_watch
from konsens.records import parse_event

from .world import Customer, World


def test_the_open_seals_of_customers_and_imported_rows_are_watched(world: World) -> None:
    notice = world.publish()
    customer = Customer.new(world, "anna")
    world.receive(customer.open(), customer.give(notice), ref="anna")
    source = world.folder / "rows.csv"
    source.write_text("EUID,Email Address,OPTIN_TIME,UNSUB_TIME\n5001,row@x.example,2024-01-01,\n")
    import_rows(world.shop.ledger, world.keys, source, read_mapping("mailchimp"), now=world.now)
    watched = set(seals_to_watch(world.shop.ledger))
    assert not world.registry.broken_many(list(watched))
    last = {event.lane: event for event in world.shop.ledger.book.events_by_lane()}
    theirs = {
        bytes.fromhex(parse_event(event.text).event.next or "")
        for event in last.values()
        if event.signer != world.shop.ledger.did
    }
    imported = {seal for (seal,) in world.shop.ledger.db.execute("SELECT next FROM attested")}
    assert watched == theirs | imported
    assert (len(theirs), len(imported)) == (2, 1)
    # A withdrawal breaks one of them: that is what the watching is for.
    customer.withdraw()
    assert len(world.registry.broken_many(list(watched))) == 1
