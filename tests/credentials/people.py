"""The people of these tests: an issuer, a holder, a verifier, each with an Ed25519 and a P-256 key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256, shake_256
from typing import Any

from konsens.credentials import (
    HeldCredential,
    KeyBinding,
    Policy,
    UnsafeAcceptWithoutKeyBinding,
    hold,
    issue,
)
from konsens.did import LocalSigner, OfflineResolver, PrivateKey

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOW = int(AT.timestamp())
VCT = "urn:example:membership"
AUDIENCE = "decentralized_identifier:did:web:shop.example"
NONCE = "n-0S6_WzA2Mj-n-0S6_WzA"
RESOLVER = OfflineResolver()
ALGS = ("EdDSA", "ES256")

CLAIMS: dict[str, Any] = {
    "given_name": "Erika",
    "family_name": "Müstermann",
    "email": "erika@example.org",
    "birthdate": "1963-08-12",
    "level": "gold",
    "age_over_18": True,
    "points": 1200,
    "address": {"street": "Musterweg 1", "locality": "Köln", "country": "DE"},
    "nationalities": ["DE", "FR", "DK"],
    "degrees": [{"type": "Bachelor", "from": "Köln"}, {"type": "Master", "from": "Bonn"}],
}


def key(name: str, alg: str = "EdDSA") -> PrivateKey:
    """Return the key that everybody here knows by this name."""
    secret = sha256(f"{name} {alg}".encode()).digest()
    return PrivateKey.ed25519(secret) if alg == "EdDSA" else PrivateKey.p256(secret)


def signer(name: str, alg: str = "EdDSA") -> LocalSigner:
    """Return the did:key signer of this name."""
    private = key(name, alg)
    multikey = private.public.multikey
    return LocalSigner(private, f"did:key:{multikey}#{multikey}")


def did(name: str, alg: str = "EdDSA") -> str:
    """Return the did:key of this name."""
    return signer(name, alg).kid.partition("#")[0]


def entropy(seed: str = "salt") -> Callable[[int], bytes]:
    """Return a source of bytes that gives the same every time, and never the same twice."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return shake_256(f"{seed} {count}".encode()).digest(size)

    return draw


def issued(claims: Mapping[str, Any] | None = None, *, alg: str = "EdDSA", **options: Any) -> str:
    """Return a credential from the issuer to the holder."""
    given: dict[str, Any] = {
        "vct": VCT,
        "issuer": signer("issuer", alg),
        "at": AT - timedelta(days=3),
        "expires_at": AT + timedelta(days=365),
        "entropy": entropy(),
        "holder": key("holder", alg).public,
        "subject": did("holder", alg),
    }
    return issue(CLAIMS if claims is None else claims, **(given | options))


def held(claims: Mapping[str, Any] | None = None, *, alg: str = "EdDSA", **options: Any) -> HeldCredential:
    """Return it as the holder's wallet keeps it."""
    text = issued(claims, alg=alg, **options)
    return hold(text, trust={VCT: [did("issuer", alg)]}, resolve=RESOLVER, at=AT)


def policy(alg: str = "EdDSA", *, key_binding: bool = True, **options: Any) -> Policy:
    """Return what the verifier expects."""
    binding = KeyBinding(AUDIENCE, NONCE) if key_binding else UnsafeAcceptWithoutKeyBinding()
    given: dict[str, Any] = {"issuers": {VCT: [did("issuer", alg)]}, "key_binding": binding}
    return Policy(**(given | options))
