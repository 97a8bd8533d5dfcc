"""Every official structure, both ways: issued by us and judged by `sd-jwt`, issued by it and judged by us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the package ships no types
from sd_jwt.holder import SDJWTHolder  # type: ignore[import-untyped]  # the package ships no types
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]  # likewise
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]  # likewise

from konsens.credentials import KeyBinding, Online, Revealed, parse_sd_jwt
from konsens.credentials.conceal import conceal
from konsens.credentials.jwt import check_jwt
from konsens.credentials.key_binding import check_key_binding, sign_key_binding
from konsens.credentials.reveal import reveal
from konsens.credentials.sd_jwt import join_sd_jwt
from konsens.did import LocalSigner, PrivateKey, PublicKey
from konsens.errors import VerificationError

from .forge import jwt
from .people import AT, NOW, entropy
from .structures import Structure, structures

ALL = structures()
# RFC 9901, section 8, is not in this release: the structures are judged in the compact form.
JSON_SERIALIZATION = {
    "sd-jwt-python/json_serialization_flattened",
    "sd-jwt-python/json_serialization_general",
    "sd-jwt-spec/json_serialization_flattened",
    "sd-jwt-spec/json_serialization_general",
}
# `kid: 42`, where "its value MUST be a case-sensitive string" (RFC 7515, section 4.1.4).
NUMBER_AS_KID = "sd-jwt-python/header_mod"
AUDIENCE, NONCE = "https://verifier.example.org", "1234567890"

each_structure = pytest.mark.parametrize("structure", [pytest.param(one, id=one.name) for one in ALL])


def issued_by_us(structure: Structure) -> str:
    payload, disclosures = conceal(structure.claims, structure.concealed.__contains__, entropy=entropy())
    payload["cnf"] = {"jwk": private(structure, "holder").public.jwk}
    header = {"alg": "ES256"} | structure.header
    if structure.name == NUMBER_AS_KID:
        header["kid"] = "42"
    return join_sd_jwt(jwt(header, payload, private(structure, "issuer")), disclosures)


def issued_by_them(structure: Structure, **options: Any) -> str:
    issuer = SDJWTIssuer(
        user_claims=structure.specification["user_claims"],
        issuer_key=JWK(**structure.jwk("issuer")),
        holder_key=JWK(**structure.jwk("holder")),
        extra_header_parameters=structure.header,
        add_decoy_claims=structure.specification.get("add_decoy_claims", False),
        **options,
    )
    return str(issuer.sd_jwt_issuance)


def private(structure: Structure, who: str) -> PrivateKey:
    return PrivateKey.from_jwk(structure.jwk(who))


def checked(text: str, structure: Structure) -> Revealed:
    """Take the steps of RFC 9901, section 7.1, with the issuer's key from the settings."""
    unverified = parse_sd_jwt(text)
    key = private(structure, "issuer").public
    check_jwt(unverified.jwt, key, other_alg="credential.alg", forged="credential.signature")
    return reveal(unverified.jwt.unverified_claims, unverified.disclosures)


def present(text: str, structure: Structure) -> str:
    """Show what the structure says, with our key binding."""
    revealed = checked(text, structure)
    shown = [disclosure for path, disclosure in revealed.shown.items() if path in structure.shown]
    sd_jwt = join_sd_jwt(text.partition("~")[0], shown)
    signer = LocalSigner(private(structure, "holder"), "did:example:holder#1")
    return sd_jwt + sign_key_binding(sd_jwt, audience=AUDIENCE, nonce=NONCE, signer=signer, at=AT)


def present_by_them(text: str, structure: Structure) -> str:
    holder = SDJWTHolder(text)
    key = JWK(**structure.jwk("holder"))
    holder.create_presentation(structure.specification["holder_disclosed_claims"], NONCE, AUDIENCE, key)
    return str(holder.sd_jwt_presentation)


def judged_by_them(text: str, structure: Structure) -> dict[str, Any]:
    key = JWK.from_json(JWK(**structure.jwk("issuer")).export_public())
    verifier = SDJWTVerifier(text, lambda *_: key, AUDIENCE, NONCE)
    return without_cnf(verifier.get_verified_payload())


def judged_by_us(text: str, structure: Structure) -> dict[str, Any]:
    unverified = parse_sd_jwt(text)
    assert unverified.key_binding is not None
    revealed = checked(text, structure)
    made_at = check_key_binding(
        unverified.key_binding,
        unverified.sd_jwt,
        holder=PublicKey.from_jwk(revealed.claims["cnf"]["jwk"]),
        expected=KeyBinding(AUDIENCE, NONCE, Online()),
        now=unverified.key_binding.unverified_claims["iat"],
        leeway=0,
    )
    assert made_at > 0
    return without_cnf(revealed.claims)


def without_cnf(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: claim for name, claim in claims.items() if name != "cnf"}


def test_the_structures_are_all_there() -> None:
    names = {structure.name for structure in ALL}
    assert len(names) == 35
    assert names >= JSON_SERIALIZATION | {NUMBER_AS_KID}


@each_structure
def test_what_we_issue_we_read_back_whole(structure: Structure) -> None:
    revealed = checked(issued_by_us(structure), structure)
    assert without_cnf(revealed.claims) == without_cnf(structure.claims)
    assert set(revealed.shown) == structure.concealed
    assert (revealed.withheld, revealed.positions) == (0, {})


@each_structure
def test_what_we_issue_and_present_they_accept(structure: Structure) -> None:
    text = present(issued_by_us(structure), structure)
    claims = judged_by_them(text, structure)
    assert claims == judged_by_us(text, structure)
    if structure.expected is not None:
        assert claims == structure.expected


@each_structure
def test_what_they_issue_we_read_and_present_as_they_do(structure: Structure) -> None:
    if structure.name == NUMBER_AS_KID:
        with pytest.raises(VerificationError) as excinfo:
            parse_sd_jwt(issued_by_them(structure))
        assert excinfo.value.code == "sdjwt.header"
        return
    text = issued_by_them(structure)
    revealed = checked(text, structure)
    assert without_cnf(revealed.claims) == without_cnf(structure.claims)
    assert set(revealed.shown) == structure.concealed
    ours, theirs = present(text, structure), present_by_them(text, structure)
    assert judged_by_them(ours, structure) == judged_by_us(theirs, structure) == judged_by_us(ours, structure)


@pytest.mark.parametrize("name", sorted(JSON_SERIALIZATION))
def test_the_json_serialization_is_refused_by_name(name: str) -> None:
    structure = next(one for one in ALL if one.name == name)
    text = issued_by_them(structure, serialization_format="json")
    assert json.loads(text)["disclosures"]
    with pytest.raises(VerificationError) as excinfo:
        parse_sd_jwt(text)
    assert excinfo.value.code == "sdjwt.form"


def test_now_is_the_moment_of_these_tests() -> None:
    assert int(AT.timestamp()) == NOW
