"""A program of its own: claim codes of 16 bytes in, the seals that they can break out, 32 bytes each.

An import derives 100,000 one-time keys. Threads would wait for the interpreter's lock after every key, so two
of these run beside it; they import nothing of konsens and know nothing but the codes.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from signal import SIG_IGN, SIGINT, signal

from nacl.bindings import crypto_sign_seed_keypair

CODE, SEAL, AT_ONCE = 16, 32, 1000

# HMAC-SHA-256 (RFC 2104, section 2) of short messages: a key's two pads, and the rest of each block.
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * 32, b"\x5c" * 32
_NO_SALT_INNER, _NO_SALT_OUTER = sha256(b"\x36" * 64), sha256(b"\x5c" * 64)
_INFO = b"konsens/v1/claim\x01"


def seal_of_claim(code: bytes) -> bytes:
    """Return the seal that a claim code can break.

    HKDF (RFC 5869, section 2) as in `konsens.records.claim_key`, written out because the general function
    takes several times as long; a test holds the two together.
    """
    within, around = _NO_SALT_INNER.copy(), _NO_SALT_OUTER.copy()
    within.update(code)
    around.update(within.digest())
    extracted = around.digest()
    within = sha256(extracted.translate(_INNER) + _INNER_REST + _INFO)
    key = sha256(extracted.translate(_OUTER) + _OUTER_REST + within.digest()).digest()
    return sha256(crypto_sign_seed_keypair(key)[0]).digest()


def seals_of_claims(codes: bytes) -> bytes:
    """Return the seals of `codes`, joined."""
    return b"".join([seal_of_claim(codes[n : n + CODE]) for n in range(0, len(codes), CODE)])


def main() -> None:
    """Answer `AT_ONCE` codes at a time, until there are no more."""
    signal(SIGINT, SIG_IGN)  # Ctrl-C reaches the whole group; the import ends, and with it the codes
    while codes := sys.stdin.buffer.read(CODE * AT_ONCE):
        sys.stdout.buffer.write(seals_of_claims(codes))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
