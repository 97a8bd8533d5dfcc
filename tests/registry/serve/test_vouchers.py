"""A voucher lets one leaf in, however many requests show it at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from konsens.registry.serve import MemoryVouchers, SqliteVouchers, Vouchers, hash_of
from konsens.registry.serve.wire import render_append

from .test_log_app import RULES, served
from .writers import public_leaf, seal_leaf

CLOSED = RULES.replace("[open]\nper_minute = 20\n", "")


def check_reserving(stores: Sequence[Vouchers], vouchers: Sequence[bytes]) -> None:
    """Check what `Vouchers` says of reserving, with several who look at the same ones."""
    store = stores[0]
    store.register([hash_of(voucher) for voucher in vouchers], member="did:example:shop", most=10)
    barrier = Barrier(8)

    def reserve(number: int) -> set[bytes]:
        barrier.wait()
        return stores[number % len(stores)].reserve(vouchers, most=2)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(reserve, range(8)))
    taken = Counter(voucher for some in got for voucher in some)
    assert taken == Counter(vouchers)
    assert max(map(len, got)) <= 2
    assert store.unspent(vouchers) == store.reserve(vouchers, most=2) == set()
    store.release(vouchers[:1])
    assert store.unspent(vouchers) == set(vouchers[:1])
    store.spend({vouchers[0]: 7, vouchers[1]: 8})
    store.release(vouchers)  # what is spent stays so
    assert store.unspent(vouchers) == set(vouchers[2:])
    assert store.reserve([bytes([99] * 32), vouchers[2], vouchers[2]], most=2) == {vouchers[2]}


@pytest.mark.parametrize("stores", [1, 4])
def test_of_those_who_reserve_at_once_each_gets_vouchers_of_his_own(tmp_path: Path, stores: int) -> None:
    vouchers = [bytes([number] * 32) for number in range(3)]
    check_reserving([SqliteVouchers(tmp_path / "v.sqlite") for _ in range(stores)], vouchers)
    check_reserving([MemoryVouchers()], vouchers)


def test_what_a_process_reserved_and_left_is_free_again_after_a_while(tmp_path: Path) -> None:
    voucher, store = bytes(32), SqliteVouchers(tmp_path / "v.sqlite")
    store.register([hash_of(voucher)], member="did:example:shop", most=10)
    assert store.reserve([voucher], most=1) == {voucher}
    assert store.reserve([voucher], most=1) == set()
    with closing(sqlite3.connect(tmp_path / "v.sqlite")) as db, db:
        db.execute("UPDATE vouchers SET idx = idx + 121")  # two minutes pass
    assert store.reserve([voucher], most=1) == {voucher}


def test_one_voucher_lets_in_one_leaf_of_many_sent_at_once(tmp_path: Path) -> None:
    voucher = bytes(32)
    bodies = [render_append([seal_leaf(number)], [voucher]) for number in range(20)]
    with served(tmp_path, CLOSED) as log:
        SqliteVouchers(tmp_path / "vouchers.sqlite").register([hash_of(voucher)], member="did:x", most=1)
        barrier = Barrier(20)

        def send(body: bytes) -> int:
            barrier.wait()
            return log.post("/append", body).status

        with ThreadPoolExecutor(20) as pool:
            assert Counter(pool.map(send, bodies)) == {200: 1, 403: 19}


def test_a_request_that_is_refused_has_spent_no_voucher(tmp_path: Path) -> None:
    voucher, forged = bytes(32), seal_leaf(1)
    forged = type(forged)(forged.key, forged.commitment, bytes(64))
    with served(tmp_path, CLOSED) as log:
        store = SqliteVouchers(tmp_path / "vouchers.sqlite")
        store.register([hash_of(voucher)], member="did:x", most=1)
        assert log.post("/append", render_append([forged], [voucher])).status == 422  # by the writer
        assert store.unspent([voucher])
        both = render_append([seal_leaf(1), public_leaf(1)], [voucher])
        assert log.post("/append", both).status == 403  # at the door
        assert store.unspent([voucher])
        # The same leaf twice in a request is one.
        assert log.post("/append", render_append([seal_leaf(1)] * 2, [voucher])).status == 200
        assert not store.unspent([voucher])
