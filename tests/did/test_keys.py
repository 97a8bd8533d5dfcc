"""Keys: what may enter, how they are written, and what they never show."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext
from io import StringIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the package ships no types
from rich.console import Console
from rich.pretty import Pretty

from konsens.did import LocalSigner, PrivateKey, PublicKey, p256
from konsens.encoding import b64u_decode, b64u_encode, multibase_encode
from konsens.errors import InputError, KonsensError, VerificationError
from tests.did.vectors import Case, wycheproof
from tests.registry.edwards import P as ED25519_P

P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ED25519 = PrivateKey.ed25519(bytes(range(32)))
P256 = PrivateKey.p256(bytes(range(32)))
KEYS = st.builds(PrivateKey.ed25519, st.binary(min_size=32, max_size=32)) | st.builds(
    PrivateKey.p256, st.integers(1, P256_N - 1).map(lambda scalar: scalar.to_bytes(32, "big"))
)

# RFC 8037, appendices A.1 to A.4.
RFC8037_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


def code_of(error: pytest.ExceptionInfo[KonsensError]) -> str:
    return error.value.code


def p256_x_without_a_point() -> int:
    """Return the smallest x that no point of P-256 has (p = 3 mod 4, so Euler's criterion decides)."""
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    return next(x for x in range(100) if pow(x**3 - 3 * x + b, (P256_P - 1) // 2, P256_P) == P256_P - 1)


def p256_small_x() -> tuple[int, int]:
    """Return the point with the smallest x: x + p then still fits 32 bytes, a second spelling."""
    for x in range(100):
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(
                ec.SECP256R1(), b"\2" + x.to_bytes(32, "big")
            )
        except ValueError:
            continue
        return x, point.public_numbers().y
    raise AssertionError


@given(KEYS)
def test_a_key_is_itself_again_after_being_written(key: PrivateKey) -> None:
    assert PublicKey.from_multikey(key.public.multikey) == key.public
    assert PublicKey.from_jwk(key.public.jwk) == key.public
    assert PrivateKey.from_jwk({**key.public.jwk, "d": b64u_encode(key.secret)}) == key
    assert key.public.multikey.startswith("z6Mk" if key.alg == "EdDSA" else "zDn")


@given(KEYS, st.binary(max_size=100))
def test_what_a_key_signs_it_checks_and_no_other_text(key: PrivateKey, message: bytes) -> None:
    signature = key.sign(message)
    assert len(signature) == 64
    assert signature == key.sign(message)
    key.public.check(message, signature)
    with pytest.raises(VerificationError) as error:
        key.public.check(message + b"!", signature)
    assert code_of(error) == "signature.invalid"


@given(KEYS)
def test_the_thumbprint_is_the_one_that_jwcrypto_computes(key: PrivateKey) -> None:
    assert b64u_encode(key.public.thumbprint) == JWK(**key.public.jwk).thumbprint()


def test_the_example_keys_of_rfc_8037() -> None:
    key = PrivateKey.from_jwk(RFC8037_JWK)
    assert key.public.jwk == {name: RFC8037_JWK[name] for name in ("kty", "crv", "x")}
    assert b64u_encode(key.public.thumbprint) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_example_signature_of_rfc_6979() -> None:
    """RFC 6979, appendix A.2.5, P-256 with SHA-256, message "sample"."""
    key = PrivateKey.p256(bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
    assert key.sign(b"sample") == bytes.fromhex(
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )


@pytest.mark.parametrize("case", wycheproof("ecdsa_secp256r1_sha256_p1363_test"), ids=lambda case: case.name)
def test_wycheproof_es256(case: Case) -> None:
    point = bytes.fromhex(case.group["publicKey"]["uncompressed"])
    jwk = {"kty": "EC", "crv": "P-256", "x": b64u_encode(point[1:33]), "y": b64u_encode(point[33:])}
    key = PublicKey.from_jwk(jwk)
    assert key.jwk == jwk
    message, signature = bytes.fromhex(case.test["msg"]), bytes.fromhex(case.test["sig"])
    with nullcontext() if case.valid else pytest.raises(VerificationError, match=r"signature\.invalid"):
        key.check(message, signature)


X, Y = p256_small_x()
OFF_CURVE = p256_x_without_a_point().to_bytes(32, "big")


@pytest.mark.parametrize(
    ("alg", "raw", "error", "code"),
    [
        pytest.param("EdDSA", bytes(32), VerificationError, "key.weak", id="order 4"),
        pytest.param("EdDSA", (1).to_bytes(32, "little"), VerificationError, "key.weak", id="identity"),
        pytest.param(
            "EdDSA", (ED25519_P + 3).to_bytes(32, "little"), VerificationError, "key.weak", id="y beyond p"
        ),
        pytest.param("EdDSA", ED25519.public.raw[:31], InputError, "key.format", id="31 bytes"),
        pytest.param("EdDSA", P256.public.raw, InputError, "key.format", id="a P-256 point for Ed25519"),
        pytest.param("ES256", ED25519.public.raw, InputError, "key.format", id="an Ed25519 point for P-256"),
        pytest.param("ES256", b"", InputError, "key.format", id="nothing"),
        pytest.param("ES256", b"\0" + bytes(32), InputError, "key.format", id="infinity, padded"),
        pytest.param("ES256", b"\4" + P256.public.raw[1:], InputError, "key.format", id="prefix 4"),
        pytest.param("ES256", b"\5" + P256.public.raw[1:], InputError, "key.format", id="prefix 5"),
        pytest.param("ES256", b"\2" + OFF_CURVE, VerificationError, "key.off_curve", id="off the curve"),
        pytest.param(
            "ES256", b"\2" + (X + P256_P).to_bytes(32, "big"), VerificationError, "key.off_curve", id="x + p"
        ),
    ],
)
def test_a_point_that_is_no_sound_key_never_becomes_one(
    alg: Any, raw: bytes, error: type[KonsensError], code: str
) -> None:
    prefix = {"EdDSA": b"\xed\x01", "ES256": b"\x80\x24"}[alg]
    with pytest.raises(error) as excinfo:
        PublicKey(alg, raw)
    assert code_of(excinfo) == code
    with pytest.raises(error) as excinfo:
        PublicKey.from_multikey(multibase_encode(prefix + raw))
    assert code_of(excinfo) == code


def test_the_point_with_the_small_x_is_a_key() -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": number(X), "y": number(Y)}
    assert PublicKey.from_jwk(jwk).jwk == jwk


def number(value: int, size: int = 32) -> str:
    return b64u_encode(value.to_bytes(size, "big"))


GOOD = {"EdDSA": ED25519.public.jwk, "ES256": P256.public.jwk}


@pytest.mark.parametrize(
    ("alg", "change", "code"),
    [
        ("EdDSA", {"kty": "EC"}, "key.type"),
        ("EdDSA", {"crv": "Ed448"}, "key.type"),
        ("EdDSA", {"crv": "X25519"}, "key.type"),
        ("EdDSA", {"crv": ["Ed25519"]}, "key.type"),
        ("EdDSA", {"kty": None, "crv": None}, "key.type"),
        ("EdDSA", {"x": b64u_encode(bytes(32))}, "key.weak"),
        ("EdDSA", {"x": b64u_encode(bytes(31))}, "input.base64url"),
        ("EdDSA", {"x": ED25519.public.jwk["x"] + "="}, "input.base64url"),
        ("EdDSA", {"x": None}, "key.format"),
        ("EdDSA", {"x": 1}, "key.format"),
        ("EdDSA", {"d": b64u_encode(ED25519.secret)}, "key.private"),
        ("EdDSA", {"use": "enc"}, "key.use"),
        ("EdDSA", {"use": ["sig"]}, "key.use"),
        ("EdDSA", {"key_ops": ["sign"]}, "key.use"),
        ("EdDSA", {"key_ops": []}, "key.use"),
        ("EdDSA", {"key_ops": "verify"}, "key.use"),
        ("EdDSA", {"key_ops": 1}, "key.use"),
        ("EdDSA", {"alg": "ES256"}, "key.alg"),
        ("EdDSA", {"alg": "Ed448"}, "key.alg"),
        ("EdDSA", {"alg": "HS256"}, "key.alg"),
        ("EdDSA", {"alg": ["EdDSA"]}, "key.alg"),
        ("ES256", {"crv": "P-384"}, "key.type"),
        ("ES256", {"crv": "secp256k1"}, "key.type"),
        ("ES256", {"kty": "OKP"}, "key.type"),
        ("ES256", {"kty": "RSA", "crv": None}, "key.type"),
        ("ES256", {"kty": "oct", "crv": None, "k": "c2VjcmV0"}, "key.type"),
        ("ES256", {"y": None}, "key.format"),
        ("ES256", {"y": P256.public.jwk["x"]}, "key.off_curve"),
        ("ES256", {"x": number(0), "y": number(0)}, "key.off_curve"),
        ("ES256", {"x": number(X + P256_P), "y": number(Y)}, "key.off_curve"),
        ("ES256", {"x": number(0, 33)}, "input.base64url"),
        ("ES256", {"alg": "EdDSA"}, "key.alg"),
        ("ES256", {"alg": "ECDH-ES"}, "key.alg"),
    ],
    ids=str,
)
def test_a_jwk_is_refused_by_name(alg: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(KonsensError) as error:
        PublicKey.from_jwk({**GOOD[alg], **change})
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("alg", "more"),
    [
        ("EdDSA", {"alg": "EdDSA", "use": "sig", "key_ops": ["verify"], "kid": "any", "x5t": "any"}),
        ("EdDSA", {"alg": "Ed25519"}),
        ("ES256", {"alg": "ES256", "use": "sig", "key_ops": ["verify", "sign"]}),
    ],
    ids=str,
)
def test_a_jwk_may_say_what_it_is_for(alg: str, more: dict[str, Any]) -> None:
    assert PublicKey.from_jwk({**GOOD[alg], **more}).jwk == GOOD[alg]


def test_a_point_that_was_refused_is_not_remembered() -> None:
    x = P256.public.jwk["x"]
    wrong_y = number(int.from_bytes(b64u_decode(P256.public.jwk["y"]), "big") ^ 2)
    with pytest.raises(VerificationError):
        PublicKey.from_jwk({**P256.public.jwk, "y": wrong_y})
    assert PublicKey.from_jwk({**P256.public.jwk, "x": x}) == P256.public


def test_points_that_are_remembered_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p256, "_POINTS", {})
    monkeypatch.setattr(p256, "_MOST_POINTS", 3)
    keys = [PrivateKey.p256(number.to_bytes(32, "big")) for number in range(1, 12)]
    for key in keys:
        key.public.check(b"", key.sign(b""))
        assert len(p256._POINTS) <= 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "input.multibase", id="empty"),
        pytest.param("z", "key.type", id="no bytes"),
        pytest.param("u7QEAAQ", "input.multibase", id="another base"),
        pytest.param(ED25519.public.multikey + "\n", "input.multibase", id="a line break after it"),
        pytest.param(ED25519.public.multikey + " ", "input.multibase", id="a blank after it"),
        pytest.param("z0" + ED25519.public.multikey[1:], "input.multibase", id="a letter outside base58"),
        pytest.param("z" + ED25519.public.multikey[2:], "key.type", id="a letter lost"),
        pytest.param(ED25519.public.multikey[:-1], "key.type", id="the end lost"),
        pytest.param("z1" + ED25519.public.multikey[1:], "key.type", id="a leading zero byte"),
        pytest.param(multibase_encode(b"\xed\x01" + bytes(33)), "key.format", id="too long inside"),
        pytest.param("z" + "2" * 1024, "input.multibase", id="1025 letters"),
    ],
)
def test_a_multikey_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(KonsensError) as error:
        PublicKey.from_multikey(text)
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda: PrivateKey.ed25519(bytes(31)), "key.format", id="a short seed"),
        pytest.param(lambda: PrivateKey.ed25519(bytes(64)), "key.format", id="an expanded seed"),
        pytest.param(lambda: PrivateKey.p256(bytes(32)), "key.format", id="scalar 0"),
        pytest.param(lambda: PrivateKey.p256(P256_N.to_bytes(32, "big")), "key.format", id="scalar n"),
        pytest.param(lambda: PrivateKey.p256(b"\xff" * 32), "key.format", id="a scalar beyond n"),
        pytest.param(lambda: PrivateKey.from_jwk(ED25519.public.jwk), "key.format", id="a public JWK"),
        pytest.param(
            lambda: PrivateKey.from_jwk({**ED25519.public.jwk, "d": b64u_encode(bytes(32))}),
            "key.mismatch",
            id="the secret of another key",
        ),
        pytest.param(
            lambda: PrivateKey.from_jwk({**RFC8037_JWK, "key_ops": ["verify"]}),
            "key.use",
            id="only for checking",
        ),
    ],
)
def test_a_private_key_is_refused_by_name(make: Any, code: str) -> None:
    with pytest.raises(KonsensError) as error:
        make()
    assert code_of(error) == code


@pytest.mark.parametrize("key", [ED25519, P256], ids=lambda key: str(key.alg))
def test_nothing_that_prints_a_private_key_shows_it(key: PrivateKey) -> None:
    screen = StringIO()
    Console(file=screen, width=500).print(Pretty(key), Pretty([LocalSigner(key, "did:example:1#1")]), key)
    shown = f"{key} {key!r} {[key]} {LocalSigner(key, 'did:example:1#1')!r} {screen.getvalue()}"
    assert "redacted" in screen.getvalue()
    for secret in (key.secret.hex(), repr(key.secret)[2:-1], b64u_encode(key.secret)):
        assert secret not in shown


@pytest.mark.parametrize("length", [0, 63, 65, 70, 72, 128])
def test_es256_is_two_numbers_of_32_bytes_and_nothing_else(length: int) -> None:
    with pytest.raises(VerificationError) as error:
        P256.public.check(b"", (P256.sign(b"") + bytes(64))[:length])
    assert code_of(error) == "signature.invalid"


def test_keys_are_values() -> None:
    assert copy.deepcopy(ED25519) == ED25519
    assert pickle.loads(pickle.dumps(P256.public)) == P256.public
    assert len({ED25519.public, P256.public, PublicKey("EdDSA", ED25519.public.raw)}) == 2
