"""Interruptions, second devices, old backups, lost phones: nothing lost, nothing twice, every no kept."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from konsens.errors import Conflict, Damaged, KonsensError, NotFound, Unavailable
from konsens.records import Seed
from konsens.registry import SealLeaf
from konsens.wallet import (
    Act,
    KnownLog,
    Wallet,
    carry_out,
    insist,
    list_consents,
    plan_objection,
    plan_withdrawal,
    records_of,
    recover,
)
from konsens.wallet.logs import open_folder

World = Any  # the fixture of conftest.py


class PowerLossError(Exception):
    """The power goes."""


class FailingLog:
    """A log at whose n-th use the power goes, before or after the leaves got in."""

    def __init__(self, log: Any, fails: Callable[[str], None]) -> None:
        self._log = log
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
        self._fails("before the append")
        indices: list[int] = self._log.append(leaves)
        self._fails("after the append")
        return indices


class Fault:
    """Counts the steps of an act, and fails at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.hit = ""

    def __call__(self, step: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.hit = step
            raise PowerLossError(step)


def failing(wallet_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Wallet:
    """Open a wallet that fails at the n-th append, or at the n-th commit of its vault."""

    def open_log(known: KnownLog) -> Any:
        return FailingLog(open_folder(known), fault)

    wallet = Wallet.open(wallet_path, "pp", open_log=open_log)
    run = wallet.vault._run

    def counted(sql: str, *values: bytes) -> Any:
        if sql == "COMMIT":
            fault("before the commit")
            result = run(sql, *values)
            fault("after the commit")
            return result
        return run(sql, *values)

    monkeypatch.setattr(wallet.vault, "_run", counted)
    return wallet


def kinds(wallet: Wallet) -> list[tuple[int, int, str]]:
    """Return lane, number and type of every leaf of a wallet."""
    return [(a.lane, a.seq, a.signed.event.type if a.signed else "break") for a in wallet.acts()]


def state(wallet: Wallet, world: World) -> str:
    [record] = list_consents(wallet, at=world.now)
    return record.state


def withdraw(wallet: Wallet, world: World, **which: Any) -> list[Act]:
    world.tick()
    return insist(wallet, lambda: plan_withdrawal(wallet, at=world.now, **which))


@pytest.mark.parametrize("step", range(1, 12))
def test_a_grant_interrupted_anywhere_is_finished_by_the_same_command(
    world: World, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    wallet, request, fault = world.wallet(), world.ask(channels=["email"]), Fault(step)
    broken = failing(wallet.vault.path, fault, monkeypatch)
    with suppress(PowerLossError):
        carry_out(broken, world.plan(broken, request).plan)
    broken.vault.close()

    world.grant(wallet, request)
    assert kinds(wallet) == [(0, 0, "opened"), (1, 0, "given")]
    assert all(act.leaf_index is not None for act in wallet.acts())
    assert world.registry.size() == 4, "notice, opened, given, countersigned: nothing is there twice"
    assert world.decide(wallet.identities()[1].did).allowed
    wallet.vault.close()


def withdrawal_interrupted_at(
    step: int, world: World, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    broken = failing(wallet.vault.path, Fault(step), monkeypatch)
    with suppress(PowerLossError):
        withdraw(broken, world, company="Muster-Shop")
    broken.vault.close()


@pytest.mark.parametrize("step", range(1, 12))
def test_a_withdrawal_interrupted_anywhere_is_finished_by_the_same_command(
    world: World, wallet: Wallet, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    withdrawal_interrupted_at(step, world, wallet, monkeypatch)
    with suppress(NotFound):  # "nothing to withdraw", once all of it was done
        withdraw(wallet, world, company="Muster-Shop")
    assert not world.decide(wallet.identities()[1].did).allowed
    assert state(wallet, world) == "withdrawn"
    assert [act.seq for act in wallet.acts() if act.lane] == [0, 1]
    assert world.registry.size() == 5


@pytest.mark.parametrize("step", range(1, 8))
def test_an_interrupted_withdrawal_is_sent_by_the_next_act_whatever_it_is(
    world: World, wallet: Wallet, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    withdrawal_interrupted_at(step, world, wallet, monkeypatch)
    stored = any(act.seq == 1 for act in wallet.acts())
    world.grant(wallet, world.ask("survey"))
    assert world.decide(wallet.identities()[1].did, "newsletter").allowed is not stored


def test_what_one_device_withdrew_the_other_sees_without_any_message(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    with world.device(wallet) as second:
        withdraw(second, world, company="Muster-Shop")
    assert state(wallet, world) == "withdrawn"
    with pytest.raises(NotFound):
        withdraw(wallet, world, company="Muster-Shop", purpose="survey")


def test_a_withdrawal_goes_on_behind_an_event_of_another_device(world: World, wallet: Wallet) -> None:
    """The second device renewed: its event is not here, so the open seal behind it is broken bare."""
    until = world.now.replace(year=2027)
    world.grant(wallet, world.ask(channels=["email"]), until=until)
    with world.device(wallet) as second:
        world.grant(second, world.ask(channels=["email"], reason="renewal"), until=until.replace(year=2028))
    did = wallet.identities()[1].did
    assert world.decide(did).allowed
    [act] = withdraw(wallet, world, company="Muster-Shop")
    assert (act.seq, act.event) == (2, None)
    assert world.decide(did).code == "consent.seal_broken"
    assert state(wallet, world) == "withdrawn"


def test_a_withdrawal_overtaken_in_the_last_moment_is_tried_at_once_at_the_next_index(
    world: World, wallet: Wallet
) -> None:
    until = world.now.replace(year=2027)
    world.grant(wallet, world.ask(channels=["email"]), until=until)
    request = world.ask(channels=["email"], reason="renewal")
    with world.device(wallet) as second:
        rounds: list[Any] = []

        def plan_and_be_overtaken() -> Any:
            plan = plan_withdrawal(wallet, at=world.tick(), company="Muster-Shop")
            if not rounds:
                world.grant(second, request, until=until.replace(year=2028))
            rounds.append(plan)
            return plan

        [act] = insist(wallet, plan_and_be_overtaken)
    assert len(rounds) == 2
    assert (act.seq, act.event) == (2, None)
    assert not world.decide(wallet.identities()[1].did).allowed
    assert [a.seq for a in wallet.acts() if a.lane] == [0, 2], "what never happened is not kept"


def test_a_grant_overtaken_in_the_last_moment_never_happened_and_says_so(
    world: World, wallet: Wallet
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    with world.device(wallet) as second:
        plan = world.plan(wallet, world.ask(channels=["email"])).plan
        withdraw(second, world, company="Muster-Shop")
    with pytest.raises(Conflict) as refused:
        carry_out(wallet, plan)
    assert refused.value.code == "wallet.used_elsewhere"
    assert not world.decide(wallet.identities()[1].did).allowed
    assert state(wallet, world) == "withdrawn"


def test_a_plan_that_another_program_made_stale_is_refused_whole(world: World, wallet: Wallet) -> None:
    plan = world.plan(wallet, world.ask(channels=["email"])).plan
    with Wallet.open(wallet.vault.path, "pp") as other:
        world.grant(other, world.ask("survey"))
    with pytest.raises(Conflict) as refused:
        carry_out(wallet, plan)
    assert refused.value.code == "wallet.changed_meanwhile"


def test_after_a_lane_was_lost_sight_of_a_new_grant_begins_a_new_one_that_the_company_takes(
    world: World, wallet: Wallet
) -> None:
    """An old backup: the company has a withdrawal that this wallet knows nothing of."""
    world.grant(wallet, world.ask(channels=["email"]))
    with world.device(wallet) as second:
        world.deliver(second, withdraw(second, world, company="Muster-Shop"))
    acts = world.grant(wallet, world.ask(channels=["email"]))
    assert [(act.lane, act.seq) for act in acts] == [(2, 0)]
    did = wallet.identities()[1].did
    assert world.decide(did).allowed
    assert state(wallet, world) == "given"
    withdraw(wallet, world, company="Muster-Shop")
    assert not world.decide(did).allowed


def test_a_bare_break_of_our_own_ends_a_lane_and_the_next_grant_begins_another(
    world: World, wallet: Wallet
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    lost, _ = recover(
        world.folder / "lost.sqlite",
        "",
        wallet.seed,
        folders=[world.folder / "registry"],
        at=world.now,
        cost=wallet.vault.header.cost,
    )
    with lost:
        withdraw(lost, world)
    did = wallet.identities()[1].did
    assert not world.decide(did).allowed
    world.grant(wallet, world.ask(channels=["email"]))
    assert world.decide(did).allowed
    assert kinds(wallet) == [(0, 0, "opened"), (1, 0, "given"), (2, 0, "opened"), (3, 0, "given")]


def test_the_words_alone_find_and_withdraw_everything(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask("newsletter", "survey"))
    did = wallet.identities()[1].did
    found, told = recover(
        world.folder / "lost.sqlite",
        "",
        wallet.seed,
        folders=[world.folder / "registry"],
        at=world.now,
        cost=wallet.vault.header.cost,
    )
    with found:
        assert told.dids == (did,)
        assert (told.seals_found, told.records_without_text) == (4, 3)
        assert list_consents(found, at=world.now) == [], "the words hold no texts"
        acts = withdraw(found, world)
        assert [act.event for act in acts] == [None] * 4
        records = records_of(found, acts, at=world.now)
        assert {(record.state, record.company) for record in records} == {("withdrawn", None)}
        with pytest.raises(NotFound):
            withdraw(found, world)
    for purpose in ("newsletter", "survey"):
        assert not world.decide(did, purpose).allowed


def test_a_wallet_recovered_without_a_log_looks_as_soon_as_it_knows_one(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    found, told = recover(world.folder / "lost.sqlite", "", wallet.seed, folders=[], at=world.now)
    with found:
        assert told.dids == ()
        found.use_log(world.folder / "registry")
        assert len(withdraw(found, world)) == 2
        assert [one.number for one in found.identities()] == [0, 1]


def test_words_that_did_nothing_find_nothing(world: World) -> None:
    found, told = recover(
        world.folder / "new.sqlite",
        "",
        Seed.from_bytes(bytes(64)),
        folders=[world.folder / "registry"],
        at=world.now,
    )
    with found:
        assert (told.dids, told.seals_found, told.records_without_text) == ((), 0, 0)


def test_recovery_goes_into_an_empty_home_only_and_needs_the_log(world: World, wallet: Wallet) -> None:
    with pytest.raises(Conflict) as refused:
        recover(wallet.vault.path, "", wallet.seed, folders=[world.folder / "registry"], at=world.now)
    assert refused.value.code == "wallet.exists"
    with pytest.raises(KonsensError):
        recover(world.folder / "x.sqlite", "", wallet.seed, folders=[world.folder / "gone"], at=world.now)
    assert not (world.folder / "x.sqlite").exists()


def test_a_restored_wallet_only_reads_until_it_was_compared_with_the_log(
    world: World, wallet: Wallet
) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    with world.device(wallet) as second:
        assert second.profile.unscanned
        registry = world.folder / "registry"
        registry.rename(world.folder / "away")
        assert [record.checked for record in list_consents(second, at=world.now)] == [False]
        with pytest.raises(Unavailable) as refused:
            withdraw(second, world, company="Muster-Shop")
        assert refused.value.code == "wallet.log_unreachable"
        (world.folder / "away").rename(registry)
        second.logs.close()
        withdraw(second, world, company="Muster-Shop")
        assert not second.profile.unscanned


def test_an_identity_that_only_another_device_knows_is_never_used_twice(world: World, wallet: Wallet) -> None:
    with world.device(wallet) as second:
        world.grant(second, world.ask(channels=["email"]))
    world.grant(wallet, world.ask(channels=["email"]))
    assert wallet.identity_for(world.did) is not None
    assert [one.number for one in wallet.identities() if one.company] == [2], "1 is the other device's"


def test_everything_is_withdrawn_also_what_only_another_device_granted(world: World, wallet: Wallet) -> None:
    with world.device(wallet) as second:
        world.grant(second, world.ask(channels=["email"]))
        did = second.identities()[1].did
    assert world.decide(did).allowed
    acts = withdraw(wallet, world)
    assert [record.leaf_index is not None for record in records_of(wallet, acts, at=world.now)] == [True] * 2
    assert not world.decide(did).allowed


def test_where_another_device_opened_the_relation_it_is_begun_anew_and_what_it_agreed_ends(
    world: World, wallet: Wallet
) -> None:
    """Without its words nobody here could stop it later: so it stops now, and the new word counts."""
    did = wallet.identities()[0].did
    with world.device(wallet) as second:
        world.grant(second, world.ask(channels=["email"], who=did))
    assert world.decide(did, "newsletter").allowed
    world.grant(wallet, world.ask("survey", who=did))
    assert kinds(wallet) == [(0, 1, "break"), (1, 1, "break"), (2, 0, "opened"), (3, 0, "given")]
    assert not world.decide(did, "newsletter").allowed
    assert world.decide(did, "survey").allowed
    [act] = insist(wallet, lambda: plan_objection(wallet, world.did, at=world.tick()))
    assert act.lane == 2
    assert not world.decide(did, "survey").allowed


def test_an_objection_holds_though_the_company_never_saw_the_stop_seal_that_is_open_now(
    world: World, wallet: Wallet
) -> None:
    """Another device objected and told nobody: the seal behind that event is unknown to the company."""
    world.grant(wallet, world.ask(channels=["email"]))
    with world.device(wallet) as second:
        insist(second, lambda: plan_objection(second, world.did, at=world.tick()))
    did = wallet.identities()[1].did
    assert not world.decide(did).allowed
    world.grant(wallet, world.ask(channels=["email"]))
    assert world.decide(did).allowed, "the newer word"
    insist(wallet, lambda: plan_objection(wallet, world.did, at=world.tick()))
    assert not world.decide(did).allowed


def test_a_copy_of_the_log_takes_no_leaf_and_says_nothing_about_now(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    shutil.copytree(world.folder / "registry", world.folder / "copy")
    with Wallet.open(wallet.vault.path, "pp", folders=[world.folder / "copy"]) as elsewhere:
        assert [record.checked for record in list_consents(elsewhere, at=world.now)] == [False]
        with pytest.raises(Unavailable) as refused:
            withdraw(elsewhere, world, company="Muster-Shop")
        assert refused.value.code == "registry.copy"
    assert all(act.leaf_index is not None for act in wallet.acts()), "nothing was signed in vain"


def test_a_log_that_lost_a_leaf_is_named_and_a_withdrawal_still_goes_through(
    world: World, wallet: Wallet
) -> None:
    """An operator puts an older log in the same place."""
    log = world.folder / "registry" / "log.sqlite"
    older = sqlite3.connect(log)
    older.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    older.close()
    before = log.read_bytes()
    world.grant(wallet, world.ask(channels=["email"]))
    request = world.ask("survey")
    wallet.logs.close()
    world.registry.close()
    with log.open("wb") as same_file:
        same_file.write(before)
    with pytest.raises(Damaged) as refused:
        world.plan(wallet, request)
    assert refused.value.code == "wallet.lost_leaf"
    [act] = withdraw(wallet, world, company="Muster-Shop")
    assert act.signed
    assert act.signed.event.type == "withdrawn"
