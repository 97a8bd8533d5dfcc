"""A wallet and a log that is served: its vouchers, its memory, and what it asks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from konsens.errors import InputError, KonsensError, NotTrusted, RefusedByPolicy, Unavailable
from konsens.records import Seed, bare_label, prepare_break, seal_label
from konsens.registry import NoteSigner, SealLeaf, parse_leaf, render_vkey
from konsens.registry.log_place import LogUrl
from konsens.registry.remote import LogClient
from konsens.registry.serve import hash_of
from konsens.wallet import Wallet
from konsens.wallet.kinds import ACT, IDENTITY, LOG, SEEN, VOUCHER, Act, Identity, Voucher
from tests.registry.serve.test_log_app import MEMBER, RULES, Served, served
from tests.registry.serve.writers import SIGNER, seal_leaf

from .conftest import CHEAP

SHOP, OTHER = "did:example:shop", "did:example:other"
SEED = Seed.from_bytes(bytes([100]) * 64)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "operator", RULES.replace("per_minute = 20", "per_minute = 1")) as log:
        log.wait_published(1)
        yield log


@pytest.fixture
def wallet(log: Served, tmp_path: Path) -> Iterator[Wallet]:
    with made(log, tmp_path / "wallet.sqlite") as wallet:
        wallet.vault.put(IDENTITY, "0", Identity(0, "did:example:me", SHOP, "2026-11-22T00:00:00Z"))
        yield wallet


def made(log: Served, path: Path) -> Wallet:
    return Wallet.create(path, "pp", seed=SEED, at=NOW, folders=[LogUrl(log.url)], cost=CHEAP)


def ending(wallet: Wallet, seq: int) -> SealLeaf:
    """Store a bare break, as a withdrawal would, and return its leaf."""
    committed, key = SEED.derive(bare_label(0, 1, seq)), SEED.derive(seal_label(0, 1, seq))
    outgoing = prepare_break(committed, seal_key=key, origin=SIGNER.name)
    act = Act(order=seq, company=0, lane=1, seq=seq, origin=SIGNER.name, leaf=outgoing.leaf)
    wallet.vault.put(ACT, act.key, act)
    leaf = parse_leaf(outgoing.leaf)
    assert isinstance(leaf, SealLeaf)
    return leaf


def give(wallet: Wallet, number: int, *, company: str = SHOP, log: Served | None = None) -> Voucher:
    """Put a voucher into the wallet; with `log`, the log knows it."""
    voucher = Voucher(SIGNER.name, company, bytes([number]) * 32)
    wallet.vault.put(VOUCHER, voucher.key, voucher)
    if log is not None:
        member = LogClient(log.url, SIGNER.vkey, member=lambda: MEMBER, loopback=True)
        member.register_vouchers([hash_of(voucher.value)])
    return voucher


def exhaust(log: Served) -> None:
    LogClient(log.url, SIGNER.vkey, loopback=True).append([seal_leaf(99)])


def held(wallet: Wallet) -> list[Voucher]:
    return list(wallet.vault.list(VOUCHER).values())


def test_what_ends_something_shows_its_voucher_at_once(log: Served, wallet: Wallet) -> None:
    give(wallet, 1, log=log)
    wallet.logs.named(SIGNER.name).append([ending(wallet, 0)])
    assert held(wallet) == []
    # The limit of everybody was not touched by that.
    LogClient(log.url, SIGNER.vkey, loopback=True).append([seal_leaf(1)])


def test_everything_else_keeps_its_voucher_as_long_as_the_log_takes_it(log: Served, wallet: Wallet) -> None:
    voucher = give(wallet, 1, log=log)
    served_log = wallet.logs.named(SIGNER.name)
    served_log.append([seal_leaf(1)])
    assert held(wallet) == [voucher]
    with pytest.raises(RefusedByPolicy):  # it is no act of this wallet's: no voucher is shown for it
        served_log.append([seal_leaf(2)])
    assert held(wallet) == [voucher]


def test_a_voucher_that_the_log_does_not_know_any_more_is_forgotten_and_the_next_one_tried(
    log: Served, wallet: Wallet
) -> None:
    exhaust(log)
    for number in range(1, 6):
        give(wallet, number, log=log if number == 3 else None)
    assert wallet.logs.named(SIGNER.name).append([ending(wallet, 0)])
    left = held(wallet)
    with pytest.raises(RefusedByPolicy):
        wallet.logs.named(SIGNER.name).append([ending(wallet, 1)])
    assert len(left) < 5
    assert held(wallet) == []


def test_several_endings_show_a_voucher_each(log: Served, wallet: Wallet) -> None:
    exhaust(log)
    give(wallet, 1, log=log)
    give(wallet, 2, log=log)
    assert len(wallet.logs.named(SIGNER.name).append([ending(wallet, 0), ending(wallet, 1)])) == 2
    assert held(wallet) == []


def test_no_voucher_is_shown_for_leaves_towards_another_company(log: Served, wallet: Wallet) -> None:
    exhaust(log)
    voucher = give(wallet, 1, company=OTHER, log=log)
    with pytest.raises(RefusedByPolicy):
        wallet.logs.named(SIGNER.name).append([ending(wallet, 0)])
    assert held(wallet) == [voucher]


def test_a_log_never_goes_back_behind_what_the_wallet_has_seen(tmp_path: Path) -> None:
    with served(tmp_path / "operator") as log:
        log.wait_published(1)
        shutil.copytree(tmp_path / "operator", tmp_path / "older")
        LogClient(log.url, SIGNER.vkey, loopback=True).append([seal_leaf(1)])
        log.wait_published(3)
        with made(log, tmp_path / "wallet.sqlite") as wallet:
            assert wallet.logs.named(SIGNER.name).find(seal_leaf(1).seal) is not None
    with served(tmp_path / "older") as log:
        log.wait_published(1)
        with Wallet.open(tmp_path / "wallet.sqlite", "pp", folders=[LogUrl(log.url)]) as wallet:
            kept = wallet.vault.get(SEEN, SIGNER.name)
            assert kept is not None
            with pytest.raises(Unavailable) as older:
                wallet.logs.broken_many([seal_leaf(1).seal])
            assert older.value.code == "static.older"
            assert not wallet.logs.current
        with Wallet.open(tmp_path / "wallet.sqlite", "pp") as wallet:
            assert wallet.vault.get(SEEN, SIGNER.name) == kept


def test_the_key_is_pinned_at_first_contact_and_asked_for_once(log: Served, tmp_path: Path) -> None:
    path = tmp_path / "wallet.sqlite"
    with made(log, path) as wallet:
        known = wallet.vault.list(LOG)[SIGNER.name]
        assert (known.vkey, known.url, known.where) == (render_vkey(SIGNER.vkey), log.url, log.url)
        other = NoteSigner(SIGNER.name, bytes([7] * 32)).vkey
        wallet.vault.put(LOG, SIGNER.name, type(known)(known.origin, render_vkey(other), "", {}, 0, log.url))
    with Wallet.open(path, "pp") as wallet, pytest.raises(KonsensError) as refused:
        wallet.logs.broken_many([bytes(32)])
    assert refused.value.code in {"note.unknown_signer", "note.signature"}
    with Wallet.open(path, "pp") as wallet, pytest.raises(NotTrusted) as pinned:
        wallet.use_log(LogUrl(log.url))
    assert pinned.value.code == "registry.other_key"


def test_a_url_where_no_log_answers_is_no_log_for_now(log: Served, tmp_path: Path) -> None:
    gone = LogUrl("http://127.0.0.1:9")
    with pytest.raises(Unavailable) as refused:
        Wallet.create(tmp_path / "new.sqlite", "pp", seed=SEED, at=NOW, folders=[gone], cost=CHEAP)
    assert refused.value.code == "wallet.log_unreachable"
    with pytest.raises(InputError) as twice:
        Wallet.create(
            tmp_path / "new.sqlite", "pp", seed=SEED, at=NOW, folders=[LogUrl(log.url)] * 2, cost=CHEAP
        )
    assert twice.value.code == "wallet.same_log_twice"


def test_a_log_that_moved_has_to_show_all_leaves_of_this_wallet(tmp_path: Path) -> None:
    with served(tmp_path / "operator") as log:
        log.wait_published(1)
        shutil.copytree(tmp_path / "operator", tmp_path / "older")
        with made(log, tmp_path / "wallet.sqlite") as wallet:
            leaf = ending(wallet, 0)
            (index,) = wallet.logs.named(SIGNER.name).append([leaf])
            act = wallet.acts()[0]
            wallet.vault.put(ACT, act.key, msgspec.structs.replace(act, leaf_index=index))
            assert wallet.use_log(LogUrl(log.url)).rank == 0
    with served(tmp_path / "older") as log:
        log.wait_published(1)
        with Wallet.open(tmp_path / "wallet.sqlite", "pp") as wallet:
            wallet.vault.delete(SEEN, SIGNER.name)
        with Wallet.open(tmp_path / "wallet.sqlite", "pp") as wallet, pytest.raises(KonsensError) as refused:
            wallet.use_log(LogUrl(log.url))
        assert refused.value.code == "registry.missing_leaf"
