"""The strict reader of any compact JWS, and Wycheproof's cases for JSON Web Signatures."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens import strict_json
from konsens.did import PrivateKey, PublicKey, check_compact, parse_compact, sign_compact
from konsens.encoding import b64u_decode, b64u_encode
from konsens.errors import InputError, KonsensError, VerificationError
from tests.did.test_keys import RFC8037_JWK
from tests.did.vectors import Case, wycheproof

KEYS = {"EdDSA": PrivateKey.ed25519(bytes(range(32))), "ES256": PrivateKey.p256(bytes(range(32)))}
WYCHEPROOF = wycheproof("json_web_signature_test")

# The file marks these valid, and we refuse them.
REFUSED_VALID = {
    346: "signed with PS384 by a key that says PS256: a key's own `alg` is pinned",
    347: "signed with ES512 by a key that says ES521",
    350: "as 346, the key with `key_ops`",
    351: "as 347, the key with `key_ops`",
    372: "a `?` in the base64url of the header",
    373: "a `?` in the base64url of the payload",
}
# The file marks these invalid, but they equal the valid case 357 byte for byte.
SAME_AS_VALID = {367, 370}
# jwcrypto alone accepts these: spare letters or bits in base64url, and signatures that are too long.
JWCRYPTO_ACCEPTS = {360, 374, 379, 385}


def token(header: Any, payload: bytes = b"{}", *, key: PrivateKey = KEYS["EdDSA"]) -> str:
    """Return a signed token with any header at all, even text that is not JSON."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = f"{b64u_encode(raw)}.{b64u_encode(payload)}"
    return f"{signing_input}.{b64u_encode(key.sign(signing_input.encode()))}"


def outcome(jwk: dict[str, Any], text: str) -> str:
    """Return `accepted`, or the code of the refusal, with every known header member allowed."""
    members = {"alg", "kid", "typ", "cty", "jwk", "jku", "x5u", "x5c", "x5t"}
    try:
        key = PublicKey.from_jwk(jwk)
        check_compact(parse_compact(text, typ=None, allowed_headers=members), key)
    except KonsensError as error:
        return error.code
    return "accepted"


def ours(case: Case) -> bool:
    return public(case).get("crv") == "P-256"


def public(case: Case) -> dict[str, Any]:
    jwk: dict[str, Any] = case.group.get("public") or case.group["private"]
    return jwk


def written(case: Case) -> str:
    jws = case.test["jws"]
    return jws if isinstance(jws, str) else json.dumps(jws)


def decode(case: Case) -> bytes:
    """Return the signature of a token whose three parts have the form that we demand."""
    header, payload, signature = written(case).split(".")
    strict_json.parse(b64u_decode(header))
    b64u_decode(payload)
    return b64u_decode(signature, size=64 if ours(case) else None)


@pytest.mark.parametrize("case", WYCHEPROOF, ids=lambda case: case.name)
def test_wycheproof(case: Case) -> None:
    """Keys that are not ours (RSA, P-521, shared secrets) are refused by their kind, whatever they signed."""
    code = outcome(public(case), written(case))
    if not ours(case):
        assert code == "key.type"
    else:
        assert (code == "accepted") == case.valid, code


def test_the_cases_of_our_own_kind_of_key_are_refused_each_for_its_reason() -> None:
    codes: dict[str, int] = {}
    for case in filter(ours, WYCHEPROOF):
        code = outcome(public(case), written(case))
        codes[code] = codes.get(code, 0) + 1
    assert codes == {
        "accepted": 2,
        "signature.invalid": 21,
        "input.base64url": 8,
        "jws.format": 5,
        "input.json": 2,
        "key.use": 2,
        "jws.alg": 1,
    }


@pytest.mark.parametrize("case", [case for case in WYCHEPROOF if case.test["tcId"] in REFUSED_VALID])
def test_what_the_file_calls_valid_and_we_refuse(case: Case) -> None:
    assert case.valid
    assert outcome(public(case), written(case)) == "key.type"
    if "`?`" in REFUSED_VALID[case.test["tcId"]]:
        with pytest.raises(InputError, match=r"input\.base64url"):
            decode(case)
    else:
        header = json.loads(b64u_decode(written(case).partition(".")[0]))
        assert header["alg"] != public(case)["alg"]


def test_what_the_file_calls_invalid_is_sometimes_a_valid_case_again() -> None:
    texts = {case.test["tcId"]: written(case) for case in WYCHEPROOF}
    assert {texts[number] for number in SAME_AS_VALID} == {texts[357]}


@pytest.mark.parametrize("case", [case for case in WYCHEPROOF if case.test["tcId"] in JWCRYPTO_ACCEPTS])
def test_what_jwcrypto_alone_accepts_fails_at_our_form(case: Case) -> None:
    assert not case.valid
    with pytest.raises(InputError, match=r"input\.base64url"):
        decode(case)


def test_the_form_alone_decides_rightly_on_the_base64_cases_of_hs256() -> None:
    """No key of ours signs them, so the shared secret is tried here, after the form that we demand."""
    accepted = set()
    cases = [case for case in WYCHEPROOF if case.group["comment"] == "base64"]
    for case in cases:
        text = written(case)
        try:
            mac = decode(case)
        except (KonsensError, ValueError):
            continue
        secret, signed = b64u_decode(public(case)["k"]), text.rpartition(".")[0].encode()
        if mac == hmac.digest(secret, signed, "sha256"):
            accepted.add(case.test["tcId"])
    marked = {case.test["tcId"] for case in cases if case.valid}
    assert accepted == (marked | SAME_AS_VALID) - REFUSED_VALID.keys()


def test_the_example_of_rfc_8037() -> None:
    """RFC 8037, appendices A.4 and A.5."""
    text = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    key = PrivateKey.from_jwk(RFC8037_JWK)
    assert check_compact(parse_compact(text, typ=None), key.public) == b"Example of Ed25519 signing"
    assert sign_compact({"alg": "EdDSA"}, b"Example of Ed25519 signing", key.sign) == text


@pytest.mark.parametrize(("name", "kind"), [("EdDSA", "EdDSA"), ("Ed25519", "EdDSA"), ("ES256", "ES256")])
def test_three_names_of_two_algorithms_are_taken(name: str, kind: str) -> None:
    key = KEYS[kind]
    assert check_compact(parse_compact(token({"alg": name}, key=key), typ=None), key.public) == b"{}"


@pytest.mark.parametrize(("name", "other"), [("EdDSA", "ES256"), ("Ed25519", "ES256"), ("ES256", "EdDSA")])
def test_the_key_fixes_the_algorithm(name: str, other: str) -> None:
    jws = parse_compact(token({"alg": name}, key=KEYS[other]), typ=None)
    with pytest.raises(VerificationError) as error:
        check_compact(jws, KEYS[other].public)
    assert error.value.code == "jws.alg"


@pytest.mark.parametrize(
    "alg",
    [
        *(None, 1, True, ["EdDSA"], {"EdDSA": 1}, "", "EdDSA ", "eddsa", "EDDSA", "es256"),
        *("none", "None", "HS256", "HS512", "RS256", "PS256"),
        *("ES384", "ES512", "ES256K", "ESP256", "Ed448", "ML-DSA-44"),
    ],
    ids=repr,
)
def test_any_other_algorithm_is_refused(alg: object) -> None:
    with pytest.raises(VerificationError) as error:
        parse_compact(token({"alg": alg}), typ=None)
    assert error.value.code == "jws.alg"


def test_a_header_without_an_algorithm_is_refused() -> None:
    with pytest.raises(VerificationError, match=r"jws\.alg"):
        parse_compact(token({"typ": "JWT"}), typ=None)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "cty", "nonce", "url", ""])
def test_a_header_member_is_taken_only_if_the_caller_names_it(member: str) -> None:
    text = token({"alg": "EdDSA", member: "https://evil.example/key"})
    with pytest.raises(InputError) as error:
        parse_compact(text, typ=None)
    assert (error.value.code, error.value.facts) == ("jws.header", {"member": member})
    assert parse_compact(text, typ=None, allowed_headers={"alg", member}).header[member]


@pytest.mark.parametrize(("member", "value"), [("crit", ["exp"]), ("b64", False), ("zip", "DEF")])
def test_a_member_that_changes_how_the_rest_is_read_is_never_taken(member: str, value: object) -> None:
    with pytest.raises(InputError, match=r"jws\.header"):
        parse_compact(token({"alg": "EdDSA", member: value}), typ=None, allowed_headers={"alg", member})


@pytest.mark.parametrize(
    "typ", [None, "", "JWT", "dc+SD-JWT", "application/dc+sd-jwt", 1, ["dc+sd-jwt"]], ids=repr
)
def test_another_type_is_refused(typ: object) -> None:
    with pytest.raises(InputError) as error:
        parse_compact(token({"alg": "EdDSA", "typ": typ}), typ="dc+sd-jwt")
    assert error.value.code == "jws.typ"


GOOD = token({"alg": "EdDSA"})
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "jws.format", id="nothing"),
        pytest.param("..", "input.json", id="two dots"),
        pytest.param(f"{HEADER}.{PAYLOAD}", "jws.format", id="no signature"),
        pytest.param(f"{HEADER}.{PAYLOAD}.", "input.base64url", id="an empty signature"),
        pytest.param(f".{PAYLOAD}.{SIGNATURE}", "input.json", id="an empty header"),
        pytest.param(f"{GOOD}.", "jws.format", id="four parts"),
        pytest.param(f"{GOOD}.{PAYLOAD}.{SIGNATURE}", "jws.format", id="five parts, as a JWE"),
        pytest.param(f" {GOOD}", "input.base64url", id="a blank before it"),
        pytest.param(f"{GOOD}\n", "input.base64url", id="a line break after it"),
        pytest.param(f"{HEADER}.{PAYLOAD}\n.{SIGNATURE}", "input.base64url", id="a line break within"),
        pytest.param(f"{HEADER}=.{PAYLOAD}.{SIGNATURE}", "input.base64url", id="padding"),
        pytest.param(f"{HEADER}.{PAYLOAD}AA.{SIGNATURE}", "input.base64url", id="spare letters"),
        pytest.param(f"{HEADER}.e3_.{SIGNATURE}", "input.base64url", id="spare bits in the payload"),
        pytest.param(f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}h", "input.base64url", id="spare bits in the end"),
        pytest.param(f"{HEADER}.{PAYLOAD}.{SIGNATURE}AA", "input.base64url", id="a long signature"),
        pytest.param(f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-2]}", "input.base64url", id="a short signature"),
        pytest.param(f"{HEADER}.ä.{SIGNATURE}", "input.base64url", id="a letter beyond ASCII"),
        pytest.param(GOOD.replace("-", "+").replace("_", "/") + "+", "input.base64url", id="base64"),
        pytest.param(token(b'{"alg":"none","alg":"EdDSA"}'), "input.json_duplicate", id="alg twice"),
        pytest.param(token(b'{"alg":"EdDSA"} {}'), "input.json", id="two headers"),
        pytest.param(token(b'{"alg":"EdDSA"'), "input.json", id="half a header"),
        pytest.param(token(b'{"alg":"EdDSA","n":NaN}'), "input.json_number", id="NaN"),
        pytest.param(token(b'["alg"]'), "jws.format", id="a list as header"),
        pytest.param(token(b'"EdDSA"'), "jws.format", id="a string as header"),
        pytest.param(token(b"[[[[[[]]]]]]"), "input.json_depth", id="a deep header"),
        pytest.param(token(b'{"alg":"EdDSA"}' + b" " * 70_000), "input.too_large", id="a huge header"),
        pytest.param("a" * (1 << 20) + ".e30." + SIGNATURE, "input.too_large", id="a huge token"),
    ],
)
def test_a_malformed_token_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(InputError) as error:
        parse_compact(text, typ=None)
    assert error.value.code == code


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
@given(data=st.data())
def test_no_changed_letter_survives(alg: str, data: st.DataObject) -> None:
    key = KEYS[alg]
    text = token({"alg": alg, "typ": "t"}, b'{"sub":"erika"}', key=key)
    position = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(max_codepoint=255).filter(lambda letter: letter != text[position]))
    with pytest.raises(KonsensError):
        check_compact(parse_compact(text[:position] + letter + text[position + 1 :], typ="t"), key.public)


@given(
    st.text(max_size=300)
    | st.from_regex(r"\A[\w-]{0,50}\.[\w-]{0,50}\.[\w-]{86}\Z", alphabet=st.characters())
)
def test_any_text_is_read_or_refused_by_a_name(text: str) -> None:
    try:
        parse_compact(text, typ=None)
    except KonsensError:
        return
