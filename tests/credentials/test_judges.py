"""Other people's verifiers accept our credentials, and ours accepts theirs: openvc-core and sd-jwt."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sd_jwt.holder  # type: ignore[import-untyped]  # the package ships no types
import sd_jwt.verifier  # type: ignore[import-untyped]  # likewise
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]  # the package ships no types
from openvc import (
    Ed25519SigningKey,
    OpenvcError,
    P256SigningKey,
    SigningKey,
    VerificationPolicy,
    verify_credential,
)
from openvc.proof.sd_jwt import SdJwtVcProofSuite
from sd_jwt.common import SDObj  # type: ignore[import-untyped]  # likewise
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]  # likewise

from konsens.credentials import HeldCredential, hold, present, verify
from konsens.encoding import b64u_encode

from .forge import Forge
from .people import (
    ALGS,
    AT,
    AUDIENCE,
    CLAIMS,
    NONCE,
    RESOLVER,
    VCT,
    did,
    issued,
    key,
    policy,
    signer,
)
from .people import NOW as NOW_OF_THE_TABLE
from .wrong import WRONG, Wrong

# openvc compares a credential's times with the clock of the machine.
NOW = datetime.now(UTC).replace(microsecond=0)
SHOW = ["level", "address.locality", "nationalities[1]"]
SHOWN = {"level": "gold", "address": {"locality": "Köln"}, "nationalities": ["FR"]}

both_algs = pytest.mark.parametrize("alg", ALGS)


def private_jwk(name: str, alg: str) -> dict[str, str]:
    private = key(name, alg)
    return private.public.jwk | {"d": b64u_encode(private.secret)}


def openvc_key(name: str, alg: str) -> SigningKey:
    kind = Ed25519SigningKey if alg == "EdDSA" else P256SigningKey
    return kind.from_jwk(private_jwk(name, alg), kid=signer(name, alg).kid)


def held_now(text: str, alg: str, at: datetime = NOW) -> HeldCredential:
    trust = {VCT: [did("issuer", alg)]}
    return hold(text, trust=trust, resolve=RESOLVER, at=at, holder=key("holder", alg).public)


def present_now(text: str, alg: str) -> str:
    card = held_now(text, alg)
    return present(card, SHOW, audience=AUDIENCE, nonce=NONCE, signer=signer("holder", alg), at=NOW)


def chosen(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: claim for name, claim in claims.items() if name in CLAIMS}


@both_algs
def test_openvc_accepts_what_we_issue_and_present(alg: str) -> None:
    expected = VerificationPolicy(
        audience=AUDIENCE, nonce=NONCE, require_key_binding=True, expected_vct=VCT, now=NOW
    )
    text = present_now(issued(alg=alg, at=NOW, expires_at=NOW + timedelta(days=1), decoys=3), alg)
    result = verify_credential(text, policy=expected)
    assert (result.issuer, result.subject, result.key_bound) == (did("issuer", alg), did("holder", alg), True)
    assert chosen(result.credential) == SHOWN


@both_algs
def test_we_accept_what_openvc_issues_and_presents(alg: str) -> None:
    suite = SdJwtVcProofSuite()
    text = suite.issue(
        {"iss": did("issuer", alg), **CLAIMS},
        signing_key=openvc_key("issuer", alg),
        disclosable=list(CLAIMS),
        holder_jwk=key("holder", alg).public.jwk,
        vct=VCT,
        expires_in_s=600,
        decoys=2,
    )
    theirs = suite.create_presentation(
        text, holder_key=openvc_key("holder", alg), audience=AUDIENCE, nonce=NONCE
    )
    at = datetime.now(UTC)  # theirs reads the clock, which in a long run is well past `NOW`
    assert chosen(held_now(text, alg, at).claims) == CLAIMS
    assert chosen(verify(theirs, policy(alg), resolve=RESOLVER, at=at).claims) == CLAIMS
    ours = present(
        held_now(text, alg, at),
        ["level", "points"],
        audience=AUDIENCE,
        nonce=NONCE,
        signer=signer("holder", alg),
        at=at,
    )
    verified = verify(ours, policy(alg), resolve=RESOLVER, at=at)
    assert chosen(verified.claims) == {"level": "gold", "points": 1200}
    assert verified.withheld == len(CLAIMS)  # eight claims and two decoys


@both_algs
def test_sd_jwt_accepts_what_we_issue_and_present(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd_jwt.verifier, "DEFAULT_SIGNING_ALG", alg)  # it knows one for all key bindings
    public = JWK(**key("issuer", alg).public.jwk)
    text = present_now(issued(alg=alg, at=NOW, expires_at=None, decoys=3), alg)
    verifier = sd_jwt.verifier.SDJWTVerifier(text, lambda *_: public, AUDIENCE, NONCE)
    assert chosen(verifier.get_verified_payload()) == SHOWN


@both_algs
def test_we_accept_what_sd_jwt_issues_and_presents(alg: str) -> None:
    issuer = SDJWTIssuer(
        {"iss": did("issuer", alg), "vct": VCT}
        | {SDObj(name): claim for name, claim in CLAIMS.items() if name != "address"}
        | {SDObj("address"): {SDObj(name): part for name, part in CLAIMS["address"].items()}},
        JWK(**private_jwk("issuer", alg)),
        JWK(**private_jwk("holder", alg)),
        sign_alg=alg,
        add_decoy_claims=True,
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": signer("issuer", alg).kid},
    )
    assert chosen(held_now(issuer.sd_jwt_issuance, alg).claims) == CLAIMS
    holder = sd_jwt.holder.SDJWTHolder(issuer.sd_jwt_issuance)
    holder.create_presentation(
        {"level": True, "address": {"locality": True}},
        NONCE,
        AUDIENCE,
        JWK(**private_jwk("holder", alg)),
        sign_alg=alg,
    )
    verified = verify(holder.sd_jwt_presentation, policy(alg), resolve=RESOLVER, at=datetime.now(UTC))
    assert chosen(verified.claims) == {"level": "gold", "address": {"locality": "Köln"}}


# What openvc-core lets pass and we do not, by the reason why we are stricter.
STRICTER = {
    "a limit of ours, against floods": {
        "more than 256 kB",
        "more than 1,000 disclosures",
        "nested too deep",
        "disclosures in disclosures in …",
    },
    "one value has one spelling": {
        "spare bits in the signature",
        "spare bits in a disclosure",
        "padding in a disclosure",
    },
    "not every program reads it alike": {
        "a member twice",
        "a member twice in a disclosure",
        "NaN",
        "a huge integer",
        "half a character",
    },
    "a header that would let the sender steer the verification": {
        "the header brings its key",
        "the header names an address",
        "a payload not in base64",
        "the key binding brings a key",
    },
    "RFC 9901, section 4.1.1: only at the top": {"_sd_alg inside"},
    "RFC 9901, section 4.2.1: a salt is a string": {"a number as salt"},
    "SD-JWT VC draft, section 2.2.2.3: not the sub-claims either": {"a part of cnf concealed"},
    "RFC 7800, section 3.1: one key": {"cnf with an address of keys"},
    "a private key is nobody's business": {"cnf with a private key"},
    "which of its keys a DID used must be said": {"kid missing"},
    "our window has five minutes and no leeway on top": {"iat too early"},
    "a policy that it was not given": {
        "an untrusted issuer",
        "a type not expected",
        "no exp where one is required",
        "issued too long ago",
        "iat missing where an age is asked",
        "a key binding that nobody asked for",
        "iat after the end of the question",
    },
}


def openvc_accepts(text: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(time, "time", lambda: float(NOW_OF_THE_TABLE))
    expected = VerificationPolicy(
        audience=AUDIENCE, nonce=NONCE, require_key_binding=True, expected_vct=VCT, now=AT
    )
    try:
        verify_credential(text, policy=expected)
    except (OpenvcError, ValueError):
        return False
    return True


def test_openvc_accepts_what_the_forge_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert openvc_accepts(Forge().present(), monkeypatch)


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=wrong.name) for wrong in WRONG])
def test_openvc_agrees_that_it_is_wrong_or_the_difference_is_named(
    wrong: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert openvc_accepts(wrong.make(Forge()), monkeypatch) == (wrong.name in set().union(*STRICTER.values()))
