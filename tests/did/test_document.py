"""DID documents: which keys sign for a DID, and which are passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import DidDocument, Relation, document_of, key_of, parse_document, render_document
from konsens.did.document import PURPOSES, Purpose
from konsens.encoding import b64u_encode, multibase_encode
from konsens.errors import InputError, KonsensError, VerificationError
from tests.did.test_keys import ED25519, KEYS, P256

DID = "did:example:muster"
WEB = "did:web:muster.example"
NO_DIDS = [
    *("", "did", "did:ex", "did:ex:", "DID:ex:1", "did:Ex:1", "did:ex:a b", "did:ex:1#a", "did:ex:1/a"),
    *("did:ex:1?a", "did:ex:1\n", "did:ex:ä", "https://muster.example"),
]
FRAGMENTS = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)


def method(**changes: Any) -> dict[str, Any]:
    """Return a verification method that signs, with `changes`; a change to None takes a member out."""
    members = {
        "id": f"{DID}#key-1",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": ED25519.public.multikey,
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def document(*methods: Any, **changes: Any) -> str:
    """Return a DID document in which `methods` assert, with `changes`."""
    members = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "verificationMethod": list(methods),
        "assertionMethod": [each["id"] for each in methods if isinstance(each, dict) and "id" in each],
        **changes,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None})


def kids(text: str) -> list[str]:
    return [relation.kid for relation in parse_document(text).relations]


@given(
    st.dictionaries(
        FRAGMENTS, st.tuples(KEYS, st.lists(st.sampled_from(PURPOSES), unique=True).map(sorted)), max_size=4
    )
)
def test_a_document_is_itself_again_after_being_written(keys: dict[str, Any]) -> None:
    relations = tuple(
        Relation(f"{WEB}#{name}", key.public, tuple(purposes)) for name, (key, purposes) in keys.items()
    )
    made = DidDocument(WEB, relations)
    assert parse_document(json.dumps(render_document(made)), did=WEB) == made


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({}, id="Multikey"),
        pytest.param({"type": "Ed25519VerificationKey2020"}, id="Ed25519VerificationKey2020"),
        pytest.param(
            {"type": "JsonWebKey", "publicKeyMultibase": None, "publicKeyJwk": ED25519.public.jwk},
            id="JsonWebKey",
        ),
        pytest.param(
            {"type": "JsonWebKey2020", "publicKeyMultibase": None, "publicKeyJwk": ED25519.public.jwk},
            id="JsonWebKey2020",
        ),
        pytest.param({"id": "#key-1"}, id="a relative name"),
        pytest.param({"more": [1, 2]}, id="members that we do not know"),
    ],
)
def test_a_key_is_written_in_several_forms(form: dict[str, Any]) -> None:
    read = parse_document(document(method(**form)))
    assert read == DidDocument(DID, (Relation(f"{DID}#key-1", ED25519.public, ("assertionMethod",)),))


@pytest.mark.parametrize(
    "context",
    [
        None,
        "https://www.w3.org/ns/did/v1",
        ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
        "https://www.w3.org/ns/did/v1.1",
        ["https://www.w3.org/ns/did/v1.1", {"@vocab": "https://example.org/"}],
    ],
    ids=str,
)
def test_the_contexts_of_did_1_0_and_1_1_are_taken(context: Any) -> None:
    assert kids(document(method(), **{"@context": context})) == [f"{DID}#key-1"]


def test_a_method_may_stand_within_its_purpose() -> None:
    read = parse_document(
        document(assertionMethod=[method()], authentication=[f"{DID}#key-1", f"{DID}#other"])
    )
    assert read == document_of(DID, {"key-1": ED25519.public})


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"controller": "did:example:other"}, id="another controller"),
        pytest.param({"controller": None}, id="no controller"),
        pytest.param({"controller": [DID]}, id="a list of controllers"),
        pytest.param({"id": "did:example:other#key-1"}, id="another DID's name"),
        pytest.param({"id": f"{DID}:more#key-1"}, id="a longer DID's name"),
        pytest.param({"id": f"{DID}?v=1#key-1"}, id="a name with a query"),
        pytest.param({"type": "X25519KeyAgreementKey2020"}, id="a type for encryption"),
        pytest.param({"type": "EcdsaSecp256k1RecoveryMethod2020"}, id="a type that we do not know"),
        pytest.param({"type": ["Multikey"]}, id="a list of types"),
        pytest.param({"publicKeyMultibase": "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"}, id="X25519"),
        pytest.param({"publicKeyMultibase": None}, id="no key"),
        pytest.param({"publicKeyMultibase": 7}, id="a key that is no text"),
        pytest.param({"type": "JsonWebKey", "publicKeyJwk": {"kty": "RSA"}}, id="RSA"),
        pytest.param({"type": "JsonWebKey", "publicKeyJwk": {**P256.public.jwk, "use": "enc"}}, id="use enc"),
        pytest.param(
            {"type": "JsonWebKey", "publicKeyJwk": {**P256.public.jwk, "alg": "ECDH-ES"}}, id="ECDH-ES"
        ),
        pytest.param({"type": "JsonWebKey", "publicKeyJwk": "text"}, id="a JWK that is no object"),
        pytest.param({"revoked": "2030-01-01T00:00:00Z"}, id="revoked"),
        pytest.param({"expires": "2030-01-01T00:00:00Z"}, id="expires"),
    ],
)
def test_a_method_that_cannot_sign_for_the_did_is_passed_over(form: dict[str, Any]) -> None:
    good = method(id=f"{DID}#good")
    text = document(good, method(**form))
    assert kids(text) == [f"{DID}#good"]
    with pytest.raises(VerificationError):
        key_of(parse_document(text), form.get("id", f"{DID}#key-1"))


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        pytest.param("[]", InputError, "did.format", id="a list"),
        pytest.param("{}", InputError, "did.format", id="no id"),
        pytest.param(document(id=1), InputError, "did.format", id="an id that is no text"),
        *(pytest.param(document(id=did), InputError, "did.format", id=f"id {did!r}") for did in NO_DIDS),
        pytest.param(document(**{"@context": []}), InputError, "did.format", id="an empty context"),
        pytest.param(
            document(**{"@context": "https://evil.example/"}), InputError, "did.format", id="a context"
        ),
        pytest.param(
            document(**{"@context": ["https://evil.example/", "https://www.w3.org/ns/did/v1"]}),
            InputError,
            "did.format",
            id="another context first",
        ),
        pytest.param(
            document(**{"@context": {"a": "b"}}), InputError, "did.format", id="an object as context"
        ),
        pytest.param(
            document(**{"@context": [["a"]]}), InputError, "did.format", id="a list as first context"
        ),
        pytest.param(
            document(verificationMethod={}), InputError, "did.format", id="methods that are no list"
        ),
        pytest.param(
            document(assertionMethod="#key-1"), InputError, "did.format", id="a purpose that is no list"
        ),
        pytest.param(
            document(assertionMethod=[1]), InputError, "did.format", id="a reference that is no text"
        ),
        pytest.param(
            document(assertionMethod=["x"]), InputError, "did.format", id="a reference that is no URL"
        ),
        pytest.param(document("text"), InputError, "did.format", id="a method that is no object"),
        pytest.param(document(method(id=None)), InputError, "did.format", id="a method without name"),
        pytest.param(document(method(), method()), InputError, "did.format", id="a name twice"),
        pytest.param(
            document(method(), method(id="#key-1")),
            InputError,
            "did.format",
            id="a name twice, once relative",
        ),
        pytest.param(
            document(method(), assertionMethod=[method(publicKeyMultibase=P256.public.multikey)]),
            InputError,
            "did.format",
            id="a name again within a purpose",
        ),
        pytest.param(
            document(*(method(id=f"#{n}") for n in range(65))), InputError, "did.format", id="65 methods"
        ),
        pytest.param(
            document(method(publicKeyMultibase=multibase_encode(b"\xed\x01" + bytes(31)))),
            InputError,
            "key.format",
            id="a short key",
        ),
        pytest.param(
            document(
                method(type="JsonWebKey", publicKeyJwk={**ED25519.public.jwk, "x": b64u_encode(bytes(32))})
            ),
            VerificationError,
            "key.weak",
            id="a weak key",
        ),
        pytest.param(
            document(method(type="JsonWebKey", publicKeyJwk={**ED25519.public.jwk, "d": "AA"})),
            InputError,
            "key.private",
            id="a private key",
        ),
        pytest.param(
            '{"id":"did:ex:1","id":"did:ex:2"}', InputError, "input.json_duplicate", id="a member twice"
        ),
        pytest.param(
            document(service=[{"a" * (1 << 20): 1}]), InputError, "input.too_large", id="beyond 1 MiB"
        ),
    ],
)
def test_what_is_no_document_is_refused_by_name(text: str, error: type[KonsensError], code: str) -> None:
    with pytest.raises(error) as excinfo:
        parse_document(text)
    assert excinfo.value.code == code


def test_in_a_did_web_document_every_did_url_is_absolute() -> None:
    relative = document(method(id="#key-1", controller=WEB), id=WEB)
    with pytest.raises(InputError, match=r"did\.format"):
        parse_document(relative)
    absolute = document(method(id=f"{WEB}#key-1", controller=WEB), id=WEB)
    assert kids(absolute) == [f"{WEB}#key-1"]


def test_the_document_of_another_did_is_refused() -> None:
    with pytest.raises(VerificationError, match=r"did\.other_document"):
        parse_document(document(method()), did="did:example:other")
    assert parse_document(document(method()), did=DID).id == DID


BOTH = DidDocument(
    DID,
    (
        Relation(f"{DID}#a", ED25519.public, ("assertionMethod",)),
        Relation(f"{DID}#b", P256.public, ("authentication",)),
        Relation(f"{DID}#c", P256.public, ()),
    ),
)


@pytest.mark.parametrize(
    ("kid", "purpose", "code"),
    [
        (f"{DID}#a", "authentication", "did.no_key"),
        (f"{DID}#b", "assertionMethod", "did.no_key"),
        (f"{DID}#c", "assertionMethod", "did.no_key"),
        (f"{DID}#A", "assertionMethod", "did.no_key"),
        (f"{DID}#", "assertionMethod", "did.no_key"),
        (DID, "assertionMethod", "did.no_key"),
        (f"{DID}x#a", "assertionMethod", "did.other_document"),
        ("#a", "assertionMethod", "did.other_document"),
    ],
)
def test_a_key_serves_only_its_name_and_purpose(kid: str, purpose: Purpose, code: str) -> None:
    with pytest.raises(VerificationError) as error:
        key_of(BOTH, kid, purpose)
    assert error.value.code == code


def test_a_key_is_found_by_its_name_and_purpose() -> None:
    assert key_of(BOTH, f"{DID}#a") == ED25519.public
    assert key_of(BOTH, f"{DID}#b", "authentication") == P256.public
