"""A program of its own: claim codes of 16 bytes in, the seals that they can break out, 32 bytes each.

An import derives 100,000 one-time keys. Threads would wait for the interpreter's lock after every key, so two
of these run beside it; they import nothing of konsens and know nothing but the codes.
"""

from __future__ import annotations

import hmac
import sys
from hashlib import sha256

from nacl.bindings import crypto_sign_seed_keypair

CODE, AT_ONCE = 16, 1000


def seal_of_claim(code: bytes) -> bytes:
    """Return the seal that a claim code can break.

    HKDF (RFC 5869) as in `konsens.records.claim_key`, written out because the general function takes several
    times as long; a test holds the two together.
    """
    key = hmac.digest(hmac.digest(bytes(32), code, "sha256"), b"konsens/v1/claim\x01", "sha256")
    return sha256(crypto_sign_seed_keypair(key)[0]).digest()


def main() -> None:
    """Read all codes, then answer them in order."""
    codes = sys.stdin.buffer.read()
    for start in range(0, len(codes), CODE * AT_ONCE):
        part = codes[start : start + CODE * AT_ONCE]
        sys.stdout.buffer.write(
            b"".join(seal_of_claim(part[n : n + CODE]) for n in range(0, len(part), CODE))
        )
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
