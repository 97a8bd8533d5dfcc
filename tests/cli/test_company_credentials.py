"""Credentials: issued to a key, asked for with a nonce, and answered once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from konsens.credentials import (
    CredentialMessage,
    answer,
    choose,
    hold,
    parse_message,
    parse_question,
    render_message,
)
from konsens.did import LocalSigner, OfflineResolver, PrivateKey, did_key, kid_of
from tests.cli.company_world import Shop, look

MEMBER = "urn:example:membership"
KEY = PrivateKey.ed25519(bytes(31) + b"E")
DID = did_key(KEY.public)


@pytest.fixture
def claims(shop: Shop) -> Path:
    path = shop.folder / "claims.json"
    path.write_text(json.dumps({"level": "gold", "address": {"city": "Musterstadt", "zip": "12345"}}))
    return path


def issue(shop: Shop, claims: Path, *more: str) -> Any:
    words = ("--type", MEMBER, "--to", DID, "--out", shop.folder / "card.json")
    return shop.data("issue", claims, *words, *more)


def ask(shop: Shop, *claim: str, name: str = "question.json") -> Any:
    words = [word for path in claim for word in ("--claim", path)]
    return shop.data("question", "--type", MEMBER, *words, "--out", shop.folder / name)


def reply(shop: Shop, *, beyond: bool = False, issuer: str = "") -> Path:
    """Answer the question with the card, as a wallet does."""
    now = datetime.now(UTC)
    card = parse_message((shop.folder / "card.json").read_bytes(), CredentialMessage)
    trust = {MEMBER: [issuer or shop.did]}
    held = hold(card.credential, trust=trust, resolve=OfflineResolver(), at=now, holder=KEY.public)
    question = parse_question((shop.folder / "question.json").read_bytes()).unverified
    (choice,) = choose(question.dcql, [held], at=now)
    if beyond:
        choice = type(choice)(choice.query, choice.held, tuple(held.concealable))
    signer = LocalSigner(KEY, kid_of(DID))
    message = answer(question, [choice], signer_for=lambda _: signer, at=now)
    path = shop.folder / "answer.json"
    path.write_bytes(render_message(message))
    return path


def test_what_can_be_withheld_is_said(shop: Shop, claims: Path) -> None:
    data = issue(shop, claims, "--always-shown", "address.city", "--until", "2099-01-01")
    assert (data["subject"], data["expires_at"]) == (DID, "2099-01-01T00:00:00Z")
    assert data["concealable"] == ["address.zip", "level"]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--type", MEMBER, "--to", "did:web:muster.example"], "company.holder_did", 2),
        (["--type", MEMBER, "--to", DID, "--until", "2020-01-01"], "company.until_past", 2),
        (["--type", MEMBER, "--to", DID, "--always-shown", "name"], "credential.no_such_claim", 2),
        (["--type", "", "--to", DID], "credential.vct_missing", 2),
        (["--to", DID], "usage.missing", 2),
    ],
)
def test_what_cannot_be_issued(words: list[str], code: str, exit_code: int, shop: Shop, claims: Path) -> None:
    ran = shop("issue", claims, *words, "--out", shop.folder / "card.json")
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert not (shop.folder / "card.json").exists()
    claims.write_text("[]")
    out = shop.folder / "card.json"
    assert shop("issue", claims, "--type", MEMBER, "--to", DID, "--out", out).json["code"] == "company.claims"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"konsens/events","v":1,"events":[]}', "input.wrong_type"),
        ('{"type":"konsens/receipts"}', "input.wrong_type"),
        ("{}", "company.no_claims"),
        ('{"":1}', "company.no_claims"),
        ('{"address":[{" ":"x"}]}', "company.no_claims"),
    ],
)
def test_what_are_no_claims(text: str, code: str, shop: Shop) -> None:
    (shop.folder / "odd.json").write_text(text)
    out = shop.folder / "card.json"
    ran = shop("issue", shop.folder / "odd.json", "--type", MEMBER, "--to", DID, "--out", out)
    assert (ran.exit, ran.json["code"]) == (2, code)
    assert not out.exists()


def test_an_answer_is_checked_and_counts_once(shop: Shop, claims: Path) -> None:
    issue(shop, claims)
    asked = ask(shop, "level")
    assert asked["audience"] == f"decentralized_identifier:{shop.did}"
    path = reply(shop)
    before = look(shop.home)
    assert shop.data("verify-answer", path, "--dry-run")["dry_run"] is True
    assert look(shop.home) == before
    data = shop.data("verify-answer", path, "--question", asked["question"])
    assert (data["issuer"], data["subject"], data["type"]) == (shop.did, DID, MEMBER)
    assert (data["claims"], data["beyond_question"]) == ({"level": "gold"}, [])
    assert data["checks"]
    assert all(check["ok"] for check in data["checks"])
    again = shop("verify-answer", path)
    assert (again.exit, again.json["code"]) == (12, "presentation.nonce_spent")


def test_what_was_shown_beyond_the_question_is_named(shop: Shop, claims: Path) -> None:
    issue(shop, claims)
    ask(shop, "level")
    data = shop.data("verify-answer", reply(shop, beyond=True))
    assert data["beyond_question"] == ["address"]


def test_an_answer_that_fails_spends_nothing(shop: Shop, claims: Path) -> None:
    issue(shop, claims)
    ask(shop, "level")
    path = reply(shop)
    good = path.read_text()
    text = json.loads(good)
    (presented,) = text["vp_token"]["credential"]
    text["vp_token"]["credential"] = [presented[:-3] + ("AAA" if presented[-3:] != "AAA" else "BBB")]
    path.write_text(json.dumps(text))
    assert shop("verify-answer", path).exit == 6
    path.write_text(good)
    assert shop("verify-answer", path, "--question", "0" * 32).json["code"] == "question.other"
    assert shop.data("verify-answer", path)


def test_another_issuer_must_be_trusted_first(shop: Shop, claims: Path) -> None:
    other = Shop(shop.folder, shop.konsens)
    other.home = shop.folder / "second"
    other.init("--registry", shop.reg)
    issue(other, claims)
    ask(shop, "level")
    path = reply(shop, issuer=other.did)
    ran = shop("verify-answer", path)
    assert (ran.exit, ran.json["code"]) == (10, "credential.issuer")
    policy = f'v = 1\npolicy = "quorum none\\n"\n[issuers]\n"{MEMBER}" = ["{other.did}"]\n'
    (shop.folder / "trust.toml").write_text(policy)
    assert shop.konsens("trust", "add", shop.folder / "trust.toml", "--home", shop.home).exit == 0
    assert shop.data("verify-answer", path)["issuer"] == other.did


def test_an_answer_to_nothing_that_was_asked(shop: Shop, claims: Path) -> None:
    issue(shop, claims)
    ask(shop, "level")
    path = reply(shop)
    other = Shop(shop.folder, shop.konsens)
    other.home = shop.folder / "second"
    other.init("--registry", shop.reg)
    ran = other("verify-answer", path)
    assert (ran.exit, ran.json["code"]) == (6, "question.unknown")
    assert shop("verify-answer", shop.folder / "question.json").json["code"] == "input.wrong_type"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--type", MEMBER],
        ["--claim", "level"],
        ["--type", MEMBER, "--claim", "level", "--dcql", "claims.json"],
        ["--type", MEMBER, "--claim", "level", "--valid", "0h"],
        ["--dcql", "claims.json"],
    ],
)
def test_what_is_no_question(
    words: list[str], shop: Shop, claims: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(claims.parent)
    ran = shop("question", *words, "--out", "q.json")
    assert ran.exit == 2
    assert not Path("q.json").exists()
