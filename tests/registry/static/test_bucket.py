"""Parts of the seal map: all rows that begin alike, or nothing is believed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import Damaged, InputError, VerificationError
from konsens.registry import SealMap, check_map_proof, map_root
from konsens.registry.seal_map import Row, source_of
from konsens.registry.static import Prefix, bucket_of, check_bucket, depth_for
from tests.house.tree import ROOT

from ..seals import TWINS, rows, seal

# Few different bytes, so that seals share long beginnings and ends.
crowded = st.lists(st.sampled_from([0, 1, 0x80, 0xFF]), min_size=32, max_size=32).map(bytes)
near = st.integers(0, 7).map(lambda number: bytes(31) + bytes([number]))
some_seals = st.lists(crowded | near | st.binary(min_size=32, max_size=32), unique=True, max_size=12)
depths = st.integers(0, 12) | st.integers(0, 256)


def rows_of(seals: list[bytes]) -> list[Row]:
    return [(seal, index) for index, seal in enumerate(seals)]


def bucket(all_rows: list[Row], prefix: Prefix) -> bytes:
    return bucket_of(SealMap(source_of(all_rows), size=len(all_rows)), prefix, source_of(all_rows))


def check(data: bytes, all_rows: list[Row], prefix: Prefix) -> list[Row]:
    return check_bucket(data, root=map_root(all_rows), size=len(all_rows), prefix=prefix)


@settings(deadline=None)
@given(some_seals, crowded | near, depths)
def test_a_bucket_holds_exactly_the_rows_that_begin_alike(seals: list[bytes], at: bytes, depth: int) -> None:
    all_rows, prefix = rows_of(seals), Prefix.of(at, depth)
    expected = sorted(row for row in all_rows if prefix.holds(row[0]))
    assert check(bucket(all_rows, prefix), all_rows, prefix) == expected
    shift = 256 - depth
    assert expected == sorted(r for r in all_rows if (_int(r[0]) ^ _int(at)) >> shift == 0)


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


@settings(max_examples=50, deadline=None)
@given(some_seals, st.integers(0, 5))
def test_all_buckets_together_are_the_map(seals: list[bytes], depth: int) -> None:
    all_rows = rows_of(seals)
    prefixes = [Prefix(depth, bits) for bits in range(1 << depth)]
    found = [row for prefix in prefixes for row in check(bucket(all_rows, prefix), all_rows, prefix)]
    assert found == sorted(all_rows)


@settings(max_examples=40, deadline=None)
@given(some_seals, crowded | near, depths, st.data())
def test_no_changed_byte_survives(seals: list[bytes], at: bytes, depth: int, data: st.DataObject) -> None:
    all_rows, prefix = rows_of(seals), Prefix.of(at, depth)
    good = bucket(all_rows, prefix)
    place, change = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(1, 255))
    bad = good[:place] + bytes([good[place] ^ change]) + good[place + 1 :]
    cut, longer = good[: data.draw(st.integers(0, len(good) - 1))], good + data.draw(st.binary(min_size=1))
    for forged in (bad, cut, longer):
        with pytest.raises(VerificationError) as caught:
            check(forged, all_rows, prefix)
        assert caught.value.code == "bucket.map"


MANY = rows(1000)
ASKED = Prefix.of(seal(5), 4)
ONE_ROW = next(row for row in MANY if ASKED.holds(row[0]))


def without_a_row(all_rows: list[Row]) -> bytes:
    """A lying operator leaves one broken seal out."""
    return bucket([row for row in all_rows if row[0] != seal(5)], ASKED)


def row_dropped(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    at = good.index(seal(5))
    start = good.index(sorted(row for row in all_rows if ASKED.holds(row[0]))[0][0]) - 4
    count = int.from_bytes(good[start : start + 4], "big") - 1
    return good[:start] + count.to_bytes(4, "big") + good[start + 4 : at] + good[at + 40 :]


def two_rows_swapped(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    return good[:-80] + good[-40:] + good[-80:-40]


def a_row_twice(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    return good[:-80] + good[-40:] + good[-40:]


def another_index(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    return good[:-1] + bytes([good[-1] ^ 1])


def the_neighbours(all_rows: list[Row]) -> bytes:
    return bucket(all_rows, Prefix(ASKED.depth, ASKED.bits ^ 1))


def the_neighbours_under_our_name(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, Prefix(ASKED.depth, ASKED.bits ^ 1))
    return bucket(all_rows, ASKED)[:3] + good[3:]


def a_shorter_prefix(all_rows: list[Row]) -> bytes:
    return bucket(all_rows, ASKED.shortened(3))


def an_older_map(all_rows: list[Row]) -> bytes:
    return bucket(all_rows[:900], ASKED)


def empty(all_rows: list[Row]) -> bytes:
    """Say that nothing is there, at every depth that the format knows."""
    return b"\0\4" + bytes([ASKED.bits << 4]) + b"\0\0" + bytes(4)


def more_rows_than_asked(all_rows: list[Row]) -> bytes:
    """All of it is true, and leads to the root; but each bucket has one spelling."""
    return bucket(all_rows, ASKED)[:3] + bucket(all_rows, ASKED.shortened(3))[3:]


def a_way_beyond_the_prefix(all_rows: list[Row]) -> bytes:
    return bucket(all_rows, ASKED)[:3] + bucket(all_rows, Prefix.of(seal(5), 5))[3:]


def spare_bits(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    return good[:5] + bytes([good[5] | 1]) + good[6:]


def a_sibling_of_zeros(all_rows: list[Row]) -> bytes:
    good = bucket(all_rows, ASKED)
    return good[:6] + bytes(32) + good[38:]


def a_row_that_is_not_where_it_is_alone(all_rows: list[Row]) -> bytes:
    key, index = ONE_ROW
    return b"\0\4" + bytes([ASKED.bits << 4]) + b"\0\2\0" + b"\0\0\0\1" + key + index.to_bytes(8, "big")


@pytest.mark.parametrize(
    "lie",
    [
        *[without_a_row, row_dropped, two_rows_swapped, a_row_twice, another_index, the_neighbours],
        *[the_neighbours_under_our_name, a_shorter_prefix, an_older_map, empty, more_rows_than_asked],
        *[a_way_beyond_the_prefix, spare_bits, a_sibling_of_zeros, a_row_that_is_not_where_it_is_alone],
    ],
)
def test_a_lie_about_a_bucket_is_refused(lie: Callable[[list[Row]], bytes]) -> None:
    assert ONE_ROW in check(bucket(MANY, ASKED), MANY, ASKED)
    with pytest.raises(VerificationError) as caught:
        check(lie(MANY), MANY, ASKED)
    assert caught.value.code == "bucket.map"


def test_an_index_beyond_the_map_is_refused() -> None:
    data, largest = bucket(MANY, ASKED), max(index for key, index in MANY if ASKED.holds(key))
    check_bucket(data, root=map_root(MANY), size=largest + 1, prefix=ASKED)
    with pytest.raises(VerificationError):
        check_bucket(data, root=map_root(MANY), size=largest, prefix=ASKED)


@pytest.mark.parametrize("depth", [0, 1, 8, 100, 254, 255, 256])
def test_seals_that_share_255_bits_are_told_apart(depth: int) -> None:
    for key, _ in TWINS:
        prefix = Prefix.of(key, depth)
        assert check(bucket(TWINS, prefix), TWINS, prefix) == [r for r in TWINS if prefix.holds(r[0])]


@settings(max_examples=50, deadline=None)
@given(some_seals, st.integers(0, 300))
def test_a_bucket_says_of_each_seal_what_its_own_proof_says(seals: list[bytes], number: int) -> None:
    all_rows, asked = rows_of(seals), [*seals, seal(number)]
    seal_map, root = SealMap(source_of(all_rows), size=len(all_rows)), map_root(all_rows)
    for one in asked:
        prefix = Prefix.of(one, 3)
        found = dict(check(bucket(all_rows, prefix), all_rows, prefix)).get(one)
        proven = check_map_proof(seal_map.prove(one), seal=one, root=root, size=len(all_rows))
        assert found == proven


def test_a_source_that_has_changed_is_noticed() -> None:
    seal_map = SealMap(source_of(MANY), size=len(MANY))
    with pytest.raises(Damaged) as caught:
        bucket_of(seal_map, ASKED, source_of([row for row in MANY if row != ONE_ROW]))
    assert caught.value.code == "registry.seal_rows"


def test_rows_beyond_the_map_are_left_out() -> None:
    seal_map = SealMap(source_of(MANY), size=900)
    data = bucket_of(seal_map, ASKED, source_of(MANY))
    assert check_bucket(data, root=map_root(MANY[:900]), size=900, prefix=ASKED)


@pytest.mark.parametrize(
    ("count", "depth"),
    [(0, 0), (255, 0), (511, 0), (512, 1), (1000, 1), (1024, 2), (10**6, 11), (10**7, 15), (10**9, 21)],
)
def test_a_bucket_has_some_hundred_rows(count: int, depth: int) -> None:
    assert depth_for(count) == depth
    assert count < 512 or 256 <= count / (1 << depth) < 512


def test_the_buckets_of_a_map_of_many_hide_each_seal_among_a_hundred() -> None:
    all_rows = rows(30_000)
    depth = depth_for(len(all_rows))
    sizes = [0] * (1 << depth)
    for key, _ in all_rows:
        sizes[Prefix.of(key, depth).bits] += 1
    assert 100 < min(sizes) <= max(sizes) < 1000


@pytest.mark.parametrize(("depth", "bits"), [(-1, 0), (257, 0), (0, 1), (3, 8), (3, -1)])
def test_what_is_no_prefix_is_refused(depth: int, bits: int) -> None:
    with pytest.raises(InputError) as caught:
        Prefix(depth, bits)
    assert caught.value.code == "bucket.prefix"
    for key, long in ((b"short", 3), (bytes(32), 257), (bytes(32), -1)):
        with pytest.raises(InputError):
            Prefix.of(key, long)


def test_the_bytes_are_those_of_the_documentation() -> None:
    """docs/formats.md, section 11."""
    data = bucket(rows(5), Prefix(2, 0b10))
    page = (ROOT / "docs" / "formats.md").read_text("utf-8").replace("\n", "")
    assert data.hex() in page
