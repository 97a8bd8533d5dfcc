"""A filtered list says of every row what a single decision says."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest

from konsens.consent import Filtered, Ledger, filter_list, import_rows, judge_all, read_mapping
from konsens.errors import InputError, NotFound, Unavailable

from .world import Customer, World


def people(world: World) -> list[str]:
    """Fill a book with one customer for every story; return the numbers."""
    notice = world.publish()
    for name in ("yes", "withdrawn", "unseen", "stopped", "courier", "short"):
        customer = Customer.new(world, name)
        until = world.now + timedelta(hours=2) if name == "short" else None
        target, contact = customer.target(f"{name}@muster.example")
        events = customer.open(), customer.give(notice, target=target, until=until)
        world.receive(*events, ref=name, contacts=(contact,))
        if name == "withdrawn":
            world.receive(customer.withdraw())
        if name == "unseen":
            customer.withdraw()
        if name == "stopped":
            customer.object_to()
        if name == "courier":
            world.shop.withdraw(world.keys, name, method="web", now=world.now)
    source = world.folder / "import.csv"
    source.write_text(
        "EUID,Email Address,OPTIN_TIME,UNSUB_TIME\nold,old@muster.example,2024-01-01,\n"
        "gone,gone@muster.example,2024-01-01,2025-01-01\n"
    )
    import_rows(world.shop.ledger, world.keys, source, read_mapping("mailchimp"), now=world.now)
    return ["yes", "withdrawn", "unseen", "stopped", "courier", "short", "old", "gone", "stranger"]


def numbers_and_wallets(world: World) -> list[str]:
    """Add people of whom staff, an import and a wallet each tell a part, and one without a number."""
    names = ["told", "called", "linked", "silent"]
    source = world.folder / "more.csv"
    lines = [f"{name},{name}@muster.example,2024-01-01,\n" for name in names]
    source.write_text("EUID,Email Address,OPTIN_TIME,UNSUB_TIME\n" + "".join(lines))
    import_rows(world.shop.ledger, world.keys, source, read_mapping("mailchimp"), now=world.now)
    world.shop.withdraw(world.keys, "told", method="phone", now=world.now)
    world.shop.object(world.keys, "called", method="phone", now=world.now)
    for name in ("linked", "silent"):  # they have a wallet, and said nothing about this there
        customer = Customer.new(world, name)
        world.receive(customer.open(), ref=name)
        if name == "silent":
            customer.object_to()
    unnamed = Customer.new(world, "unnamed")
    world.receive(unnamed.give(world.shop.notice("newsletter")))
    return [*names, unnamed.did]


def run(world: World, values: list[str], **more: Any) -> Filtered:
    source = world.folder / "list.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name", "who"], *(["x", value] for value in values)])
    asked = {"purpose": "newsletter", "channel": "email", "column": "who", "now": world.now, **more}
    return filter_list(
        world.shop.ledger, source, out=world.folder / "yes.csv", refused=world.folder / "no.csv", **asked
    )


def rows(world: World, name: str) -> list[dict[str, str]]:
    with (world.folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_list_is_judged_as_row_by_row(world: World) -> None:
    who = people(world)
    verdicts = judge_all(
        world.shop.ledger, who, purpose="newsletter", channel="email", by="ref", now=world.now
    )
    assert [verdict.code for verdict in verdicts] == [world.code(number) for number in who]
    assert {verdict.code for verdict in verdicts} == {
        "ok",
        "consent.withdrawn",
        "consent.seal_broken",
        "consent.objected",
        "consent.none",
    }
    addresses = [f"{number}@muster.example" for number in who]
    by_address = judge_all(
        world.shop.ledger, addresses, purpose="newsletter", channel="email", by="address", now=world.now
    )
    assert [verdict.code for verdict in by_address] == [verdict.code for verdict in verdicts]


def test_all_that_is_known_of_a_person_counts_in_a_list(world: World) -> None:
    people(world)
    who = numbers_and_wallets(world)
    found = judge_all(world.shop.ledger, who, purpose="newsletter", channel="email", by="ref", now=world.now)
    assert [verdict.code for verdict in found] == [world.code(number) for number in who]
    assert [verdict.code for verdict in found] == [
        "consent.withdrawn",
        "consent.objected",
        "ok",
        "consent.objected",
        "ok",
    ]


def test_two_files_say_who_and_why_not(world: World) -> None:
    who = people(world)
    done = run(world, [*who, ""])
    assert (done.rows, done.allowed, done.invalid) == (10, 3, 1)
    assert done.refused == {
        "consent.none": 1,
        "consent.objected": 1,
        "consent.seal_broken": 1,
        "consent.withdrawn": 3,
    }
    assert done.valid_until == world.now + timedelta(hours=2)  # the shortest consent on the list
    assert [row["who"] for row in rows(world, "yes.csv")] == ["yes", "short", "old"]
    assert {row["konsens_valid_until"] for row in rows(world, "yes.csv")} == {"2026-11-22T12:00:00Z"}
    assert rows(world, "no.csv")[0] == {"name": "x", "who": "withdrawn", "konsens_code": "consent.withdrawn"}


def test_one_use_covers_the_whole_list(world: World) -> None:
    who = people(world)
    size = world.registry.size()
    done = run(world, who, campaign="spring", keys=world.keys)
    assert world.registry.size() == size + 1
    assert {row["konsens_use"] for row in rows(world, "yes.csv")} == {done.use}
    count = world.shop.ledger.db.execute("SELECT count(*) FROM contact_use WHERE id = ?", (done.use,))
    assert count.fetchone() == (3,)


def test_both_files_or_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    who = people(world)

    def away(*_: object) -> list[int]:
        raise Unavailable("registry.cannot_write", problem="away")

    monkeypatch.setattr(world.registry, "append", away)
    with pytest.raises(Unavailable):
        run(world, who, campaign="spring", keys=world.keys)
    assert not (world.folder / "yes.csv").exists()
    with pytest.raises(InputError) as refused:
        run(world, who, column="nothing")
    assert refused.value.code == "filter.no_column"


def test_a_log_that_is_a_copy_allows_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    who = people(world)
    monkeypatch.setattr(type(world.registry), "is_copy", property(lambda _: True))
    ledger: Ledger = world.shop.ledger
    verdicts = judge_all(ledger, who, purpose="newsletter", channel="email", by="ref", now=world.now)
    assert [verdict.code for verdict in verdicts] == [world.code(number) for number in who]
    assert "ok" not in {verdict.code for verdict in verdicts}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"purpose": "newslettr"}, "consent.purpose"), ({"channel": "emial"}, "consent.channel")],
)
def test_what_no_notice_offers_is_no_list_of_refusals(wrong: dict[str, str], code: str, world: World) -> None:
    who = people(world)
    with pytest.raises(NotFound) as refused:
        run(world, who, **wrong)
    assert refused.value.code == code
    assert not (world.folder / "no.csv").exists()


@pytest.mark.parametrize(
    ("other", "code"),
    [
        pytest.param("yes", "ok", id="both said yes"),
        pytest.param("withdraw", "consent.withdrawn", id="the other withdrew"),
        pytest.param("object", "consent.objected", id="the other objected"),
        pytest.param("unseen", "consent.seal_broken", id="the other broke the seal"),
    ],
)
@pytest.mark.parametrize("first", ["a", "b"], ids=["the no came last", "the no came first"])
def test_a_no_of_one_owner_of_an_address_wins(first: str, other: str, code: str, world: World) -> None:
    notice = world.publish()
    for ref in ("a", "b"):
        customer = Customer.new(world, ref)
        target, contact = customer.target("shared@muster.example")
        events = customer.open(), customer.give(notice, target=target)
        world.receive(*events, ref=ref, contacts=(contact,))
        if ref == first:
            continue
        if other == "withdraw":
            world.receive(customer.withdraw())
        elif other == "unseen":
            customer.withdraw()
        elif other == "object":
            world.receive(customer.object_to())
    asked: dict[str, Any] = {"purpose": "newsletter", "channel": "email", "by": "address", "now": world.now}
    [verdict] = judge_all(world.shop.ledger, ["shared@Muster.example"], **asked)
    assert verdict.code == code


def shared_by_import(world: World, *later: str) -> None:
    """Import a yes and a no for one address, under two numbers; `later` comes in a file of its own."""
    head = "EUID,Email Address,OPTIN_TIME,UNSUB_TIME\n"
    rows = ["5001,dup@x.example,2024-01-01,\n", "5002,DUP@x.example,2024-01-01,2025-01-01\n", *later]
    for part in (rows[:1], rows[1:]):
        source = world.folder / "two.csv"
        source.write_text(head + "".join(part))
        import_rows(world.shop.ledger, world.keys, source, read_mapping("mailchimp"), now=world.now)


@pytest.mark.parametrize("how", ["check", "check with the address", "list", "list of addresses"])
def test_an_address_that_unsubscribed_is_not_written_to_under_another_number(how: str, world: World) -> None:
    world.publish()
    shared_by_import(world, "5003,else@x.example,2024-01-01,\n")
    asked: dict[str, Any] = {"purpose": "newsletter", "channel": "email", "now": world.now}
    for ref, address, code in (
        ("5001", "dup@x.example", "consent.withdrawn"),
        ("5003", "else@x.example", "ok"),
    ):
        if how.startswith("check"):
            named = address if how == "check with the address" else None
            decision = world.shop.decide(ref, "newsletter", "email", address=named, now=world.now)
            assert decision.code == code
        else:
            by: Any = "ref" if how == "list" else "address"
            value = ref if by == "ref" else address
            [verdict] = judge_all(world.shop.ledger, [value], by=by, **asked)
            assert verdict.code == code


def test_a_no_at_another_address_of_mine_leaves_the_one_i_agreed_to(world: World) -> None:
    notice = world.publish()
    anna, otto = Customer.new(world, "anna"), Customer.new(world, "otto")
    for address in ("shared@muster.example", "anna@muster.example"):
        target, contact = anna.target(address)
        opened = () if anna.lanes else (anna.open(),)
        world.receive(*opened, anna.give(notice, target=target), ref="anna", contacts=(contact,))
        if address.startswith("shared"):
            world.receive(anna.withdraw())
    theirs, third = otto.target("shared@muster.example")
    world.receive(otto.open(), otto.give(notice, target=theirs), ref="otto", contacts=(third,))
    world.receive(otto.withdraw())
    assert world.code("anna") == "ok"
    asked: dict[str, Any] = {"purpose": "newsletter", "channel": "email", "by": "ref", "now": world.now}
    [verdict] = judge_all(world.shop.ledger, ["anna"], **asked)
    assert verdict.code == "ok"


def test_who_shares_an_address_is_noted_whichever_way_it_came(world: World) -> None:
    notice = world.publish()
    shared_by_import(world, "5003,else@x.example,2024-01-01,\n", "5004,anna@x.example,2024-01-01,\n")
    for ref, address in (("anna", "anna@x.example"), ("otto", "otto@x.example")):
        customer = Customer.new(world, ref)
        target, contact = customer.target(address)
        world.receive(customer.open(), customer.give(notice, target=target), ref=ref, contacts=(contact,))
    db = world.shop.ledger.db
    noted = {who for (who,) in db.execute("SELECT customer FROM shares_address")}
    owners: dict[bytes, set[str]] = {}
    for finder, who in db.execute("SELECT finder, customer FROM reachable"):
        owners.setdefault(finder, set()).add(who)
    assert noted == {who for some in owners.values() if len(some) > 1 for who in some}
    assert {"ref:5001", "ref:5002", "ref:5004"} < noted
    assert "ref:5003" not in noted
    sights = [world.shop.ledger.sight(ref, "newsletter", "email") for ref in ("5001", "5003", "anna", "otto")]
    assert [sight.shares_address for sight in sights] == [True, False, True, False]
