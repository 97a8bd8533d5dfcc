"""A customer's life with one company: asked, granted, withdrawn, objected; and the wallet's account of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.consent import render_message
from konsens.errors import (
    Conflict,
    InputError,
    KonsensError,
    NotFound,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
)
from konsens.wallet import (
    Act,
    Identity,
    Wallet,
    carry_out,
    events_message,
    history,
    import_cards,
    insist,
    list_consents,
    plan_objection,
    plan_refusal,
    plan_withdrawal,
    records_of,
    show_request,
)

World = Any  # the fixture of conftest.py


def states(wallet: Wallet, world: World) -> dict[tuple[str | None, str | None], str]:
    return {(r.purpose, r.channel): r.state for r in list_consents(wallet, at=world.now)}


def withdraw(wallet: Wallet, world: World, **which: Any) -> list[Act]:
    world.tick()
    return insist(wallet, lambda: plan_withdrawal(wallet, at=world.now, **which))


def object_to(wallet: Wallet, world: World, company: str = "Muster-Shop") -> list[Act]:
    world.tick()
    return insist(wallet, lambda: plan_objection(wallet, company, at=world.now))


def refuse(wallet: Wallet, world: World, request: bytes, *, later: bool = False) -> list[Act]:
    world.tick()
    shown = show_request(wallet, request, at=world.now)
    return carry_out(wallet, plan_refusal(wallet, shown, at=world.now, later=later).plan)


def identity(wallet: Wallet, world: World) -> Identity:
    found = wallet.identity_for(world.did)
    assert found is not None
    return found


def test_a_grant_lets_the_company_write_and_a_withdrawal_stops_it_without_a_message(
    world: World, wallet: Wallet
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    did = identity(wallet, world).did
    assert world.decide(did).allowed
    assert states(wallet, world) == {("newsletter", "email"): "given"}

    withdraw(wallet, world, company="Muster-Shop", purpose="newsletter")
    assert world.decide(did).code == "consent.seal_broken"
    assert states(wallet, world) == {("newsletter", "email"): "withdrawn"}


def test_the_first_grant_opens_the_relation_and_a_second_does_not(world: World, wallet: Wallet) -> None:
    first = world.grant(wallet, world.ask(channels=["email"]))
    second = world.grant(wallet, world.ask("survey"))
    kinds = [act.signed.event.type for act in (*first, *second) if act.signed]
    assert kinds == ["opened", "given", "given"]
    assert [act.lane for act in (*first, *second)] == [0, 1, 2]


def test_each_purpose_and_channel_is_an_event_of_its_own(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask("newsletter", "survey"))
    assert states(wallet, world) == {
        ("newsletter", "email"): "given",
        ("newsletter", "phone"): "given",
        ("survey", "email"): "given",
    }
    withdraw(wallet, world, company=world.did, purpose="newsletter", channel="phone")
    assert states(wallet, world)["newsletter", "email"] == "given"
    assert states(wallet, world)["newsletter", "phone"] == "withdrawn"


@pytest.mark.parametrize(
    ("choice", "granted"),
    [
        ({"purposes": ["survey"]}, {("survey", "email")}),
        ({"channels": ["email"]}, {("newsletter", "email"), ("survey", "email")}),
        ({"purposes": ["newsletter"], "channels": ["phone"]}, {("newsletter", "phone")}),
        ({"everything": True}, {("newsletter", "email"), ("newsletter", "phone"), ("survey", "email")}),
    ],
)
def test_only_what_was_chosen_is_granted(
    world: World, wallet: Wallet, choice: dict[str, Any], granted: set[tuple[str, str]]
) -> None:
    answer = world.plan(wallet, world.ask("newsletter", "survey"), **({"everything": False} | choice))
    assert {(matter.purpose, matter.channel) for matter in answer.matters} == granted


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({}, "wallet.nothing_chosen"),
        ({"purposes": ["profiling"]}, "wallet.not_offered"),
        ({"channels": ["sms"]}, "wallet.not_offered"),
        ({"purposes": ["survey"], "channels": ["phone"]}, "wallet.nothing_chosen"),
        ({"channels": ["email"], "addresses": {"phone": "+49 30 123456"}}, "wallet.address_without_channel"),
        ({"channels": ["phone"], "addresses": {"phone": "030 123456"}}, "target.address"),
    ],
)
def test_a_choice_that_cannot_be_is_named_and_nothing_is_signed(
    world: World, wallet: Wallet, choice: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as refused:
        world.plan(wallet, world.ask("newsletter", "survey"), **({"everything": False} | choice))
    assert refused.value.code == code
    assert wallet.acts() == []


def test_planning_writes_nothing(world: World, wallet: Wallet) -> None:
    before, size = wallet.vault.dump(), world.registry.size()
    answer = world.plan(wallet, world.ask())
    assert [signed.event.type for signed in answer.plan.events] == ["opened", "given", "given"]
    assert (wallet.vault.dump(), world.registry.size()) == (before, size)


def test_an_address_binds_the_consent_to_it_and_travels_with_the_grant(world: World, wallet: Wallet) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]), addresses={"email": "Anna@Example.org"})
    [contact] = events_message(wallet, acts).contacts
    assert (contact.channel, contact.address) == ("email", "Anna@Example.org")
    did = identity(wallet, world).did
    assert world.decide(did, address="anna@example.org").allowed
    assert world.decide(did, address="bert@example.org").code == "consent.target"


def test_without_an_address_the_grant_is_bound_to_none(world: World, wallet: Wallet) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]))
    assert events_message(wallet, acts).contacts == ()
    assert world.decide(identity(wallet, world).did, address="anna@example.org").code == "consent.target"


def test_a_grant_ends_when_it_said_it_would(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]), until=world.now + timedelta(days=30))
    world.now += timedelta(days=31)
    assert states(wallet, world) == {("newsletter", "email"): "expired"}
    assert world.decide(identity(wallet, world).did).code == "consent.expired"
    withdraw(wallet, world, company="Muster-Shop")
    assert states(wallet, world) == {("newsletter", "email"): "withdrawn"}


def test_after_a_withdrawal_a_new_grant_continues_the_same_lane(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"], many=True))
    world.deliver(wallet, withdraw(wallet, world))
    world.grant(wallet, world.ask(channels=["email"]))
    assert world.decide(identity(wallet, world).did).allowed
    lanes = [(act.lane, act.seq) for act in wallet.acts() if act.lane]
    assert lanes == [(1, 0), (1, 1), (1, 2)]


def test_withdrawing_twice_finds_nothing_the_second_time(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    withdraw(wallet, world, company="Muster-Shop")
    with pytest.raises(NotFound) as refused:
        withdraw(wallet, world, company="Muster-Shop")
    assert refused.value.code == "wallet.nothing_to_withdraw"


def test_a_refusal_is_as_good_as_a_grant_and_tells_no_more(world: World, wallet: Wallet) -> None:
    acts = refuse(wallet, world, world.ask("newsletter", "survey"))
    world.deliver(wallet, acts)
    assert set(states(wallet, world).values()) == {"refused"}
    assert not world.decide(identity(wallet, world).did)


def test_later_is_neither_yes_nor_no(world: World, wallet: Wallet) -> None:
    request = world.ask(channels=["email"])
    world.deliver(wallet, refuse(wallet, world, request, later=True))
    assert states(wallet, world) == {("newsletter", "email"): "deferred"}
    world.grant(wallet, request)
    assert states(wallet, world) == {("newsletter", "email"): "given"}
    assert world.decide(identity(wallet, world).did).allowed


def test_refusing_a_second_request_withdraws_nothing(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    with pytest.raises(RefusedByPolicy) as refused:
        refuse(wallet, world, world.ask(channels=["email"]))
    assert refused.value.code == "wallet.nothing_to_refuse"
    assert states(wallet, world) == {("newsletter", "email"): "given"}


def test_an_objection_ends_every_consent_with_one_leaf(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask("newsletter", "survey"))
    size = world.registry.size()
    acts = object_to(wallet, world)
    assert world.registry.size() == size + 1
    assert {record.state for record in records_of(wallet, acts, at=world.now)} == {"withdrawn"}
    did = identity(wallet, world).did
    assert not world.decide(did, "newsletter")
    assert not world.decide(did, "survey")
    world.deliver(wallet, acts)
    assert not world.decide(did, "newsletter")


def test_objecting_twice_is_a_conflict_and_without_any_contact_there_is_nothing_to_object_to(
    world: World, wallet: Wallet
) -> None:
    with pytest.raises(NotFound) as unknown:
        object_to(wallet, world)
    assert unknown.value.code == "wallet.company_unknown"
    world.grant(wallet, world.ask(channels=["email"]))
    object_to(wallet, world)
    with pytest.raises(Conflict) as refused:
        object_to(wallet, world)
    assert refused.value.code == "wallet.already_objected"


def test_after_a_new_grant_one_can_object_again(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    world.deliver(wallet, object_to(wallet, world))
    world.grant(wallet, world.ask(channels=["email"]))
    object_to(wallet, world)
    assert not world.decide(identity(wallet, world).did).allowed
    assert states(wallet, world) == {("newsletter", "email"): "withdrawn"}


def test_after_an_objection_a_new_grant_is_the_newer_word(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    world.deliver(wallet, object_to(wallet, world))
    world.grant(wallet, world.ask(channels=["email"]))
    assert states(wallet, world) == {("newsletter", "email"): "given"}
    assert world.decide(identity(wallet, world).did).allowed


def test_withdrawing_everything_breaks_the_stop_seals_too(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask("newsletter", "survey"))
    acts = withdraw(wallet, world)
    assert sorted(act.signed.event.type for act in acts if act.signed) == [
        "objected",
        "withdrawn",
        "withdrawn",
        "withdrawn",
    ]
    assert set(states(wallet, world).values()) == {"withdrawn"}


def test_a_grant_that_was_lost_on_the_way_is_delivered_again_by_the_same_command(
    world: World, wallet: Wallet
) -> None:
    request = world.ask(channels=["email"])
    first = carry_out(wallet, world.plan(wallet, request).plan)
    size = world.registry.size()
    again = world.grant(wallet, request)
    assert world.registry.size() == size + 1, "only the company's countersignature"
    assert again == first[1:]
    assert world.decide(identity(wallet, world).did).allowed


@pytest.mark.parametrize("other", [{"until": 30}, {"addresses": {"email": "anna@example.org"}}])
def test_another_answer_to_the_same_request_is_a_conflict(
    world: World, wallet: Wallet, other: dict[str, Any]
) -> None:
    request = world.ask(channels=["email"])
    world.grant(wallet, request)
    if "until" in other:
        other = {"until": world.now + timedelta(days=other["until"])}
    with pytest.raises(Conflict) as refused:
        world.plan(wallet, request, **other)
    assert refused.value.code == "wallet.answered_before"


def test_a_lost_file_is_made_good_by_the_next_one(world: World, wallet: Wallet) -> None:
    carry_out(wallet, world.plan(wallet, world.ask(channels=["email"])).plan)
    world.grant(wallet, world.ask("survey"))
    assert world.decide(identity(wallet, world).did, "newsletter").allowed


def test_a_request_that_was_answered_and_taken_back_is_not_answered_again(
    world: World, wallet: Wallet
) -> None:
    request = world.ask(channels=["email"])
    world.grant(wallet, request)
    withdraw(wallet, world, company="Muster-Shop")
    with pytest.raises(Conflict) as refused:
        world.plan(wallet, request)
    assert refused.value.code == "wallet.answered_before"


def test_a_renewal_prolongs_what_holds_under_the_same_words(world: World, wallet: Wallet) -> None:
    until = world.now + timedelta(days=30)
    world.grant(wallet, world.ask(channels=["email"]), until=until)
    later = until + timedelta(days=30)
    world.grant(wallet, world.ask(channels=["email"], reason="renewal"), until=later)
    assert states(wallet, world) == {("newsletter", "email"): "renewed"}
    world.now = until + timedelta(days=1)
    assert world.decide(identity(wallet, world).did).allowed


def test_each_company_gets_a_did_of_its_own(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    dids = [one.did for one in wallet.identities()]
    assert len(set(dids)) == len(dids)
    assert identity(wallet, world).number == 1, "number 0 may have been told to somebody already"


def test_a_did_made_beforehand_serves_the_company_that_asks_for_it(world: World, wallet: Wallet) -> None:
    mine = wallet.identities()[0]
    world.grant(wallet, world.ask(channels=["email"], who=mine.did))
    assert identity(wallet, world).did == mine.did
    assert world.decide(mine.did).allowed


def test_a_request_for_somebody_else_is_refused(world: World, wallet: Wallet) -> None:
    with world.wallet("other", number=2) as other:
        request = world.ask(channels=["email"], who=other.identities()[0].did)
    with pytest.raises(RefusedByPolicy) as refused:
        show_request(wallet, request, at=world.now)
    assert refused.value.code == "request.other_customer"


def test_showing_a_request_tells_who_asks_and_what_to_beware_of(world: World, wallet: Wallet) -> None:
    request = world.ask(channels=["email"])
    shown = show_request(wallet, request, at=world.now)
    assert (shown.known, shown.company, shown.offers) == (False, world.did, [("newsletter", "email")])
    assert set(shown.warnings) == {"company.first_contact", "logs.controller_only"}
    world.grant(wallet, request)
    assert show_request(wallet, world.ask(), at=world.now).known


def test_history_tells_everything_that_happened_in_order(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    withdraw(wallet, world, company="Muster-Shop")
    entries = history(wallet)
    assert [entry.type for entry in entries] == ["opened", "given", "withdrawn"]
    assert [e.type for e in history(wallet, entries[1].record[:6])] == ["given", "withdrawn"]
    with pytest.raises(NotFound):
        history(wallet, "ffffff")


def test_of_one_second_the_companys_acts_stand_where_the_log_has_them(world: World, wallet: Wallet) -> None:
    world.tick = lambda: world.now  # everything in the same second
    request = world.ask("newsletter", "survey", channels=["email"])
    acts = world.grant(wallet, request, offers=[("newsletter", "email")], everything=False)
    receipts = world.receipts(acts)
    withdraw(wallet, world, company="Muster-Shop")
    carry_out(wallet, world.plan(wallet, request, offers=[("survey", "email")], everything=False).plan)
    import_cards(wallet, render_message(receipts), at=world.now)
    types = [entry.type for entry in history(wallet)]
    assert types == ["opened", "given", "countersigned", "withdrawn", "given"]


def test_a_company_that_shows_another_log_key_is_refused(world: World, wallet: Wallet) -> None:
    request = world.ask(channels=["email"])
    other = request.replace(b"log.muster.example+", b"log.muster.example+0")
    with pytest.raises(KonsensError):
        show_request(wallet, other, at=world.now)


def test_a_wallet_that_does_not_know_the_companys_log_says_so(
    world: World, tmp_path: Any, cheap: Any
) -> None:
    from konsens.records import Seed

    seed = Seed.from_bytes(bytes(64))
    with Wallet.create(tmp_path / "bare.sqlite", "", seed=seed, at=world.now, cost=cheap) as bare:
        with pytest.raises(Unavailable) as refused:
            world.plan(bare, world.ask())
        assert refused.value.code == "wallet.no_common_log"
        bare.use_log(tmp_path / "registry")
        world.grant(bare, world.ask(channels=["email"]))
    with Wallet.open(tmp_path / "bare.sqlite", "") as bare:
        assert bare.logs.origins == ("log.muster.example",)


def test_another_log_under_a_known_name_is_not_trusted(world: World, wallet: Wallet, tmp_path: Any) -> None:
    from konsens.registry import NoteSigner
    from konsens.registry.folder import Registry

    signer = NoteSigner("log.muster.example", bytes(32))
    Registry.create(tmp_path / "false", origin="log.muster.example", signer=signer).close()
    with pytest.raises(NotTrusted) as refused:
        wallet.use_log(tmp_path / "false")
    assert refused.value.code == "registry.other_key"


def test_a_did_can_be_made_beforehand_but_not_more_than_a_recovery_would_find(
    world: World, wallet: Wallet
) -> None:
    made = [wallet.new_identity(at=world.now) for _ in range(19)]
    assert len({one.did for one in made}) == 19
    with pytest.raises(Conflict) as refused:
        wallet.new_identity(at=world.now)
    assert refused.value.code == "wallet.too_many_unused"
    first = wallet.new_identity
    world.grant(wallet, world.ask(channels=["email"], who=made[-1].did))
    assert first(at=world.now).number == 20
    assert first(world.did, at=world.now).did == made[-1].did


def test_a_bare_break_leaves_nothing_to_deliver(world: World, wallet: Wallet) -> None:
    with pytest.raises(InputError) as refused:
        events_message(wallet, [])
    assert refused.value.code == "wallet.nothing_to_deliver"


def test_events_with_two_companies_do_not_fit_into_one_file(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    acts = wallet.acts()
    with pytest.raises(InputError) as refused:
        events_message(wallet, [acts[0], msgspec.structs.replace(acts[1], company=7)])
    assert refused.value.code == "wallet.several_companies"
