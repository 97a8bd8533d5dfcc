"""Proofs of the seal map: no second spelling, no lie, and why no level may be skipped."""

from __future__ import annotations

from hashlib import sha256

import pytest

from konsens.errors import VerificationError
from konsens.registry.seal_map import (
    EMPTY_MAP,
    Row,
    SealMap,
    check_map_proof,
    map_root,
    source_of,
)

from .seals import FIVE, TWINS, prove, rows, seal


def assert_refused(proof: bytes, asked: bytes, root: bytes, size: int) -> None:
    with pytest.raises(VerificationError) as refused:
        check_map_proof(proof, seal=asked, root=root, size=size)
    assert refused.value.code == "proof.map"


def an_empty_slot(all_rows: list[Row]) -> bytes:
    """Return a seal whose slot in the map is empty, so that its absence has no other leaf to show."""
    return next(asked for number in range(10_000) if prove(all_rows, asked := seal(-number))[0] == 0)


MANY = rows(40)
ASKED = {
    "absent, empty slot": an_empty_slot(MANY),
    "absent, other leaf": sha256(b"x").digest(),
    "broken": seal(7),
}


@pytest.mark.parametrize("kind", ASKED)
def test_no_flipped_bit_survives(kind: str) -> None:
    asked, root = ASKED[kind], map_root(MANY)
    proof = prove(MANY, asked)
    assert proof[0] == list(ASKED).index(kind)
    for at in range(8 * len(proof)):
        changed = bytearray(proof)
        changed[at // 8] ^= 1 << at % 8
        assert_refused(bytes(changed), asked, root, len(MANY))


@pytest.mark.parametrize("kind", ASKED)
def test_no_byte_may_be_replaced(kind: str) -> None:
    asked, root = ASKED[kind], map_root(MANY)
    proof = prove(MANY, asked)
    for at in range(len(proof)):
        for value in {0, 1, 2, 3, 0x7F, 0x80, 0xFF} - {proof[at]}:
            assert_refused(proof[:at] + bytes([value]) + proof[at + 1 :], asked, root, len(MANY))


@pytest.mark.parametrize("kind", ASKED)
def test_no_other_length_survives(kind: str) -> None:
    asked, root = ASKED[kind], map_root(MANY)
    proof = prove(MANY, asked)
    for length in range(len(proof)):
        assert_refused(proof[:length], asked, root, len(MANY))
    for more in (1, 8, 31, 32, 40, 64):
        assert_refused(proof + bytes(more), asked, root, len(MANY))


def with_depth(proof: bytes, depth: int, bitmap: bytes) -> bytes:
    """Return the proof with another depth and bitmap in front of the same siblings and tail."""
    old = int.from_bytes(proof[1:3], "big")
    return proof[:1] + depth.to_bytes(2, "big") + bitmap + proof[3 + (old + 7) // 8 :]


@pytest.mark.parametrize(
    ("forged", "asked", "size"),
    [
        pytest.param(b"\x03" + prove(FIVE, seal(3))[1:], seal(3), 5, id="kind 3"),
        pytest.param(prove(FIVE, seal(3)), seal(3), 3, id="index = size"),
        pytest.param(prove(FIVE, sha256(b"x").digest()), sha256(b"x").digest(), 2, id="other's index = size"),
        pytest.param(with_depth(prove(FIVE, seal(3)), 4, b"\xd1"), seal(3), 5, id="spare bit set"),
        pytest.param(
            with_depth(prove(FIVE, seal(3)), 5, b"\xd0"), seal(3), 5, id="last level without sibling"
        ),
        pytest.param(
            with_depth(prove(TWINS, bytes(32)), 257, bytes(32) + b"\x80"), bytes(32), 2, id="depth 257"
        ),
        pytest.param(
            b"\x01" + prove(FIVE, seal(3))[1:] + seal(3), seal(3), 5, id="own seal as the other one"
        ),
        pytest.param(prove(FIVE, seal(3)), seal(3)[:31], 5, id="a seal of 31 bytes"),
        pytest.param(b"", seal(3), 5, id="nothing"),
    ],
)
def test_a_proof_that_is_not_the_one_spelling_is_refused(forged: bytes, asked: bytes, size: int) -> None:
    root = map_root(TWINS if asked == bytes(32) else FIVE)
    assert_refused(forged, asked, root, size)


def test_an_empty_sibling_may_not_be_listed() -> None:
    """It would fold to the right root, so only the rule itself refuses a second spelling of the proof."""
    proof = prove(TWINS, bytes(32))
    listed = b"\x02\x01\x00" + b"\x80" + proof[4:34] + b"\x01" + EMPTY_MAP + proof[35:]
    assert_refused(listed, bytes(32), map_root(TWINS), 2)


def test_another_leaf_must_lie_on_the_way_to_the_seal() -> None:
    """The leaf of seal 2 is really there, but beside the way to seal 3, whose absence it shall show."""
    other = prove(FIVE, seal(2))
    assert_refused(b"\x01" + other[1:] + seal(2), seal(3), map_root(FIVE), 5)


def test_a_proof_serves_no_other_seal_and_no_other_map() -> None:
    proof = prove(MANY, ASKED["broken"])
    assert_refused(proof, seal(8), map_root(MANY), len(MANY))
    assert_refused(proof, ASKED["broken"], map_root(rows(41)), 41)


# The forged absence: why no level may be skipped


def bit(value: bytes, at: int) -> int:
    return value[at // 8] >> (7 - at % 8) & 1


class Patricia:
    """A map that skips levels with one child: shorter proofs, which name the bit of each branch."""

    def __init__(self, all_rows: list[Row]) -> None:
        self.leaves = dict(all_rows)
        self.root = self._hash(sorted(self.leaves))

    def _fork(self, seals: list[bytes]) -> int:
        return next(at for at in range(256) if len({bit(each, at) for each in seals}) == 2)

    def _hash(self, seals: list[bytes]) -> bytes:
        if len(seals) == 1:
            return sha256(b"\x02" + seals[0] + self.leaves[seals[0]].to_bytes(8, "big")).digest()
        at = self._fork(seals)
        sides = ([each for each in seals if bit(each, at) == side] for side in (0, 1))
        return sha256(b"\x03" + b"".join(map(self._hash, sides))).digest()

    def way_to(self, leaf: bytes) -> list[tuple[int, bytes]]:
        """Return bit and sibling of each branch above a leaf, root side first."""
        seals, way = sorted(self.leaves), []
        while len(seals) > 1:
            at = self._fork(seals)
            way.append((at, self._hash([each for each in seals if bit(each, at) != bit(leaf, at)])))
            seals = [each for each in seals if bit(each, at) == bit(leaf, at)]
        return way


def patricia_says_absent(asked: bytes, leaf: Row, way: list[tuple[int, bytes]], root: bytes) -> bool:
    """The natural verifier: bits in order, the leaf shares each of them, the hashes lead to the root."""
    places = [at for at, _ in way]
    if (
        leaf[0] == asked
        or places != sorted(set(places))
        or any(bit(asked, at) != bit(leaf[0], at) for at in places)
    ):
        return False
    node = sha256(b"\x02" + leaf[0] + leaf[1].to_bytes(8, "big")).digest()
    for at, sibling in reversed(way):
        node = sha256(b"\x03" + (sibling + node if bit(asked, at) else node + sibling)).digest()
    return node == root


def lie(asked: bytes, leaf: bytes, sides: list[int]) -> list[int] | None:
    """Return bits at which `asked` and `leaf` agree and that turn the way that the hashes need."""
    places: list[int] = []
    for side in sides:
        start = places[-1] + 1 if places else 0
        found = [at for at in range(start, 256) if bit(asked, at) == bit(leaf, at) == side]
        if not found:
            return None
        places.append(found[0])
    return places


def test_all_of_200_forged_absences_fool_a_map_that_skips_levels_and_none_fools_ours() -> None:
    all_rows = rows(200)
    patricia, ours = Patricia(all_rows), SealMap(source_of(all_rows), size=200)
    fooled, refused = 0, 0
    for broken, _ in all_rows:
        for leaf in all_rows:
            way = patricia.way_to(leaf[0])
            places = lie(broken, leaf[0], [bit(leaf[0], at) for at, _ in way])
            if leaf[0] != broken and places:
                forged = [(at, sibling) for at, (_, sibling) in zip(places, way, strict=True)]
                fooled += patricia_says_absent(broken, leaf, forged, patricia.root)
                break
        refused += the_same_lie_is_refused(ours, broken, leaf, places or [])
    assert (fooled, refused) == (200, 200)


def the_same_lie_is_refused(ours: SealMap, broken: bytes, leaf: Row, places: list[int]) -> bool:
    """Put the same branches, with our siblings, into the best proof that our format can write."""
    honest = ours.prove(leaf[0])
    depth = int.from_bytes(honest[1:3], "big")
    start = 3 + (depth + 7) // 8
    siblings = [honest[at : at + 32] for at in range(start, len(honest) - 8, 32)]
    places = (places + [places[-1] + more for more in range(1, 20)])[: len(siblings)]
    claimed = places[-1] + 1
    bitmap = sum(1 << (claimed - 1 - at) for at in places) << (-claimed % 8)
    head = claimed.to_bytes(2, "big") + bitmap.to_bytes((claimed + 7) // 8, "big") + b"".join(siblings)
    for proof in (b"\x01" + head + leaf[1].to_bytes(8, "big") + leaf[0], b"\x00" + head):
        with pytest.raises(VerificationError):
            check_map_proof(proof, seal=broken, root=ours.root(), size=200)
    return check_map_proof(ours.prove(broken), seal=broken, root=ours.root(), size=200) is not None
