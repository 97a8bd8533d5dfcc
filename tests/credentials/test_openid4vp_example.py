"""The worked example of OpenID4VP 1.0 with its real signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from konsens.credentials import KeyBinding, Online, parse_sd_jwt, verify
from konsens.credentials.jwt import check_jwt
from konsens.credentials.key_binding import check_key_binding
from konsens.credentials.reveal import reveal
from konsens.did import PublicKey
from konsens.errors import VerificationError
from konsens.strict_json import parse

from .people import AT, RESOLVER, policy

FOLDER = Path(__file__).parent.parent / "vectors" / "openid4vp" / "1.0" / "examples" / "sd_jwt_vcld"


def text(name: str) -> str:
    return (FOLDER / "01" / f"{name}.txt").read_text("utf-8").replace("\n", "")


def issuer_key() -> PublicKey:
    settings = yaml.safe_load((FOLDER / "settings.yml").read_text("utf-8"))
    jwk = settings["key_settings"]["issuer_keys"][0]
    return PublicKey.from_jwk({name: member for name, member in jwk.items() if name != "d"})


def expected(name: str) -> Any:
    return parse((FOLDER / "01" / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["sd_jwt_issuance", "sd_jwt_presentation"])
def test_its_signatures_are_good_and_its_claims_come_out(name: str) -> None:
    unverified = parse_sd_jwt(text(name))
    check_jwt(unverified.jwt, issuer_key(), other_alg="credential.alg", forged="credential.signature")
    assert unverified.jwt.unverified_claims == expected("sd_jwt_payload")
    revealed = reveal(unverified.jwt.unverified_claims, unverified.disclosures)
    if name == "sd_jwt_issuance":
        assert revealed.claims["ld"] == expected("user_claims")["ld"]
        return
    assert revealed.claims == expected("verified_contents")
    assert unverified.key_binding is not None
    assert unverified.key_binding.unverified_claims == expected("kb_jwt_payload")
    made_at = check_key_binding(
        unverified.key_binding,
        unverified.sd_jwt,
        holder=PublicKey.from_jwk(revealed.claims["cnf"]["jwk"]),
        expected=KeyBinding("https://verifier.example.org", "1234567890", Online()),
        now=1744743394,
        leeway=0,
    )
    assert made_at == 1744743394


def test_its_issuer_has_no_did_and_so_we_do_not_know_its_key() -> None:
    with pytest.raises(VerificationError) as excinfo:
        verify(text("sd_jwt_presentation"), policy(), resolve=RESOLVER, at=AT)
    assert excinfo.value.code == "credential.kid"
