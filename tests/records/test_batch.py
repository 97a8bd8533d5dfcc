"""Batches: many rows under one root, and each row's proof."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.encoding import jcs
from konsens.errors import InputError, KonsensError, VerificationError
from konsens.records import Batch, check_row, row_entry
from konsens.registry import leaf_hash, root_of

ROWS: list[dict[str, Any]] = [{"ref": f"C-{number}", "since": None, "n": number} for number in range(70)]
SALTS = [bytes([number]) * 32 for number in range(70)]


def batch_of(count: int) -> Batch:
    return Batch(row_entry(salt, row) for salt, row in zip(SALTS[:count], ROWS[:count], strict=True))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 70])
def test_the_root_is_that_of_rfc_6962(count: int) -> None:
    entries = [row_entry(salt, row) for salt, row in zip(SALTS[:count], ROWS[:count], strict=True)]
    batch = Batch(entries)
    assert batch.count == count
    assert batch.root == root_of(map(leaf_hash, entries))


@given(count=st.integers(1, 70), data=st.data())
def test_every_row_proves_itself_and_no_other(count: int, data: st.DataObject) -> None:
    batch = batch_of(count)
    index = data.draw(st.integers(0, count - 1))
    proof: dict[str, Any] = {
        "salt": SALTS[index],
        "index": index,
        "path": batch.path(index),
        "count": count,
        "root": batch.root,
    }
    check_row(ROWS[index], **proof)
    for change in (
        {"index": (index + 1) % count} if count > 1 else {"index": 1},
        {"index": -1},
        {"salt": bytes(32) if index else bytes([1]) * 32},
        {"path": [*batch.path(index), bytes(32)]},
        {"root": bytes(32)},
        {"count": 0},
    ):
        with pytest.raises(VerificationError) as caught:
            check_row(ROWS[index], **{**proof, **change})
        assert caught.value.code == "batch.row"
    with pytest.raises(VerificationError):
        check_row({**ROWS[index], "ref": "C-other"}, **proof)


def test_a_row_is_a_record_or_its_json() -> None:
    class Row(msgspec.Struct):
        ref: str
        since: str | None
        n: int

    for row in ROWS[:3]:
        assert row_entry(bytes(32), Row(**row)) == row_entry(bytes(32), row) == bytes(32) + jcs(row)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_row_has_a_salt_of_32_bytes(size: int) -> None:
    with pytest.raises(InputError) as caught:
        row_entry(bytes(size), ROWS[0])
    assert caught.value.code == "batch.salt"


@pytest.mark.parametrize("index", [-1, 5, 1000])
def test_a_row_that_is_not_there_has_no_path(index: int) -> None:
    with pytest.raises(InputError) as caught:
        batch_of(5).path(index)
    assert caught.value.code == "batch.index"


def test_a_row_that_is_not_json_is_refused() -> None:
    with pytest.raises(KonsensError) as caught:
        row_entry(bytes(32), {"name": "\ud800"})
    assert caught.value.code == "input.not_canonical"


@pytest.mark.long
def test_a_million_rows() -> None:
    count = 10**6
    batch = Batch(number.to_bytes(40, "big") for number in range(count))
    hashes = [leaf_hash(number.to_bytes(40, "big")) for number in range(count)]
    assert batch.root == root_of(hashes)
    assert len(batch.path(count - 1)) <= 20
