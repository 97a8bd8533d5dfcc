"""konsens' own JWS: one header, one spelling, one signer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.did import LocalSigner, PrivateKey, check_jws, did_key, kid_of, parse_jws, sign_jws
from konsens.encoding import b64u_encode, jcs
from konsens.errors import InputError, KonsensError, VerificationError

TYP = "konsens-event+jws"
ED25519, P256 = PrivateKey.ed25519(bytes(range(32))), PrivateKey.p256(bytes(range(32)))
KID = kid_of(did_key(ED25519.public))
HEADER = {"alg": "EdDSA", "kid": KID, "typ": TYP}

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)
PAYLOADS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def signer(key: PrivateKey) -> LocalSigner:
    return LocalSigner(key, kid_of(did_key(key.public)))


def token(header: Any = HEADER, payload: Any = None, key: PrivateKey = ED25519) -> str:
    """Return a rightly signed token of any form at all."""
    parts = [part if isinstance(part, bytes) else jcs(part) for part in (header, payload or {"v": 1})]
    signing_input = ".".join(map(b64u_encode, parts))
    return f"{signing_input}.{b64u_encode(key.sign(signing_input.encode()))}"


@pytest.mark.parametrize("key", [ED25519, P256], ids=lambda key: str(key.alg))
@given(payload=PAYLOADS)
@settings(max_examples=50)
def test_what_is_signed_is_read_again(key: PrivateKey, payload: Any) -> None:
    text = sign_jws(jcs(payload), typ=TYP, signer=signer(key))
    jws = parse_jws(text, typ=TYP)
    assert (jws.alg, jws.kid, jws.text) == (key.alg, signer(key).kid, text)
    assert check_jws(jws, key.public) == jws.unverified_payload == jcs(payload)


@pytest.mark.parametrize("key", [ED25519, P256], ids=lambda key: str(key.alg))
def test_no_changed_letter_survives(key: PrivateKey) -> None:
    text = sign_jws(b'{"at":"2026-11-22T10:00:00Z","v":1}', typ=TYP, signer=signer(key))
    for position, old in enumerate(text):
        for new in {chr(ord(old) ^ 1), chr(ord(old) ^ 32), "A", "_", ".", "="} - {old}:
            changed = text[:position] + new + text[position + 1 :]
            with pytest.raises(KonsensError):
                check_jws(parse_jws(changed, typ=TYP), key.public)


@pytest.mark.parametrize(
    ("header", "error", "code"),
    [
        pytest.param({**HEADER, "typ": "konsens-notice+jws"}, InputError, "jws.typ", id="another type"),
        pytest.param({"alg": "EdDSA", "kid": KID}, InputError, "jws.typ", id="no type"),
        pytest.param({"alg": "EdDSA", "typ": TYP}, InputError, "jws.kid", id="no kid"),
        pytest.param({**HEADER, "kid": 1}, InputError, "jws.kid", id="a kid that is no text"),
        pytest.param({**HEADER, "kid": "key-1"}, InputError, "jws.kid", id="a kid that is no DID URL"),
        pytest.param({**HEADER, "kid": "did:key:z6Mk"}, InputError, "jws.kid", id="a kid without fragment"),
        pytest.param({**HEADER, "kid": "did:key:z6Mk#"}, InputError, "jws.kid", id="an empty fragment"),
        pytest.param({**HEADER, "kid": f"{KID}#2"}, InputError, "jws.kid", id="two fragments"),
        pytest.param({**HEADER, "kid": f"{KID}\n"}, InputError, "jws.kid", id="a line break in the kid"),
        pytest.param({"kid": KID, "typ": TYP}, VerificationError, "jws.alg", id="no alg"),
        pytest.param({**HEADER, "alg": "none"}, VerificationError, "jws.alg", id="none"),
        pytest.param({**HEADER, "alg": "HS256"}, VerificationError, "jws.alg", id="HS256"),
        pytest.param(
            {**HEADER, "alg": "Ed25519"}, InputError, "input.not_canonical", id="the other name of EdDSA"
        ),
        pytest.param({**HEADER, "jwk": {}}, InputError, "jws.header", id="jwk"),
        pytest.param({**HEADER, "cty": "json"}, InputError, "jws.header", id="cty"),
        pytest.param({**HEADER, "crit": ["b64"]}, InputError, "jws.header", id="crit"),
        pytest.param(
            f'{{"kid":"{KID}","alg":"EdDSA","typ":"{TYP}"}}'.encode(),
            InputError,
            "input.not_canonical",
            id="another order",
        ),
        pytest.param(jcs(HEADER) + b" ", InputError, "input.not_canonical", id="white space"),
        pytest.param(
            jcs(HEADER).replace(b"EdDSA", b"\\u0045dDSA"), InputError, "input.not_canonical", id="an escape"
        ),
    ],
)
def test_a_header_of_another_form_is_refused_though_rightly_signed(
    header: Any, error: type[KonsensError], code: str
) -> None:
    with pytest.raises(error) as excinfo:
        parse_jws(token(header), typ=TYP)
    assert excinfo.value.code == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param(b'{"b":1,"a":2}', "input.not_canonical", id="another order"),
        pytest.param(b'{"a": 1}', "input.not_canonical", id="white space"),
        pytest.param(b'{"a":1}\n', "input.not_canonical", id="a line break"),
        pytest.param(b'{"a":1.0}', "input.not_canonical", id="a number of another spelling"),
        pytest.param(b'{"a":"\\u00e4"}', "input.not_canonical", id="an escape"),
        pytest.param(b'{"a":1,"a":1}', "input.json_duplicate", id="a member twice"),
        pytest.param(b'{"a":9007199254740993}', "input.json_number", id="a number beyond 2^53"),
        pytest.param(b"hello", "input.json", id="no JSON"),
        pytest.param(b'\xff{"a":1}', "input.json", id="no UTF-8"),
        pytest.param(b"[" * 40 + b"]" * 40, "input.json_depth", id="too deep"),
    ],
)
def test_a_payload_of_another_spelling_is_refused_though_rightly_signed(payload: bytes, code: str) -> None:
    with pytest.raises(InputError) as error:
        check_jws(parse_jws(token(payload=payload), typ=TYP), ED25519.public)
    assert error.value.code == code
    with pytest.raises(InputError) as error:
        sign_jws(payload, typ=TYP, signer=signer(ED25519))
    assert error.value.code == code


def test_nobody_signs_under_a_kid_that_nobody_reads() -> None:
    with pytest.raises(InputError, match=r"jws\.kid"):
        sign_jws(b"{}", typ=TYP, signer=LocalSigner(ED25519, "key-1"))


@pytest.mark.parametrize(
    ("key", "code"),
    [
        pytest.param(PrivateKey.ed25519(bytes(32)), "signature.invalid", id="another key"),
        pytest.param(P256, "jws.alg", id="a key of another kind"),
    ],
)
def test_the_wrong_key_checks_nothing(key: PrivateKey, code: str) -> None:
    with pytest.raises(VerificationError) as error:
        check_jws(parse_jws(token(), typ=TYP), key.public)
    assert error.value.code == code


def test_the_signature_is_checked_before_the_payload_is_read() -> None:
    with pytest.raises(VerificationError, match=r"signature\.invalid"):
        check_jws(parse_jws(token(payload=b"hello"), typ=TYP), PrivateKey.ed25519(bytes(32)).public)


def test_a_message_larger_than_the_caller_takes_is_refused() -> None:
    text = token()
    assert parse_jws(text, typ=TYP, max_bytes=len(text)).text == text
    with pytest.raises(InputError, match=r"input\.too_large"):
        parse_jws(text, typ=TYP, max_bytes=len(text) - 1)


def test_a_message_may_be_larger_than_a_mebibyte_if_the_caller_says_so() -> None:
    payload = jcs({"text": "a" * (1 << 20)})
    text = sign_jws(payload, typ=TYP, signer=signer(ED25519))
    assert check_jws(parse_jws(text, typ=TYP, max_bytes=1 << 21), ED25519.public) == payload
