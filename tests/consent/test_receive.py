"""What a company takes in: verified once, all or nothing, and each attack has its own error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.consent import Choice, act
from konsens.errors import Conflict, KonsensError, RefusedByPolicy, VerificationError
from konsens.records import AnchoredEvent, Event, Grant, parse_event, sign_event

from .world import NEWSLETTER, ORIGIN, Customer, World, message

Attack = Callable[[World, Customer], list[AnchoredEvent]]


def other_company(world: World, anna: Customer) -> list[AnchoredEvent]:
    shop, keys, did = world.make_shop("other")
    notice = shop.publish(keys, NEWSLETTER, now=world.now)[0]
    shop.close()
    stranger = Customer(world, anna.seed, company=1, controller=did)
    return [stranger.open(), stranger.give(notice)]


def wrong_index(world: World, anna: Customer) -> list[AnchoredEvent]:
    return [anna.open(), msgspec.structs.replace(anna.give(world.publish()), leaf_index=0)]


def never_appended(world: World, anna: Customer) -> list[AnchoredEvent]:
    given = anna.give(world.publish())
    lost = Customer.new(world, "otto")
    lost.world = type("Nowhere", (), {"registry": Nothing(), "now": world.now})()
    return [lost.give(world.publish())] if given else []


class Nothing:
    def append(self, leaves: object) -> list[int]:
        return [0]


def wrong_salt(world: World, anna: Customer) -> list[AnchoredEvent]:
    return [msgspec.structs.replace(anna.give(world.publish()), salt=bytes(32))]


def other_leaf(world: World, anna: Customer) -> list[AnchoredEvent]:
    opened, given = anna.open(), anna.give(world.publish())
    return [msgspec.structs.replace(given, leaf=opened.leaf)]


def forged_signature(world: World, anna: Customer) -> list[AnchoredEvent]:
    given = anna.give(world.publish())
    head, body, signature = given.event.text.split(".")
    text = ".".join((head, body, ("B" if signature[0] == "A" else "A") + signature[1:]))
    return [msgspec.structs.replace(given, event=parse_event(text))]


def dropped(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    anna.give(notice)
    anna.withdraw()
    return [anna.give(notice)]


def reordered(world: World, anna: Customer) -> list[AnchoredEvent]:
    given = anna.give(world.publish())
    return [anna.withdraw(), given]


def back_dated(world: World, anna: Customer) -> list[AnchoredEvent]:
    return [anna.give(world.publish(), at=world.now - timedelta(days=1))]


def anchored_before_the_notice(world: World, anna: Customer) -> list[AnchoredEvent]:
    draft = world.publish()
    given = anna.give(draft)
    with world.shop.ledger.book.write() as db:
        db.execute("UPDATE notice SET leaf_index = 99")
    return [given]


def from_the_future(world: World, anna: Customer) -> list[AnchoredEvent]:
    return [anna.give(world.publish(), at=world.now + timedelta(minutes=2))]


def unknown_notice(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    return [anna.give(msgspec.structs.replace(notice, body=notice.body + b" "))]


def unknown_request(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice, request = world.publish(), world.ask()
    return [anna.give(notice, msgspec.structs.replace(request, jws=request.jws + "A"))]


def expired_request(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice, request = world.publish(), world.ask(valid=timedelta(days=1))
    world.clock.tick(86400)
    return [anna.give(notice, request)]


def expired_request_back_dated(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice, request = world.publish(), world.ask(valid=timedelta(days=1))
    then = world.now
    world.clock.tick(86400 * 2)
    world.checkpoint()
    return [anna.give(notice, request, at=then)]


def other_customers_request(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    world.receive(anna.open(), anna.give(notice), ref="C-1")
    return [Customer.new(world, "otto").give(notice, world.ask(who="C-1"))]


def used_request(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice, request = world.publish(), world.ask()
    world.receive(anna.give(notice, request))
    return [Customer.new(world, "otto").give(notice, request)]


def used_request_again(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice, request = world.publish(), world.ask()
    world.receive(anna.give(notice, request), anna.withdraw())
    return [anna.give(notice, request)]


def second_lane(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    world.receive(anna.give(notice))
    backup = Customer.new(world)
    backup.lanes[1] = []
    return [backup.give(notice)]


def two_successors(world: World, anna: Customer) -> list[AnchoredEvent]:
    """The one-time key serves once: the log refuses the second leaf, so it can only be claimed."""
    notice = world.publish()
    given = anna.give(notice)
    world.receive(given)
    withdrawn = anna.withdraw()
    choice = Choice(notice=notice.hash, language="de")
    anna.lanes[1].pop()
    forged = act.renew(
        anna.place(anna.matter()), choice, offered=notice.notice, at=world.now, signer=anna.signer
    )
    return [msgspec.structs.replace(withdrawn, event=forged)]


def renewed_after_withdrawal(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    return [anna.give(notice), anna.withdraw(), anna.renew(notice)]


def more_than_the_notice(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    given = anna.give(notice)
    content = given.event.event.content
    assert isinstance(content, Grant)
    greedy = msgspec.structs.replace(content, data=("email", "birthday"))
    otto = Customer.new(world, "otto")
    event: Event = msgspec.structs.replace(given.event.event, content=greedy)
    place = otto.place(otto.matter())
    event = msgspec.structs.replace(event, matter=place.matter, seal=place.seal, next=place.next)
    return [otto.anchor(sign_event(event, signer=otto.signer))]


def another_log(world: World, anna: Customer) -> list[AnchoredEvent]:
    return [anna.give(world.publish(), logs=(ORIGIN, "log.elsewhere.example"))]


def two_customers(world: World, anna: Customer) -> list[AnchoredEvent]:
    notice = world.publish()
    return [anna.give(notice), Customer.new(world, "otto").give(notice)]


def company_event(world: World, anna: Customer) -> list[AnchoredEvent]:
    world.receive(anna.give(world.publish()))
    lanes = world.shop.ledger.book.lanes(anna.matter().record_id)
    return [next(lane.head for lane in lanes if lane.signer == world.did)]


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        pytest.param(other_company, "grant.other_company", id="events of another company"),
        pytest.param(wrong_index, "anchor.index", id="wrong leaf index"),
        pytest.param(never_appended, "anchor.not_in_log", id="no leaf in the log"),
        pytest.param(wrong_salt, "commitment.mismatch", id="wrong salt"),
        pytest.param(other_leaf, "anchor.seal", id="leaf of another event"),
        pytest.param(forged_signature, "event.signature", id="forged signature"),
        pytest.param(dropped, "lane.gap", id="events dropped"),
        pytest.param(reordered, "lane.gap", id="events out of order"),
        pytest.param(back_dated, "grant.older_than_notice", id="back-dated before its notice"),
        pytest.param(anchored_before_the_notice, "grant.older_than_notice", id="leaf before the notice's"),
        pytest.param(from_the_future, "grant.from_the_future", id="from the future"),
        pytest.param(unknown_notice, "grant.unknown_notice", id="notice swapped"),
        pytest.param(unknown_request, "request.unknown", id="request never made"),
        pytest.param(expired_request, "request.expired", id="request expired"),
        pytest.param(expired_request_back_dated, "request.expired", id="request expired, grant back-dated"),
        pytest.param(other_customers_request, "request.other_customer", id="request of another customer"),
        pytest.param(used_request, "request.used", id="request used by another customer"),
        pytest.param(used_request_again, "request.used", id="request used again"),
        pytest.param(second_lane, "lane.duplicate", id="second lane while the first is open"),
        pytest.param(two_successors, "commitment.mismatch", id="two successors of one event"),
        pytest.param(
            renewed_after_withdrawal, "consent.renewed_after_withdrawal", id="renewed after withdrawal"
        ),
        pytest.param(more_than_the_notice, "grant.data", id="more data than the notice names"),
        pytest.param(another_log, "consent.unknown_log", id="a log that cannot be read"),
        pytest.param(two_customers, "grant.one_customer", id="two customers in one file"),
        pytest.param(company_event, "grant.not_the_customer", id="the company's own event"),
    ],
)
def test_an_attack_is_refused_and_leaves_nothing_behind(
    attack: Attack, code: str, world: World, anna: Customer
) -> None:
    events = attack(world, anna)
    db = world.shop.ledger.db
    count = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM fact), (SELECT count(*) FROM outbox)"
    before, size = db.execute(count).fetchone(), world.registry.size()
    with pytest.raises(KonsensError) as refused:
        world.shop.receive(world.keys, message(*events), now=world.now)
    assert refused.value.code == code
    assert refused.value.exit_code in (2, 6, 8, 10, 11, 12)
    assert db.execute(count).fetchone() == before
    assert world.registry.size() == size


def test_a_grant_signed_by_the_company_cannot_even_be_made(world: World, anna: Customer) -> None:
    notice = world.publish()
    choice = Choice(notice=notice.hash, language="de")
    with pytest.raises(VerificationError) as refused:
        act.give(
            anna.place(anna.matter()), choice, offered=notice.notice, at=world.now, signer=world.keys.signer
        )
    assert refused.value.code == "event.signer"


def test_the_same_file_twice_changes_nothing(world: World, anna: Customer) -> None:
    events = (anna.open(), anna.give(world.publish()))
    world.receive(*events)
    size, code = world.registry.size(), world.code(anna.did)
    again = world.receive(*events)
    assert (again.new, again.known) == (0, 2)
    assert (world.registry.size(), world.code(anna.did)) == (size, code)


def test_without_a_stop_seal_nothing_is_granted(world: World, anna: Customer) -> None:
    """A company that keeps the relation lane from its book would not see an objection."""
    notice = world.publish()
    opened, given = anna.open(), anna.give(notice)
    with pytest.raises(VerificationError) as refused:
        world.shop.receive(world.keys, message(given), now=world.now)
    assert refused.value.code == "grant.no_relation"
    world.receive(opened, given)
    anna.object_to()
    with pytest.raises(VerificationError) as refused:
        world.shop.receive(world.keys, message(anna.give(notice)), now=world.now)
    assert refused.value.code == "grant.no_relation"
    world.receive(anna.lanes[0][1], anna.lanes[1][1])
    assert world.code(anna.did) == "ok"


def test_a_poster_serves_many_and_each_once(world: World, anna: Customer) -> None:
    notice, request = world.publish(), world.ask(many=True)
    for customer in (anna, Customer.new(world, "otto")):
        world.receive(customer.give(notice, request))
        assert world.code(customer.did) == "ok"


def test_a_child_needs_a_guardian(world: World, anna: Customer) -> None:
    given = anna.give(world.publish())
    with pytest.raises(RefusedByPolicy) as refused:
        world.receive(given, age=15)
    assert refused.value.code == "grant.under_age"
    world.receive(given, age=16)


def test_a_late_file_is_taken_and_flagged(world: World, anna: Customer) -> None:
    given = anna.give(world.publish())
    world.clock.tick(86400 + 1)
    assert world.receive(given).warnings == ("grant.time_gap",)


def test_one_number_means_one_customer(world: World, anna: Customer) -> None:
    notice = world.publish()
    world.receive(anna.give(notice), ref="C-1")
    otto = Customer.new(world, "otto").give(notice)
    for events, ref, code in (((otto,), "C-1", "contact.ref_taken"), ((), "C-2", "contact.did_taken")):
        with pytest.raises(Conflict) as refused:
            world.receive(*(events or anna.lanes[1]), ref=ref)
        assert refused.value.code == code


def test_an_address_must_be_the_one_that_was_granted(world: World, anna: Customer) -> None:
    target, contact = anna.target("anna@muster.example")
    given = anna.give(world.publish(), target=target)
    wrong = msgspec.structs.replace(contact, address="otto@muster.example")
    with pytest.raises(VerificationError) as refused:
        world.receive(given, contacts=(wrong,))
    assert refused.value.code == "target.mismatch"
    world.receive(given, contacts=(contact,))
    assert world.code(anna.did, address="ANNA@muster.example") == "ok"
    raw = (world.folder / "shop" / "book.sqlite").read_bytes()
    assert b"anna@muster.example" not in raw.lower()


def test_a_new_lane_may_begin_after_a_bare_break(world: World, anna: Customer) -> None:
    """A phone is lost; the words break every seal; the wallet begins again."""
    notice = world.publish()
    world.receive(anna.give(notice))
    anna.break_bare(1, 1)
    assert world.code(anna.did) == "consent.seal_broken"
    again = Customer.new(world)
    again.lanes[1] = []
    world.receive(again.give(notice))
    assert world.code(anna.did) == "ok"
    anna.break_bare(2, 1)
    assert world.code(anna.did) == "consent.seal_broken"


@pytest.mark.parametrize("point", ["deliver", "settle"])
def test_an_interruption_loses_nothing_and_repeats_nothing(
    point: str, world: World, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = anna.open(), anna.give(world.publish())

    def cut(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if point == "deliver":
            patch.setattr(world.registry, "append", cut)
        else:
            patch.setattr(world.shop.ledger.book, "settle", cut)
        with pytest.raises(KeyboardInterrupt):
            world.receive(*given)
    size = world.registry.size()
    assert world.receive(*given).new == 0
    assert world.registry.size() == (size + 1 if point == "deliver" else size)
    lanes = world.shop.ledger.book.lanes(anna.matter().record_id)
    assert sorted(len(lane.events) for lane in lanes) == [1, 1]
    assert world.code(anna.did, deep=True) == "ok"
