"""The Merkle tree: official proofs, two independent judges, and the laws."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymerkle  # type: ignore[import-untyped]  # it has no type hints
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofbundle import merkle as proofbundle

from konsens.errors import InputError, VerificationError
from konsens.registry.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    check_consistency,
    check_inclusion,
    check_subtree_consistency,
    check_subtree_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
)

OFFICIAL = Path(__file__).parents[1] / "vectors" / "transparency-dev-merkle" / "testdata"
ENTRIES = [f"entry {number}".encode() for number in range(400)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]

# An empty subtree is consistent with every tree, so such a proof shows nothing: we refuse it like size1 = 0.
EMPTY_SUBTREES_THAT_WE_REFUSE = {
    "subtree-is-empty-sizes-are-equal-one-subtree-root-valid-proof-is-empty",
    "subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty",
    "subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-proof-is-empty",
    "subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty",
    "subtree-is-empty-subtree-root-valid-proof-is-empty",
    "subtree-is-empty-subtree-root-valid-tree-root-random-proof-is-empty",
}


def nodes_of(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    """Return the node source of a tree, which refuses what is no complete subtree of it."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        pairs = zip(levels[-1][::2], levels[-1][1::2], strict=False)
        levels.append([node_hash(left, right) for left, right in pairs])
    return lambda level, index: levels[level][index]


NODE = nodes_of(LEAVES)


def check_official(kind: str, vector: dict[str, Any]) -> None:
    proof = [b64decode(step) for step in vector["proof"] or []]
    value = {name: b64decode(vector[name] or "") for name in vector if name.startswith(("root", "leafHash"))}
    if kind == "inclusion":
        check_inclusion(vector["leafIdx"], vector["treeSize"], value["leafHash"], proof, value["root"])
    elif kind == "consistency":
        check_consistency(vector["size1"], vector["size2"], proof, value["root1"], value["root2"])
    elif kind == "subtreeinclusion":
        index, start, end = vector["leafIdx"], vector["start"], vector["end"]
        check_subtree_inclusion(index, start, end, value["leafHash"], proof, value["root"])
    else:
        start, end, size = vector["start"], vector["end"], vector["size"]
        check_subtree_consistency(start, end, size, proof, value["root1"], value["root2"])


def test_all_official_proofs_are_judged_as_their_authors_do() -> None:
    wrong, files = [], sorted(OFFICIAL.rglob("*.json"))
    for path in files:
        vector = json.loads(path.read_text("utf-8"))
        try:
            check_official(path.relative_to(OFFICIAL).parts[0], vector)
        except VerificationError:
            accepted = False
        else:
            accepted = True
        if accepted == vector["wantErr"]:
            wrong.append((path.stem, accepted))
    assert len(files) == 518
    assert set(wrong) == {(name, False) for name in EMPTY_SUBTREES_THAT_WE_REFUSE}


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root_of([]) == Frontier().root() == EMPTY_ROOT == proofbundle.merkle_tree_hash([])


def test_roots_and_proofs_agree_with_proofbundle_and_pymerkle_for_every_index_and_size() -> None:
    judge = pymerkle.InmemoryTree(algorithm="sha256")
    for size in range(1, 40):
        judge.append_entry(ENTRIES[size - 1])
        root = root_of(LEAVES[:size])
        assert root == judge.get_root() == proofbundle.merkle_tree_hash(ENTRIES[:size])
        for index in range(size):
            path = inclusion_path(index, size, NODE)
            assert path == proofbundle.inclusion_proof(ENTRIES[:size], index)
            assert path == judge.prove_inclusion(index + 1, size).path[1:]
            assert proofbundle.verify_inclusion(ENTRIES[index], index, size, path, root)
            check_inclusion(index, size, LEAVES[index], path, root)
        for old in range(1, size + 1):
            path = consistency_path(old, size, NODE)
            assert path == proofbundle.consistency_proof(ENTRIES[:size], old)
            assert proofbundle.verify_consistency(old, size, path, root_of(LEAVES[:old]), root)
            pymerkle.verify_consistency(
                judge.get_root(old), root, judge.prove_consistency(old, size), prior_size=old, later_size=size
            )
            check_consistency(old, size, path, root_of(LEAVES[:old]), root)


@given(st.integers(1, 400), st.data())
def test_every_leaf_is_proven_in_every_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, NODE)
    check_inclusion(index, size, LEAVES[index], path, root_of(LEAVES[:size]))


@given(st.integers(1, 400), st.data())
def test_every_tree_continues_every_smaller_one(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    path = consistency_path(old, size, NODE)
    check_consistency(old, size, path, root_of(LEAVES[:old]), root_of(LEAVES[:size]))


@given(st.integers(1, 400), st.data())
def test_no_changed_bit_of_a_proof_survives(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    inclusion, consistency = inclusion_path(index, size, NODE), consistency_path(old, size, NODE)
    root, old_root = root_of(LEAVES[:size]), root_of(LEAVES[:old])
    for changed in altered(inclusion):
        with pytest.raises(VerificationError):
            check_inclusion(index, size, LEAVES[index], changed, root)
    for changed in altered(consistency):
        with pytest.raises(VerificationError):
            check_consistency(old, size, changed, old_root, root)


def altered(path: list[bytes]) -> list[list[bytes]]:
    """Return the path with a step too many, one too few, and with each step changed or cut."""
    changed = [[*path, bytes(32)]]
    if path:
        changed.append(path[:-1])
    for at, step in enumerate(path):
        others = (bytes([step[0] ^ 1]) + step[1:], step[:-1] + bytes([step[-1] ^ 128]), step[:-1], b"")
        changed += [[*path[:at], other, *path[at + 1 :]] for other in others]
    return changed


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_log_goes_on_from_its_frontier(first: int, second: int) -> None:
    size = min(first + second, 400)
    first = min(first, size)
    for frontier in (Frontier.at(first, NODE), Frontier(first, Frontier.at(first, NODE).nodes)):
        frontier.extend(LEAVES[first:size])
        assert (frontier.size, frontier.root()) == (size, root_of(LEAVES[:size]))
    one_by_one = Frontier()
    for leaf in LEAVES[:size]:
        one_by_one.append(leaf)
    assert one_by_one.nodes == Frontier.at(size, NODE).nodes


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, MAX_SIZE + 1)], ids=["below", "beyond", "empty", "huge"]
)
def test_an_index_outside_of_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(VerificationError) as refused:
        check_inclusion(index, size, LEAVES[0], [], LEAVES[0])
    assert refused.value.code == "proof.inclusion"
    if size <= MAX_SIZE:
        with pytest.raises(InputError) as impossible:
            inclusion_path(index, size, NODE)
        assert impossible.value.code == "proof.range"


@pytest.mark.parametrize(
    ("old", "new"),
    [(0, 0), (0, 5), (6, 5), (-1, 5)],
    ids=["both empty", "from nothing", "shrunk", "negative"],
)
def test_consistency_from_nothing_or_backwards_is_refused(old: int, new: int) -> None:
    root = root_of(LEAVES[: max(new, 0)])
    with pytest.raises(VerificationError) as refused:
        check_consistency(old, new, [], EMPTY_ROOT if old == 0 else root, root)
    assert refused.value.code == "proof.consistency"
    with pytest.raises(InputError) as impossible:
        consistency_path(old, new, NODE)
    assert impossible.value.code == "proof.range"


def test_consistency_with_a_forged_huge_size_is_refused_at_once() -> None:
    with pytest.raises(VerificationError):
        check_consistency(1, 1 << 100_000, [LEAVES[0]], LEAVES[0], LEAVES[0])


def subtree_path(start: int, end: int, leaves: list[bytes], known: bool) -> list[bytes]:
    """SUBTREE_SUBPROOF of draft-ietf-plants-merkle-tree-certs, as it is written there."""
    if (start, end) == (0, len(leaves)):
        return [] if known else [root_of(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = leaves[:split], leaves[split:]
    if end <= split:
        return [*subtree_path(start, end, left, known), root_of(right)]
    if start >= split:
        return [*subtree_path(start - split, end - split, right, known), root_of(left)]
    return [*subtree_path(0, end - split, right, False), root_of(left)]


@pytest.mark.parametrize("size", [1, 2, 5, 8, 21])
def test_every_subtree_is_proven_in_its_tree(size: int) -> None:
    leaves, root = LEAVES[:size], root_of(LEAVES[:size])
    for start in range(size):
        for end in range(start + 1, size + 1):
            part = leaves[start:end]
            if start % (1 << (len(part) - 1).bit_length()):
                with pytest.raises(VerificationError):
                    check_subtree_consistency(start, end, size, [], root_of(part), root)
                continue
            path = subtree_path(start, end, leaves, True)
            check_subtree_consistency(start, end, size, path, root_of(part), root)
            for changed in altered(path):
                with pytest.raises(VerificationError):
                    check_subtree_consistency(start, end, size, changed, root_of(part), root)
            inclusion = inclusion_path(0, len(part), nodes_of(part))
            check_subtree_inclusion(start, start, end, part[0], inclusion, root_of(part))


def test_a_frontier_needs_a_node_for_every_binary_digit_of_its_size() -> None:
    with pytest.raises(InputError) as refused:
        Frontier(3, [LEAVES[0]])
    assert refused.value.code == "proof.range"
