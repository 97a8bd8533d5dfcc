"""The seal map: its test values and its laws."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError, KonsensError, VerificationError
from konsens.registry.seal_map import (
    EMPTY_MAP,
    MOST_LEVELS,
    Row,
    SealMap,
    check_map_proof,
    map_root,
    source_of,
)

from .seals import FIVE, TWINS, prove, rows, seal

ROOT_OF_FIVE = "281559fa6eb195222c581a1279e1da3cf2c487495ec318c4f1c8c994d79192de"


@pytest.mark.parametrize(
    ("given_rows", "root"),
    [
        pytest.param([], "00" * 32, id="nothing"),
        pytest.param(rows(1), "dee0601edec38950e23c59243ab6af77d33d00bbb6ebeef3481c6bb8247446e7", id="one"),
        pytest.param(rows(2), "727ed3b5b66cbaadba1b5b7a5db91958c046ab6b8a83487410a0b80a2495361a", id="two"),
        pytest.param(FIVE, ROOT_OF_FIVE, id="five"),
        pytest.param(
            TWINS, "6a00e98488d53076fb079ae70f22edacb2a92990d2bc9c3d0d0a4a42bb26e4a9", id="255 bits shared"
        ),
    ],
)
def test_the_roots_have_their_published_values(given_rows: list[Row], root: str) -> None:
    assert map_root(given_rows).hex() == root
    assert map_root(given_rows[::-1]).hex() == root
    assert SealMap(source_of(given_rows), size=len(given_rows)).root().hex() == root


@pytest.mark.parametrize(
    ("asked", "proof", "broken_at"),
    [
        pytest.param(
            sha256(b"x").digest(),
            "01000180d335c7b46ab905e8b2660070c6b42da8b326a554c7d1025876da6a230c5fb151000000000000000238"
            "7406a22c0fd57c6354ac516660722dca5fca5e963e10aebc84ef219eec2722",
            None,
            id="absent",
        ),
        pytest.param(
            seal(3),
            "020004d079dd575e7d0d377b0cd8e9c70c8d6a8639c4e6b2b0daa8c4f389aaadc1bf7c45070cea36e404c5ec8a"
            "a0d1f97c6c29849e580a20998cd5680ef3d122c3af3c5f4294587a07e3f6bb342018c1078d30a004969f4a106a"
            "0b62af6f6b6c046b99a00000000000000003",
            3,
            id="present",
        ),
    ],
)
def test_the_proofs_have_their_published_values(asked: bytes, proof: str, broken_at: int | None) -> None:
    assert prove(FIVE, asked).hex() == proof
    root = bytes.fromhex(ROOT_OF_FIVE)
    assert check_map_proof(bytes.fromhex(proof), seal=asked, root=root, size=5) == broken_at


def test_in_an_empty_map_nothing_is_broken() -> None:
    proof = prove([], seal(0))
    assert proof == bytes(3)
    assert check_map_proof(proof, seal=seal(0), root=EMPTY_MAP, size=0) is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (bytes(32), 0),
        (bytes(31) + b"\x01", 1),
        (bytes(31) + b"\x02", None),
        (b"\x80" + bytes(31), None),
        (bytes(30) + b"\x01\x00", None),
    ],
)
def test_seals_that_share_255_bits_are_told_apart(asked: bytes, expected: int | None) -> None:
    proof = prove(TWINS, asked)
    assert check_map_proof(proof, seal=asked, root=map_root(TWINS), size=2) == expected


def test_the_deepest_proof_has_256_levels_and_one_sibling() -> None:
    proof = prove(TWINS, bytes(32))
    assert proof[:3] == b"\x02\x01\x00"
    assert len(proof) == 3 + 32 + 32 + 8


# Few distinct bits, so that drawn seals share long beginnings.
SEALS = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.builds(
        lambda head, tail: head + bytes(31 - len(head)) + tail,
        st.binary(max_size=2),
        st.binary(min_size=1, max_size=1),
    ),
)
SETS = st.lists(SEALS, unique=True, max_size=60)


@given(SETS, st.lists(SEALS, max_size=8), st.integers(1, 9))
def test_every_seal_is_proven_broken_or_not(seals: list[bytes], others: list[bytes], levels: int) -> None:
    all_rows = [(each, index) for index, each in enumerate(seals)]
    root, broken = map_root(all_rows), dict(all_rows)
    seal_map = SealMap(source_of(all_rows), size=len(seals), levels=levels)
    assert seal_map.root() == root
    for asked in [*seals, *others]:
        proof = seal_map.prove(asked)
        assert check_map_proof(proof, seal=asked, root=root, size=len(seals)) == broken.get(asked)


@given(SETS, st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_a_map_that_grows_is_the_map_of_all_rows_and_every_past_map_can_be_shown(
    seals: list[bytes], cuts: list[int], source_is_ahead: bool
) -> None:
    all_rows = [(each, index) for index, each in enumerate(seals)]
    held: list[Row] = list(all_rows) if source_is_ahead else []
    growing = SealMap(lambda spans: source_of(held)(spans), size=0)
    for cut in sorted({*(min(cut, len(seals)) for cut in cuts), len(seals)}):
        new = all_rows[growing.size : cut]
        growing.insert(new[::-1], size=cut)
        if not source_is_ahead:
            held += new
        assert growing.root() == map_root(all_rows[:cut]) == SealMap(source_of(all_rows), size=cut).root()


def test_a_map_deepens_as_it_grows() -> None:
    all_rows, held = rows(20_000), [source_of([])]
    growing = SealMap(lambda spans: held[-1](spans), size=0, levels=2)
    for size in range(4000, 20_001, 4000):
        growing.insert(all_rows[size - 4000 : size], size=size)
        held.append(source_of(all_rows[:size]))
    assert growing.root() == map_root(all_rows)
    deepest = SealMap(source_of(all_rows), size=20_000, levels=MOST_LEVELS)
    assert deepest.root() == growing.root()
    assert deepest.prove(seal(77)) == growing.prove(seal(77))


@pytest.mark.parametrize(
    ("new", "size", "error", "code"),
    [
        pytest.param([(seal(3), 5)], 6, VerificationError, "seal.repeated", id="broken before"),
        pytest.param([(seal(6), 5), (seal(6), 6)], 7, VerificationError, "seal.repeated", id="twice at once"),
        pytest.param([(seal(6), 4)], 6, InputError, "seal.rows", id="index taken"),
        pytest.param([(seal(6), 6)], 6, InputError, "seal.rows", id="index beyond the size"),
        pytest.param([], 4, InputError, "seal.rows", id="shrunk"),
    ],
)
def test_rows_that_do_not_follow_change_nothing(
    new: list[Row], size: int, error: type[KonsensError], code: str
) -> None:
    growing = SealMap(source_of(FIVE), size=5)
    with pytest.raises(error) as refused:
        growing.insert(new, size=size)
    assert refused.value.code == code
    assert (growing.size, growing.root().hex()) == (5, ROOT_OF_FIVE)


def test_a_repeated_seal_has_no_map() -> None:
    with pytest.raises(VerificationError) as refused:
        map_root([(seal(0), 0), (seal(0), 1)])
    assert refused.value.code == "seal.repeated"
