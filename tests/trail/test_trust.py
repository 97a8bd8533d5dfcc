"""Whom to trust comes from the verifier's side, in a file that says one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import Conflict, KonsensError, NotTrusted
from konsens.registry import NoteSigner, render_vkey
from konsens.trail.trust import Trust, TrustedCompany, TrustFile, parse_trust, render_trust

LOG = f"log {render_vkey(NoteSigner('log.muster.example', b'1' * 32).vkey)}\nquorum none\n"
COMPANY = TrustedCompany("did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU", "Muster-Shop")
FILE = TrustFile(1, LOG, (COMPANY,), {"urn:konsens:receipt:1": (COMPANY.did,)})

letters = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


@given(name=letters, kind=letters)
def test_reading_after_writing_is_the_identity(name: str, kind: str) -> None:
    file = TrustFile(1, LOG, (TrustedCompany(COMPANY.did, name),), {kind: (COMPANY.did,)})
    assert parse_trust(render_trust(file)) == Trust((file,))


def test_what_it_says_can_be_asked() -> None:
    trust = parse_trust(render_trust(FILE))
    assert [key.name for key in trust.logs] == ["log.muster.example"]
    assert trust.check_company(COMPANY.did) == COMPANY
    with pytest.raises(NotTrusted, match=r"trust\.company"):
        trust.check_company("did:key:z6Mkother")
    assert len(trust.policies_for("log.muster.example")) == 1
    assert trust.policies_for("log.other.example") == ()
    assert trust.issuers == {"urn:konsens:receipt:1": (COMPANY.did,)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("v = ", "trust.format", id="no TOML"),
        pytest.param(b"\xff", "trust.format", id="no UTF-8"),
        pytest.param('v = 2\npolicy = "quorum none"', "input.version", id="another version"),
        pytest.param('v = 1\npolicy = "quorum none"\nextra = 1', "input.unknown_member", id="unknown member"),
        pytest.param('v = 1\npolicy = ""', "policy.quorum", id="a policy without quorum"),
        pytest.param(
            'v = 1\npolicy = "quorum none"\n[[company]]\ndid = "did:web:a"\nkeys = ["0zz"]',
            "input.multibase",
            id="no key",
        ),
        pytest.param(b"#" * 300_000, "input.too_large", id="too large"),
    ],
)
def test_a_wrong_file_is_refused(text: str | bytes, code: str) -> None:
    with pytest.raises(KonsensError) as caught:
        parse_trust(text)
    assert caught.value.code == code


def test_a_file_twice_is_one_file() -> None:
    assert Trust((FILE,)).adding(FILE) == Trust((FILE,))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            TrustFile(1, LOG, (TrustedCompany(COMPANY.did, keys=("z6Mkother",)),)),
            id="another key of a company",
        ),
        pytest.param(
            TrustFile(
                1, f"log {render_vkey(NoteSigner('log.muster.example', b'2' * 32).vkey)}\nquorum none\n"
            ),
            id="another key of a log",
        ),
    ],
)
def test_a_contradiction_is_a_conflict(other: TrustFile) -> None:
    with pytest.raises(Conflict) as caught:
        Trust((FILE,)).adding(other)
    assert caught.value.code == "trust.conflict"
