"""The map's cache on disk: used if it leads to the root that was signed, else as if it were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import Damaged, InputError
from konsens.registry import Registry, fsck
from konsens.registry.map_cache import MapCache
from konsens.registry.map_top import MAGIC, MapTop
from konsens.registry.seal_map import Row, SealMap, Span, check_map_proof, map_root, source_of

from .logs import SIGNER, by_hand, later, leaf, leaves, make, memory_of
from .seals import rows

STEP = 100
BUCKETS = 1 << 12  # the fewest levels that a map has
WEIGHTS = 8 + len(MAGIC) + 1
HASHES = WEIGHTS + BUCKETS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a log of 300 seals in a folder, and the cache of its map beside it."""
    folder = tmp_path / "registry"
    make(folder, seals=300)
    with opened(folder) as registry:
        registry.append(leaves(300, 301))
        publish(registry, 1)
    assert cache_of(folder).is_file()
    return folder


def cache_of(folder: Path) -> Path:
    return folder / "map.cache"


def opened(folder: Path) -> Registry:
    registry = Registry.open(folder)
    registry._cache = MapCache(cache_of(folder), step=STEP)
    return registry


def publish(registry: Registry, minutes: int) -> None:
    registry.publish(SIGNER, at=later(minutes), remembered=memory_of(registry.folder))


class Asked:
    """How often a log's store was asked for all rows at once."""

    def __init__(self, registry: Registry) -> None:
        self.for_all = 0
        self._rows = registry._store.rows
        registry._store.rows = self.rows  # type: ignore[method-assign]  # a spy

    def rows(self, spans: Sequence[Span]) -> Iterable[Row]:
        self.for_all += (bytes(32), b"\xff" * 32) in spans
        return self._rows(spans)


def test_a_process_that_has_the_cache_does_not_read_all_rows(folder: Path) -> None:
    with opened(folder) as registry:
        asked = Asked(registry)
        registry.append(leaves(301, 303))
        publish(registry, 2)
        registry.prove_holds(0, leaf(1).seal)
        assert asked.for_all == 0
    assert not fsck(folder).failed


def test_a_small_log_has_none_and_an_old_one_is_caught_up_with(folder: Path) -> None:
    old = cache_of(folder).read_bytes()
    with opened(folder) as registry:
        registry.append(leaves(301, 450))
        publish(registry, 2)
    assert cache_of(folder).read_bytes() != old
    cache_of(folder).write_bytes(old)
    with opened(folder) as registry:
        asked = Asked(registry)
        registry.prove_holds(0, leaf(1).seal)
        assert asked.for_all == 0
    small = folder.parent / "small"
    make(small, seals=STEP - 2)
    with opened(small) as registry:
        publish(registry, 2)
    assert not cache_of(small).exists()


def flip(place: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def in_a_filled_bucket(offset: int, width: int) -> Callable[[bytes], bytes]:
    """Zero the weight or the hash of the first bucket that holds something."""

    def change(data: bytes) -> bytes:
        bucket = next(n for n in range(BUCKETS) if data[WEIGHTS + n])
        place = offset + width * bucket
        return data[:place] + bytes(width) + data[place + width :]

    return change


def other_claims(data: bytes) -> bytes:
    """Say of every row that is alone below two buckets or more that it lies in the wrong one."""
    top = MapTop.parse(data[8:])
    root = top.hash(1)
    for bucket in range(top.base, 2 * top.base):
        there = bucket ^ 1
        if top.weights[bucket] == 1 and not top.weights[there]:
            top.put([(there, 3, top.hash(bucket)), (bucket, 0, bytes(32))])
    top.put([(n, 1, top.hash(n)) for n in range(top.base, 2 * top.base) if top.weights[n] == 3])
    top.rise_all()
    assert top.hash(1) == root
    return data[:8] + top.render()


def forks_as_rows(data: bytes) -> bytes:
    """Say of every two buckets with a row each that one has both, as one row: the hash of both.

    Where nothing lies beside them the root would tell.
    """
    top = MapTop.parse(data[8:])
    root = top.hash(1)
    for node in range(top.base >> 1, top.base):
        if (
            top.weights[node] == 2
            and top.weights[2 * node] == top.weights[2 * node + 1]
            and top.weights[node ^ 1]
        ):
            top.put([(2 * node, 1, top.hash(node)), (2 * node + 1, 0, bytes(32))])
    top.rise_all()
    assert top.hash(1) == root
    return data[:8] + top.render()


def all_as_one_row(data: bytes) -> bytes:
    """Say of the whole map that it is one row in the first bucket."""
    top = MapTop.parse(data[8:])
    one = MapTop(top.levels)
    one.put([(one.base, 1, top.hash(1))])
    one.rise_all()
    assert one.hash(1) == top.hash(1)
    return data[:8] + one.render()


@pytest.mark.parametrize("change", [other_claims, forks_as_rows, all_as_one_row])
def test_what_the_root_does_not_commit_to_cannot_change_what_is_signed(
    folder: Path, change: Callable[[bytes], bytes]
) -> None:
    """A lone row is hoisted, so where it lies is the cache's word alone; so is that it is a row."""
    forged = change(cache_of(folder).read_bytes())
    cache_of(folder).write_bytes(forged)
    with opened(folder) as registry:
        registry.prove_holds(0, leaf(1).seal)
        registry.prove_holds(0, leaf(5000).seal)
        for minute in range(2, 6):
            registry.append(leaves(300 * minute, 300 * minute + 300))
            publish(registry, minute)
    assert not fsck(folder).failed
    assert cache_of(folder).read_bytes() != forged


def as_one_row(top: MapTop, node: int, lot: int) -> MapTop:
    """Return a top that says of a node that what lies below is one row, in one of its buckets."""
    claimed = MapTop.parse(top.render())
    depth = top.levels + 1 - node.bit_length()
    buckets = range(node << depth, node + 1 << depth)
    there = buckets[lot % len(buckets)]
    claimed.put((bucket, 0, bytes(32)) for bucket in buckets)
    claimed.put([(there, min(1, top.weights[node]), top.hash(node))])
    claimed.rise_all()
    return claimed


LEVELS = 10  # not so few that the map is built anew as it grows
SEALS = st.lists(st.one_of(st.integers(0, 15), st.integers(0, 1023)), unique=True, min_size=1, max_size=12)


@given(SEALS, SEALS, st.randoms())
@settings(max_examples=40, deadline=None)
def test_whatever_top_leads_to_the_root_the_map_that_grows_from_it_is_right(
    old: list[int], new: list[int], random: Random
) -> None:
    """Whatever a liar says of it who has the hashes of all nodes, bucket by bucket."""
    numbers = [*old, *(one for one in new if one not in old)]
    seals = [(number << 256 - LEVELS).to_bytes(32, "big") for number in numbers]
    all_rows, size = [(seal, index) for index, seal in enumerate(seals)], len(old)
    honest = SealMap(source_of(all_rows), size=size, levels=LEVELS).top()
    top = honest
    for number in old:
        node = (number + honest.base) >> random.randrange(5)
        claimed = as_one_row(top, node, random.randrange(16))
        if claimed.hash(1) == honest.hash(1):  # else the root would tell
            top = claimed
    growing = SealMap(source_of(all_rows), size=size, top=MapTop.parse(top.render()))
    for index in range(size, len(all_rows)):
        for seal in seals:
            proof = growing.prove(seal)
            found = check_map_proof(proof, seal=seal, root=map_root(all_rows[:index]), size=index)
            assert found == (seals.index(seal) if seal in seals[:index] else None)
        growing.insert([all_rows[index]], size=index + 1)
        assert growing.root() == map_root(all_rows[: index + 1])


def of_another_log(data: bytes) -> bytes:
    return data[:8] + SealMap(source_of(rows(300)), size=300).top().render()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:-1], id="torn"),
        pytest.param(lambda data: data + b"\0", id="too long"),
        pytest.param(flip(6), id="covers fewer entries"),
        pytest.param(lambda data: b"\xff" + data[1:], id="covers more entries than there are"),
        pytest.param(flip(8), id="other magic"),
        pytest.param(flip(WEIGHTS - 1), id="other number of levels"),
        pytest.param(
            lambda data: data[: WEIGHTS - 1] + b"\xff" + data[WEIGHTS:], id="absurd number of levels"
        ),
        pytest.param(in_a_filled_bucket(WEIGHTS, 1), id="a bucket said to be empty"),
        pytest.param(in_a_filled_bucket(HASHES, 32), id="a bucket's hash gone"),
        pytest.param(flip(HASHES + 32 * 77), id="a bucket's hash changed"),
        pytest.param(of_another_log, id="of another log"),
    ],
)
def test_a_cache_that_does_not_lead_to_the_signed_root_is_as_if_it_were_not_there(
    folder: Path, change: Callable[[bytes], bytes]
) -> None:
    cache_of(folder).write_bytes(change(cache_of(folder).read_bytes()))
    with opened(folder) as registry:
        asked = Asked(registry)
        registry.append(leaves(301, 500))
        publish(registry, 2)
        assert asked.for_all == 1
        registry.prove_holds(0, leaf(1).seal)
    assert not fsck(folder).failed
    with opened(folder) as registry:  # and it costs the next start nothing
        asked = Asked(registry)
        registry.prove_holds(0, leaf(1).seal)
        assert asked.for_all == 0


def test_a_cache_of_no_use_is_put_aside_also_by_who_only_reads(folder: Path) -> None:
    used = flip(HASHES + 32 * 77)(cache_of(folder).read_bytes())
    cache_of(folder).write_bytes(used)
    with opened(folder) as registry:
        registry.prove_holds(0, leaf(1).seal)
    assert not cache_of(folder).exists()
    assert cache_of(folder).with_name("map.cache.unusable").read_bytes() == used


def test_rows_that_vanish_under_a_cache_are_missed_as_soon_as_their_bucket_is_touched(folder: Path) -> None:
    gone, others = leaf(7).seal, map(leaf, count(301))
    neighbour = next(one for one in others if one.seal[:1] == gone[:1] and one.seal[1] >> 4 == gone[1] >> 4)
    with by_hand(folder) as db:
        db.execute("DELETE FROM broken WHERE seal = ?", (gone,))
    with opened(folder) as registry:
        registry.append([neighbour])
        with pytest.raises(Damaged) as refused:
            publish(registry, 2)
        assert refused.value.code == "registry.seal_rows"
        with pytest.raises(Damaged) as refused:
            registry.prove_holds(0, gone)
        assert refused.value.code == "registry.seal_rows"


@pytest.mark.parametrize("levels", [0, 1, 5, 12])
@pytest.mark.parametrize("size", [0, 1, 2, 40])
def test_what_is_read_again_is_the_same_map(levels: int, size: int) -> None:
    seals = SealMap(source_of(rows(size)), size=size, levels=levels)
    again = MapTop.parse(seals.top().render())
    assert (again.hashes[32:], again.weights[1:]) == (seals.top().hashes[32:], seals.top().weights[1:])


@pytest.fixture(autouse=True)
def _no_cache_is_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.new"))


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(InputError):
        MapTop.parse(MAGIC)
