"""What staff record, and contacts recorded before they are made."""

from __future__ import annotations

import pytest

from konsens.errors import NotFound, Unavailable
from konsens.records import Actor, Batch, UseBatch

from .world import Customer, World


@pytest.fixture
def consented(world: World, anna: Customer) -> World:
    world.receive(anna.open(), anna.give(world.publish()), ref="C-1")
    return world


def test_a_courier_withdrawal_is_effective_at_once_and_signed(consented: World, anna: Customer) -> None:
    clerk = Actor(name="Clara Clerk", role="call centre")
    records = consented.shop.withdraw(
        consented.keys, "C-1", method="phone", note="angry", actor=clerk, now=consented.now
    )
    assert [(record.state, record.assurance) for record in records] == [("withdrawn", "courier")]
    assert consented.code("C-1") == "consent.withdrawn"
    lanes = consented.shop.ledger.book.lanes(anna.matter().record_id)
    event = next(lane.head for lane in lanes if lane.signer == consented.did).event.event
    assert (event.type, event.actor) == ("withdrawn", clerk)
    raw = (consented.folder / "shop" / "book.sqlite").read_bytes()
    assert b"angry" not in raw


def test_a_courier_withdrawal_needs_no_log(
    consented: World, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> list[int]:
        raise Unavailable("registry.cannot_write", problem="away")

    with monkeypatch.context() as patch:
        patch.setattr(consented.registry, "append", away)
        consented.shop.withdraw(consented.keys, "C-1", method="letter", now=consented.now)
        assert consented.code("C-1") == "consent.withdrawn"
    size = consented.registry.size()
    consented.shop.finish(now=consented.now)
    assert consented.registry.size() == size + 1
    assert consented.code("C-1") == "consent.withdrawn"
    consented.receive(anna.withdraw(), anna.give(consented.shop.notice("newsletter")))
    assert consented.code("C-1", deep=True) == "ok"


def test_a_renewal_cannot_outrun_what_staff_recorded(consented: World, anna: Customer) -> None:
    """The customer renewed on the phone's app and then called; the renewal arrives last."""
    renewed = anna.renew(consented.shop.notice("newsletter"))
    consented.shop.withdraw(consented.keys, "C-1", method="phone", now=consented.now)
    consented.receive(renewed)
    assert consented.code("C-1") == "consent.withdrawn"


def test_a_courier_objection_stops_marketing_and_only_the_customer_lifts_it(
    consented: World, anna: Customer
) -> None:
    consented.shop.object(consented.keys, "C-1", method="letter", now=consented.now)
    assert consented.code("C-1") == "consent.objected"
    consented.receive(anna.restore(), anna.give(consented.shop.notice("newsletter")))
    assert consented.code("C-1") == "ok"


@pytest.mark.parametrize("who", ["C-1", "C-9"])
def test_there_must_be_something_to_withdraw(who: str, consented: World) -> None:
    if who == "C-1":
        consented.shop.withdraw(consented.keys, who, method="web", now=consented.now)
    with pytest.raises(NotFound) as refused:
        consented.shop.withdraw(consented.keys, who, method="web", now=consented.now)
    assert refused.value.code in ("courier.nothing_to_withdraw", "contact.unknown")


def test_a_use_is_in_the_log_before_the_contact_is_made(consented: World, anna: Customer) -> None:
    size = consented.registry.size()
    use, decision = consented.shop.record_use(
        consented.keys, "C-1", "newsletter", "email", campaign="spring", now=consented.now
    )
    assert decision
    assert consented.registry.size() == size + 1
    row = consented.shop.ledger.db.execute(
        "SELECT event, relies_on, body FROM contact_use WHERE id = ?", (use,)
    ).fetchone()
    event = consented.shop.ledger.book.event(row[0]).anchored.event.event
    assert isinstance(event.content, UseBatch)
    assert event.content.root == Batch([row[2]]).root.hex()
    assert event.content.relies_on == row[1] == anna.lanes[1][0].event.event_hash


def test_no_use_without_a_decision(consented: World, anna: Customer) -> None:
    anna.withdraw()
    size = consented.registry.size()
    use, decision = consented.shop.record_use(
        consented.keys, "C-1", "newsletter", "email", campaign="spring", now=consented.now
    )
    assert (use, decision.code) == (None, "consent.seal_broken")
    assert consented.registry.size() == size


def test_records_show_where_everything_stands(consented: World, anna: Customer) -> None:
    (record,) = consented.shop.records("C-1", now=consented.now)
    assert (record.state, record.leaf_index) == ("given", anna.lanes[1][0].leaf_index)
    assert record.next == anna.lanes[1][0].event.event.next
    anna.withdraw()
    assert consented.shop.records("C-1", now=consented.now)[0].state == "withdrawn"


def test_a_request_shows_until_it_is_answered_or_lapses(consented: World) -> None:
    other = '[[purpose]]\ncode = "calls"\nlabel = { de = "Anrufe", en = "Calls" }\n'
    notice = consented.shop.notice("newsletter")
    assert notice
    text = (
        __import__("pathlib").Path(__file__).parents[2] / "examples" / "notices" / "newsletter.toml"
    ).read_text("utf-8")
    tail = text[text.index("dpv = ") :].replace('["email"]', '["phone"]')
    consented.publish(text.replace('version = "1"', 'version = "2"') + "\n" + other + tail)
    consented.ask(purposes=["calls"], who="C-1")
    states = {record.purpose: record.state for record in consented.shop.records("C-1", now=consented.now)}
    assert states == {"calls": "requested", "newsletter": "given"}
    consented.clock.tick(15 * 86400)
    states = {record.purpose: record.state for record in consented.shop.records("C-1", now=consented.now)}
    assert states["calls"] == "lapsed"
