"""What a wallet pins at first contact, and what a later request may show: only what follows from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konsens.did import (
    HistoryEntry,
    KeyHistory,
    LocalSigner,
    OfflineResolver,
    PrivateKey,
    document_of,
    key_of,
    parse_document,
    render_document,
)
from konsens.errors import InputError, NotTrusted, Unavailable, VerificationError
from konsens.records import Seed
from konsens.registry import NoteSigner, PublicLeaf, Registry
from konsens.wallet import Cost, Wallet, list_consents, show_request

World = Any  # the fixture of conftest.py
DID = "did:web:muster.example"
CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)


@pytest.fixture
def web(make_world: Callable[..., World], tmp_path: Path) -> Iterator[World]:
    """A company with a did:web, whose key history travels with its requests."""
    world = make_world(tmp_path, did=DID)
    world.history = KeyHistory(v=1, did=DID, keys=(entry("key-1", world.signer.key),))
    anchor(world)
    yield world
    world.company.close()
    world.registry.close()


def entry(name: str, key: PrivateKey, *, start: str = "2026-11-22T00:00:00Z") -> HistoryEntry:
    return HistoryEntry(
        kid=f"{DID}#{name}", public_key_multibase=key.public.multikey, start=start, until=None
    )


def anchor(world: World, log: Registry | None = None) -> None:
    """Put the hash of the company's history into its log, or into another one."""
    (log or world.registry).append([PublicLeaf(world.history.digest)])


def rotate(world: World) -> None:
    """Give the company a second key, with which it signs from now on; no log knows of it yet."""
    key = PrivateKey.ed25519(bytes([50]) * 32)
    world.document = document_of(DID, {"key-1": world.signer.key.public, "key-2": key.public})
    world.history = KeyHistory(v=1, did=DID, keys=(*world.history.keys, entry("key-2", key)))
    world.keys = type(world.keys)(LocalSigner(key, f"{DID}#key-2"), world.keys.seed)


def test_a_key_that_follows_from_the_pinned_history_is_taken_and_pinned(web: World) -> None:
    with web.wallet() as wallet:
        web.grant(wallet, web.ask(channels=["email"]))
        assert wallet.pinned(DID).history == web.history
        rotate(web)
        anchor(web)
        shown = show_request(wallet, web.ask("survey"), at=web.now)
        assert shown.known
        assert "company.new_key" in shown.warnings
        web.grant(wallet, web.ask("survey"))
        assert wallet.pinned(DID).history == web.history


def forget_history(world: World) -> None:
    world.history = None


def exchange_key(world: World) -> None:
    key = PrivateKey.ed25519(bytes([51]) * 32)
    world.document = document_of(DID, {"key-1": key.public})
    world.history = KeyHistory(v=1, did=DID, keys=(entry("key-1", key),))
    world.keys = type(world.keys)(LocalSigner(key, f"{DID}#key-1"), world.keys.seed)


def in_no_log(world: World) -> None:
    """Somebody with the company's key, or in the middle, appends a key of his own."""
    rotate(world)


def in_a_log_that_the_wallet_does_not_know(world: World) -> None:
    rotate(world)
    folder = world.folder / "elsewhere"
    signer = NoteSigner("log.elsewhere.example", bytes(32))
    with Registry.create(folder, origin="log.elsewhere.example", signer=signer) as log:
        anchor(world, log)


def another_history_in_the_log(world: World) -> None:
    """What the log holds is a history with the same keys from another day."""
    rotate(world)
    told = world.history
    later = msgspec.structs.replace(told.keys[-1], start="2026-11-23T00:00:00Z")
    world.history = msgspec.structs.replace(told, keys=(*told.keys[:-1], later))
    anchor(world)
    world.history = told


def key_in_the_document_alone(world: World) -> None:
    """The document is signed by nobody: a key that somebody adds to it on the way counts for nothing."""
    anchor(world)
    thief = PrivateKey.ed25519(bytes([52]) * 32)
    world.document = document_of(DID, {"key-1": world.signer.key.public, "key-2": thief.public})


def no_history(world: World) -> None:
    world.history = None


UNANCHORED = [
    in_no_log,
    in_a_log_that_the_wallet_does_not_know,
    another_history_in_the_log,
    key_in_the_document_alone,
]


@pytest.mark.parametrize("change", UNANCHORED)
def test_a_key_that_stands_in_no_log_of_ours_is_not_trusted(
    web: World, change: Callable[[World], None]
) -> None:
    with web.wallet() as wallet:
        web.grant(wallet, web.ask(channels=["email"]))
        pinned = wallet.pinned(DID)
        change(web)
        with pytest.raises(NotTrusted) as refused:
            web.plan(wallet, web.ask("survey"))
        assert refused.value.code == "company.key_unanchored"
        assert wallet.pinned(DID) == pinned


@pytest.mark.parametrize("change", [*UNANCHORED, no_history])
def test_at_first_contact_the_history_stands_in_a_log_too(
    web: World, change: Callable[[World], None]
) -> None:
    change(web)
    with web.wallet() as wallet, pytest.raises(NotTrusted) as refused:
        web.plan(wallet, web.ask())
    assert refused.value.code == "company.key_unanchored"


def test_of_a_did_key_nothing_is_pinned_but_its_key(world: World, wallet: Wallet) -> None:
    """Its document is signed by nobody and needed by nobody: what somebody adds on the way is not kept."""
    thief = PrivateKey.ed25519(bytes([53]) * 32)
    request = json.loads(world.ask(channels=["email"]))
    did, honest = world.did, request["company"]
    request["company"] = render_document(
        document_of(did, {did[8:]: world.signer.key.public, "2": thief.public})
    )
    world.grant(wallet, json.dumps(request).encode())
    resolved = wallet.resolver.resolve(did)
    assert resolved == OfflineResolver().resolve(did) == parse_document(json.dumps(honest))
    with pytest.raises(VerificationError):
        key_of(resolved, f"{did}#2")
    assert show_request(wallet, world.ask("survey"), at=world.now).known, "the honest request follows from it"


def remove_the_log(world: World) -> None:
    shutil.rmtree(world.folder / "registry")


def put_a_copy_in_its_place(world: World) -> None:
    shutil.copytree(world.folder / "registry", world.folder / "copy")
    shutil.rmtree(world.folder / "registry")
    (world.folder / "copy").rename(world.folder / "registry")


@pytest.mark.parametrize(
    ("away", "code"),
    [(remove_the_log, "wallet.log_unreachable"), (put_a_copy_in_its_place, "registry.copy")],
)
def test_a_log_that_cannot_be_asked_leaves_a_new_key_unknown_and_a_pinned_one_known(
    web: World, away: Callable[[World], None], code: str
) -> None:
    with web.wallet() as wallet:
        web.grant(wallet, web.ask(channels=["email"]))
        pinned_still = web.ask("survey")
        rotate(web)
        anchor(web)
        new = web.ask("survey")
        wallet.logs.close()
        away(web)
        assert show_request(wallet, pinned_still, at=web.now).known
        with pytest.raises(Unavailable) as unknown:
            show_request(wallet, new, at=web.now)
        assert unknown.value.code == code


def test_one_log_that_holds_it_is_enough(web: World) -> None:
    """The log that is away says nothing against what another one shows."""
    signer = NoteSigner("log.other.example", bytes(32))
    Registry.create(web.folder / "other", origin="log.other.example", signer=signer).close()
    with web.wallet() as wallet:
        wallet.use_log(web.folder / "other")
        wallet.logs.close()
        shutil.rmtree(web.folder / "other")
        assert not show_request(wallet, web.ask(), at=web.now).known
        rotate(web)
        with pytest.raises(Unavailable) as unknown:  # the log that is away may hold it
            show_request(wallet, web.ask(), at=web.now)
        assert unknown.value.code == "wallet.log_unreachable"


def test_a_wallet_without_a_log_cannot_know(web: World) -> None:
    path, seed = web.folder / "alone.sqlite", Seed.from_bytes(bytes(64))
    with Wallet.create(path, "pp", seed=seed, at=web.now, cost=CHEAP) as wallet:
        with pytest.raises(Unavailable) as unknown:
            show_request(wallet, web.ask(), at=web.now)
        assert unknown.value.code == "wallet.no_log"


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
