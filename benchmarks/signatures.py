"""Check one signature over 500 bytes: what the strict checks cost beside the bare libraries.

Keys and signatures are already in each library's own form, and every signer is met a second time, as an
issuer or a company is. All take turns, block by block, in one run; a figure is the median of the ratios.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the package ships no types
from jwcrypto.jws import JWS  # type: ignore[import-untyped]  # likewise
from nacl.bindings import crypto_sign_open

from konsens.did import PrivateKey, check_compact, parse_compact, sign_compact

BLOCKS, BLOCK = 800, 4  # short, so that what else the machine does falls between the blocks
Check = Callable[[], object]


def tokens(private: PrivateKey, message: bytes) -> dict[str, Check]:
    """Return the ways to read and check a compact JWS."""
    token = sign_compact({"alg": private.alg, "typ": "example"}, message, private.sign)
    public, jwk = private.public, JWK(**private.public.jwk)
    return {
        "JWS": lambda: check_compact(parse_compact(token, typ="example"), public),
        "jwcrypto": lambda: JWS().deserialize(token, jwk),
    }


def eddsa() -> dict[str, Check]:
    """Return the ways to check one Ed25519 signature."""
    private = PrivateKey.ed25519(secrets.token_bytes(32))
    public, message = private.public, secrets.token_bytes(500)
    signature = private.sign(message)
    raw, joined = ed25519.Ed25519PublicKey.from_public_bytes(public.raw), signature + message
    return {
        "cryptography": lambda: raw.verify(signature, message),
        "libsodium": lambda: crypto_sign_open(joined, public.raw),
        "konsens": lambda: public.check(message, signature),
        **tokens(private, message),
    }


def es256() -> dict[str, Check]:
    """Return the ways to check one ES256 signature."""
    private = PrivateKey.p256(b"\0" + secrets.token_bytes(31))
    public, message = private.public, secrets.token_bytes(500)
    signature = private.sign(message)
    raw, method = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public.raw), ec.ECDSA(SHA256())
    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    der = utils.encode_dss_signature(*halves)
    return {
        "cryptography": lambda: raw.verify(der, message, method),
        "konsens": lambda: public.check(message, signature),
        **tokens(private, message),
    }


def measure(checks: dict[str, Check]) -> dict[str, list[float]]:
    """Return the microseconds of one check, block by block, by who made it."""
    times: dict[str, list[float]] = {name: [] for name in checks}
    for number in range(BLOCKS):
        order = list(checks)[number % len(checks) :] + list(checks)[: number % len(checks)]
        for name in order:
            check = checks[name]
            start = time.perf_counter()
            for _ in range(BLOCK):
                check()
            times[name].append((time.perf_counter() - start) / BLOCK * 1e6)
    return times


def figures(name: str, checks: dict[str, Check], aim: float) -> list[dict[str, object]]:
    """Return the ratios to the cryptography library, and beside them the microseconds."""
    times = measure(checks)
    raw = times["cryptography"]
    ratios = {who: median(a / b for a, b in zip(took, raw, strict=True)) for who, took in times.items()}
    peers = {who: round(ratios[who], 2) for who in ("libsodium",) if who in ratios}
    return [
        {
            "name": f"{name}, strict check",
            "value": round(ratios["konsens"], 2),
            "unit": "× cryptography",
            "limit": 1.0,
            "peers": peers,
            "aim": aim,
            "holds": ratios["konsens"] <= aim,
        },
        {
            "name": f"{name}, compact JWS read and checked",
            "value": round(ratios["JWS"], 2),
            "unit": "× cryptography",
            "limit": 1.0,
            "peers": {"jwcrypto": round(ratios["jwcrypto"], 2)},
            "aim": None,
            "holds": None,
        },
        {
            "name": f"{name}, strict check in time",
            "value": round(median(times["konsens"]), 1),
            "unit": "µs",
            "limit": round(median(raw), 1),
            "peers": {who: round(median(times[who]), 1) for who in peers},
            "aim": None,
            "holds": None,
        },
    ]


def main() -> None:
    """Print the figures, for a machine or for a person."""
    measured = [*figures("Ed25519", eddsa(), 0.9), *figures("ES256", es256(), 1.1)]
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "signatures", "figures": measured}, ensure_ascii=False))
        return
    for one in measured:
        print(
            f"{one['name']:<40} {one['value']:>7} {one['unit']} (limit {one['limit']}, peers {one['peers']})"
        )


if __name__ == "__main__":
    main()
