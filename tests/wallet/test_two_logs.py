"""An event may name a second log, which the company does not run: no operator alone can keep a no out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from konsens.consent import Company, LogKey, RequestMessage, parse_message, render_message
from konsens.errors import NotFound, Unavailable
from konsens.registry import NoteSigner, Registry, render_vkey
from konsens.wallet import Wallet, carry_out, insist, plan_objection, plan_withdrawal, show_request

World = Any  # the fixture of conftest.py
SECOND = "log.second.example"


@pytest.fixture
def second(world: World) -> Iterator[Registry]:
    """A second log, which the company follows and the wallet knows."""
    signer = NoteSigner(SECOND, bytes([9]) * 32)
    with Registry.create(world.folder / "second", origin=SECOND, signer=signer) as log:
        world.company.close()
        world.company = Company.open(world.folder / "shop", did=world.did, home=world.registry, others=[log])
        yield log


def ask(world: World, second: Registry, **more: Any) -> bytes:
    message = parse_message(world.ask(channels=["email"], **more), RequestMessage)
    logs = (*message.logs, LogKey(SECOND, render_vkey(second.vkey)))
    return render_message(RequestMessage(**{**_members(message), "logs": logs}))


def _members(message: RequestMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__ if name not in ("v", "type")}


def test_a_second_log_that_both_know_is_named_and_the_warning_goes(world: World, second: Registry) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        shown = show_request(wallet, ask(world, second), at=world.now)
        assert shown.logs == ("log.muster.example", SECOND)
        assert "logs.controller_only" not in shown.warnings


def test_where_home_is_away_a_bare_break_in_the_other_log_withdraws(world: World, second: Registry) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        world.grant(wallet, ask(world, second))
        did = wallet.identities()[1].did
        assert world.decide(did).allowed

        home = world.folder / "registry"
        home.rename(world.folder / "away")
        wallet.logs.close()
        [act] = insist(wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did))
        assert (act.origin, act.event) == (SECOND, None)
        (world.folder / "away").rename(home)
        assert world.decide(did).code == "consent.seal_broken"


def test_an_objection_goes_to_the_other_log_too(world: World, second: Registry) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        world.grant(wallet, ask(world, second))
        (world.folder / "registry").rename(world.folder / "away")
        wallet.logs.close()
        [act] = insist(wallet, lambda: plan_objection(wallet, world.did, at=world.tick()))
        assert act.origin == SECOND
        (world.folder / "away").rename(world.folder / "registry")
        assert not world.decide(wallet.identities()[1].did).allowed


def test_a_grant_needs_its_home_log(world: World, second: Registry) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        request = ask(world, second)
        plan = world.plan(wallet, request).plan
        (world.folder / "registry").rename(world.folder / "away")
        wallet.logs.close()
        with pytest.raises(Unavailable) as refused:
            carry_out(wallet, plan)
        assert refused.value.code == "wallet.not_sent"
        (world.folder / "away").rename(world.folder / "registry")
        world.grant(wallet, request)
        assert world.decide(wallet.identities()[1].did).allowed


def test_the_wallet_remembers_both_logs_and_their_order(world: World, second: Registry) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        path = wallet.vault.path
    with Wallet.open(path, "pp") as wallet:
        assert wallet.logs.origins == ("log.muster.example", SECOND)


def test_a_leaf_that_waits_for_a_log_that_is_away_holds_up_no_withdrawal(
    world: World, second: Registry
) -> None:
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        world.grant(wallet, ask(world, second))
        plan = world.plan(wallet, world.ask("survey")).plan
        (world.folder / "registry").rename(world.folder / "away")
        wallet.logs.close()
        with pytest.raises(Unavailable):
            carry_out(wallet, plan)
        acts = insist(
            wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did, purpose="newsletter")
        )
        assert [act.origin for act in acts] == [SECOND]
        (world.folder / "away").rename(world.folder / "registry")
        assert not world.decide(wallet.identities()[1].did).allowed


@pytest.mark.parametrize("renewed", [False, True])
def test_a_withdrawal_that_waits_for_a_log_that_went_away_is_made_in_the_other_one(
    world: World, second: Registry, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    """What the company knows is the seal before the event that never arrived: that one is broken."""
    until = world.now.replace(year=2027)
    with world.wallet() as wallet:
        wallet.use_log(world.folder / "second")
        world.grant(wallet, ask(world, second), until=until)
        did = wallet.identities()[1].did
        plan = plan_withdrawal(wallet, at=world.tick(), company=world.did)
        if renewed:
            plan = world.plan(
                wallet, ask(world, second, reason="renewal"), until=until.replace(year=2028)
            ).plan
        (world.folder / "registry").rename(world.folder / "away")
        wallet.logs.close()
        with pytest.raises(Unavailable):
            carry_out(wallet, plan)
        acts = insist(wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did))
        assert [(act.seq, act.origin) for act in acts] == [(1, SECOND), (2, SECOND)]
        with pytest.raises(NotFound):
            plan_withdrawal(wallet, at=world.tick(), company=world.did)
        (world.folder / "away").rename(world.folder / "registry")
        assert not world.decide(did).allowed
        world.grant(wallet, world.ask("survey"))
        assert not world.decide(did, "newsletter").allowed, "also when the waiting event arrives after all"


def test_a_wallet_that_cannot_note_what_the_log_took_says_just_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.wallet() as wallet:
        world.grant(wallet, world.ask("newsletter"))
        did = wallet.identities()[1].did

        def full(*_: object) -> None:
            raise Unavailable("wallet.storage", problem="SQLITE_FULL")

        monkeypatch.setattr("konsens.wallet.plan._Outbox.settle", full)
        with pytest.raises(Unavailable) as refused:
            insist(wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did))
        assert refused.value.code == "wallet.not_noted"
        assert world.decide(did).code == "consent.seal_broken"
        monkeypatch.undo()
        insist(wallet, lambda: plan_objection(wallet, world.did, at=world.tick()))
        assert all(act.leaf_index is not None for act in wallet.acts())
