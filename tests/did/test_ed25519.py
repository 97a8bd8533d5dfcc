"""Ed25519: one answer, whichever library is asked."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import ed25519
from konsens.did.ed25519 import check_point, check_signature, public_from_seed, sign
from konsens.errors import InputError, KonsensError, VerificationError
from tests.did.vectors import Case, wycheproof
from tests.registry.edwards import (
    BASE,
    IDENTITY,
    ORDER_8,
    L,
    P,
    Point,
    add,
    challenge,
    decode,
    encode,
    multiply,
)

SEED = bytes(range(32))
KEY = public_from_seed(SEED)
A, R = 0xA11CE, 0xB0B  # a private scalar and a nonce, small and open
MESSAGE = b"konsens"
TORSION = [multiply(k, ORDER_8) for k in range(8)]
LIBRARIES = {"libsodium": ed25519._by_libsodium, "cryptography": ed25519._by_cryptography}


def spellings(point: Point) -> list[bytes]:
    """Every 32 bytes that a lax decoder takes for `point`: y or y + p, and with x = 0 either sign."""
    x, y = point
    ys = [each for each in (y, y + P) if each < 2**255]
    signs = (0, 1) if x == 0 else (x & 1,)
    return [(each | sign << 255).to_bytes(32, "little") for each in ys for sign in signs]


SMALL = sorted({spelling for point in TORSION for spelling in spellings(point)})
BEYOND_P = [(y | sign << 255).to_bytes(32, "little") for y in range(P, 2**255) for sign in (0, 1)]


class Spelled(NamedTuple):
    """An encoding of `scalar` · B + `small` · ORDER_8."""

    scalar: int
    small: int
    encoded: bytes


def mixed(scalar: int) -> list[Spelled]:
    """Return the eight points whose part of full order is `scalar` · B, in every spelling."""
    base = multiply(scalar, BASE)
    return [
        Spelled(scalar, small, encoded)
        for small, point in enumerate(TORSION)
        for encoded in spellings(add(base, point))
    ]


def crafted(a: Spelled, r: Spelled, message: bytes = MESSAGE) -> bytes:
    """Return the signature that fits with the cofactor, and without it if the small parts cancel out."""
    scalar = (r.scalar + challenge(r.encoded, a.encoded, message) * a.scalar) % L
    return r.encoded + scalar.to_bytes(32, "little")


def outcome(key: bytes, message: bytes, signature: bytes) -> str:
    try:
        check_signature(key, message, signature)
    except KonsensError as error:
        return error.code
    return "accepted"


def outcomes(key: bytes, message: bytes, signature: bytes) -> set[str]:
    """Return the answers when one library, and when the other is asked."""
    answers = set()
    for library in LIBRARIES.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ed25519, "_verifies", library)
            answers.add(outcome(key, message, signature))
    return answers


def test_there_are_fourteen_spellings_of_small_order() -> None:
    assert len(SMALL) == 14


@pytest.mark.parametrize("point", [*SMALL, *BEYOND_P], ids=bytes.hex)
def test_a_weak_or_non_canonical_point_is_refused_as_key_and_as_r(point: bytes) -> None:
    with pytest.raises(VerificationError) as weak:
        check_point(point)
    assert weak.value.code == "key.weak"
    for scalar in (0, 1, L - 1):
        assert outcomes(point, MESSAGE, encode(BASE) + scalar.to_bytes(32, "little")) == {"key.weak"}
        assert outcomes(KEY, MESSAGE, point + scalar.to_bytes(32, "little")) == {"signature.invalid"}


def test_the_identity_as_r_is_refused_although_the_equation_holds() -> None:
    """S = k·a with R = identity: `cryptography` accepts it, libsodium refuses it."""
    nonce, key = encode(IDENTITY), encode(multiply(A, BASE))
    scalar = challenge(nonce, key, MESSAGE) * A % L
    signature = nonce + scalar.to_bytes(32, "little")
    asked = {name: library(key, MESSAGE, signature) for name, library in LIBRARIES.items()}
    assert asked == {"libsodium": False, "cryptography": True}
    assert outcomes(key, MESSAGE, signature) == {"signature.invalid"}


def test_under_the_identity_as_key_one_signature_would_fit_every_text() -> None:
    signature = encode(BASE) + (1).to_bytes(32, "little")
    assert ed25519._by_cryptography(encode(IDENTITY), b"any text", signature)
    assert outcomes(encode(IDENTITY), b"any text", signature) == {"key.weak"}


@pytest.mark.parametrize("times", [1, 2, 8, 15])
def test_s_at_or_beyond_the_order_is_refused(times: int) -> None:
    key, signature = mixed(A)[0].encoded, crafted(mixed(A)[0], mixed(R)[0])
    scalar = int.from_bytes(signature[32:], "little") + times * L
    assert outcomes(key, MESSAGE, signature) == {"accepted"}
    assert outcomes(key, MESSAGE, signature[:32] + scalar.to_bytes(32, "little")) == {"signature.invalid"}


def test_s_equal_to_the_order_is_refused() -> None:
    assert outcomes(KEY, MESSAGE, encode(BASE) + L.to_bytes(32, "little")) == {"signature.invalid"}


@pytest.mark.parametrize("r", [0, R], ids=["R of small order", "R with a part of full order"])
@pytest.mark.parametrize("a", [0, A], ids=["A of small order", "A with a part of full order"])
def test_every_edge_case_of_both_points_gets_one_answer(a: int, r: int) -> None:
    """All pairs of the 14 spellings of small order, or of the 8 points of mixed order, with some messages."""
    for key, nonce, message in product(mixed(a), mixed(r), (b"0", b"1", b"2", b"3")):
        cancels = (nonce.small + challenge(nonce.encoded, key.encoded, message) * key.small) % 8 == 0
        expected = "key.weak" if not a else "accepted" if r and cancels else "signature.invalid"
        assert outcomes(key.encoded, message, crafted(key, nonce, message)) == {expected}


@pytest.mark.parametrize("y", [2, 7, P - 2], ids=str)
def test_no_signature_fits_a_key_off_the_curve(y: int) -> None:
    key = y.to_bytes(32, "little")
    with pytest.raises(AssertionError):
        decode(key)
    check_point(key)
    assert outcomes(key, MESSAGE, sign(SEED, MESSAGE)) == {"signature.invalid"}


@pytest.mark.parametrize("case", wycheproof("ed25519_test"), ids=lambda case: case.name)
def test_wycheproof(case: Case) -> None:
    key, message, signature = (
        bytes.fromhex(text) for text in (case.group["publicKey"]["pk"], case.test["msg"], case.test["sig"])
    )
    assert outcomes(key, message, signature) == {"accepted" if case.valid else "signature.invalid"}


def test_the_probe_fits_only_with_the_cofactor() -> None:
    key, message, signature = ed25519._COFACTOR_PROBE
    a, r = (
        int.from_bytes(hashlib.sha512(text).digest(), "little") % L for text in (b"konsens a", b"konsens r")
    )
    nonce = encode(add(multiply(r, BASE), ORDER_8))
    scalar = (r + challenge(nonce, encode(multiply(a, BASE)), message) * a) % L
    assert (key, signature) == (encode(multiply(a, BASE)), nonce + scalar.to_bytes(32, "little"))
    assert outcomes(key, message, signature) == {"signature.invalid"}


def load_again() -> ModuleType:
    spec = importlib.util.spec_from_file_location("konsens.did._again", ed25519.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "konsens.did._again" not in sys.modules
    return module


def test_a_libsodium_that_multiplies_by_the_cofactor_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_again()._verifies.__name__ == "_by_libsodium"
    monkeypatch.setattr(nacl.bindings, "crypto_sign_open", lambda *_: b"")
    assert load_again()._verifies.__name__ == "_by_cryptography"


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_what_is_signed_is_accepted(seed: bytes, message: bytes) -> None:
    assert outcomes(public_from_seed(seed), message, sign(seed, message)) == {"accepted"}


@pytest.mark.parametrize("position", range(64))
@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_of_a_signature_survives(position: int, bit: int) -> None:
    signature = bytearray(sign(SEED, MESSAGE))
    signature[position] ^= 1 << bit
    assert outcome(KEY, MESSAGE, bytes(signature)) == "signature.invalid"


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        pytest.param(lambda: check_point(KEY[:31]), InputError, "key.format", id="a short point"),
        pytest.param(lambda: check_point(KEY + b"\0"), InputError, "key.format", id="a long point"),
        pytest.param(lambda: check_signature(b"", b"", bytes(64)), InputError, "key.format", id="no key"),
        pytest.param(
            lambda: check_signature(KEY, MESSAGE, sign(SEED, MESSAGE)[:63]),
            VerificationError,
            "signature.invalid",
            id="a short signature",
        ),
        pytest.param(
            lambda: check_signature(KEY, MESSAGE, sign(SEED, MESSAGE) + b"\0"),
            VerificationError,
            "signature.invalid",
            id="a long signature",
        ),
        pytest.param(lambda: sign(SEED[:31], b""), InputError, "key.format", id="a short seed"),
        pytest.param(lambda: public_from_seed(SEED + b"\0"), InputError, "key.format", id="a long seed"),
    ],
)
def test_wrong_lengths_are_refused(call: Any, error: type[KonsensError], code: str) -> None:
    with pytest.raises(error) as excinfo:
        call()
    assert excinfo.value.code == code
