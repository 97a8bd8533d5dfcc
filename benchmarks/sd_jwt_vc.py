"""Verify an SD-JWT VC with key binding: ten claims, three shown, every check on.

Measured as a ratio to what any verifier must do: two raw signature checks by the `cryptography` library, with
keys and signatures already in its own form. Every presentation has a holder of its own, as in life, so no
holder's key is found in a cache. All take turns, block by block, in one run.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

import sd_jwt.verifier  # type: ignore[import-untyped]  # the package ships no types
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # likewise
from openvc import VerificationPolicy, verify_credential

from konsens.credentials import KeyBinding, Policy, hold, issue, parse_sd_jwt, present, verify
from konsens.credentials.jwt import UnverifiedJwt
from konsens.did import LocalSigner, OfflineResolver, PrivateKey, PublicKey, did_key, kid_of

BLOCKS, BLOCK = 80, 25
VCT = "urn:example:membership"
AUDIENCE, NONCE = "decentralized_identifier:did:web:shop.example", "n-0S6_WzA2Mj-n-0S6_WzA"
AIMS = {"ES256": 1.7, "EdDSA": 1.1}
CLAIMS = {
    "given_name": "Erika",
    "family_name": "Mustermann",
    "email": "erika@example.org",
    "phone_number": "+49 30 123456",
    "birthdate": "1963-08-12",
    "address": "Musterweg 1, 12345 Musterstadt",
    "level": "gold",
    "member_since": "2011-04-01",
    "age_over_18": True,
    "newsletter": False,
}
SHOW = ["given_name", "level", "age_over_18"]


class Presentation(NamedTuple):
    """What a verifier gets, and the two raw checks that are in it."""

    text: str
    raw: tuple[Callable[[], object], Callable[[], object]]


def new_signer(alg: str) -> LocalSigner:
    """Return a signer with a new did:key."""
    secret = secrets.token_bytes(32)
    private = PrivateKey.ed25519(secret) if alg == "EdDSA" else PrivateKey.p256(b"\0" + secret[1:])
    return LocalSigner(private, kid_of(did_key(private.public)))


def raw_check(jwt: UnverifiedJwt, key: PublicKey) -> Callable[[], object]:
    """Return the bare signature check of one token."""
    if key.alg == "EdDSA":
        edwards = ed25519.Ed25519PublicKey.from_public_bytes(key.raw)
        return lambda: edwards.verify(jwt.signature, jwt.signed)
    r, s = (int.from_bytes(half, "big") for half in (jwt.signature[:32], jwt.signature[32:]))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw)
    signature, method = utils.encode_dss_signature(r, s), ec.ECDSA(SHA256())
    return lambda: point.verify(signature, jwt.signed, method)


def new_presentation(issuer: LocalSigner, at: datetime) -> Presentation:
    """Return a presentation of a new holder's new credential."""
    holder = new_signer(issuer.alg)
    text = issue(
        CLAIMS,
        vct=VCT,
        issuer=issuer,
        at=at,
        expires_at=at + timedelta(days=1),
        entropy=secrets.token_bytes,
        holder=holder.key.public,
        subject=holder.kid.partition("#")[0],
    )
    card = hold(text, trust={VCT: [issuer.kid.partition("#")[0]]}, resolve=OfflineResolver(), at=at)
    shown = present(card, SHOW, audience=AUDIENCE, nonce=NONCE, signer=holder, at=at)
    parts = parse_sd_jwt(shown)
    assert parts.key_binding is not None
    raw = raw_check(parts.jwt, issuer.key.public), raw_check(parts.key_binding, holder.key.public)
    return Presentation(shown, raw)


def verifiers(issuer: LocalSigner, at: datetime) -> dict[str, Callable[[Presentation], object]]:
    """Return who takes part, each as one call for one presentation."""
    policy = Policy(issuers={VCT: [issuer.kid.partition("#")[0]]}, key_binding=KeyBinding(AUDIENCE, NONCE))
    resolver = OfflineResolver()
    openvc_policy = VerificationPolicy(
        audience=AUDIENCE, nonce=NONCE, require_key_binding=True, expected_vct=VCT, now=at
    )
    jwk = JWK(**issuer.key.public.jwk)

    def by_sd_jwt(one: Presentation) -> object:
        return sd_jwt.verifier.SDJWTVerifier(one.text, lambda *_: jwk, AUDIENCE, NONCE).get_verified_payload()

    return {
        "raw": lambda one: (one.raw[0](), one.raw[1]()),
        "konsens": lambda one: verify(one.text, policy, resolve=resolver, at=at),
        "openvc-core": lambda one: verify_credential(one.text, policy=openvc_policy),
        "sd-jwt": by_sd_jwt,
    }


def measure(alg: str) -> dict[str, float]:
    """Return the microseconds of one verification, by who made it."""
    at = datetime.now(UTC)
    sd_jwt.verifier.DEFAULT_SIGNING_ALG = alg  # it knows one algorithm for all key bindings
    issuer = new_signer(alg)
    calls = verifiers(issuer, at)
    times: dict[str, list[float]] = {name: [] for name in calls}
    made = [new_presentation(issuer, at) for _ in range(BLOCKS * BLOCK)]  # more than any cache of keys holds
    for number in range(BLOCKS):
        block = made[number * BLOCK : (number + 1) * BLOCK]
        order = list(calls)[number % len(calls) :] + list(calls)[: number % len(calls)]
        for name in order:
            call = calls[name]
            start = time.perf_counter()
            for one in block:
                call(one)
            times[name].append((time.perf_counter() - start) / BLOCK * 1e6)
    return {name: median(blocks) for name, blocks in times.items()}


def figures(alg: str) -> list[dict[str, object]]:
    """Return the ratio, and beside it the microseconds."""
    took = measure(alg)
    peers = ("openvc-core", "sd-jwt")
    ratio = took["konsens"] / took["raw"]
    return [
        {
            "name": f"{alg}, key binding, 10 claims, 3 shown",
            "value": round(ratio, 2),
            "unit": "× two raw checks",
            "limit": 1.0,
            "peers": {name: round(took[name] / took["raw"], 2) for name in peers},
            "aim": AIMS[alg],
            "holds": ratio <= AIMS[alg],
        },
        {
            "name": f"{alg}, the same in time",
            "value": round(took["konsens"], 1),
            "unit": "µs",
            "limit": round(took["raw"], 1),
            "peers": {name: round(took[name], 1) for name in peers},
            "aim": None,
            "holds": None,
        },
    ]


def main() -> None:
    """Print the figures, for a machine or for a person."""
    measured = [*figures("ES256"), *figures("EdDSA")]
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "sd_jwt", "figures": measured}, ensure_ascii=False))
        return
    for one in measured:
        print(
            f"{one['name']:<40} {one['value']:>7} {one['unit']} (limit {one['limit']}, peers {one['peers']})"
        )


if __name__ == "__main__":
    main()
