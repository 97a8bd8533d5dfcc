"""What a wallet pins at first contact, and what a later request may show: only what follows from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from konsens.did import HistoryEntry, KeyHistory, LocalSigner, PrivateKey, document_of
from konsens.errors import InputError, NotTrusted
from konsens.registry import NoteSigner, Registry
from konsens.wallet import Wallet, list_consents, show_request

World = Any  # the fixture of conftest.py
DID = "did:web:muster.example"


@pytest.fixture
def web(make_world: Callable[..., World], tmp_path: Path) -> Iterator[World]:
    """A company with a did:web, whose key history travels with its requests."""
    world = make_world(tmp_path, did=DID)
    world.history = KeyHistory(v=1, did=DID, keys=(entry("key-1", world.signer.key),))
    yield world
    world.company.close()
    world.registry.close()


def entry(name: str, key: PrivateKey, *, start: str = "2026-11-22T00:00:00Z") -> HistoryEntry:
    return HistoryEntry(
        kid=f"{DID}#{name}", public_key_multibase=key.public.multikey, start=start, until=None
    )


def rotate(world: World) -> None:
    """Give the company a second key, with which it signs from now on."""
    key = PrivateKey.ed25519(bytes([50]) * 32)
    world.document = document_of(DID, {"key-1": world.signer.key.public, "key-2": key.public})
    world.history = KeyHistory(v=1, did=DID, keys=(*world.history.keys, entry("key-2", key)))
    world.keys = type(world.keys)(LocalSigner(key, f"{DID}#key-2"), world.keys.seed)


def test_a_key_that_follows_from_the_pinned_history_is_taken_and_pinned(web: World) -> None:
    with web.wallet() as wallet:
        web.grant(wallet, web.ask(channels=["email"]))
        assert wallet.pinned(DID).history == web.history
        rotate(web)
        shown = show_request(wallet, web.ask("survey"), at=web.now)
        assert shown.known
        web.grant(wallet, web.ask("survey"))
        assert wallet.pinned(DID).history == web.history


def forget_history(world: World) -> None:
    world.history = None


def exchange_key(world: World) -> None:
    key = PrivateKey.ed25519(bytes([51]) * 32)
    world.document = document_of(DID, {"key-1": key.public})
    world.history = KeyHistory(v=1, did=DID, keys=(entry("key-1", key),))
    world.keys = type(world.keys)(LocalSigner(key, f"{DID}#key-1"), world.keys.seed)


@pytest.mark.parametrize("change", [forget_history, exchange_key])
def test_a_key_that_does_not_follow_is_not_trusted(web: World, change: Callable[[World], None]) -> None:
    with web.wallet() as wallet:
        web.grant(wallet, web.ask(channels=["email"]))
        change(web)
        with pytest.raises(NotTrusted) as refused:
            show_request(wallet, web.ask("survey"), at=web.now)
        assert refused.value.code == "company.key_changed"


def test_another_log_in_the_place_of_the_pinned_one_is_not_trusted(world: World, wallet: Wallet) -> None:
    request = world.ask(channels=["email"])
    shutil.rmtree(world.folder / "registry")
    signer = NoteSigner("log.muster.example", bytes(32))
    Registry.create(world.folder / "registry", origin="log.muster.example", signer=signer).close()
    with pytest.raises(NotTrusted) as refused:
        world.plan(wallet, request)
    assert refused.value.code == "registry.other_key"


def test_a_log_named_twice_is_refused(world: World, wallet: Wallet) -> None:
    with pytest.raises(InputError) as refused:
        Wallet.open(wallet.vault.path, "pp", folders=[world.folder / "registry"] * 2)
    assert refused.value.code == "wallet.same_log_twice"


def test_a_company_of_the_same_name_must_be_named_by_its_did(
    world: World, wallet: Wallet, make_world: Callable[..., World], tmp_path: Path
) -> None:
    (tmp_path / "twin").mkdir()
    twin = make_world(tmp_path / "twin", origin="log.twin.example", number=9)
    wallet.use_log(tmp_path / "twin" / "registry")
    world.grant(wallet, world.ask(channels=["email"]))
    twin.now = world.tick()
    twin.grant(wallet, twin.ask(channels=["email"]))
    with pytest.raises(InputError) as refused:
        list_consents(wallet, at=world.now, company="Muster-Shop")
    assert refused.value.code == "wallet.company_ambiguous"
    [record] = list_consents(wallet, at=world.now, company=twin.did)
    assert record.company == twin.did
    assert len({one.did for one in wallet.identities() if one.company}) == 2
