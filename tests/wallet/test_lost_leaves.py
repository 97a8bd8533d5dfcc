"""An operator puts an older log in the place of the newer one: the wallet knows better, and says it again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from konsens.consent.company import Company
from konsens.errors import Conflict, Damaged, NotFound
from konsens.registry import PublicLeaf, Registry
from konsens.wallet import Act, Wallet, insist, list_consents, plan_objection, plan_withdrawal

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


def test_a_log_that_lost_nothing_or_cannot_be_asked_is_told_nothing(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    withdraw(wallet, world, company="Muster-Shop")
    assert wallet.lost() == []
    wallet.logs.close()
    (world.folder / "registry").rename(world.folder / "away")
    assert wallet.lost() == []
    assert missing(wallet, world) == [("withdrawn", None)]
