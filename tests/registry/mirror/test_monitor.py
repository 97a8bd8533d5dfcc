"""Within one poll the monitor says which seals broke, and what is wrong with the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import Damaged, InputError, Locked, Unavailable
from konsens.registry import Cosigner, Registry, cosign, parse_policy, render_vkey
from konsens.registry.mirror import FolderSource, Mirror, Monitor
from konsens.registry.mirror import monitor as monitor_module
from konsens.registry.mirror.monitor import MOST_AHEAD

from ..logs import AT, SIGNER, VKEY, digest, later, leaf, leaves, make, memory_of, public, sign
from .sources import ListSource, block, honest


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror, Monitor(mirror, tmp_path / "watch") as opened:
        yield opened


def codes(monitor: Monitor, source: ListSource, *, minute: int = 0) -> list[str]:
    return [problem.error.code for problem in monitor.poll(source, at=later(minute)).problems]


def test_a_break_is_told_in_the_first_poll_and_until_it_is_settled(monitor: Monitor) -> None:
    monitor.watch([leaf(3).seal, leaf(13).seal, digest("never")])
    assert monitor.watched() == 3
    first = monitor.poll(ListSource(honest(1)), at=AT)
    assert first.problems == ()
    assert first.checkpoint is not None
    assert first.checkpoint.size == 11
    assert [(one.seal, one.index, one.checkpoint, one.since) for one in first.breaks] == [
        (leaf(3).seal, 3, 11, None)
    ]
    second = monitor.poll(ListSource(honest(2)), at=later(1))
    assert [(one.index, one.checkpoint, one.since) for one in second.breaks] == [(3, 11, None), (14, 22, AT)]
    monitor.settle(second.breaks)
    assert monitor.poll(ListSource(honest(3)), at=later(2)).breaks == ()


def test_a_seal_that_is_broken_already_is_told_at_once(monitor: Monitor) -> None:
    monitor.poll(ListSource(honest(2)), at=AT)
    monitor.watch([leaf(13).seal])
    assert [one.index for one in monitor.poll(ListSource(honest(2)), at=AT).breaks] == [14]
    monitor.unwatch([leaf(13).seal])
    assert monitor.poll(ListSource(honest(2)), at=AT).breaks == ()
    assert monitor.watched() == 0


def test_a_break_is_told_before_a_checkpoint_covers_it(tmp_path: Path, monitor: Monitor) -> None:
    make(tmp_path / "log", seals=3)
    with Registry.open(tmp_path / "log") as registry:
        monitor.watch([leaf(7).seal])
        registry.append(leaves(5, 9))
        source = FolderSource(tmp_path / "log")
        (told,) = monitor.poll(source, at=AT).breaks
        assert (told.index, told.checkpoint, told.since) == (registry.find(leaf(7).seal), None, AT)
        monitor.settle([told])
        registry.publish(SIGNER, at=later(1), remembered=memory_of(tmp_path / "log"))
        assert monitor.poll(source, at=later(1)).breaks == ()


def test_only_the_owner_of_the_key_breaks_a_seal_beyond_the_checkpoint(monitor: Monitor) -> None:
    forged = leaf(30).entry[:-1] + bytes([leaf(30).entry[-1] ^ 1])
    source = ListSource(honest(1))
    source.all += [b"no leaf", forged, leaf(31).entry]
    monitor.watch([leaf(30).seal])
    polled = monitor.poll(source, at=AT)
    assert polled.breaks == ()
    assert [problem.error.code for problem in polled.problems] == ["leaf.signature"]


def test_a_break_is_told_when_the_log_is_in_trouble(monitor: Monitor) -> None:
    """The operator leaves a seal out of the map: the break is told, and so is the lie."""
    monitor.watch([leaf(4).seal, leaf(11).seal])
    polled = monitor.poll(ListSource(block(honest(1), 10, 12, hide=leaf(11).seal)), at=AT)
    assert [one.index for one in polled.breaks] == [4, 12]
    assert [problem.error.code for problem in polled.problems] == ["mirror.map_root"]
    with pytest.raises(type(polled.problems[0].error), match=r"mirror\.map_root"):
        polled.raise_if_any()


def in_trouble(beyond: list[bytes]) -> ListSource:
    """Return a log that a mirror holds up to its first checkpoint, and that breaks a rule right after it."""
    unsigned = leaf(30).entry[:-1] + bytes([leaf(30).entry[-1] ^ 1])
    return ListSource(block([*honest(1), unsigned, *beyond], 40, 41, minutes=1))


def test_a_break_behind_many_entries_of_a_log_in_trouble_is_told_in_the_next_poll(monitor: Monitor) -> None:
    monitor.poll(ListSource(honest(1)), at=AT)
    monitor.watch([leaf(35).seal])
    source = in_trouble([*(public(number).entry for number in range(MOST_AHEAD)), leaf(35).entry])
    told = [[one.index for one in monitor.poll(source, at=AT).breaks] for _ in range(2)]
    assert told == [[], [11 + 1 + MOST_AHEAD]]


@pytest.mark.parametrize("at_once", [1, 4])
def test_what_nobody_has_signed_is_looked_at_round_and_round(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor_module, "MOST_AHEAD", 8)
    monkeypatch.setattr(monitor_module, "ENTRIES_AT_ONCE", at_once)
    source = in_trouble([public(number).entry for number in range(40)])
    mirror = Mirror.open(tmp_path / "mirror", vkey=VKEY)
    mirror.follow(ListSource(honest(1)), at=AT)

    def breaks(polls: int) -> list[int]:
        found: set[int] = set()
        for _ in range(polls):
            with Monitor(mirror, tmp_path / "watch") as monitor:  # it goes on where the last process stopped
                found |= {one.index for one in monitor.poll(source, at=AT).breaks}
        return sorted(found)

    with Monitor(mirror, tmp_path / "watch") as monitor:
        monitor.watch([leaf(number).seal for number in (35, 36, 37, 38)])
    assert breaks(3) == []
    source.all[14] = leaf(36).entry  # behind where it is by now
    source.all[50] = leaf(35).entry
    assert breaks(2) == [50]
    assert breaks(1) == [14, 50]
    del source.all[13:]
    source.all.append(leaf(37).entry)  # shorter than where it stopped
    assert breaks(1) == [13, 14, 50]
    source.all += [public(50).entry] * 20
    breaks(3)
    source.all[12] = leaf(38).entry
    with Monitor(mirror, tmp_path / "watch") as monitor:
        monitor.watch([leaf(39).seal])  # who watches more begins at the mirror again
    assert breaks(1) == [12, 13, 14, 50]
    mirror.close()


def test_a_memory_of_an_earlier_version_is_used_on(tmp_path: Path, monitor: Monitor) -> None:
    monitor.watch([leaf(3).seal])
    monitor.close()
    with closing(sqlite3.connect(tmp_path / "watch")) as db:
        db.execute("DROP TABLE ahead")
    with Monitor(monitor.mirror, tmp_path / "watch") as again:
        assert [one.index for one in again.poll(ListSource(honest(1)), at=AT).breaks] == [3]


FORKED = ListSource(block(honest(1), 50, 60, minutes=1))


def test_what_a_mirror_finds_is_told_by_its_code_and_when_it_began(monitor: Monitor) -> None:
    assert codes(monitor, ListSource(honest(2))) == []
    assert codes(monitor, ListSource(honest(1)), minute=1) == ["mirror.rolled_back"]
    assert codes(monitor, FORKED, minute=2) == ["mirror.fork"]
    polled = monitor.poll(FORKED, at=later(9))
    assert [problem.first for problem in polled.problems] == [later(2)]
    assert codes(monitor, ListSource(honest(3)), minute=10) == []


W = Cosigner("witness.example", b"w" * 32)
POLICY = parse_policy(f"log {render_vkey(VKEY)}\nwitness w {render_vkey(W.vkey)}\nquorum w\n")


@pytest.mark.parametrize(
    ("minutes", "code"),
    [
        (0, []),
        (14, []),
        (16, ["checkpoint.stale"]),
        (-3, ["checkpoint.future"]),
        (None, ["policy.quorum_missing"]),
    ],
)
def test_a_checkpoint_that_is_stale_or_not_cosigned_is_told(
    minutes: int | None, code: list[str], monitor: Monitor
) -> None:
    note = sign(honest(1))
    source = ListSource(honest(1), note=note if minutes is None else cosign(note, W, at=AT))
    polled = monitor.poll(source, at=later(minutes or 0), policy=POLICY)
    assert [problem.error.code for problem in polled.problems] == code
    polled = monitor.poll(source, at=later(minutes or 0), policy=POLICY, max_age=timedelta(hours=24))
    assert [problem.error.code for problem in polled.problems] == [
        one for one in code if one != "checkpoint.stale"
    ]


def test_the_operators_word_alone_has_no_time(monitor: Monitor) -> None:
    policy = parse_policy(f"log {render_vkey(VKEY)}\nquorum none\n")
    polled = monitor.poll(ListSource(honest(1)), at=AT, policy=policy)
    assert [problem.error.code for problem in polled.problems] == ["checkpoint.untimed"]


class Gone(ListSource):
    def checkpoint(self) -> object:  # type: ignore[override]  # it never returns
        raise Unavailable("registry.cannot_write", problem="gone")

    def entries(self, start: int, stop: int) -> list[bytes]:
        raise Unavailable("registry.cannot_write", problem="gone")


def test_a_source_that_is_gone_is_one_problem(monitor: Monitor) -> None:
    assert codes(monitor, Gone(honest(1))) == ["registry.cannot_write"]


@given(
    st.lists(st.integers(0, 59), unique=True),
    st.lists(st.sampled_from(["poll", "watch", "crash", "settle"]), max_size=12),
)
@settings(max_examples=25, deadline=None)
def test_every_break_is_told_and_none_is_made_up(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], acts: list[str]
) -> None:
    """However polls, additions and restarts follow each other: in the end just the broken were told."""
    home = tmp_path_factory.mktemp("law")
    told: set[int] = set()
    waiting, blocks = list(numbers), 1
    mirror = Mirror.open(home / "mirror", vkey=VKEY)
    monitor = Monitor(mirror, home / "watch")
    for act in [*acts, "watch", "settle"]:
        if act == "crash":
            monitor.close()
            monitor = Monitor(mirror, home / "watch")
        elif act == "watch":
            monitor.watch([leaf(number).seal for number in waiting[: len(waiting) // 2 + 1]])
            del waiting[: len(waiting) // 2 + 1]
        else:
            blocks = min(blocks + 1, 4)
            breaks = monitor.poll(ListSource(honest(blocks)), at=AT).breaks
            if act == "settle":
                monitor.settle(breaks)
                told.update(one.index for one in breaks)
    monitor.watch([leaf(number).seal for number in waiting])
    told.update(one.index for one in monitor.poll(ListSource(honest(blocks)), at=AT).breaks)
    monitor.close()
    mirror.close()
    assert told == {number + number // 10 for number in numbers if number < 10 * blocks}


def test_a_seal_has_32_bytes(monitor: Monitor) -> None:
    with pytest.raises(InputError, match=r"monitor\.seal"):
        monitor.watch([b"short"])


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE other (x)")


def text(path: Path) -> None:
    path.write_text("long enough to be read as a database, but it is none " * 20)


@pytest.mark.parametrize("make_file", [foreign, text])
def test_a_file_that_is_something_else_is_no_memory(
    make_file: Callable[[Path], None], tmp_path: Path
) -> None:
    make_file(tmp_path / "watch")
    with (
        Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror,
        pytest.raises(Damaged, match=r"monitor\.state"),
    ):
        Monitor(mirror, tmp_path / "watch")


def test_a_memory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(Unavailable, match=r"monitor\.cannot_write"):
            Monitor(mirror, tmp_path / "nowhere" / "watch")
        with (
            Monitor(mirror, tmp_path / "watch", wait=0.05) as monitor,
            closing(sqlite3.connect(tmp_path / "watch")) as db,
        ):
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(Locked, match=r"monitor\.busy"):
                monitor.watch([bytes(32)])
