"""A program of its own: claim codes of 16 bytes in, what follows from each out, 64 bytes.

An import derives 100,000 one-time keys. Threads would wait for the interpreter's lock after every key, so two
of these run beside it; they import nothing of konsens and know nothing but the codes.
"""

from __future__ import annotations

import hmac
import sys
from hashlib import sha256

from nacl.bindings import crypto_sign_seed_keypair

CODE, AT_ONCE = 16, 1000


def secrets_of_claim(code: bytes) -> bytes:
    """Return the seal that a claim code can break, and the salt of its row's target: 32 bytes each.

    HKDF (RFC 5869) as in `konsens.records.claim_key`, written out because the general function takes several
    times as long; a test holds the two together.
    """
    extracted = hmac.digest(bytes(32), code, "sha256")
    key = hmac.digest(extracted, b"konsens/v1/claim\x01", "sha256")
    target_salt = hmac.digest(extracted, b"konsens/v1/claim-target\x01", "sha256")
    return sha256(crypto_sign_seed_keypair(key)[0]).digest() + target_salt


def secrets_of_claims(codes: bytes) -> bytes:
    """Return what follows from each of `codes`, joined."""
    return b"".join([secrets_of_claim(codes[n : n + CODE]) for n in range(0, len(codes), CODE)])


def main() -> None:
    """Answer `AT_ONCE` codes at a time, until there are no more."""
    while codes := sys.stdin.buffer.read(CODE * AT_ONCE):
        sys.stdout.buffer.write(secrets_of_claims(codes))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
