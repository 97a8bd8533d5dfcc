"""Lies about the past, the worst by the company's own hand: each is refused by name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
from konsens.errors import Damaged, KonsensError
from konsens.trail.manifest import MANIFEST, SIGNATURE
from konsens.trail.result import Report
from konsens.trail.verify import verify

from .forge import Files, edit, pack, resign, unpack
from .lies import batches, decisions, events, hidden, moments, proofs, words
from .town import Town

LIES = [lie for noun in (batches, decisions, events, hidden, moments, proofs, words) for lie in noun.LIES]


@pytest.fixture(scope="session")
def whole(town: Town) -> bytes:
    return town.bundle()


def outcome(town: Town, bundle: bytes) -> tuple[tuple[str, ...], int]:
    try:
        report = verify(bundle, town.trust, at=town.world.now)
    except KonsensError as error:
        return (error.code,), error.exit_code
    assert report.errors, "the lie was believed"
    return report.failed, report.errors[0].exit_code


# --- somebody on the way


@pytest.mark.parametrize("start", range(7))
def test_a_flipped_byte_never_passes(town: Town, start: int) -> None:
    small = town.bundle(who="C-7")
    for place in range(start * 97, len(small), 1511):
        codes, exit_code = outcome(town, _flip(small, place))
        assert exit_code in (6, 9), (place, codes)


@pytest.mark.long
def test_no_flipped_byte_passes(town: Town) -> None:
    small = town.bundle(who="C-7")
    for place in range(len(small)):
        codes, exit_code = outcome(town, _flip(small, place))
        assert exit_code in (6, 9), (place, codes)


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x11]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        pytest.param(lambda f: f.update({"events/x.jws": b"x"}), ("bundle.file_added",), id="added"),
        pytest.param(lambda f: f.pop("uses.csv"), ("bundle.file_missing",), id="removed"),
        pytest.param(lambda f: f.pop(SIGNATURE), ("bundle.file_missing",), id="signature removed"),
        pytest.param(
            lambda f: f.update({"used.csv": f.pop("uses.csv")}),
            ("bundle.file_added", "bundle.file_missing"),
            id="renamed",
        ),
        pytest.param(
            lambda f: f.update({"report.html": b"<h1>all fine</h1>"}), ("bundle.file_changed",), id="changed"
        ),
        pytest.param(
            lambda f: f.update({MANIFEST: f[MANIFEST].replace(b'"v":1', b'"v": 1')}),
            ("bundle.manifest_signature",),
            id="manifest written otherwise",
        ),
    ],
)
def test_a_changed_bundle_is_found(
    town: Town, whole: bytes, change: Callable[[Files], object], codes: tuple[str, ...]
) -> None:
    files = unpack(whole)
    change(files)
    failed, exit_code = outcome(town, pack(files))
    assert set(codes) <= set(failed)
    assert exit_code == (6 if codes == ("bundle.manifest_signature",) else 9)


def test_a_file_changed_with_its_manifest_fails_by_the_signature(town: Town, whole: bytes) -> None:
    files = unpack(whole)
    signature = files[SIGNATURE]
    files["report.html"] = b"<h1>all fine</h1>"
    stranger = PrivateKey.ed25519(bytes(32))
    forged = unpack(resign(files, LocalSigner(stranger, town.world.keys.signer.kid)))
    assert outcome(town, pack(forged)) == (("bundle.manifest_signature",), 6)
    assert outcome(town, pack(forged | {SIGNATURE: signature})) == (("bundle.manifest_signature",), 6)


@pytest.mark.parametrize("how", ["repeated", "reordered"])
def test_entries_come_once_and_in_order(town: Town, whole: bytes, how: str) -> None:
    files, out = unpack(whole), io.BytesIO()
    names = sorted(files)
    names = [names[0], *names] if how == "repeated" else [names[1], names[0], *names[2:]]
    with zipfile.ZipFile(out, "w") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_args, **_more: None)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), files[name])
    assert outcome(town, out.getvalue()) == (("bundle.not_canonical",), 9)


def test_the_keys_in_a_bundle_are_nobodys_trust(town: Town, whole: bytes) -> None:
    stranger = PrivateKey.ed25519(b"s" * 32)
    signer = LocalSigner(stranger, kid_of(did_key(stranger.public)))
    failed, exit_code = outcome(town, resign(unpack(whole), signer))
    assert (failed[0], exit_code) == ("trust.company", 10)


# --- the company itself


@pytest.mark.parametrize(("lie", "code"), [pytest.param(*lie, id=lie[0].__name__) for lie in LIES])
def test_a_lie_that_the_company_signs_is_named(
    town: Town, whole: bytes, lie: Callable[[Files, Town], None], code: str
) -> None:
    files = unpack(whole)
    lie(files, town)
    count = len(json.loads(files["events.json"]))
    population = json.loads(files[MANIFEST])["population"] | {"events": count}
    failed, exit_code = outcome(town, resign(files, town.world.keys.signer, population=population))
    assert code in failed
    assert exit_code == (10 if code.startswith("trust.") else 6)


def test_a_row_of_a_part_is_proven_by_its_path(town: Town) -> None:
    files = unpack(town.bundle(who="R-3"))
    change: Callable[[Any], Any] = lambda entries: entries[0]["rows"][0]["row"].update(state="given")  # noqa: E731
    edit(files, "events.json", change)
    failed, _ = outcome(town, resign(files, town.world.keys.signer))
    assert "batch.row" in failed


def test_the_population_must_fit(town: Town, whole: bytes) -> None:
    files = unpack(whole)
    for count in (31, 33):
        population = {"events": count, "records": 11}
        failed, _ = outcome(town, resign(files, town.world.keys.signer, population=population))
        assert failed == ("bundle.population",)


def test_a_whole_book_of_yesterday_is_old(town: Town, whole: bytes) -> None:
    """The company shows nothing newer than an old checkpoint: true then, and said to be old."""
    files, late = unpack(whole), "2026-11-25T00:00:00Z"
    report = verify(
        resign(files, town.world.keys.signer, **dict.fromkeys(("at", "as_of", "known_at"), late)),
        town.trust,
        at=town.world.now + timedelta(days=9),
    )
    assert "log.stale" in report.warnings


GARBAGE = [
    b"",
    b"[]",
    b"{}",
    b"null",
    b"[" * 4000 + b"]" * 4000,
    b'[{"event":1}]',
    b"\xff\xfe",
    b'"' + b"a" * 99,
]


@pytest.mark.parametrize("name", ["events.json", "decisions.json", MANIFEST])
@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_an_error_of_ours(town: Town, whole: bytes, name: str, data: bytes) -> None:
    files = unpack(whole)
    files[name] = data
    bundle = pack(files) if name == MANIFEST else resign(files, town.world.keys.signer)
    assert outcome(town, bundle)[1] in (6, 9)


@pytest.mark.parametrize(
    "member", ["salt", "leaf", "origin", "leaf_index", "received_at", "since", "event", "rows"]
)
@pytest.mark.parametrize("value", ["", "x", -1, 2**70, None, [], "9999-99-99T99:99:99Z", "a" * 172])
def test_garbage_within_an_entry_is_an_error_of_ours(
    town: Town, whole: bytes, member: str, value: Any
) -> None:
    files = unpack(whole)
    entries = json.loads(files["events.json"])
    entries[-1][member] = value
    files["events.json"] = json.dumps(entries).encode()
    if member == "rows" and value == []:
        return
    assert outcome(town, resign(files, town.world.keys.signer))[1] in (6, 9, 10)


@pytest.mark.parametrize("member", ["record", "state", "own", "attested", "decision", "breaks"])
@pytest.mark.parametrize(
    "value",
    ["", "x", None, [], {}, {"allowed": True}, [{"seal": "x", "since": "x", "known": "x"}], "did:key:z6Mk"],
)
def test_garbage_within_a_decision_is_an_error_of_ours(
    town: Town, whole: bytes, member: str, value: Any
) -> None:
    files = unpack(whole)
    entries = json.loads(files["decisions.json"])
    chosen = next(entry for entry in entries if entry["own"] == town.people["dora"].did)
    if chosen[member] == value or (member, value) == ("attested", None):
        return  # who is linked with whom is the company's word
    chosen[member] = value
    files["decisions.json"] = json.dumps(entries).encode()
    report: Report | None = None
    try:
        report = verify(resign(files, town.world.keys.signer), town.trust, at=town.world.now)
    except Damaged:
        return
    assert report.errors or (member, value) == ("breaks", [])


def test_a_path_that_leads_out_is_no_name(town: Town) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../etc/passwd"), b"x")
    assert outcome(town, out.getvalue()) == (("bundle.name",), 9)
