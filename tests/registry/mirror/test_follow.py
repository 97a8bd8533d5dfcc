"""A mirror is the log, entry by entry; where it cannot be, it says by which rule, and proves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from konsens.errors import (
    Conflict,
    Damaged,
    KonsensError,
    Locked,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from konsens.registry import (
    Cosigner,
    NoteSigner,
    PublicLeaf,
    Registry,
    check_holds_proof,
    check_inclusion_proof,
    cosign,
    fsck,
    leaf_hash,
    map_root,
    parse_policy,
    parse_proof,
    render_vkey,
)
from konsens.registry.mirror import FolderSource, Mirror, check_fraud, parse_fraud

from ..logs import (
    AT,
    ORIGIN,
    POLICY,
    SIGNER,
    VKEY,
    digest,
    forge,
    head,
    later,
    leaf,
    leaves,
    make,
    memory_of,
    public,
    rows_of,
    sign,
)
from .sources import ListSource, block, honest, mirror_of


def test_a_mirror_proves_every_seal_when_the_operator_is_gone(tmp_path: Path) -> None:
    operator = tmp_path / "operator"
    make(operator, seals=40)
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        assert mirror.follow(FolderSource(operator), at=AT).added == 41
        with Registry.open(operator) as registry:
            registry.append(leaves(40, 60))
            registry.publish(SIGNER, at=later(1), remembered=memory_of(operator))
        followed = mirror.follow(FolderSource(operator), at=later(2))
        assert (followed.checkpoint.size, followed.added) == (62, 21)
        assert mirror.state().verified_at == later(2)
    rmtree(operator)
    with Registry.open(tmp_path / "mirror") as copy:
        for number in range(60):
            index = copy.find(leaf(number).seal)
            assert index is not None
            proof = parse_proof(copy.prove_inclusion(index))
            check_inclusion_proof(proof, leaf_hash=leaf_hash(leaf(number).entry), policy=POLICY)
            for seal, broken in ((digest(f"next {number}"), None), (leaf(number).seal, index)):
                holds = parse_proof(copy.prove_holds(index, seal))
                hashed = leaf_hash(leaf(number).entry)
                shown = check_holds_proof(holds, leaf_hash=hashed, next_seal=seal, policy=POLICY)
                assert shown.broken_at == broken
    assert fsck(tmp_path / "mirror", vkey=VKEY).failed == ()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mirror_is_the_log_however_often_it_looked(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("law")
    make(home / "log", seals=1)
    made = 1
    for number, count in enumerate(counts):
        with Registry.open(home / "log") as registry:
            registry.append(leaves(made, made + count))
            registry.append([public(number)])
            registry.publish(SIGNER, at=later(number), remembered=memory_of(home / "log"))
            made += count
        if number == len(counts) - 1 or data.draw(st.booleans()):
            with Mirror.open(home / "mirror", vkey=VKEY) as mirror:
                mirror.follow(FolderSource(home / "log"), at=AT)
    with Registry.open(home / "log") as log, Registry.open(home / "mirror") as mirror:
        assert list(mirror.events_since(0)) == list(log.events_since(0))
        assert mirror.checkpoint() == log.checkpoint()
        asked = digest("asked")
        assert mirror.prove_holds(0, asked) == log.prove_holds(0, asked)


def test_nothing_is_written_into_a_mirror_by_hand(tmp_path: Path) -> None:
    mirror_of(honest(1), tmp_path / "mirror")
    with Registry.open(tmp_path / "mirror") as registry:
        with pytest.raises(RefusedByPolicy, match=r"registry\.mirror"):
            registry.append([PublicLeaf(bytes(32))])
        with pytest.raises(RefusedByPolicy, match=r"registry\.mirror"):
            registry.publish(SIGNER, at=AT, remembered=memory_of(tmp_path / "mirror"))


def test_a_mirror_is_of_one_log_and_begins_in_an_empty_place(tmp_path: Path) -> None:
    mirror_of(honest(1), tmp_path / "mirror")
    other = NoteSigner("other.example", b"o" * 32)
    with pytest.raises(NotTrusted, match=r"registry\.other_key"):
        Mirror.open(tmp_path / "mirror", vkey=other.vkey)
    make(tmp_path / "registry")
    with pytest.raises(Conflict, match=r"registry\.exists"):
        Mirror.open(tmp_path / "registry", vkey=VKEY)


def test_two_at_work_on_one_mirror_do_not_meet(tmp_path: Path) -> None:
    mirror_of(honest(1), tmp_path / "mirror")
    with (
        Mirror.open(tmp_path / "mirror", vkey=VKEY) as first,
        Mirror.open(tmp_path / "mirror", vkey=VKEY, wait=0.05) as second,
        first.locked(),
        pytest.raises(Locked, match=r"registry\.busy"),
    ):
        second.follow(ListSource(honest(2)), at=AT)


def test_two_may_take_turns(tmp_path: Path) -> None:
    with (
        Mirror.open(tmp_path / "mirror", vkey=VKEY) as one,
        Mirror.open(tmp_path / "mirror", vkey=VKEY) as other,
    ):
        for blocks, mirror in enumerate([one, other, other, one, other], start=1):
            assert mirror.follow(ListSource(honest(blocks)), at=AT).added == 11
    assert fsck(tmp_path / "mirror", vkey=VKEY).failed == ()


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    mirror_of(honest(1), tmp_path / "mirror")
    path = tmp_path / "mirror" / "mirror.json"
    for text in ("no", path.read_text().replace(ORIGIN, "other.example")):
        path.write_text(text)
        with (
            Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror,
            pytest.raises(Damaged, match=r"mirror\.state"),
        ):
            mirror.follow(ListSource(honest(2)), at=AT)


def test_a_folder_shows_the_cosigned_note_of_its_newest_checkpoint_or_the_plain_one(tmp_path: Path) -> None:
    folder, witness = tmp_path / "log", Cosigner("witness.example", b"w" * 32)
    make(folder, seals=2, checkpoint=False)
    source = FolderSource(folder)
    with pytest.raises(Unavailable, match=r"registry\.not_yet_checkpointed"):
        source.checkpoint()
    with Registry.open(folder) as registry:
        first = registry.publish(SIGNER, at=AT, remembered=memory_of(folder)).note
        assert source.checkpoint().note == first
        registry.keep_cosigned(cosign(first, witness, at=AT))
        assert source.checkpoint().note == cosign(first, witness, at=AT)
        registry.append(leaves(2, 4))
        second = registry.publish(SIGNER, at=later(1), remembered=memory_of(folder)).note
        assert source.checkpoint().note == second
    source.close()


def replayed() -> list[bytes]:
    """A leaf stands in the log a second time."""
    return block([*honest(1), leaf(3).entry], 10, 12)


def used_twice() -> list[bytes]:
    return block([*honest(1), leaf(3, says="otherwise").entry], 10, 12)


def used_twice_in_one_go() -> list[bytes]:
    return block([leaf(3).entry, leaf(3, says="otherwise").entry], 10, 12)


def published_twice() -> list[bytes]:
    return block([public(1).entry, *honest(0), public(2).entry, public(1).entry], 10, 12)


def beyond_all_dates() -> list[bytes]:
    return [*honest(1), b"\2" + bytes(64) + b"\xff" * 8]


def badly_signed() -> list[bytes]:
    return block([leaf(1).entry[:-1] + b"\0"], 10, 12)


def for_another_log() -> list[bytes]:
    return block([leaf(1, origin="other.example").entry], 10, 12)


def no_leaf() -> list[bytes]:
    return [b"\4" + bytes(32), *honest(1)]


def chain_broken() -> list[bytes]:
    entries = [*honest(1), leaf(10).entry]
    return [*entries, head(map_root(rows_of(entries)), None, minutes=5)]


def time_back() -> list[bytes]:
    return block(block(honest(1), 10, 12, minutes=7), 12, 13, minutes=3)


def time_back_after_a_step() -> list[bytes]:
    return block(honest(2), 100, 101, minutes=-3)


def seal_left_out() -> list[bytes]:
    return block(honest(1), 10, 12, hide=leaf(4).seal)


def seal_made_up() -> list[bytes]:
    entries = [*honest(1), leaf(10).entry]
    before = entries[10]
    return [*entries, head(map_root([*rows_of(entries), (digest("made up"), 3)]), before, minutes=5)]


def no_head_at_the_end() -> list[bytes]:
    return [*honest(1), leaf(10).entry]


BROKEN_RULES = [
    pytest.param(no_leaf, "mirror.entries", 0, True, id="an entry that is no leaf"),
    pytest.param(badly_signed, "mirror.leaf_signature", 0, True, id="a leaf that its key did not sign"),
    pytest.param(for_another_log, "mirror.leaf_signature", 0, True, id="a leaf of another log"),
    pytest.param(replayed, "mirror.key_twice", 11, True, id="a leaf replayed"),
    pytest.param(used_twice, "mirror.key_twice", 11, True, id="a key used twice"),
    pytest.param(used_twice_in_one_go, "mirror.key_twice", 1, True, id="a key used twice at once"),
    pytest.param(published_twice, "mirror.public_twice", 2, True, id="published twice"),
    pytest.param(beyond_all_dates, "mirror.entries", 11, True, id="a time beyond all dates"),
    pytest.param(chain_broken, "mirror.head_chain", 12, False, id="a head leaf that forgets the one before"),
    pytest.param(time_back, "mirror.head_time", 15, True, id="head time back"),
    pytest.param(time_back_after_a_step, "mirror.head_time", 23, True, id="head time back, later"),
    pytest.param(seal_left_out, "mirror.map_root", 13, False, id="a seal left out of the map"),
    pytest.param(seal_made_up, "mirror.map_root", 12, False, id="a seal in the map that nobody broke"),
    pytest.param(no_head_at_the_end, "mirror.checkpoint_head", 11, True, id="no head leaf at the end"),
]

# What a folder cannot hold at all.
NOT_FOR_FSCK = {"an entry that is no leaf", "published twice"}


@pytest.mark.parametrize("seen", [0, 1], ids=["at first sight", "in a log that was sound"])
@pytest.mark.parametrize(("log", "code", "index", "portable"), BROKEN_RULES)
def test_a_log_that_breaks_a_rule_is_named_and_convicted(
    log: Callable[[], list[bytes]], code: str, index: int, portable: bool, seen: int, tmp_path: Path
) -> None:
    entries = log()
    if seen and entries[:11] == honest(1):
        mirror_of(honest(1), tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(VerificationError) as caught:
            mirror.follow(ListSource(entries), at=AT)
        assert (caught.value.code, caught.value.facts["index"]) == (code, index)
        found = [check_fraud(parse_fraud(path.read_text()), VKEY) for path in mirror.evidence()]
        assert [(one.rule, one.where) for one in found] == [(code.removeprefix("mirror."), index)] * portable
        assert mirror.size <= index or code == "mirror.checkpoint_head"


@pytest.mark.parametrize("log", [param.values[0] for param in BROKEN_RULES if param.id not in NOT_FOR_FSCK])
def test_mirror_and_fsck_judge_alike(log: Callable[[], list[bytes]], tmp_path: Path) -> None:
    entries = log()
    forge(tmp_path / "log", entries)
    failed = fsck(tmp_path / "log", vkey=VKEY).failed
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror, pytest.raises(VerificationError) as caught:
        mirror.follow(ListSource(entries), at=AT)
    assert caught.value.code.replace("mirror.", "fsck.") in failed


def test_a_fork_of_the_same_size_is_convicted_by_two_notes(tmp_path: Path) -> None:
    mirror_of(honest(2), tmp_path / "mirror")
    other = block(honest(1), 50, 60, minutes=1)
    check_fork(tmp_path / "mirror", ListSource(other))


def test_a_fork_that_has_grown_is_convicted_by_a_consistency_proof(tmp_path: Path) -> None:
    mirror_of(honest(2), tmp_path / "mirror")
    other = block(block(honest(1), 50, 60, minutes=1), 60, 70, minutes=2)
    check_fork(tmp_path / "mirror", ListSource(other))


def test_a_fork_that_is_shorter_is_convicted_from_the_copy(tmp_path: Path) -> None:
    mirror_of(honest(3), tmp_path / "mirror")
    check_fork(tmp_path / "mirror", ListSource(block(honest(1), 50, 60, minutes=1)))


def check_fork(folder: Path, source: ListSource) -> None:
    before = fsck(folder, vkey=VKEY)
    with Mirror.open(folder, vkey=VKEY) as mirror:
        with pytest.raises(VerificationError, match=r"mirror\.fork") as caught:
            mirror.follow(source, at=later(9))
        (path,) = mirror.evidence()
        assert caught.value.facts["evidence"] == path
        assert check_fraud(parse_fraud(path.read_text()), VKEY).rule == "fork"
        assert mirror.state().verified_at == AT
    assert fsck(folder, vkey=VKEY) == before


def test_an_older_checkpoint_is_a_rollback(tmp_path: Path) -> None:
    mirror_of(honest(3), tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(Unavailable, match=r"mirror\.rolled_back"):
            mirror.follow(ListSource(honest(2)), at=later(9))
        assert mirror.evidence() == []
        assert mirror.state().verified_at == AT


class Lies(ListSource):
    """A source that does not bear out its own checkpoint."""

    def __init__(self, kind: str) -> None:
        super().__init__(honest(4))
        self._kind = kind

    def entries(self, start: int, stop: int) -> list[bytes]:
        entries = super().entries(start, stop)
        if self._kind == "cut":
            return [] if start else entries[:15]
        if self._kind == "swapped":
            entries[0], entries[1] = entries[1], entries[0]
        if self._kind == "flipped":
            entries[2] = entries[2][:40] + bytes([entries[2][40] ^ 1]) + entries[2][41:]
        if self._kind == "missing":
            del entries[3]
        return entries

    def node(self, level: int, index: int) -> bytes:
        return bytes(32) if self._kind == "nodes" else super().node(level, index)


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("cut", Unavailable, "mirror.missing"),
        ("swapped", VerificationError, "mirror.proof"),
        ("flipped", VerificationError, "mirror.proof"),
        ("missing", VerificationError, "mirror.proof"),
    ],
)
@pytest.mark.parametrize("blocks", [0, 1])
def test_a_source_that_does_not_bear_out_its_checkpoint_gives_nothing(
    kind: str, error: type[KonsensError], code: str, blocks: int, tmp_path: Path
) -> None:
    if blocks:
        mirror_of(honest(blocks), tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(error) as caught:
            mirror.follow(Lies(kind), at=AT)
        assert caught.value.code == code
        assert mirror.entries(0, 99) == honest(4)[: mirror.size]
        assert mirror.evidence() == []
        assert mirror.follow(ListSource(honest(4)), at=AT).checkpoint.size == 44


def test_hashes_that_do_not_fit_the_checkpoint_are_no_fork(tmp_path: Path) -> None:
    mirror_of(honest(1), tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(VerificationError, match=r"mirror\.proof"):
            mirror.follow(Lies("nodes"), at=AT)
        assert mirror.evidence() == []


OTHER = NoteSigner("other.example", b"o" * 32)
SAME_NAME = NoteSigner(ORIGIN, b"o" * 32)


@pytest.mark.parametrize(
    ("note", "error", "code"),
    [
        pytest.param(
            sign(honest(1), signer=OTHER, origin=OTHER.name),
            NotTrusted,
            "note.unknown_signer",
            id="another log",
        ),
        pytest.param(sign(honest(1), signer=SAME_NAME), NotTrusted, "note.unknown_signer", id="another key"),
        pytest.param(
            sign(honest(1), origin="other.example"),
            NotTrusted,
            "checkpoint.other_origin",
            id="another origin",
        ),
        pytest.param(
            sign(honest(1)).replace("\n11\n", "\n12\n"),
            VerificationError,
            "note.signature",
            id="size changed",
        ),
        pytest.param(sign([]), VerificationError, "mirror.checkpoint_head", id="nothing in it"),
    ],
)
def test_a_checkpoint_that_is_not_the_logs_is_not_followed(
    note: str, error: type[KonsensError], code: str, tmp_path: Path
) -> None:
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(error) as caught:
            mirror.follow(ListSource(honest(1), note=note), at=AT)
        assert caught.value.code == code
        assert mirror.size == 0


def test_good_cosignatures_are_kept_and_others_are_not(tmp_path: Path) -> None:
    witness, unknown = Cosigner("witness.example", b"w" * 32), Cosigner("unknown.example", b"u" * 32)
    policy = parse_policy(f"log {render_vkey(VKEY)}\nwitness w {render_vkey(witness.vkey)}\nquorum w\n")
    entries = honest(1)
    note = cosign(cosign(sign(entries), witness, at=AT), unknown, at=AT)
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        followed = mirror.follow(ListSource(entries, note=note), at=AT, policy=policy)
        assert followed.note == cosign(sign(entries), witness, at=AT)
        spoilt = (
            cosign(sign(entries), Cosigner("witness.example", b"w" * 32), at=later(1))[:-9] + "AAAAAAA=\n"
        )
        assert mirror.follow(ListSource(entries, note=spoilt), at=AT, policy=policy).note == followed.note
        again = cosign(sign(entries), witness, at=later(5))
        assert mirror.follow(ListSource(entries, note=again), at=AT, policy=policy).note == again
    with Registry.open(tmp_path / "mirror") as registry:
        proof = parse_proof(registry.prove_inclusion(0))
        assert check_inclusion_proof(proof, leaf_hash=leaf_hash(entries[0]), policy=policy).witnesses == (
            "w",
        )


def test_processes_check_leaves_as_threads_do(tmp_path: Path) -> None:
    with Mirror.open(tmp_path / "one", vkey=VKEY) as mirror:
        assert mirror.follow(ListSource(honest(20)), at=AT, jobs=2).added == 220
    with (
        Mirror.open(tmp_path / "two", vkey=VKEY) as mirror,
        pytest.raises(VerificationError, match=r"mirror\.leaf_signature"),
    ):
        mirror.follow(ListSource(badly_signed()), at=AT, jobs=2)
