"""What a bundle claims of its decisions and its moments is compared; its sentences are not believed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from konsens.cli.app import run
from konsens.consent import Decision
from konsens.errors import InputError, Language, sentence
from konsens.trail.manifest import MANIFEST
from konsens.trail.trust import Trust, render_trust
from konsens.trail.verify import verify

from .forge import Files, edit, resign, unpack
from .town import Town

LANGUAGES: tuple[Language, ...] = ("de", "en")
FUTURE = "2031-01-01T00:00:00Z"


def tell(files: Files, change: dict[str, Any]) -> None:
    """Change every decision of a bundle."""

    def update(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            entry["decision"].update(change)

    edit(files, "decisions.json", update)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("as_of", "2020-01-01T00:00:00Z"),
        ("known_at", "2020-01-01T00:00:00Z"),
        ("valid_until", "2099-01-01T00:00:00Z"),
        ("customer", "C-1"),
        ("basis", "contract"),
        ("assurance", "attested"),
        ("code", "Ja, alles erlaubt\x1b[2J"),
        ("controller", "did:key:zX"),
        ("extra", "x"),
    ],
)
@pytest.mark.parametrize("who", ["C-3", "C-4"])
def test_every_claim_of_a_decision_is_compared(town: Town, who: str, member: str, value: Any) -> None:
    files = unpack(town.bundle(who=who))
    tell(files, {member: value})
    report = verify(resign(files, town.world.keys.signer), town.trust, at=town.world.now)
    assert report.failed == (
        ("bundle.file_format",) if member in ("code", "controller", "extra") else ("bundle.decision",)
    )


YES = {"de": "Ja: Alles bestens.", "en": "Yes: perfectly fine."}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param({"reason": YES}, id="another sentence"),
        pytest.param({"checks": [{"name": "x.y", "ok": False, "detail": ""}]}, id="another check"),
        pytest.param({"checks": [{"name": "seal.unbroken", "ok": False, "detail": YES["en"]}]}, id="detail"),
    ],
)
def test_other_words_are_flagged_and_not_repeated(town: Town, words: dict[str, Any]) -> None:
    """The codes are what is claimed: a sentence may be an older edition's, or a lie. Nobody is shown it."""
    files = unpack(town.bundle(who="C-4"))
    tell(files, words)
    report = verify(resign(files, town.world.keys.signer), town.trust, at=town.world.now)
    assert report.ok
    assert "bundle.other_words" in report.warnings
    assert report.answer is not None
    assert (report.answer.code, report.answer.allowed) == ("consent.seal_broken", False)
    assert report.answer.reason == {
        language: sentence("consent.seal_broken", language) for language in LANGUAGES
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_person_reads_the_verifiers_sentence(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str], lang: Language
) -> None:
    files = unpack(town.bundle(who="C-4"))
    tell(files, {"reason": YES})
    trail, trust = tmp_path / "trail.zip", tmp_path / "trust.toml"
    trail.write_bytes(resign(files, town.world.keys.signer))
    trust.write_text(render_trust(town.trust.files[0]), "utf-8")
    at = town.world.now.isoformat().replace("+00:00", "Z")
    line = ["verify", trail, "--trust", trust, "--at", at, "--lang", lang, "--home", tmp_path / "nobody"]
    assert run([str(word) for word in line]) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert sentence("consent.seal_broken", lang) in said
    assert sentence("bundle.other_words", lang) in said
    assert YES[lang] not in said


@pytest.mark.parametrize("who", [None, "C-1", "C-4", "C-7", "R-1"])
def test_our_own_words_are_not_flagged(town: Town, who: str | None) -> None:
    assert "bundle.other_words" not in verify(town.bundle(who=who), town.trust, at=town.world.now).warnings


@pytest.mark.parametrize("origin", ["log.other.example", "x" * 301])
def test_a_detail_that_a_bundle_does_not_tell_is_left_open(town: Town, origin: str) -> None:
    """Of a log out of reach the sentence says which; the bundle tells the sentence, and proves no name."""
    early = town.moments[0] - timedelta(days=900)
    files = unpack(town.bundle(who="C-3", purpose="newsletter", channel="email", as_of=early))
    code = "consent.unknown_log"
    question: dict[str, Any] = {"customer": "C-3", "purpose": "newsletter", "channel": "email"}
    words = Decision(code=code, as_of=early, known_at=early, facts={"origin": "@"}, **question).as_data()
    words = json.loads(json.dumps({name: words[name] for name in ("reason", "checks")}).replace("@", origin))
    tell(files, {"code": code, **words})
    report = verify(resign(files, town.world.keys.signer), town.trust, at=town.world.now)
    assert report.ok
    assert ("bundle.other_words" in report.warnings) is (len(origin) > 300)
    assert report.answer is not None
    assert report.answer.reason["en"] == sentence(code, "en", {"origin": "…"})


@pytest.mark.parametrize(
    ("member", "value"),
    [("record", "0" * 32), ("event", "0" * 64), ("notice", "f" * 64), ("leaf_index", 0), ("seal", "0" * 64)]
    + [("checkpoint_size", size) for size in (10**6, -1)],
)
def test_what_a_decision_rests_on_is_compared(town: Town, member: str, value: Any) -> None:
    files = unpack(town.bundle(who="C-3"))
    edit(files, "decisions.json", lambda entries: entries[0]["decision"]["evidence"].update({member: value}))
    report = verify(resign(files, town.world.keys.signer), town.trust, at=town.world.now)
    assert report.failed == ("bundle.decision",)


def test_the_code_of_a_no_is_bounded_where_nothing_is_on_file(town: Town) -> None:
    early = town.moments[0] - timedelta(days=900)
    files = unpack(town.bundle(who="C-3", purpose="newsletter", channel="email", as_of=early))
    signer = town.world.keys.signer
    assert verify(resign(files, signer), town.trust, at=town.world.now).allowed is False
    changes: list[dict[str, Any]] = [
        {"code": "consent.withdrawn"},
        {"code": "ok"},
        {"basis": "consent"},
        {"checks": [{"name": "consent.on_file", "ok": True, "detail": ""}]},
    ]
    for change in changes:
        told = dict(files)
        tell(told, change)
        assert verify(resign(told, signer), town.trust, at=town.world.now).failed == ("bundle.decision",)


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": FUTURE},
        {"known_at": FUTURE},
        {"at": FUTURE},
        {"as_of": FUTURE, "known_at": FUTURE, "at": FUTURE},
    ],
)
def test_a_bundle_of_the_future_is_refused(town: Town, changes: dict[str, str]) -> None:
    files = unpack(town.bundle(who="C-1"))
    moments = {name: value for name, value in changes.items() if name != "at"}
    tell(files, moments)
    report = verify(resign(files, town.world.keys.signer, **changes), town.trust, at=town.world.now)
    assert "bundle.from_the_future" in report.failed
    assert report.errors[0].exit_code == 6


def test_a_minute_of_difference_between_clocks_is_none(town: Town) -> None:
    bundle = town.bundle(who="C-1")
    assert verify(bundle, town.trust, at=town.world.now - timedelta(seconds=60)).ok
    assert not verify(bundle, town.trust, at=town.world.now - timedelta(seconds=61)).ok


def test_the_answer_and_what_was_known_are_told(town: Town) -> None:
    at, known = town.world.now, town.moments[0]
    report = verify(town.bundle(who="C-4", as_of=at, known_at=known), town.trust, at=at)
    assert (report.allowed, report.as_of == report.known_at) == (True, False)
    assert verify(town.bundle(who="C-4"), town.trust, at=at).allowed is False
    assert verify(town.bundle(), town.trust, at=at).allowed is None


@pytest.mark.parametrize("who", [None, "C-3", "C-6", "R-1"])
@pytest.mark.parametrize("trusts_log", [False, True])
def test_what_rests_on_trust_is_not_checked_without(town: Town, who: str | None, trusts_log: bool) -> None:
    (file,) = town.trust.files
    trust = Trust((type(file)(v=1, policy=file.policy),)) if trusts_log else Trust()
    report = verify(town.bundle(who=who), trust, at=town.world.now)
    assert [error.code for error in report.errors] == ["trust.company"] + ["trust.log"] * (not trusts_log)
    unchecked = [check.name for check in report.checks if check.detail == "not checked"]
    assert unchecked == ["bundle.notices", "bundle.lanes", "bundle.batches", "bundle.seals", "bundle.states"]
    assert not any(check.ok for check in report.checks if check.name in unchecked)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "konsens/events", "v": 1, "events": [], "contacts": []},
        {"type": "konsens/receipts", "v": 1, "receipts": []},
        {"type": "konsens/answer", "v": 1, "question": "0" * 32, "vp_token": {}},
    ],
)
def test_an_empty_message_shows_nothing(town: Town, message: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"message\.empty"):
        verify(json.dumps(message).encode(), town.trust, at=town.world.now)


def test_the_manifest_names_its_moments(town: Town) -> None:
    manifest = json.loads(unpack(town.bundle(who="C-1"))[MANIFEST])
    assert manifest["as_of"] == manifest["known_at"] == manifest["at"]
