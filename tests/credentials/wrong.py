"""Presentations that are signed correctly, as far as can be, and must be refused: each by its code."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from konsens.credentials import Between, KeyBinding, Policy

from .forge import (
    Maker,
    alg_of_the_holder_switched,
    b64,
    bound,
    changed,
    child_without_its_parent,
    concealed,
    decoy_twice,
    digest,
    disclosure_sent_twice,
    element_as_property,
    forged_value,
    jwt,
    key_binding,
    key_binding_moved,
    kid_of_another,
    kid_unknown,
    left_over,
    longer_signature,
    many_disclosures,
    nested_disclosures,
    not_canonical,
    other_spelling_of_the_signature,
    padded,
    property_as_element,
    raw_key_binding,
    raw_payload,
    signed_by_a_stranger,
    signed_by_the_other_alg,
    stranger,
    twice_in_sd,
    twice_through_a_disclosure,
    two_key_bindings,
    umlaut_in_a_disclosure,
    weak_holder_key,
    with_header,
)
from .people import AT, AUDIENCE, NONCE, NOW, VCT, did, issued, key, policy


class Wrong(NamedTuple):
    """A presentation, the code that must come back, and the policy if it is not the usual one."""

    name: str
    code: str
    make: Maker
    policy: Policy | None = None


WITHOUT = policy(key_binding=False)
STRICT = policy(maximum_age=timedelta(minutes=30))
EXPIRY = policy(expiry_required=True)
LATE = Policy(
    issuers={VCT: [did("issuer")]},
    key_binding=KeyBinding(AUDIENCE, NONCE, Between(AT - timedelta(days=2), AT - timedelta(days=1))),
)
NOTHING_EXPECTED = Policy(
    issuers={"urn:example:other": [did("issuer")]}, key_binding=KeyBinding(AUDIENCE, NONCE)
)
JWK = key("holder").public.jwk

WRONG: list[Wrong] = [
    # The form (RFC 9901, section 4)
    Wrong("no tilde", "sdjwt.form", lambda forge: forge.sd_jwt().replace("~", "")),
    Wrong("an empty disclosure", "sdjwt.form", lambda forge: forge.present(forge.sd_jwt() + "~")),
    Wrong(
        "no issuer-signed part", "sdjwt.form", lambda forge: forge.present("~" + forge.disclosures[0] + "~")
    ),
    Wrong("two parts", "sdjwt.jwt", lambda forge: forge.present("e30.e30~")),
    Wrong("more than 256 kB", "sdjwt.too_large", changed(filler="x" * (200 * 1024))),
    Wrong("more than 1,000 disclosures", "sdjwt.too_many_disclosures", many_disclosures),
    Wrong("two key bindings", "sdjwt.two_key_bindings", two_key_bindings),
    # The header
    Wrong("alg none", "sdjwt.alg", with_header(alg="none")),
    Wrong("alg HS256", "sdjwt.alg", with_header(alg="HS256")),
    Wrong("alg not a text", "sdjwt.alg", with_header(alg=["EdDSA"])),
    Wrong("alg missing", "sdjwt.alg", with_header(alg=None)),
    Wrong("alg of another key", "credential.alg", signed_by_the_other_alg),
    Wrong("the header brings its key", "sdjwt.header_refused", with_header(jwk=JWK)),
    Wrong("the header names an address", "sdjwt.header_refused", with_header(jku="https://evil.example/")),
    Wrong("an extension to be understood", "sdjwt.header_refused", with_header(crit=["exp"], exp=NOW)),
    Wrong("a payload not in base64", "sdjwt.header_refused", with_header(b64=False)),
    Wrong("kid not a text", "sdjwt.header", with_header(kid=42)),
    Wrong("the header a list", "sdjwt.header", lambda forge: forge.present(jwt([], {}, key("issuer")) + "~")),
    Wrong("typ of another token", "credential.typ", with_header(typ="jwt")),
    Wrong("typ missing", "credential.typ", with_header(typ=None)),
    Wrong("kid missing", "credential.kid", with_header(kid=None)),
    Wrong("kid not a DID URL", "credential.kid", with_header(kid="doc-signer-05-25-2022")),
    Wrong("kid a DID without its key", "credential.kid", with_header(kid=did("issuer"))),
    Wrong("kid of another DID", "credential.other_issuer", kid_of_another),
    Wrong("kid of an unknown key", "credential.issuer_key", kid_unknown),
    # The issuer
    Wrong("an untrusted issuer", "credential.issuer", stranger),
    Wrong("a type not expected", "credential.type", lambda forge: forge.present(), NOTHING_EXPECTED),
    Wrong("trusted for another type", "credential.type", changed(vct="urn:example:other")),
    Wrong("vct missing", "credential.vct", changed(vct=None)),
    Wrong("vct empty", "credential.vct", changed(vct="")),
    Wrong("vct a number", "credential.vct", changed(vct=1)),
    Wrong("aka_vcts repeats vct", "credential.aka_vcts", changed(aka_vcts=[VCT])),
    Wrong("iss a number", "credential.kid", changed(iss=1)),
    Wrong("signed by a stranger", "credential.signature", signed_by_a_stranger),
    Wrong("spare bits in the signature", "sdjwt.signature_form", other_spelling_of_the_signature),
    Wrong("letters after the signature", "sdjwt.signature_form", longer_signature),
    # The JSON
    Wrong("a payload that is a list", "sdjwt.payload", raw_payload(lambda text: f"[{text}]")),
    Wrong(
        "a member twice", "sdjwt.json_duplicate", raw_payload(lambda text: text[:-1] + f', "vct": "{VCT}"}}')
    ),
    Wrong("NaN", "sdjwt.json_number", raw_payload(lambda text: text[:-1] + ', "n": NaN}')),
    Wrong("a huge integer", "sdjwt.json_number", changed(n=1 << 64)),
    Wrong("half a character", "sdjwt.json_surrogate", changed(n="\ud800")),
    Wrong("not UTF-8", "sdjwt.json", raw_payload(lambda text: text.replace("}", "\udcff}"))),
    Wrong("cut off", "sdjwt.json", raw_payload(lambda text: text[:-1])),
    Wrong(
        "nested too deep",
        "sdjwt.json_depth",
        raw_payload(lambda text: text[:-1] + ', "n": ' + "[" * 40 + "]" * 40 + "}"),
    ),
    # Digests and disclosures (RFC 9901, section 7.1, steps 2.5 and 3 to 5)
    Wrong("_sd_alg sha-512", "sdjwt.hash", changed(_sd_alg="sha-512")),
    Wrong("_sd_alg not a text", "sdjwt.hash", changed(_sd_alg=["sha-256"])),
    Wrong("_sd_alg inside", "sdjwt.reserved_name", changed(n={"_sd_alg": "sha-256"})),
    Wrong("_sd not a list", "sdjwt.sd_array", changed(_sd="x")),
    Wrong("_sd inside not a list", "sdjwt.sd_array", changed(n={"_sd": {}})),
    Wrong("a digest that is a number", "sdjwt.digest", changed(_sd=[1])),
    Wrong("a digest of another length", "sdjwt.digest", changed(_sd=["x" * 86])),
    Wrong("an element digest that is null", "sdjwt.digest", changed(list=[{"...": None}])),
    Wrong("a digest twice", "sdjwt.digest_repeated", twice_in_sd),
    Wrong("a digest twice, once in a disclosure", "sdjwt.digest_repeated", twice_through_a_disclosure),
    Wrong("a decoy twice", "sdjwt.digest_repeated", decoy_twice),
    Wrong("a disclosure sent twice", "sdjwt.disclosure_repeated", disclosure_sent_twice),
    Wrong("a forged value", "sdjwt.disclosure_unreferenced", forged_value),
    Wrong("a disclosure of nothing", "sdjwt.disclosure_unreferenced", left_over),
    Wrong("a child without its parent", "sdjwt.disclosure_unreferenced", child_without_its_parent),
    Wrong("an element among members", "sdjwt.disclosure_form", element_as_property),
    Wrong("a member among elements", "sdjwt.disclosure_form", property_as_element),
    Wrong("a disclosure of four", "sdjwt.disclosure_form", concealed(["salt", "n", 1, 2])),
    Wrong("a disclosure that is an object", "sdjwt.disclosure_form", concealed({"salt": 1, "n": 2, "v": 3})),
    Wrong("a disclosure that is no JSON", "sdjwt.json", concealed(b64(b"[salt]"))),
    Wrong("a number as salt", "sdjwt.salt", concealed([42, "n", 1])),
    Wrong("a number as name", "sdjwt.claim_name", concealed(["salt", 42, 1])),
    Wrong("null as name", "sdjwt.claim_name", concealed(["salt", None, 1])),
    Wrong("_sd as name", "sdjwt.reserved_name", concealed(["salt", "_sd", ["x"]])),
    Wrong("... as name", "sdjwt.reserved_name", concealed(["salt", "...", "x"])),
    Wrong("_sd_alg as name", "sdjwt.reserved_name", concealed(["salt", "_sd_alg", "sha-256"])),
    Wrong("... as an open claim", "sdjwt.reserved_name", changed(**{"...": digest("x")})),
    Wrong("... beside other members", "sdjwt.reserved_name", changed(list=[{"...": digest("x"), "n": 1}])),
    Wrong("a name that is there", "sdjwt.name_exists", concealed(["salt", "iat", 1])),
    Wrong("a name disclosed twice", "sdjwt.name_exists", concealed(["salt-3", "level", "silver"])),
    Wrong("spare bits in a disclosure", "sdjwt.base64url", not_canonical),
    Wrong("a foreign letter in a disclosure", "sdjwt.base64url", umlaut_in_a_disclosure),
    Wrong("padding in a disclosure", "sdjwt.base64url", padded),
    Wrong(
        "a member twice in a disclosure",
        "sdjwt.json_duplicate",
        concealed(b64(b'["salt", "n", {"a": 1, "a": 2}]')),
    ),
    Wrong("disclosures in disclosures in …", "sdjwt.depth", nested_disclosures(33)),
    # What must stand in the open (SD-JWT VC draft, section 2.2.2.3)
    *(
        Wrong(f"{name} concealed", "credential.concealed", concealed(["salt", name, value]))
        for name, value in (
            ("nbf", 1),
            ("status", {}),
            ("aka_vcts", ["urn:x"]),
            ("vct#integrity", "sha256-x"),
        )
    ),
    Wrong(
        "exp concealed",
        "credential.concealed",
        lambda forge: concealed(["salt", "exp", forge.payload.pop("exp")])(forge),
    ),
    Wrong(
        "iss concealed",
        "credential.concealed",
        lambda forge: concealed(["salt", "iss", forge.payload.pop("iss")])(forge),
    ),
    Wrong(
        "cnf concealed",
        "credential.concealed",
        lambda forge: concealed(["salt", "cnf", forge.payload.pop("cnf")])(forge),
    ),
    Wrong(
        "vct concealed",
        "credential.vct",
        lambda forge: concealed(["salt", "vct", forge.payload.pop("vct")])(forge),
    ),
    Wrong("a part of cnf concealed", "credential.concealed", changed(cnf={"jwk": JWK, "_sd": [digest("x")]})),
    # Validity (step 6)
    Wrong("expired", "credential.expired", changed(exp=NOW - 61)),
    Wrong("exp a text", "credential.time", changed(exp="2030-01-01")),
    Wrong("exp true", "credential.time", changed(exp=True)),
    Wrong("no exp where one is required", "credential.no_expiry", changed(exp=None), EXPIRY),
    Wrong("not yet valid", "credential.not_yet_valid", changed(nbf=NOW + 61)),
    Wrong("issued tomorrow", "credential.issued_later", changed(iat=NOW + 86400)),
    Wrong("issued too long ago", "credential.too_old", lambda forge: forge.present(), STRICT),
    Wrong("iat missing where an age is asked", "credential.too_old", changed(iat=None), STRICT),
    Wrong("meant for others", "credential.audience", changed(aud=["did:web:other.example"])),
    Wrong(
        "a status that nobody looks up",
        "credential.status_unknown",
        changed(status={"status_list": {"idx": 0, "uri": "https://x.example/"}}),
    ),
    Wrong("cnf missing", "credential.holder_key", changed(cnf=None)),
    Wrong("cnf without a key", "credential.holder_key", changed(cnf={"kid": "1"})),
    Wrong("cnf with a private key", "credential.holder_key", changed(cnf={"jwk": JWK | {"d": JWK["x"]}})),
    Wrong("cnf with a weak key", "credential.holder_key", weak_holder_key),
    Wrong(
        "cnf with an address of keys",
        "credential.holder_key",
        changed(cnf={"jwk": JWK, "jku": "https://x.example/"}),
    ),
    # Key binding (section 7.3)
    Wrong("no key binding", "presentation.key_binding_missing", lambda forge: forge.sd_jwt()),
    Wrong(
        "a key binding that nobody asked for",
        "presentation.key_binding_unexpected",
        lambda forge: forge.present(),
        WITHOUT,
    ),
    Wrong("a key binding by another key", "presentation.signature", bound(private=key("stranger"))),
    Wrong("alg of the key binding switched", "presentation.alg", alg_of_the_holder_switched),
    Wrong("alg none of the key binding", "sdjwt.alg", bound(header={"alg": "none"})),
    Wrong("the key binding brings a key", "sdjwt.header_refused", bound(header={"jwk": JWK})),
    Wrong("typ of another token in the key binding", "presentation.typ", bound(header={"typ": "jwt"})),
    Wrong("iat missing", "presentation.time", bound(drop=["iat"])),
    Wrong("iat a text", "presentation.time", bound(iat=str(NOW))),
    Wrong("iat too early", "presentation.too_early", bound(iat=NOW - 301)),
    Wrong("iat a year ago", "presentation.too_early", bound(iat=NOW - 365 * 86400)),
    Wrong("iat in the future", "presentation.too_late", bound(iat=NOW + 61)),
    Wrong("iat after the end of the question", "presentation.too_late", lambda forge: forge.present(), LATE),
    Wrong("another nonce", "presentation.nonce", bound(nonce="another")),
    Wrong("nonce missing", "presentation.nonce", bound(drop=["nonce"])),
    Wrong(
        "for another verifier",
        "presentation.audience",
        bound(aud="decentralized_identifier:did:web:other.example"),
    ),
    Wrong("the audience without its prefix", "presentation.audience", bound(aud="did:web:shop.example")),
    Wrong("several audiences", "presentation.audience", bound(aud=[AUDIENCE])),
    Wrong("another sd_hash", "presentation.sd_hash", bound(sd_hash=digest("x"))),
    Wrong("sd_hash missing", "presentation.sd_hash", bound(drop=["sd_hash"])),
    Wrong("a disclosure taken away on the way", "presentation.sd_hash", key_binding_moved),
    Wrong("the key binding expired", "presentation.not_valid_now", bound(exp=NOW - 61)),
    Wrong("the key binding not yet valid", "presentation.not_valid_now", bound(nbf=NOW + 61)),
    Wrong("the key binding a list", "sdjwt.payload", raw_key_binding(b"[]")),
    Wrong(
        "a member twice in the key binding",
        "sdjwt.json_duplicate",
        raw_key_binding(b'{"nonce": "a", "nonce": "b"}'),
    ),
    Wrong(
        "an issued credential of another type of key",
        "presentation.alg",
        lambda _: (
            issued(holder=key("holder", "ES256").public)
            + key_binding(issued(holder=key("holder", "ES256").public))
        ),
    ),
]
