"""did:key and did:jwk: a DID that carries its key, by the official documents."""

from __future__ import annotations

from typing import Any

import base58
import pytest
from hypothesis import given

from konsens.did import (
    Alg,
    OfflineResolver,
    PinnedResolver,
    PublicKey,
    did_jwk,
    did_key,
    document_of,
    key_of,
    kid_of,
)
from konsens.did.document import PURPOSES
from konsens.did.jwk import resolve_jwk
from konsens.did.key import resolve_key
from konsens.encoding import b64u_decode, b64u_encode, jcs
from konsens.errors import InputError, KonsensError, NotTrusted
from tests.did.test_keys import ED25519, KEYS, P256
from tests.did.vectors import did_key as documents

RESOLVE = OfflineResolver().resolve
OLD_TYPES: dict[str, Alg] = {"Ed25519VerificationKey2018": "EdDSA", "P256Key2021": "ES256"}

# The two examples of the did:jwk Method Specification (quartzjer/did-jwk @ 44e186cf), P-256 and X25519.
DID_JWK = (
    "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAi"
    "LCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9"
)
DID_JWK_X25519 = (
    "did:jwk:eyJrdHkiOiJPS1AiLCJjcnYiOiJYMjU1MTkiLCJ1c2UiOiJlbmMiLCJ4IjoiM3A3YmZYdDl3YlRUVzJIQzdPUTFOei1EUThoYmVH"
    "ZE5yZngtRkctSUswOCJ9"
)


def official(*names: str) -> list[Any]:
    return [pytest.param(did, entry, id=did) for name in names for did, entry in documents(name).items()]


def key_of_method(method: dict[str, Any]) -> PublicKey | None:
    """Return the key of an official verification method, None if it is not for signatures of ours."""
    if method["type"] in OLD_TYPES:
        return PublicKey(OLD_TYPES[method["type"]], base58.b58decode(method["publicKeyBase58"]))
    if method["publicKeyJwk"]["crv"] in {"Ed25519", "P-256"}:
        return PublicKey.from_jwk(method["publicKeyJwk"])
    return None


@pytest.mark.parametrize(("did", "entry"), official("ed25519-x25519", "nist-curves"))
def test_the_official_documents_of_did_key(did: str, entry: dict[str, Any]) -> None:
    official = entry["didDocument"]
    methods = official["verificationMethod"]
    key = key_of_method(methods[0])
    if key is None:
        with pytest.raises(InputError) as error:
            RESOLVE(did)
        assert error.value.code == "key.type"
        assert error.value.facts == {"type": methods[0]["publicKeyJwk"]["crv"]}
        return
    document = RESOLVE(did)
    assert document.id == official["id"] == did_key(key)
    assert [relation.kid for relation in document.relations] == [methods[0]["id"]] == [kid_of(did)]
    for purpose in PURPOSES:
        assert official[purpose] == [kid_of(did)]
        assert key_of(document, kid_of(did), purpose) == key


def test_the_official_files_hold_five_keys_of_ed25519_and_three_of_p_256() -> None:
    keys = [did[8:12] for name in ("ed25519-x25519", "nist-curves") for did in documents(name)]
    assert (keys.count("z6Mk"), keys.count("zDna")) == (5, 3)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x25519", "X25519"), ("secp256k1", "secp256k1"), ("rsa", "RSA"), ("bls12381", "BLS12-381")],
)
def test_the_other_curves_of_the_official_files_are_refused_by_their_name(name: str, kind: str) -> None:
    for did in documents(name).get("didDocument") or documents(name):
        with pytest.raises(InputError) as error:
            RESOLVE(did)
        assert error.value.code == "key.type"
        assert str(error.value.facts["type"]).startswith(kind)


@given(KEYS)
def test_a_did_gives_back_its_key(key: Any) -> None:
    did = did_key(key.public)
    assert RESOLVE(did) == resolve_key(did) == document_of(did, {key.public.multikey: key.public})
    assert key_of(RESOLVE(did), kid_of(did)) == key.public
    did = did_jwk(key.public)
    assert RESOLVE(did) == resolve_jwk(did) == document_of(did, {"0": key.public})


def test_the_example_of_the_did_jwk_specification() -> None:
    document = RESOLVE(DID_JWK)
    jwk = {
        "crv": "P-256",
        "kty": "EC",
        "x": "acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0",
        "y": "_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE",
    }
    assert did_jwk(PublicKey.from_jwk(jwk)) == DID_JWK == document.id
    assert key_of(document, f"{DID_JWK}#0").jwk == jwk


def test_a_did_jwk_may_be_written_in_another_order_and_is_then_another_did() -> None:
    did = "did:jwk:" + b64u_encode(
        f'{{"x":"{ED25519.public.jwk["x"]}","crv":"Ed25519","kty":"OKP"}}'.encode()
    )
    assert key_of(RESOLVE(did), f"{did}#0") == ED25519.public
    assert did != did_jwk(ED25519.public)


def jwk_did(jwk: Any) -> str:
    return "did:jwk:" + b64u_encode(jwk if isinstance(jwk, bytes) else jcs(jwk))


KEY_DID = did_key(ED25519.public)


@pytest.mark.parametrize(
    ("did", "code"),
    [
        pytest.param(DID_JWK_X25519, "key.type", id="X25519"),
        pytest.param(jwk_did({**P256.public.jwk, "use": "enc"}), "key.use", id="a key for encryption"),
        pytest.param(
            jwk_did({**ED25519.public.jwk, "d": b64u_encode(ED25519.secret)}),
            "key.private",
            id="a private key",
        ),
        pytest.param(jwk_did([]), "did.format", id="a list"),
        pytest.param(jwk_did(b"{}{}"), "input.json", id="two values"),
        pytest.param(jwk_did(b'{"kty":"OKP","kty":"EC"}'), "input.json_duplicate", id="kty twice"),
        pytest.param(jwk_did({}), "key.type", id="an empty JWK"),
        pytest.param("did:jwk:", "input.json", id="no JWK"),
        pytest.param(did_jwk(ED25519.public) + "=", "input.base64url", id="padding"),
        pytest.param(did_jwk(ED25519.public) + "#0", "input.base64url", id="a fragment"),
        pytest.param(
            jwk_did({**ED25519.public.jwk, "pad": "a" * 2048}), "did.method", id="beyond 2048 letters"
        ),
        pytest.param("did:key:", "input.multibase", id="no key"),
        pytest.param(f"{KEY_DID}#{KEY_DID[8:]}", "input.multibase", id="a DID URL"),
        pytest.param(f"{KEY_DID}?versionId=1", "input.multibase", id="a query"),
        pytest.param(f"{KEY_DID} ", "input.multibase", id="a blank after it"),
        pytest.param(f"did:key:1.1:{KEY_DID[8:]}", "input.multibase", id="a version"),
        pytest.param("did:web:muster.example", "did.unresolved", id="did:web"),
        pytest.param("did:ethr:0x1", "did.unresolved", id="did:ethr"),
        pytest.param(KEY_DID.upper(), "did.unresolved", id="in capitals"),
        pytest.param(f" {KEY_DID}", "did.unresolved", id="a blank before it"),
        pytest.param("", "did.unresolved", id="nothing"),
    ],
)
def test_another_did_is_refused_by_name(did: str, code: str) -> None:
    with pytest.raises(KonsensError) as error:
        RESOLVE(did)
    assert error.value.code == code


@pytest.mark.parametrize("call", [kid_of, resolve_key, resolve_jwk])
def test_each_method_reads_only_its_own_dids(call: Any) -> None:
    with pytest.raises(InputError, match=r"did\.method"):
        call("did:web:muster.example")


def test_pinned_documents_come_first_and_the_rest_is_asked_elsewhere() -> None:
    pinned = document_of("did:web:muster.example", {"key-1": P256.public})
    resolver = PinnedResolver([pinned], then=OfflineResolver())
    assert resolver.resolve("did:web:muster.example") is pinned
    assert resolver.resolve(KEY_DID) == RESOLVE(KEY_DID)
    with pytest.raises(NotTrusted, match=r"did\.unresolved"):
        resolver.resolve("did:web:other.example")


def test_the_jwk_inside_a_did_jwk_is_the_canonical_one() -> None:
    assert b64u_decode(did_jwk(P256.public)[8:]) == jcs(P256.public.jwk)
