"""The holder takes in what is good, and shows what it chooses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from konsens.credentials import (
    HeldCredential,
    KeyBinding,
    PathLike,
    UnsafeAcceptAnyIssuer,
    UnsafeIgnoreStatus,
    VerifiedCredential,
    disclose,
    hold,
    open_held,
    present,
    render_path,
    verify,
)
from konsens.errors import InputError, KonsensError, NotFound, VerificationError

from .forge import Forge
from .people import (
    ALGS,
    AT,
    AUDIENCE,
    CLAIMS,
    NONCE,
    NOW,
    RESOLVER,
    VCT,
    did,
    held,
    issued,
    key,
    policy,
    signer,
)


def show(card: HeldCredential, *paths: PathLike, alg: str = "EdDSA") -> VerifiedCredential:
    text = present(card, paths, audience=AUDIENCE, nonce=NONCE, signer=signer("holder", alg), at=AT)
    return verify(text, policy(alg), resolve=RESOLVER, at=AT)


def chosen(verified: VerifiedCredential) -> dict[str, Any]:
    return {name: claim for name, claim in verified.claims.items() if name in CLAIMS}


@pytest.mark.parametrize("alg", ALGS)
def test_a_wallet_knows_what_it_holds(alg: str) -> None:
    card = held(alg=alg)
    assert {name: card.claims[name] for name in CLAIMS} == CLAIMS
    assert (card.issuer, card.subject, card.types) == (did("issuer", alg), did("holder", alg), (VCT,))
    assert (card.issued_at, card.expires_at) == (AT - timedelta(days=3), AT + timedelta(days=365))
    assert card.holder == key("holder", alg).public
    assert open_held(card.text) == card


@pytest.mark.parametrize(
    ("paths", "claims", "shown"),
    [
        pytest.param([], {}, [], id="nothing"),
        pytest.param(["level"], {"level": "gold"}, ["level"], id="one claim"),
        pytest.param(
            ["address.locality"],
            {"address": {"locality": "Köln"}},
            ["address", "address.locality"],
            id="what it stands in comes along",
        ),
        pytest.param(
            ["address"],
            {"address": CLAIMS["address"]},
            ["address", "address.country", "address.locality", "address.street"],
            id="a claim is its whole value",
        ),
        pytest.param(
            ["nationalities[1]"],
            {"nationalities": ["FR"]},
            ["nationalities", "nationalities[1]"],
            id="one element",
        ),
        pytest.param(
            ["degrees[].type"],
            {"degrees": [{"type": "Bachelor"}, {"type": "Master"}]},
            ["degrees", "degrees[0]", "degrees[0].type", "degrees[1]", "degrees[1].type"],
            id="of every element",
        ),
    ],
)
def test_the_holder_chooses_by_path(paths: list[str], claims: dict[str, Any], shown: list[str]) -> None:
    verified = show(held(), *paths)
    assert chosen(verified) == claims
    assert sorted(render_path(path) for path in verified.shown) == shown


def test_the_verifier_gets_a_typed_result() -> None:
    card = held(decoys=1)
    verified = show(card, "level")
    assert (verified.issuer.did, verified.issuer.types, verified.type) == (did("issuer"), (VCT,), VCT)
    assert (verified.subject, verified.holder, verified.card) == (
        did("holder"),
        key("holder").public,
        card.card,
    )
    assert (verified.issued_at, verified.expires_at) == (card.issued_at, card.expires_at)
    assert (verified.key_bound_at, verified.shown, verified.withheld) == (AT, (("level",),), len(CLAIMS))
    assert all(check.ok for check in verified.checks)
    assert [check.name for check in verified.checks] == [
        "credential.form",
        "credential.issuer",
        "credential.signature",
        "credential.disclosures",
        "credential.in_the_open",
        "credential.validity",
        "presentation.holder",
        "presentation.fresh",
        "presentation.meant_for_us",
        "presentation.complete",
    ]


def test_without_key_binding_the_result_says_so() -> None:
    verified = verify(disclose(held(), ["level"]), policy(key_binding=False), resolve=RESOLVER, at=AT)
    assert (verified.key_bound_at, verified.holder, len(verified.checks)) == (None, None, 6)
    unbound = held(holder=None)
    verified = verify(disclose(unbound, ["level"]), policy(key_binding=False), resolve=RESOLVER, at=AT)
    assert (verified.holder, chosen(verified)) == (None, {"level": "gold"})


def test_a_wallet_remembers_and_shows_a_credential_after_its_end() -> None:
    text = issued(expires_at=AT + timedelta(days=1))
    assert open_held(text).claims["level"] == "gold"
    with pytest.raises(VerificationError) as excinfo:
        hold(text, trust=UnsafeAcceptAnyIssuer(), resolve=RESOLVER, at=AT + timedelta(days=2))
    assert excinfo.value.code == "credential.expired"


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        pytest.param(Forge().present(), {}, "credential.is_presentation", id="a presentation"),
        pytest.param(issued(), {"trust": {VCT: [did("stranger")]}}, "credential.issuer", id="a stranger's"),
        pytest.param(issued(), {"trust": {VCT: did("issuer")}}, "credential.issuer", id="trust in a text"),
        pytest.param(issued(), {"trust": {}}, "credential.type", id="of no expected type"),
        pytest.param(
            issued(), {"holder": key("stranger").public}, "credential.other_holder", id="somebody else's"
        ),
        pytest.param(
            issued(holder=None), {"holder": key("holder").public}, "credential.other_holder", id="nobody's"
        ),
    ],
)
def test_a_wallet_refuses_what_is_not_its_own(text: str, options: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"trust": {VCT: [did("issuer")]}, "resolve": RESOLVER, "at": AT}
    with pytest.raises(KonsensError) as excinfo:
        hold(text, **(given | options))
    assert excinfo.value.code == code


def test_what_is_not_there_cannot_be_shown() -> None:
    for path in ("nobody", "address.planet", "nationalities[3]", "level[0]"):
        with pytest.raises(NotFound) as excinfo:
            disclose(held(), [path])
        assert (excinfo.value.code, excinfo.value.facts["path"]) == ("presentation.no_such_claim", path)


@pytest.mark.parametrize(
    "other", [signer("stranger"), signer("holder", "ES256")], ids=["stranger", "other alg"]
)
def test_nothing_leaves_the_wallet_under_the_wrong_key(other: Any) -> None:
    with pytest.raises(VerificationError) as excinfo:
        present(held(), ["level"], audience=AUDIENCE, nonce=NONCE, signer=other, at=AT)
    assert excinfo.value.code == "presentation.wrong_signer"


def test_a_credential_that_is_bound_to_nobody_cannot_be_presented_by_somebody() -> None:
    with pytest.raises(InputError) as excinfo:
        present(held(holder=None), ["level"], audience=AUDIENCE, nonce=NONCE, signer=signer("holder"), at=AT)
    assert excinfo.value.code == "presentation.not_bound"


def test_a_relative_key_name_belongs_to_the_issuer() -> None:
    forge = Forge()
    forge.header["kid"] = "#" + forge.header["kid"].partition("#")[2]
    assert verify(forge.present(), policy(), resolve=RESOLVER, at=AT).issuer.did == did("issuer")


def test_an_issuer_may_be_named_by_its_key_alone() -> None:
    forge = Forge()
    del forge.payload["iss"]
    verified = verify(forge.present(), policy(), resolve=RESOLVER, at=AT)
    assert (verified.issuer.did, "iss" in verified.claims) == (did("issuer"), False)


def test_ed25519_has_two_names() -> None:
    forge = Forge()
    forge.header["alg"] = "Ed25519"
    verify(forge.present(header={"alg": "Ed25519"}), policy(), resolve=RESOLVER, at=AT)


def test_unknown_header_members_are_passed_over() -> None:
    forge = Forge()
    forge.header |= {"x-note": "hello", "vctm": ["e30"]}
    verify(forge.present(), policy(), resolve=RESOLVER, at=AT)


def test_an_additional_type_counts_for_an_issuer_who_is_trusted_with_it() -> None:
    forge = Forge()
    forge.payload["vct"], forge.payload["aka_vcts"] = "urn:example:gold-membership", [VCT]
    verified = verify(forge.present(), policy(), resolve=RESOLVER, at=AT)
    assert (verified.type, verified.issuer.types) == ("urn:example:gold-membership", (VCT,))


@pytest.mark.parametrize(("audience", "nonce"), [("", NONCE), (AUDIENCE, "")])
def test_a_policy_without_audience_or_nonce_is_none(audience: str, nonce: str) -> None:
    with pytest.raises(InputError) as excinfo:
        KeyBinding(audience, nonce)
    assert excinfo.value.code == "presentation.policy"


def test_a_status_is_passed_over_only_by_an_ugly_name() -> None:
    forge = Forge()
    forge.payload["status"] = {"status_list": {"idx": 0, "uri": "https://issuer.example/status"}}
    verify(forge.present(), policy(status=UnsafeIgnoreStatus()), resolve=RESOLVER, at=AT)


def test_any_issuer_is_taken_only_by_an_ugly_name() -> None:
    for trust in (UnsafeAcceptAnyIssuer(), {VCT: UnsafeAcceptAnyIssuer()}):
        verify(Forge().present(), policy(issuers=trust), resolve=RESOLVER, at=AT)


@pytest.mark.parametrize(
    ("claims", "options"),
    [
        ({"exp": NOW - 59}, {}),
        ({"nbf": NOW + 60}, {}),
        ({"iat": NOW + 60, "exp": NOW + 0.5}, {}),
        ({"iat": NOW - 3600}, {"maximum_age": timedelta(hours=1)}),
        ({"aud": AUDIENCE}, {}),
        ({"aud": ["did:web:other.example", AUDIENCE]}, {}),
    ],
)
def test_the_edges_are_inside(claims: dict[str, Any], options: dict[str, Any]) -> None:
    forge = Forge()
    forge.payload |= claims
    verify(forge.present(iat=NOW - 300), policy(**options), resolve=RESOLVER, at=AT)
    verify(forge.present(iat=NOW + 60), policy(**options), resolve=RESOLVER, at=AT)
