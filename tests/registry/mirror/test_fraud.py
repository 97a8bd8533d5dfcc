"""A fraud proof convinces whoever has the log's key, and nothing that is not true can be made into one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import InputError, KonsensError, VerificationError
from konsens.registry import (
    HoldsExtra,
    InclusionProof,
    NoteSigner,
    inclusion_path,
    parse_leaf,
    render_holds_extra,
    render_proof,
)
from konsens.registry.leaf import HeadLeaf
from konsens.registry.mirror import (
    BadEntries,
    Fork,
    Fraud,
    HiddenSeal,
    Mirror,
    accuse_by_buckets,
    accuse_entries,
    accuse_fork,
    accuse_hidden_seal,
    check_fraud,
    parse_fraud,
    render_fraud,
)
from konsens.registry.mirror.evidence import included
from konsens.registry.mirror.hidden import prove_in_bucket
from konsens.registry.seal_map import SealMap, source_of
from konsens.registry.static.bucket import Prefix, bucket_of

from ..logs import AT, ORIGIN, VKEY, digest, leaf, rows_of, sign
from .sources import ListSource, block, honest, mirror_of


def holds_proof(entries: list[bytes], seal: bytes, *, hide: bytes | None = None) -> str:
    """Return the operator's proof about a seal at the end of a log, from the map that he shows."""
    source, size = ListSource(entries), len(entries)
    rows = [row for row in rows_of(entries) if row[0] != hide]
    shown = SealMap(source_of(rows), size=size - 1).prove(seal)
    head = parse_leaf(entries[-1])
    assert isinstance(head, HeadLeaf)
    path = tuple(inclusion_path(size - 1, size, source.node))
    extra = render_holds_extra(HoldsExtra(head, path, shown))
    return render_proof(InclusionProof(0, tuple(inclusion_path(0, size, source.node)), source.note, extra))


HIDDEN = leaf(4)
LYING = block(honest(1), 10, 12, hide=HIDDEN.seal)


def hidden_seal(*, entries: list[bytes] = LYING, index: int = 4, seal: bytes = HIDDEN.seal) -> HiddenSeal:
    """The leaf is shown under the checkpoint before, which a mirror has; the lie under the one after."""
    source = ListSource(honest(1))
    return accuse_hidden_seal(
        source.all[index],
        index,
        holds_proof(entries, seal, hide=HIDDEN.seal),
        note=source.note,
        node=source.node,
        vkey=VKEY,
    )


def fork(*, same: bool) -> Fork:
    other = block(honest(1), 50, 60 if same else 70, minutes=1)
    source = ListSource(other)
    found = accuse_fork(sign(honest(2)), source.note, source.node, vkey=VKEY)
    assert found is not None
    return found


def bad_entries() -> BadEntries:
    source = ListSource(block([*honest(1), leaf(3, says="otherwise").entry], 10, 12))
    found = accuse_entries(
        "key_twice", [(3, source.all[3]), (11, source.all[11])], note=source.note, node=source.node, vkey=VKEY
    )
    assert found is not None
    return found


@cache
def examples() -> dict[str, Fraud]:
    return {
        "hidden seal": hidden_seal(),
        "fork of one size": fork(same=True),
        "fork that has grown": fork(same=False),
        "bad entries": bad_entries(),
    }


NAMES = ["hidden seal", "fork of one size", "fork that has grown", "bad entries"]


@pytest.mark.parametrize(
    ("name", "rule", "where"),
    [*zip(NAMES, ["hidden_seal", "fork", "fork", "key_twice"], [4, 22, 22, 11], strict=True)],
)
def test_a_fraud_proof_stands_on_its_own(name: str, rule: str, where: int) -> None:
    fraud = parse_fraud(render_fraud(examples()[name]))
    assert fraud == examples()[name]
    proven = check_fraud(fraud, VKEY)
    assert (proven.rule, proven.origin, proven.where) == (rule, ORIGIN, where)


@pytest.mark.parametrize("name", NAMES)
def test_it_convicts_nobody_else(name: str) -> None:
    for other in (NoteSigner(ORIGIN, b"x" * 32), NoteSigner("other.example", bytes(32))):
        with pytest.raises(VerificationError, match=r"fraud\.proves_nothing"):
            check_fraud(examples()[name], other.vkey)


@given(st.sampled_from(NAMES), st.data())
@settings(max_examples=400, deadline=None)
def test_no_changed_byte_survives(name: str, data: st.DataObject) -> None:
    """Except where it says the same in other words: a JSON text has more than one spelling."""
    raw = bytearray(render_fraud(examples()[name]).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        fraud = parse_fraud(bytes(raw))
        proven = check_fraud(fraud, VKEY)
    except KonsensError:
        return
    assert proven == check_fraud(examples()[name], VKEY)


HONEST = honest(2)


def honest_hidden() -> Fraud:
    """The proof of a seal that is not broken, beside a leaf that breaks another one."""
    return HiddenSeal(hidden_seal().leaf, holds_proof(HONEST, digest("unbroken")))


def honest_broken() -> Fraud:
    return HiddenSeal(hidden_seal().leaf, holds_proof(HONEST, HIDDEN.seal))


def too_early() -> Fraud:
    """A leaf that came after the head leaf, whose map cannot know it."""
    source = ListSource(HONEST)
    return HiddenSeal(
        included(HONEST[12], 12, note=source.note, node=source.node), holds_proof(honest(1), leaf(11).seal)
    )


def no_seal_leaf() -> Fraud:
    source = ListSource(HONEST)
    return HiddenSeal(included(HONEST[10], 10, note=source.note, node=source.node), hidden_seal().unbroken)


def honest_growth() -> Fraud:
    source = ListSource(HONEST)
    assert accuse_fork(sign(honest(1)), source.note, source.node, vkey=VKEY) is None
    real = fork(same=False)
    return Fork(sign(honest(1)), source.note, real.prefix, real.path)


def same_note_twice() -> Fraud:
    return Fork(sign(HONEST), sign(HONEST))


def unproven_growth() -> Fraud:
    return Fork(sign(honest(1)), sign(HONEST))


def wrong_rule() -> Fraud:
    return BadEntries("head_time", bad_entries().entries)


def one_too_few() -> Fraud:
    return BadEntries("key_twice", bad_entries().entries[1:])


def twice_the_same() -> Fraud:
    return BadEntries("key_twice", (bad_entries().entries[1],) * 2)


def in_the_wrong_order() -> Fraud:
    return BadEntries("key_twice", bad_entries().entries[::-1])


def all_is_well() -> Fraud:
    return BadEntries("leaf_signature", bad_entries().entries[:1])


def not_at_the_end() -> Fraud:
    return BadEntries("checkpoint_head", bad_entries().entries[:1])


@pytest.mark.parametrize(
    "accusation",
    [
        honest_hidden,
        honest_broken,
        too_early,
        no_seal_leaf,
        honest_growth,
        same_note_twice,
        unproven_growth,
        wrong_rule,
        one_too_few,
        twice_the_same,
        in_the_wrong_order,
        all_is_well,
        not_at_the_end,
    ],
    ids=lambda accusation: accusation.__name__,
)
def test_nobody_honest_can_be_accused(accusation: Callable[[], Fraud]) -> None:
    with pytest.raises(VerificationError, match=r"fraud\.proves_nothing"):
        check_fraud(accusation(), VKEY)


def test_an_operator_who_hides_a_seal_is_caught_by_a_mirror_and_convicted(tmp_path: Path) -> None:
    """The mirror sees that the map is wrong; with the proof that the operator gives out it convicts him."""
    mirror_of(honest(1), tmp_path / "mirror")
    lie = holds_proof(LYING, HIDDEN.seal, hide=HIDDEN.seal)
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(VerificationError, match=r"mirror\.map_root"):
            mirror.follow(ListSource(LYING), at=AT)
        fraud = mirror.accuse_hidden(lie, HIDDEN.seal)
        assert check_fraud(fraud, VKEY).rule == "hidden_seal"
        assert parse_fraud(mirror.evidence()[0].read_text()) == fraud
        assert mirror.state().found == "mirror.map_root"
        with pytest.raises(VerificationError, match=r"fraud\.proves_nothing"):
            mirror.accuse_hidden(lie, digest("never broken"))
        with pytest.raises(VerificationError, match=r"fraud\.proves_nothing"):
            mirror.accuse_hidden(holds_proof(HONEST, HIDDEN.seal), HIDDEN.seal)


def bucket_source(entries: list[bytes], *, hide: bytes | None = None) -> Callable[[Prefix], bytes]:
    """Return the buckets that an operator shows of the map at the end of a log."""
    rows = source_of([row for row in rows_of(entries) if row[0] != hide])
    shown = SealMap(rows, size=len(entries) - 1)
    return lambda prefix: bucket_of(shown, prefix, rows)


@pytest.mark.parametrize("depth", [0, 1, 4, 9, 12])
@pytest.mark.parametrize("number", [4, 11], ids=["in the copy", "behind it"])
def test_the_buckets_that_an_operator_shows_convict_him(number: int, depth: int, tmp_path: Path) -> None:
    hidden = leaf(number).seal
    mirror_of(honest(1), tmp_path / "mirror")
    lying = ListSource(block(honest(1), 10, 12, hide=hidden))
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(VerificationError, match=r"mirror\.map_root"):
            mirror.follow(lying, at=AT)
        fraud = accuse_by_buckets(mirror, lying, bucket_source(lying.all, hide=hidden), depth=depth)
        assert fraud is not None
        assert check_fraud(fraud, VKEY).where == lying.all.index(leaf(number).entry)
        assert parse_fraud(mirror.evidence()[0].read_text()) == fraud
        with pytest.raises(VerificationError, match=r"bucket\.map"):
            accuse_by_buckets(mirror, lying, bucket_source(lying.all), depth=depth)


@pytest.mark.parametrize("depth", [0, 3])
def test_the_buckets_of_an_honest_operator_convict_nobody(depth: int, tmp_path: Path) -> None:
    source = ListSource(HONEST)
    mirror_of(HONEST, tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        assert accuse_by_buckets(mirror, source, bucket_source(HONEST), depth=depth) is None


@given(st.integers(0, 40), st.integers(0, 10), st.integers(0, 99))
def test_a_proof_from_a_bucket_is_the_proof_from_the_map(count: int, depth: int, asked: int) -> None:
    rows = source_of([(digest(f"seal {n}"), n) for n in range(count)])
    whole, seal = SealMap(rows, size=count), digest(f"seal {asked}")
    prefix = Prefix.of(seal, depth)
    assert prove_in_bucket(bucket_of(whole, prefix, rows), prefix, seal) == whole.prove(seal)


def test_the_proof_tells_nothing_of_the_event_that_it_was_given_for() -> None:
    text = json.loads(render_fraud(hidden_seal()))["unbroken"]
    assert f"\nindex {len(LYING) - 1}\n" in text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{}", "input.wrong_type"),
        ("[]", "input.wrong_type"),
        ('{"type":"konsens/fork"}', "input.format"),
        ('{"type":"konsens/fork","smaller":"","larger":"","v":2}', "input.format"),
        ('{"type":"konsens/fork","smaller":"","larger":"","x":2}', "input.unknown_member"),
        ("no", "input.json"),
    ],
)
def test_a_file_that_is_no_fraud_proof_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_fraud(text)
    assert caught.value.code == code
