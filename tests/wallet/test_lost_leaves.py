"""An operator puts an older log in the place of the newer one: the wallet knows better, and says it again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from konsens.consent.company import Company
from konsens.consent.message import render_message
from konsens.errors import Conflict, Damaged, NotFound, VerificationError
from konsens.registry import PublicLeaf, Registry
from konsens.wallet import (
    Act,
    Wallet,
    carry_out,
    import_cards,
    insist,
    list_cards,
    list_consents,
    plan_objection,
    plan_refusal,
    plan_withdrawal,
    show_request,
)

World = Any  # the fixture of conftest.py


def bytes_of(world: World) -> bytes:
    """Return the log's file with all that is in it."""
    log: Path = world.folder / "registry" / "log.sqlite"
    connection = sqlite3.connect(log)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return log.read_bytes()


def roll_back(world: World, wallet: Wallet, before: bytes) -> None:
    """Write an older state over the log where it lies."""
    log: Path = world.folder / "registry" / "log.sqlite"
    wallet.logs.close()
    world.registry.close()
    for beside in ("-wal", "-shm"):
        log.with_name(log.name + beside).unlink(missing_ok=True)
    with log.open("r+b") as same_file:
        same_file.write(before)
        same_file.truncate()
    world.registry = Registry.open(world.folder / "registry")


def withdraw(wallet: Wallet, world: World, **which: Any) -> list[Act]:
    world.tick()
    return insist(wallet, lambda: plan_withdrawal(wallet, at=world.now, **which))


def object_to(wallet: Wallet, world: World) -> list[Act]:
    world.tick()
    return insist(wallet, lambda: plan_objection(wallet, "Muster-Shop", at=world.now))


def missing(wallet: Wallet, world: World) -> list[tuple[str, str | None]]:
    return [(record.state, record.missing) for record in list_consents(wallet, at=world.now)]


def in_the_log(world: World, act: Act) -> bool:
    return act.leaf_index is not None and world.registry.entry(act.leaf_index) == act.leaf


ENDS: list[Callable[[Wallet, World], list[Act]]] = [
    lambda wallet, world: withdraw(wallet, world, company="Muster-Shop", purpose="newsletter"),
    lambda wallet, world: withdraw(wallet, world),
    object_to,
]
NAMES = ["withdraw", "withdraw --all", "object"]


@pytest.mark.parametrize("end", ENDS, ids=NAMES)
def test_an_ending_that_the_log_lost_is_put_there_again_by_the_same_command(
    world: World, wallet: Wallet, end: Callable[[Wallet, World], list[Act]]
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    before = bytes_of(world)
    first = end(wallet, world)
    roll_back(world, wallet, before)
    seals = [seal for act in first for seal in [act.signed] if seal is not None]
    assert all(world.registry.find(bytes.fromhex(signed.event.seal)) is None for signed in seals)
    assert missing(wallet, world) == [("withdrawn", world.registry.origin)]
    again = end(wallet, world)
    assert [act.leaf for act in again] == [act.leaf for act in first], "the same bytes"
    assert all(world.registry.find(bytes.fromhex(signed.event.seal)) is not None for signed in seals)
    assert all(in_the_log(world, act) for act in wallet.acts())
    assert missing(wallet, world) == [("withdrawn", None)]
    with pytest.raises((NotFound, Conflict)) as nothing:
        end(wallet, world)
    assert nothing.value.code in ("wallet.nothing_to_withdraw", "wallet.already_objected")


def test_the_company_hears_the_no_again(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    did = next(one.did for one in wallet.identities() if one.company)
    before = bytes_of(world)
    withdraw(wallet, world, company="Muster-Shop", purpose="newsletter")
    world.company.close()
    roll_back(world, wallet, before)
    world.company = Company.open(world.folder / "shop", did=world.did, home=world.registry)
    assert world.decide(did).allowed, "the log lost the no"
    withdraw(wallet, world, company="Muster-Shop", purpose="newsletter")
    assert not world.decide(did).allowed


@pytest.mark.parametrize("end", ENDS, ids=NAMES)
def test_a_grant_and_its_ending_that_were_both_lost_come_again_in_their_order(
    world: World, wallet: Wallet, end: Callable[[Wallet, World], list[Act]]
) -> None:
    before = bytes_of(world)
    world.grant(wallet, world.ask(channels=["email"]))
    withdraw(wallet, world, company="Muster-Shop", purpose="newsletter")
    roll_back(world, wallet, before)
    world.registry.append([PublicLeaf(bytes(32))])  # so that nothing gets its old index
    end(wallet, world)
    acts = wallet.acts()
    assert all(in_the_log(world, act) for act in acts)
    for lane in {act.lane for act in acts}:
        places = [act.leaf_index or 0 for act in acts if act.lane == lane]
        assert places == sorted(places)
    assert missing(wallet, world) == [("withdrawn", None)]


def test_a_consent_whose_grant_was_lost_is_withdrawn_behind_it(world: World, wallet: Wallet) -> None:
    before = bytes_of(world)
    world.grant(wallet, world.ask(channels=["email"]))
    request = world.ask("survey")
    roll_back(world, wallet, before)
    assert missing(wallet, world) == [("given", world.registry.origin)]
    with pytest.raises(Damaged) as refused:
        world.plan(wallet, request)
    assert refused.value.code == "wallet.lost_leaf"
    [act] = withdraw(wallet, world, company="Muster-Shop")
    assert act.signed is not None
    assert act.signed.event.type == "withdrawn"
    assert all(in_the_log(world, act) for act in wallet.acts())
    assert missing(wallet, world) == [("withdrawn", None)]


def test_an_objection_that_was_lost_comes_again_also_by_a_withdrawal(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    before = bytes_of(world)
    [objection] = object_to(wallet, world)
    roll_back(world, wallet, before)
    [again] = withdraw(wallet, world, company="Muster-Shop", purpose="newsletter")
    assert again.leaf == objection.leaf
    assert in_the_log(world, again)


def refuse(wallet: Wallet, world: World, request: bytes) -> list[Act]:
    shown = show_request(wallet, request, at=world.tick())
    return carry_out(wallet, plan_refusal(wallet, shown, at=world.now).plan)


@pytest.mark.parametrize("again", ["withdraw", "refuse"])
def test_a_refusal_that_was_lost_comes_again_though_nothing_is_left_to_end(
    again: str, world: World, wallet: Wallet
) -> None:
    request = world.ask(channels=["email"])
    before = bytes_of(world)
    first = refuse(wallet, world, request)
    roll_back(world, wallet, before)
    world.registry.append([PublicLeaf(bytes(32))])
    assert missing(wallet, world) == [("refused", world.registry.origin)]
    acts = (
        withdraw(wallet, world, company="Muster-Shop")
        if again == "withdraw"
        else refuse(wallet, world, request)
    )
    assert {act.leaf for act in first} >= {act.leaf for act in acts} > set()
    assert all(in_the_log(world, act) for act in wallet.acts())
    assert missing(wallet, world) == [("refused", None)]


def test_a_refusal_stands_behind_the_leaves_that_the_log_had_lost(world: World, wallet: Wallet) -> None:
    before = bytes_of(world)
    world.grant(wallet, world.ask(channels=["email"]))
    roll_back(world, wallet, before)
    refuse(wallet, world, world.ask("survey"))
    assert all(in_the_log(world, act) for act in wallet.acts())
    assert missing(wallet, world) == [("given", None), ("refused", None)]


def test_a_grant_that_ended_by_itself_and_was_lost_comes_again(world: World, wallet: Wallet) -> None:
    before = bytes_of(world)
    world.grant(wallet, world.ask(channels=["email"]), until=world.now + timedelta(days=1))
    world.now += timedelta(days=2)
    roll_back(world, wallet, before)
    assert missing(wallet, world) == [("expired", world.registry.origin)]
    withdraw(wallet, world)
    assert all(in_the_log(world, act) for act in wallet.acts())
    assert [origin for _, origin in missing(wallet, world)] == [None]


@pytest.mark.parametrize("lost", [False, True], ids=["kept", "lost and put elsewhere"])
def test_a_receipt_from_before_names_a_place_that_the_log_no_longer_has(
    lost: bool, world: World, wallet: Wallet
) -> None:
    request = world.ask(channels=["email"])
    before = bytes_of(world)
    acts = world.grant(wallet, request)
    message = render_message(world.receipts(acts))
    if lost:
        roll_back(world, wallet, before)
        world.registry.append([PublicLeaf(bytes(32))])
        withdraw(wallet, world)
        with pytest.raises(VerificationError) as refused:
            import_cards(wallet, message, at=world.now)
        assert refused.value.code == "wallet.receipt_event"
    else:
        import_cards(wallet, message, at=world.now)
    assert len(list_cards(wallet, at=world.now)) == (0 if lost else 1)


def test_a_log_that_lost_nothing_or_cannot_be_asked_is_told_nothing(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    withdraw(wallet, world, company="Muster-Shop")
    assert wallet.lost() == []
    wallet.logs.close()
    (world.folder / "registry").rename(world.folder / "away")
    assert wallet.lost() == []
    assert missing(wallet, world) == [("withdrawn", None)]
