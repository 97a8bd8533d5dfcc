"""Export, and verify by an own list of whom to trust: over a company with everything in its book."""

from __future__ import annotations

import io
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konsens.errors import KonsensError
from konsens.records import Batch
from konsens.registry import Registry
from konsens.trail.container import read_container
from konsens.trail.export import export, prove
from konsens.trail.query import Query, query
from konsens.trail.trust import Trust
from konsens.trail.verify import verify

from .town import Town

PEOPLE = ("C-1", "C-2", "C-3", "C-4", "C-5", "C-6", "C-7", "R-1", "R-2", "R-3")


def decisions(bundle: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(read_container(bundle).read("decisions.json"))
    return found


def test_the_whole_book_verifies(town: Town) -> None:
    report = verify(town.bundle(), town.trust, at=town.world.now)
    assert report.errors == ()
    assert report.ok
    assert report.warnings == ("log.unwitnessed",)
    assert report.signer == town.world.did
    assert report.checkpoint is not None
    assert (report.origin, report.checkpoint.at) == ("log.muster.example", report.as_of)
    assert report.counts == {"events": 32, "lanes": 24, "notices": 1, "seals": 28, "rows": 8}
    assert all(check.ok for check in report.checks)


def test_every_state_is_what_people_did(town: Town) -> None:
    view = query(town.desk.ledger, Query(), company_name="Muster-Shop", now=town.world.now)
    assert {(line.ref, line.customer[:4]): (line.state, line.decision.code) for line in view.records} == {
        ("C-1", "did:"): ("given", "ok"),
        ("C-2", "did:"): ("withdrawn", "consent.objected"),
        ("C-2", "ref:"): ("given", "consent.objected"),
        ("C-3", "did:"): ("given", "ok"),
        ("C-4", "did:"): ("withdrawn", "consent.seal_broken"),
        ("C-5", "did:"): ("withdrawn", "consent.objected"),
        ("C-6", "did:"): ("withdrawn", "consent.withdrawn"),
        ("C-7", "did:"): ("refused", "consent.refused"),
        ("R-1", "ref:"): ("withdrawn", "consent.objected"),
        ("R-2", "ref:"): ("withdrawn", "consent.withdrawn"),
        ("R-3", "ref:"): ("withdrawn", "consent.withdrawn"),
    }
    assert view.findings == ()


@pytest.mark.parametrize("who", PEOPLE)
def test_a_bundle_about_one_person_verifies(town: Town, who: str) -> None:
    bundle = town.bundle(who=who)
    report = verify(bundle, town.trust, at=town.world.now)
    assert report.errors == ()
    others = {town.people[name].did for name in town.people if not who.startswith("C")}
    assert not any(did.encode() in bundle for did in others), "somebody else's DID is in the bundle"
    live = town.world.shop.decide(who, "newsletter", "email", now=town.world.now)
    assert {entry["decision"]["allowed"] for entry in decisions(bundle)} == {live.allowed}
    assert {entry["decision"]["code"] for entry in decisions(bundle)} == {live.code}


def moments(town: Town) -> list[datetime]:
    marks = [
        moment + timedelta(seconds=shift) for moment in town.moments for shift in (-3601, -1, 0, 1, 1800)
    ]
    return [moment for moment in marks if moment <= town.world.now]


def test_the_past_verifies_and_is_what_decide_says_of_it(town: Town) -> None:
    asked_at = town.world.now
    seen = set()
    for as_of in moments(town):
        for known_at in (None, as_of):
            bundle = town.bundle(as_of=as_of, known_at=known_at)
            assert verify(bundle, town.trust, at=asked_at).errors == ()
            for entry in decisions(bundle):
                told = entry["decision"]
                then = town.world.shop.decide(
                    told["customer"], "newsletter", "email", as_of=as_of, known_at=known_at, now=asked_at
                )
                assert (told["allowed"], told["code"]) == (then.allowed, then.code)
                seen.add(told["code"])
    assert {"ok", "consent.withdrawn", "consent.seal_broken", "consent.objected"} <= seen


def test_one_day_is_proven_as_it_was_and_as_it_was_known(town: Town, tmp_path: Path) -> None:
    # A withdrawal counts from the last checkpoint before it: that second is no longer covered.
    before, after = town.moments[0] - timedelta(seconds=1), town.moments[1]
    asked = (town.desk, "C-3", "newsletter", "email")
    out = tmp_path / "proof.zip"
    assert prove(*asked, on=before, out=out, now=town.world.now).allowed
    report = verify(out, town.trust, at=town.world.now)
    assert (report.errors, report.as_of) == ((), before.isoformat().replace("+00:00", "Z"))
    assert prove(*asked, on=after, now=town.world.now).code == "consent.withdrawn"
    assert prove(*asked, on=after, known_at=before, now=town.world.now).allowed, "nobody knew yet"
    assert prove(*asked, on=town.world.now, now=town.world.now).allowed, "given anew"


def test_the_day_before_anything_happened_can_be_proven_too(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "proof.zip"
    early = town.moments[0] - timedelta(days=900)
    decision = prove(town.desk, "C-3", "newsletter", "email", on=early, out=out, now=town.world.now)
    assert decision.code == "consent.none"
    assert verify(out, town.trust, at=town.world.now).errors == ()
    assert decisions(out.read_bytes())[0]["state"] is None


@pytest.mark.parametrize(
    "asked",
    [
        {"purpose": "newsletter", "channel": "email"},
        {"state": "withdrawn"},
        {"state": "given"},
        {"channel": "phone"},
    ],
    ids=str,
)
def test_a_bundle_about_a_part_verifies(town: Town, asked: dict[str, Any]) -> None:
    bundle = town.bundle(**asked)
    assert verify(bundle, town.trust, at=town.world.now).errors == ()
    wanted = asked.get("state")
    assert all(wanted in (None, entry["state"]) for entry in decisions(bundle))


def test_a_period_takes_the_records_that_something_happened_to(town: Town) -> None:
    bundle = town.bundle(start=town.moments[0], end=town.moments[1])
    assert verify(bundle, town.trust, at=town.world.now).errors == ()
    assert {entry["decision"]["customer"] for entry in decisions(bundle)} >= {"R-1", "R-2"}
    assert "R-3" not in {entry["decision"]["customer"] for entry in decisions(bundle)}


def test_nobody_is_trusted_unless_the_verifier_says_so(town: Town) -> None:
    report = verify(town.bundle(), Trust(), at=town.world.now)
    assert report.failed[:2] == ("trust.company", "trust.log")
    assert report.errors[0].exit_code == 10
    assert report.errors[0].facts["did"] == town.world.did
    assert report.errors[1].facts["origin"] == "log.muster.example"


@pytest.mark.parametrize("kind", ["bundle", "csv", "jsonld", "html"])
def test_the_same_question_at_the_same_moment_gives_the_same_bytes(town: Town, kind: Any) -> None:
    one, two = io.BytesIO(), io.BytesIO()
    first = export(town.desk, Query(), kind=kind, out=one, now=town.world.now)
    assert first.sha256 == export(town.desk, Query(), kind=kind, out=two, now=town.world.now).sha256
    assert one.getvalue() == two.getvalue()
    assert (first.records, first.events) == (11, 32)


def test_an_unknown_person_is_an_error_and_not_an_empty_trail(town: Town) -> None:
    with pytest.raises(KonsensError) as caught:
        query(town.desk.ledger, Query(who="C-999"), company_name="", now=town.world.now)
    assert caught.value.code == "trail.unknown_person"


def test_an_interrupted_export_leaves_nothing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "path", stop)
    with pytest.raises(KeyboardInterrupt):
        export(town.desk, Query(who="R-1"), kind="bundle", out=tmp_path / "trail.zip", now=town.world.now)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(town: Town, tmp_path: Path) -> None:
    with pytest.raises(KonsensError) as caught:
        export(town.desk, Query(), kind="csv", out=tmp_path / "no" / "x.csv", now=town.world.now)
    assert caught.value.code == "file.unwritable"


def test_without_the_logs_key_only_what_is_checkpointed_can_be_proven(town: Town) -> None:
    elsewhere = msgspec.structs.replace(town.desk, checkpoint=None)
    town.desk.settled(Query(), now=town.world.now)
    out = io.BytesIO()
    export(elsewhere, Query(), kind="bundle", out=out, now=town.world.now)
    assert verify(out.getvalue(), town.trust, at=town.world.now).ok


def test_a_copy_of_the_log_proves_no_now(town: Town, tmp_path: Path) -> None:
    shutil.copytree(town.folder / "reg", tmp_path / "reg")
    with Registry.open(tmp_path / "reg", place=town.world.registry.place) as copy:
        desk = msgspec.structs.replace(town.desk, log=copy)
        with pytest.raises(KonsensError) as caught:
            export(desk, Query(), kind="bundle", out=io.BytesIO(), now=town.world.now)
    assert caught.value.code == "registry.copy"
