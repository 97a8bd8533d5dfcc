"""The proof that a seal is broken, or that it is not, byte for byte: written, read and checked.

kind(1) ‖ depth(2, ≤ 256) ‖ bitmap(⌈depth/8⌉, 1 = non-zero sibling, spare bits 0) ‖ siblings that are not zero
‖ kind 0 (absent, empty slot): nothing, kind 1 (absent, other leaf there): index(8) ‖ seal(32),
  kind 2 (broken): index(8)
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ..errors import VerificationError
from .trie import EMPTY_MAP, Row

__all__ = ["check_map_proof", "render_map_proof"]

_ABSENT, _OTHER, _BROKEN = 0, 1, 2


def render_map_proof(seal: bytes, siblings: Sequence[bytes], rows: Sequence[Row]) -> bytes:
    """Return the proof for `seal`, whose way past `siblings` ends at `rows`, one or none."""
    depth = len(siblings)
    bitmap = 0
    for sibling in siblings:
        bitmap = bitmap << 1 | (sibling != EMPTY_MAP)
    kind, tail = _ABSENT, b""
    if rows:
        found, index = rows[0]
        kind, tail = (_BROKEN, b"") if found == seal else (_OTHER, found)
        tail = index.to_bytes(8, "big") + tail
    marks = (bitmap << (-depth % 8)).to_bytes((depth + 7) // 8, "big")
    return b"".join(
        [bytes([kind]), depth.to_bytes(2, "big"), marks, *(s for s in siblings if s != EMPTY_MAP), tail]
    )


def check_map_proof(proof: bytes, *, seal: bytes, root: bytes, size: int) -> int | None:
    """Return the index of the leaf that broke `seal`, or None if it is not broken.

    `root` and `size` (the number of entries that the map covers) come from a head leaf that was proven.
    Anything but the one proof that the map has for this seal raises `proof.map`.
    """
    kind, depth, siblings, tail = _parse_proof(proof)
    index, other = (int.from_bytes(tail[:8], "big") if tail else 0), tail[8:]
    bits = int.from_bytes(seal, "big")
    if len(seal) != 32 or (kind != _ABSENT and index >= size):
        raise VerificationError("proof.map")
    if kind == _OTHER and (other == seal or (bits ^ int.from_bytes(other, "big")) >> (256 - depth)):
        raise VerificationError("proof.map")
    node = EMPTY_MAP if kind == _ABSENT else sha256(b"\x02" + (other or seal) + tail[:8]).digest()
    for level in range(depth - 1, -1, -1):
        pair = siblings[level] + node if bits >> (255 - level) & 1 else node + siblings[level]
        node = sha256(b"\x03" + pair).digest()
    if node != root:
        raise VerificationError("proof.map")
    return index if kind == _BROKEN else None


def _parse_proof(proof: bytes) -> tuple[int, int, list[bytes], bytes]:
    """Return kind, depth, all siblings root side first, and what follows them."""
    kind, depth = proof[0] if proof else 3, int.from_bytes(proof[1:3], "big")
    at = 3 + (depth + 7) // 8
    if kind > _BROKEN or depth > 256 or len(proof) < at:
        raise VerificationError("proof.map")
    spare = -depth % 8
    bitmap = int.from_bytes(proof[3:at], "big")
    # The deepest sibling is never empty: a lone leaf would have been hoisted above it.
    if bitmap & ((1 << spare) - 1) or (depth and not bitmap >> spare & 1):
        raise VerificationError("proof.map")
    end = at + 32 * bitmap.bit_count()
    if len(proof) != end + (0, 40, 8)[kind]:
        raise VerificationError("proof.map")
    siblings = []
    for level in range(depth):
        if bitmap >> (depth - 1 - level + spare) & 1:
            siblings.append(proof[at : at + 32])
            at += 32
            if siblings[-1] == EMPTY_MAP:
                raise VerificationError("proof.map")
        else:
            siblings.append(EMPTY_MAP)
    return kind, depth, siblings, proof[end:]
