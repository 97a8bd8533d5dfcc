"""Evidence that a mirror wrote down: judged by the verifier's own list, and it convicts nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from konsens.errors import KonsensError, VerificationError
from konsens.registry import Cosigner, NoteSigner, consistency_path, leaf_hash, render_vkey, root_of
from konsens.registry.mirror import Fork, Mirror, accuse_hidden_seal, render_fraud
from konsens.registry.note import b64_encode
from konsens.registry.policy import parse_policy
from konsens.trail.result import Report
from konsens.trail.trust import Trust, TrustFile
from konsens.trail.verify import verify

from ..registry.logs import AT, ORIGIN, VKEY, later, sign
from ..registry.mirror.sources import ListSource, block, honest, mirror_of
from ..registry.mirror.test_follow import BROKEN_RULES
from ..registry.mirror.test_fraud import HIDDEN, LYING, holds_proof

PORTABLE = [
    pytest.param(param.values[0], str(param.values[1]).removeprefix("mirror."), param.values[2], id=param.id)
    for param in BROKEN_RULES
    if param.values[3]
]


def trusting(*vkeys: str, quorum: str = "none", more: str = "") -> Trust:
    policy = "".join(f"log {vkey}\n" for vkey in vkeys) + more + f"quorum {quorum}\n"
    parse_policy(policy)
    return Trust((TrustFile(v=1, policy=policy),))


TRUST = trusting(render_vkey(VKEY))


def judged(data: bytes | str, trust: Trust = TRUST) -> Report:
    return verify(data.encode() if isinstance(data, str) else data, trust, at=AT)


def seen_by_a_mirror(source: ListSource, folder: Path) -> bytes:
    """Return the evidence that a mirror keeps when it refuses a log."""
    with Mirror.open(folder, vkey=VKEY) as mirror:
        with pytest.raises(VerificationError):
            mirror.follow(source, at=later(9))
        (path,) = mirror.evidence()
        return path.read_bytes()


def fork(folder: Path) -> bytes:
    """A mirror was shown one past, and is now shown another."""
    mirror_of(honest(2), folder)
    return seen_by_a_mirror(ListSource(block(block(honest(1), 50, 60, minutes=1), 60, 70, minutes=2)), folder)


def hidden_seal(_: Path) -> bytes:
    source, proof = ListSource(honest(1)), holds_proof(LYING, HIDDEN.seal, hide=HIDDEN.seal)
    found = accuse_hidden_seal(source.all[4], 4, proof, note=source.note, node=source.node, vkey=VKEY)
    return render_fraud(found).encode()


def bad_entries(folder: Path) -> bytes:
    return seen_by_a_mirror(ListSource(BROKEN_RULES[3].values[0]()), folder)  # type: ignore[operator]  # a table


EVIDENCE = [fork, hidden_seal, bad_entries]


@pytest.mark.parametrize(
    ("make", "rule", "where"),
    [(fork, "fork", 22), (hidden_seal, "hidden_seal", 4), (bad_entries, "key_twice", 11)],
)
def test_what_a_mirror_wrote_down_convicts_the_operator(
    make: Callable[[Path], bytes], rule: str, where: int, tmp_path: Path
) -> None:
    report = judged(make(tmp_path / "mirror"))
    assert report.errors == ()
    assert [(one.name, one.ok) for one in report.checks] == [
        ("fraud.form", True),
        ("fraud.trust", True),
        ("fraud.proof", True),
    ]
    assert report.guilt is not None
    assert (report.kind, report.origin) == ("fraud", ORIGIN)
    assert (report.guilt.rule, report.guilt.origin, report.guilt.where) == (rule, ORIGIN, where)


@pytest.mark.parametrize(("log", "rule", "where"), PORTABLE)
def test_every_rule_that_a_log_can_break_is_judged(
    log: Callable[[], list[bytes]], rule: str, where: int, tmp_path: Path
) -> None:
    report = judged(seen_by_a_mirror(ListSource(log()), tmp_path / "mirror"))
    assert report.guilt is not None
    assert (report.guilt.rule, report.guilt.where) == (rule, where)


@pytest.mark.parametrize("make", EVIDENCE)
def test_of_a_log_that_nobody_vouched_for_nothing_is_judged(
    make: Callable[[Path], bytes], tmp_path: Path
) -> None:
    """Otherwise whoever accuses could make up a log and its key."""
    other = trusting(render_vkey(NoteSigner("log.other.example", bytes(32)).vkey))
    data = make(tmp_path / "mirror")
    for trust in (Trust(), other):
        report = judged(data, trust)
        assert report.failed == ("trust.log",)
        assert report.errors[0].exit_code == 10
        assert report.errors[0].facts["origin"] == ORIGIN
        assert report.guilt is None


@pytest.mark.parametrize("make", EVIDENCE)
def test_the_key_that_counts_is_the_verifiers_own(make: Callable[[Path], bytes], tmp_path: Path) -> None:
    """A log of the same name under another key is another log."""
    namesake = trusting(render_vkey(NoteSigner(ORIGIN, b"x" * 32).vkey))
    report = judged(make(tmp_path / "mirror"), namesake)
    assert report.failed == ("fraud.proves_nothing",)
    assert report.errors[0].exit_code == 6


@pytest.mark.parametrize("make", EVIDENCE)
def test_a_quorum_that_is_not_there_saves_no_operator(make: Callable[[Path], bytes], tmp_path: Path) -> None:
    """Two pasts are a lie whoever cosigned either: the operator's own signature is on both."""
    witness = render_vkey(Cosigner("witness.example", b"w" * 32).vkey)
    strict = trusting(render_vkey(VKEY), quorum="w", more=f"witness w {witness}\n")
    assert judged(make(tmp_path / "mirror"), strict).guilt is not None


def honest_pair() -> str:
    """Two checkpoints of one log that simply grew."""
    source = ListSource(honest(2))
    path = consistency_path(11, 22, source.node)
    prefix = root_of(map(leaf_hash, source.all[:11]))
    return render_fraud(
        Fork(sign(honest(1)), source.note, b64_encode(prefix), tuple(b64_encode(node) for node in path))
    )


def twice_the_same() -> str:
    return render_fraud(Fork(sign(honest(1)), sign(honest(1))))


def no_entries() -> str:
    return json.dumps({"v": 1, "type": "konsens/bad-entries", "rule": "entries", "entries": []})


def no_note() -> str:
    return json.dumps(
        {"v": 1, "type": "konsens/fork", "smaller": "", "larger": "", "prefix": None, "path": []}
    )


@pytest.mark.parametrize("make", [honest_pair, twice_the_same, no_entries, no_note])
def test_evidence_of_nothing_is_named(make: Callable[[], str]) -> None:
    report = judged(make())
    assert report.failed == ("fraud.proves_nothing",)
    assert (report.errors[0].exit_code, report.guilt) == (6, None)


@pytest.mark.parametrize("kind", ["fork", "hidden-seal", "bad-entries"])
@pytest.mark.parametrize("more", ['"more":1', '"more":1,"more":2'], ids=["unknown member", "member twice"])
def test_what_has_not_the_form_is_damaged(kind: str, more: str) -> None:
    report = judged(f'{{"v":1,"type":"konsens/{kind}",{more}}}')
    assert (report.kind, report.failed) == ("fraud", ("trail.form",))


@pytest.mark.parametrize("make", EVIDENCE)
def test_no_changed_byte_makes_another_accusation(make: Callable[[Path], bytes], tmp_path: Path) -> None:
    data = make(tmp_path / "mirror")
    right = judged(data).guilt
    for place in range(1, len(data), max(1, len(data) // 80)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            report = judged(changed)
        except KonsensError:  # no file that anybody knows
            continue
        assert report.guilt in (None, right)
        assert (report.guilt is None) == (not report.ok)
