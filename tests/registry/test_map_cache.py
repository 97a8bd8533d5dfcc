"""The map's cache on disk: used if it leads to the root that was signed, else as if it were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from konsens.errors import Damaged, InputError
from konsens.registry import Registry, fsck
from konsens.registry.map_cache import MapCache
from konsens.registry.map_top import MAGIC, MapTop
from konsens.registry.seal_map import Row, SealMap, Span, source_of

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
