"""What an issuer can conceal, and what it cannot."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from konsens.credentials import (
    NEVER_CONCEALED,
    PathLike,
    UnsafeAcceptAnyIssuer,
    hold,
    parse_sd_jwt,
    render_path,
)
from konsens.encoding import b64u_decode
from konsens.errors import InputError

from .people import ALGS, AT, CLAIMS, NOW, RESOLVER, VCT, did, entropy, held, issued, key


def in_the_open(text: str) -> dict[str, Any]:
    return parse_sd_jwt(text).jwt.unverified_claims


def concealable(**options: Any) -> set[str]:
    return {render_path(path) for path in held(**options).concealable}


@pytest.mark.parametrize("alg", ALGS)
def test_the_frame_stands_in_the_open_and_says_who_and_when(alg: str) -> None:
    text = issued(alg=alg, not_before=AT - timedelta(days=3))
    unverified = parse_sd_jwt(text)
    claims = unverified.jwt.unverified_claims
    assert unverified.jwt.header.typ == "dc+sd-jwt"
    assert unverified.jwt.header.kid == f"{did('issuer', alg)}#{did('issuer', alg)[8:]}"
    assert claims | {"_sd": None} == {
        "iss": did("issuer", alg),
        "sub": did("holder", alg),
        "vct": VCT,
        "iat": NOW - 3 * 86400,
        "nbf": NOW - 3 * 86400,
        "exp": NOW + 365 * 86400,
        "cnf": {"jwk": key("holder", alg).public.jwk},
        "_sd_alg": "sha-256",
        "_sd": None,
    }
    assert claims["_sd"] == sorted(claims["_sd"])


def test_by_itself_every_claim_at_every_level_is_concealed() -> None:
    assert concealable() == {
        *CLAIMS,
        "address.street", "address.locality", "address.country",
        "nationalities[0]", "nationalities[1]", "nationalities[2]",
        "degrees[0]", "degrees[0].type", "degrees[0].from",
        "degrees[1]", "degrees[1].type", "degrees[1].from",
    }  # fmt: skip
    text = issued()
    for word in ("gold", "Erika", "Köln", "Master", "birthdate"):
        assert word not in json.dumps(in_the_open(text), ensure_ascii=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"conceal_only": []}, set()),
        ({"conceal_only": ["level"]}, {"level"}),
        ({"conceal_only": ["address.street"]}, {"address.street"}),
        ({"conceal_only": ["address", ["address", "street"]]}, {"address", "address.street"}),
        ({"conceal_only": ["nationalities[]"]}, {"nationalities[0]", "nationalities[1]", "nationalities[2]"}),
        ({"conceal_only": ["nationalities[2]"]}, {"nationalities[2]"}),
        ({"conceal_only": ["degrees[].from"]}, {"degrees[0].from", "degrees[1].from"}),
        ({"conceal_only": ["level", "points"], "always_shown": ["level"]}, {"points"}),
    ],
)
def test_the_issuer_names_what_can_be_concealed(options: dict[str, Any], expected: set[str]) -> None:
    assert concealable(**options) == expected


def test_what_is_always_shown_takes_its_place_and_its_parts_with_it() -> None:
    every = concealable()
    assert every - concealable(always_shown=["address"]) == {
        path for path in every if path.startswith("address")
    }
    assert every - concealable(always_shown=["address.locality"]) == {"address", "address.locality"}
    assert every - concealable(always_shown=["degrees[].type"]) == {
        "degrees", "degrees[0]", "degrees[1]", "degrees[0].type", "degrees[1].type",
    }  # fmt: skip


def test_a_credential_without_concealed_claims_has_neither_digests_nor_disclosures() -> None:
    text = issued(conceal_only=[])
    assert {"_sd", "_sd_alg"}.isdisjoint(in_the_open(text))
    assert text.count("~") == 1


def test_every_salt_is_drawn_anew_and_has_128_bits() -> None:
    disclosures = parse_sd_jwt(issued()).disclosures
    salts = [json.loads(b64u_decode(disclosure))[0] for disclosure in disclosures]
    assert len(set(salts)) == len(salts) == 22
    assert {len(b64u_decode(salt)) for salt in salts} == {16}
    assert issued(entropy=entropy("other")) != issued()
    assert issued() == issued()


def test_decoys_are_not_told_from_digests_and_stand_last_in_an_array() -> None:
    plain, padded = (
        issued(conceal_only=["level", "nationalities[]"]),
        issued(conceal_only=["level", "nationalities[]"], decoys=4),
    )
    assert (len(in_the_open(plain)["_sd"]), len(in_the_open(padded)["_sd"])) == (1, 5)
    assert (len(in_the_open(plain)["nationalities"]), len(in_the_open(padded)["nationalities"])) == (3, 7)
    assert {len(digest) for digest in in_the_open(padded)["_sd"]} == {43}
    card = hold(padded, trust=UnsafeAcceptAnyIssuer(), resolve=RESOLVER, at=AT)
    assert (card.claims["nationalities"], card.revealed.withheld) == (["DE", "FR", "DK"], 8)
    assert [render_path(path) for path in card.concealable if path != ("level",)] == [
        "nationalities[0]",
        "nationalities[1]",
        "nationalities[2]",
    ]


@pytest.mark.parametrize("name", sorted(NEVER_CONCEALED | {"iat", "sub", "aud"}))
def test_a_claim_of_the_frame_cannot_be_given_and_so_not_be_concealed(name: str) -> None:
    with pytest.raises(InputError) as excinfo:
        issued({name: "x"})
    assert excinfo.value.code == "credential.claim_not_yours"


@pytest.mark.parametrize(
    ("claims", "options", "code"),
    [
        pytest.param({"_sd": []}, {}, "credential.reserved_name", id="_sd"),
        pytest.param({"a": [{"...": 1}]}, {}, "credential.reserved_name", id="..."),
        pytest.param({"a": {"_sd_alg": 1}}, {}, "credential.reserved_name", id="_sd_alg"),
        pytest.param({"a": float("nan")}, {}, "input.json_number", id="NaN"),
        pytest.param({"a": 2**53}, {}, "input.json_number", id="a huge integer"),
        pytest.param({"a": "\ud800"}, {}, "input.json_surrogate", id="half a character"),
        pytest.param({"a": b"bytes"}, {}, "input.json", id="no JSON"),
        pytest.param({"a": "x" * 200_000}, {}, "credential.too_large", id="too large when written out"),
        pytest.param({"a": list(range(1001))}, {}, "credential.too_large", id="too many disclosures"),
        pytest.param({"a": 1}, {"vct": ""}, "credential.vct_missing", id="no type"),
        pytest.param({"a": 1}, {"always_shown": ["b"]}, "credential.no_such_claim", id="shown, not there"),
        pytest.param(
            {"a": 1}, {"conceal_only": ["a.b"]}, "credential.no_such_claim", id="concealed, not there"
        ),
        pytest.param({"a": 1}, {"always_shown": [""]}, "dcql.path", id="no path"),
    ],
)
def test_what_cannot_be_issued_is_refused_by_name(
    claims: dict[str, Any], options: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as excinfo:
        issued(claims, **options)
    assert excinfo.value.code == code


def test_what_is_nested_as_deep_as_may_be_is_held_and_one_level_more_is_not_issued() -> None:
    def nested(depth: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(depth - 1):
            value = {"n": value}
        return {"n": value}

    assert held(nested(30)).claims["n"] == nested(30)["n"]
    with pytest.raises(InputError) as excinfo:
        issued(nested(31))
    assert excinfo.value.code == "input.json_depth"


def test_a_holders_path_is_not_changed_by_the_way_it_is_written() -> None:
    ways: list[PathLike] = [
        "address.street",
        ["address", "street"],
        '["address","street"]',
        ("address", "street"),
    ]
    assert {issued(conceal_only=[way]) for way in ways} == {issued(conceal_only=ways[:1])}
