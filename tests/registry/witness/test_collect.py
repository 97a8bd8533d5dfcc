"""The log's side: witnesses that are down, slow, lying or ahead, and what stands under a checkpoint then."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from konsens.errors import (
    Conflict,
    Damaged,
    KonsensError,
    NotFound,
    NotTrusted,
    Unavailable,
    VerificationError,
)
from konsens.registry import (
    Cosigner,
    Registry,
    SignedCheckpoint,
    check_inclusion_proof,
    cosign,
    fsck,
    leaf_hash,
    parse_proof,
)
from konsens.registry.witness import Collected, check_seen, collect, level_of

from ..logs import AT, SIGNER, VKEY, digest, later, leaf, make, memory_of
from .world import COSIGNERS, Act, Net, Tree, policy_of, witness_in

TREE = Tree(40)
FORK = Tree(40, fork_at=5)


def ask(
    net: Net,
    size: int,
    *,
    before: str | None = None,
    minute: int = 0,
    tree: Tree = TREE,
    count: int = 3,
    quorum: int = 2,
    timeout: float = 5,
) -> Collected:
    net.at = later(minute)
    return collect(
        SignedCheckpoint(tree.checkpoint(size), tree.note(size)),
        policy_of(count, quorum),
        prove=lambda old: tree.path(old, size),
        transport=net,
        at=net.at,
        before=before,
        timeout=timeout,
    )


def net_of(folder: Path, **acts: Act) -> Net:
    return Net([witness_in(folder, number) for number in range(3)], acts=acts)


def test_all_witnesses_cosign_as_the_log_grows(tmp_path: Path) -> None:
    net, note = net_of(tmp_path), None
    for minute, size in enumerate([5, 6, 40, 40]):
        collected = ask(net, size, before=note, minute=minute)
        note = collected.note
        assert collected.proven is not None
        assert collected.proven.cosigned_at == later(minute)
        assert collected.proven.witnesses == ("w0", "w1", "w2")
        assert [answer.at for answer in collected.answers] == [later(minute)] * 3
    # Who knows what each witness has seen needs one request each.
    assert len(net.asked) == 4 * 3


def test_witnesses_say_themselves_what_they_have_seen(tmp_path: Path) -> None:
    net = net_of(tmp_path)
    ask(net, 5)
    del net.witnesses["w2"]
    net.acts["w2"] = down
    ask(net, 9)
    net.acts.clear()
    net.witnesses["w2"] = witness_in(tmp_path, 2)
    net.asked.clear()
    assert ask(net, 20).quorum
    assert len(net.asked) == 6  # each is asked, says its size, and is asked again
    assert net.witnesses["w2"].add_checkpoint(TREE.request(20, 20), at=later(1)).status == 200


def test_an_idle_log_gets_new_times_for_the_same_checkpoint(tmp_path: Path) -> None:
    net = net_of(tmp_path)
    first = ask(net, 7)
    again = ask(net, 7, before=first.note, minute=30)
    assert again.proven is not None
    assert again.proven.cosigned_at == later(30)
    assert len(again.note) == len(first.note)


def test_the_old_cosignature_of_a_witness_that_is_down_is_kept(tmp_path: Path) -> None:
    net = net_of(tmp_path)
    first = ask(net, 7)
    net.acts["w1"] = down
    again = ask(net, 7, before=first.note, minute=30, quorum=3)
    assert again.proven is not None
    assert again.proven.cosigned_at == AT  # "all three" is as old as the oldest
    assert [answer.error and answer.error.code for answer in again.answers] == [None, "witness.down", None]


def down(body: bytes) -> tuple[int, bytes]:
    raise ConnectionRefusedError("connection refused")


def slow(body: bytes) -> tuple[int, bytes]:
    time.sleep(5)
    return 200, b""


def says(status: int, body: bytes = b"") -> Act:
    return lambda _: (status, body)


def line(cosigner: Cosigner, size: int, *, minutes: float = 0, tree: Tree = TREE) -> bytes:
    note = tree.note(size)
    return cosign(note, cosigner, at=AT + timedelta(minutes=minutes))[len(note) :].encode()


W2 = COSIGNERS[2]

FAILING: list[object] = [
    pytest.param(down, Unavailable, "witness.down", id="down"),
    pytest.param(slow, Unavailable, "witness.slow", id="slow"),
    pytest.param(says(200), VerificationError, "witness.answer", id="says nothing"),
    pytest.param(says(200, b"\xff"), VerificationError, "witness.answer", id="garbage"),
    pytest.param(says(200, b"hello\n"), VerificationError, "witness.answer", id="no signature line"),
    pytest.param(says(200, line(COSIGNERS[4], 7)), NotTrusted, "witness.other_key", id="another key"),
    pytest.param(says(200, line(W2, 6)), VerificationError, "witness.other_checkpoint", id="the one before"),
    pytest.param(says(200, line(W2, 7, tree=FORK)), VerificationError, "witness.signature", id="a fork's"),
    pytest.param(
        says(200, line(W2, 7)[:-9] + b"AAAAAAA=\n"), VerificationError, "witness.signature", id="wrong"
    ),
    pytest.param(says(200, line(W2, 7, minutes=-10)), VerificationError, "witness.time", id="in the past"),
    pytest.param(says(200, line(W2, 7, minutes=10)), VerificationError, "witness.time", id="in the future"),
    pytest.param(says(404), Unavailable, "witness.refused", id="does not know the log"),
    pytest.param(says(500), Unavailable, "witness.refused", id="broken"),
    pytest.param(says(409, b"3\n"), Unavailable, "witness.refused", id="never content"),
    pytest.param(says(409, b"many\n"), VerificationError, "witness.answer", id="a size that is none"),
    pytest.param(says(409, b"41\n"), Conflict, "witness.ahead", id="ahead"),
    pytest.param(says(422), Conflict, "witness.inconsistent", id="another tree"),
]


@pytest.mark.parametrize(("act", "error", "code"), FAILING)
def test_a_witness_that_fails_is_named_and_the_others_make_the_quorum(
    act: Act, error: type[KonsensError], code: str, tmp_path: Path
) -> None:
    net = net_of(tmp_path)
    before = ask(net, 6).note
    net.acts["w2"] = act
    start = time.perf_counter()
    collected = ask(net, 7, before=before, timeout=0.4)
    assert time.perf_counter() - start < 3
    failed = collected.answers[2].error
    assert isinstance(failed, error)
    assert (failed.code, collected.answers[2].at) == (code, None)
    assert collected.proven is not None
    assert collected.proven.witnesses == ("w0", "w1")
    assert not ask(net, 7, before=before, timeout=0.4, quorum=3).quorum


def test_a_bug_in_the_transport_is_no_answer_of_a_witness(tmp_path: Path) -> None:
    def bug(body: bytes) -> tuple[int, bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(net_of(tmp_path, w0=bug), 7)


def test_a_fork_gets_no_cosignature_from_those_who_saw_the_other_branch(tmp_path: Path) -> None:
    net = net_of(tmp_path)
    ask(net, 7)
    collected = ask(net, 9, tree=FORK)
    assert [answer.error and answer.error.code for answer in collected.answers] == [
        "witness.inconsistent"
    ] * 3
    assert not collected.quorum


def test_two_logs_in_one_name_cannot_both_reach_the_quorum(tmp_path: Path) -> None:
    """2 of 3: whoever wins two witnesses has taken them from the other."""
    net = net_of(tmp_path)
    net.acts["w2"] = down
    assert ask(net, 7).quorum
    net.acts = {"w0": down}
    assert not ask(net, 9, tree=FORK).quorum


def test_proofs_of_a_registry_carry_the_cosignatures_that_it_kept(tmp_path: Path) -> None:
    folder, policy = tmp_path / "registry", policy_of(3, 2)
    make(folder, seals=3)
    net = net_of(tmp_path)
    with Registry.open(folder) as registry:
        signed = registry.checkpoint()
        assert signed is not None
        collected = collect(signed, policy, prove=lambda old: [], transport=net, at=AT)
        assert level_of(registry, 0, policy) == "checkpointed"
        registry.keep_cosigned(collected.note)
        assert level_of(registry, 0, policy) == "witnessed"
        proof = parse_proof(registry.prove_inclusion(0))
        proven = check_inclusion_proof(proof, leaf_hash=leaf_hash(registry.entry(0)), policy=policy)
        assert proven.witnesses == ("w0", "w1", "w2")
        assert parse_proof(registry.prove_holds(0, digest("next"))).checkpoint_note == collected.note
        registry.append([leaf(9)])
        index = registry.find(leaf(9).seal)
        assert index is not None
        assert level_of(registry, index, policy) == "sequenced"
        plain = registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
        assert [level_of(registry, n, policy) for n in (0, index)] == ["witnessed", "checkpointed"]
        assert registry.checkpoint() == plain
        with pytest.raises(NotFound, match=r"registry\.no_entry"):
            level_of(registry, 99, policy)
        again = collect(
            plain,
            policy,
            prove=registry.consistency_path,
            transport=net,
            at=later(1),
            before=registry.cosigned(),
        )
        registry.keep_cosigned(again.note)
        registry.keep_cosigned(collected.note)  # what came late changes nothing
        assert registry.cosigned() == again.note
        assert level_of(registry, index, policy) == "witnessed"
    assert fsck(folder, vkey=VKEY).failed == ()


def test_a_cosigned_note_is_read_once_unless_asked(tmp_path: Path) -> None:
    """All proofs of one bundle rest on one note, letter for letter."""
    folder = tmp_path / "registry"
    make(folder, seals=3)
    with Registry.open(folder) as reader, Registry.open(folder) as writer:
        plain = reader.checkpoint()
        assert plain is not None
        note = cosign(plain.note, COSIGNERS[0], at=AT)
        writer.keep_cosigned(note)
        assert reader.checkpoint() == plain
        reader.refresh()
        assert reader.checkpoint() == SignedCheckpoint(plain.checkpoint, note)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("hello\n\n— x AAAA\n", id="no note"),
        pytest.param(TREE.note(3), id="another checkpoint"),
    ],
)
def test_a_kept_note_that_does_not_fit_is_passed_over(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    make(folder, seals=3)
    (folder / "cosigned").write_text(text)
    with Registry.open(folder) as registry:
        plain = registry.checkpoint()
        assert plain is not None
        assert plain.note == (folder / "checkpoint").read_text()
        note = cosign(plain.note, COSIGNERS[0], at=AT)
        registry.keep_cosigned(note)
        assert registry.cosigned() == note


def test_only_what_was_published_here_is_kept(tmp_path: Path) -> None:
    make(tmp_path / "registry", seals=3)
    with Registry.open(tmp_path / "registry") as registry:
        for note in (TREE.note(3), TREE.note(4), TREE.note(5)):
            with pytest.raises(Unavailable, match=r"registry\.not_yet_checkpointed"):
                registry.keep_cosigned(note)
        assert registry.cosigned() is None


def test_what_witnesses_have_seen_is_here_or_the_log_was_set_back(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    make(folder, seals=3)
    with Registry.open(folder) as registry:
        signed = registry.checkpoint()
        assert signed is not None
        check_seen(registry, [signed.note])
        with pytest.raises(Damaged, match=r"registry\.rolled_back"):
            check_seen(registry, [TREE.note(40)])
        with pytest.raises(Damaged, match=r"registry\.fork"):
            check_seen(registry, [TREE.note(2)])
        with pytest.raises(NotTrusted, match=r"note\.unknown_signer"):
            check_seen(registry, [TREE.note(2, signer=SIGNER.__class__(SIGNER.name, b"x" * 32))])
