"""Lies about the past, the worst by the company's own hand: each is refused by name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from konsens.consent import act
from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
from konsens.encoding import b64u_encode, from_hex
from konsens.errors import Damaged, KonsensError
from konsens.registry import Checkpoint, NoteSigner, render_vkey, sign_checkpoint
from konsens.trail.manifest import MANIFEST, SIGNATURE
from konsens.trail.result import Report
from konsens.trail.verify import verify

from .forge import Files, drop_event, edit, entry_of, event_of, pack, payload_of, resign, unpack
from .town import Town

LOG = "logs/" + __import__("hashlib").sha256(b"log.muster.example").hexdigest()


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


def swap_events_proofs(files: Files, _: Town) -> None:
    one, two = event_of(files, "given"), event_of(files, "opened")
    first, second = f"proofs/{one}.tlog-proof", f"proofs/{two}.tlog-proof"
    files[first], files[second] = files[second], files[first]


def swap_salts(files: Files, _: Town) -> None:
    def change(entries: list[dict[str, Any]]) -> None:
        entries[0]["salt"], entries[1]["salt"] = entries[1]["salt"], entries[0]["salt"]

    edit(files, "events.json", change)


def change_an_event(files: Files, _: Town) -> None:
    """Let a customer's grant run for ever: the payload changes, the signature stays."""
    event = event_of(files, "given")
    text = files[f"events/{event}.jws"].decode()
    head, _middle, signature = text.split(".")
    payload = payload_of(text.encode())
    payload["content"]["data"] = ["email", "name"]
    forged = f"{head}.{b64u_encode(__import__('konsens.encoding').encoding.jcs(payload))}.{signature}"
    replace_event(files, event, forged)


def replace_event(files: Files, event: str, forged: str) -> str:
    from konsens.encoding import sha256

    name = sha256(forged.encode()).hex()
    files.pop(f"events/{event}.jws")
    files[f"events/{name}.jws"] = forged.encode()
    files[f"proofs/{name}.tlog-proof"] = files.pop(f"proofs/{event}.tlog-proof")

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == event:
                entry["event"] = name

    edit(files, "events.json", change)
    return name


def company_signs_for_the_customer(files: Files, town: Town) -> None:
    """A grant that the company signs with its own key, in the customer's name."""
    from konsens.did import sign_jws
    from konsens.encoding import jcs
    from konsens.records.event import EVENT_TYP

    event = event_of(files, "given")
    payload = payload_of(files[f"events/{event}.jws"])
    replace_event(files, event, sign_jws(jcs(payload), typ=EVENT_TYP, signer=town.world.keys.signer))


def a_second_successor(files: Files, town: Town) -> None:
    """A withdrawal is replaced by another act that the customer signed, too, for the same place."""
    carl = town.people["carl"]
    event = event_of(files, "withdrawn", customer=carl.did)
    payload = payload_of(files[f"events/{event}.jws"])
    place = act.Place(
        matter=carl.matter(),
        seq=payload["seq"],
        prev=payload["prev"],
        seal=payload["seal"],
        next=payload["next"],
        logs=("log.muster.example",),
    )
    from konsens.consent import Choice

    again = act.renew(
        place,
        Choice(notice=town.notice.hash, language="de", request=None),
        offered=town.notice.notice,
        at=town.world.now,
        signer=carl.signer,
    )
    replace_event(files, event, again.text)


def hide_a_withdrawal(files: Files, town: Town) -> None:
    """Leave out what came after carl's first grant, and say that it holds."""
    did = town.people["carl"].did
    drop_event(files, event_of(files, "given", customer=did, last=True))
    drop_event(files, event_of(files, "withdrawn", customer=did))
    say_given(files, did)


def hide_it_with_its_seal(files: Files, town: Town) -> None:
    did = town.people["carl"].did
    hide_a_withdrawal(files, town)
    own = event_of(files, "given", customer=did)
    files.pop(f"seals/{payload_of(files[f'events/{own}.jws'])['next']}.tlog-proof", None)


def hide_it_behind_another_seal(files: Files, town: Town) -> None:
    """Show the proof of somebody else's unbroken seal in place of carl's broken one."""
    did, other = town.people["carl"].did, town.people["anna"].did
    hide_a_withdrawal(files, town)
    mine, theirs = (
        payload_of(files[f"events/{event_of(files, 'given', customer=who)}.jws"])["next"]
        for who in (did, other)
    )
    files[f"seals/{mine}.tlog-proof"] = files[f"seals/{theirs}.tlog-proof"]


def hide_it_behind_a_holds_proof(files: Files, town: Town) -> None:
    """Show at carl's own leaf the proof of another seal, which is unbroken."""
    did = town.people["carl"].did
    hide_a_withdrawal(files, town)
    event = event_of(files, "given", customer=did)
    other = payload_of(files[f"events/{event_of(files, 'given', customer=town.people['anna'].did)}.jws"])[
        "next"
    ]
    proof = town.world.registry.prove_holds(entry_of(files, event)["leaf_index"], from_hex(other))
    files[f"seals/{payload_of(files[f'events/{event}.jws'])['next']}.tlog-proof"] = proof.encode()


def say_given(files: Files, did: str) -> None:
    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["own"] == did:
                entry["state"] = "given"
                entry["decision"] |= {"allowed": True, "code": "ok", "basis": "consent"}
                entry["breaks"] = []

    edit(files, "decisions.json", change)


def say_yes_to_all(files: Files, town: Town) -> None:
    say_given(files, town.people["dora"].did)


def allow_only_the_decision(files: Files, town: Town) -> None:
    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["own"] == town.people["dora"].did:
                entry["decision"] |= {"allowed": True, "code": "ok", "basis": "consent"}

    edit(files, "decisions.json", change)


def postpone_the_break(files: Files, town: Town) -> None:
    """Say that dora's seal broke only after the moment that the bundle speaks of."""
    say_given(files, town.people["dora"].did)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["own"] == town.people["dora"].did:
                event = event_of(files, "given", customer=entry["own"])
                seal = payload_of(files[f"events/{event}.jws"])["next"]
                entry["breaks"] = [
                    {"seal": seal, "since": "2999-01-01T00:00:00Z", "known": "2999-01-01T00:00:00Z"}
                ]

    edit(files, "decisions.json", change)


def postpone_the_withdrawal(files: Files, town: Town) -> None:
    """Say that carl's withdrawal counts from later on, and leave out what he gave after."""
    did = town.people["carl"].did
    given = event_of(files, "given", customer=did, last=True)
    seal = drop_event(files, given)
    withdrawn = event_of(files, "withdrawn", customer=did)
    index = entry_of(files, withdrawn)["leaf_index"]
    files[f"seals/{seal}.tlog-proof"] = town.world.registry.prove_holds(index, from_hex(seal)).encode()

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == withdrawn:
                entry["since"] = "2999-01-01T00:00:00Z"

    edit(files, "events.json", change)
    say_given(files, did)


def postpone_a_letter(files: Files, town: Town) -> None:
    """Say that the withdrawal that the staff recorded for fred became known only later."""
    did = town.people["fred"].did
    letter = event_of(files, "withdrawn", customer=did)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == letter:
                entry["since"] = entry["received_at"] = "2999-01-01T00:00:00Z"

    edit(files, "events.json", change)
    say_given(files, did)


def postpone_an_objection(files: Files, town: Town) -> None:
    did = town.people["bert"].did
    objection = event_of(files, "objected", customer=did)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == objection:
                entry["since"] = entry["received_at"] = "2999-01-01T00:00:00Z"

    edit(files, "events.json", change)
    say_given(files, did)


def decide_about_somebody_else(files: Files, town: Town) -> None:
    """Let anna's yes stand in for dora's no."""

    def change(entries: list[dict[str, Any]]) -> None:
        mine = next(entry for entry in entries if entry["own"] == town.people["dora"].did)
        yes = next(entry for entry in entries if entry["own"] == town.people["anna"].did)
        mine["decision"] = yes["decision"] | {"customer": mine["decision"]["customer"]}
        mine["own"], mine["attested"] = yes["own"], yes["attested"]

    edit(files, "decisions.json", change)


def hide_a_letter(files: Files, town: Town) -> None:
    """Leave out the withdrawal that the staff recorded for fred."""
    did = town.people["fred"].did
    seal = drop_event(files, event_of(files, "withdrawn", customer=did))
    before = event_of(files, "countersigned", customer=did)
    index = entry_of(files, before)["leaf_index"]
    files[f"seals/{seal}.tlog-proof"] = town.world.registry.prove_holds(index, from_hex(seal)).encode()
    say_given(files, did)


def hide_a_stop_seal(files: Files, town: Town) -> None:
    """Leave out emil's relation lane, whose stop seal is broken."""
    did = town.people["emil"].did
    drop_event(files, event_of(files, "opened", customer=did))
    say_given(files, did)


def drop_the_first_event(files: Files, town: Town) -> None:
    drop_event(files, event_of(files, "given", customer=town.people["carl"].did))


def unlist_an_event(files: Files, town: Town) -> None:
    event = event_of(files, "withdrawn", customer=town.people["carl"].did)
    edit(files, "events.json", lambda entries: [e for e in entries if e["event"] != event])


def list_an_event_twice(files: Files, _: Town) -> None:
    edit(files, "events.json", lambda entries: [entries[0], *entries])


def older_checkpoint(files: Files, town: Town) -> None:
    files[f"{LOG}/checkpoint"] = _older(town)


def older_proof(files: Files, town: Town) -> None:
    from konsens.registry import parse_proof, render_proof

    name = f"proofs/{event_of(files, 'opened')}.tlog-proof"
    proof = parse_proof(files[name])
    old = type(proof)(proof.index, proof.path, _older(town).decode())
    files[name] = render_proof(old).encode()


def _older(town: Town) -> bytes:
    rows = town.world.registry._store.checkpoints(0)
    return str(rows[0][1]).encode()


def foreign_log(files: Files, _: Town) -> None:
    """Another log under the same name: a key and a checkpoint of its own."""
    other = NoteSigner("log.muster.example", b"o" * 32)
    note = sign_checkpoint(Checkpoint("log.muster.example", 38, bytes(32)), other).note
    old = files[f"{LOG}/checkpoint"].decode()
    for name, data in files.items():
        files[name] = data.replace(old.encode(), note.encode())
    files[f"{LOG}/vkey"] = f"{render_vkey(other.vkey)}\n".encode()


def unknown_log(files: Files, _: Town) -> None:
    other = NoteSigner("log.other.example", b"o" * 32)
    files[f"{LOG}/vkey"] = f"{render_vkey(other.vkey)}\n".encode()


def change_a_row(files: Files, _: Town) -> None:
    event = event_of(files, "imported")

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == event:
                entry["rows"][2]["row"]["state"] = "given"

    edit(files, "events.json", change)


def drop_a_row(files: Files, _: Town) -> None:
    event = event_of(files, "used", last=True)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["event"] == event:
                del entry["rows"][0]

    edit(files, "events.json", change)


def rows_where_none_belong(files: Files, _: Town) -> None:
    def change(entries: list[dict[str, Any]]) -> None:
        rows = next(entry["rows"] for entry in entries if "rows" in entry)
        next(entry for entry in entries if "rows" not in entry)["rows"] = rows

    edit(files, "events.json", change)


def change_the_words(files: Files, town: Town) -> None:
    name = f"notices/{town.notice.hash}.json"
    files[name] = files[name].replace(b"Newsletter", b"Newslettern")


def publish_other_words(files: Files, town: Town) -> None:
    from konsens.consent import sign_notice

    from ..consent.world import NEWSLETTER

    toml = NEWSLETTER.replace("Sie können jederzeit widerrufen.", "Sie können nie widerrufen.")
    other = sign_notice(toml, did=town.world.did, signer=town.world.keys.signer, at=town.world.now)
    for end in ("json", "jws"):
        files.pop(f"notices/{town.notice.hash}.{end}")
    files[f"notices/{other.hash}.json"] = other.body
    files[f"notices/{other.hash}.jws"] = other.jws.encode()


LIES = [
    (swap_events_proofs, "bundle.proof"),
    (swap_salts, "commitment.mismatch"),
    (change_an_event, "event.signature"),
    (company_signs_for_the_customer, "event.signer"),
    (a_second_successor, "commitment.mismatch"),
    (hide_a_withdrawal, "bundle.seal_missing"),
    (hide_it_with_its_seal, "bundle.seal_missing"),
    (hide_it_behind_another_seal, "bundle.proof"),
    (hide_it_behind_a_holds_proof, "log.seal"),
    (say_yes_to_all, "bundle.state"),
    (allow_only_the_decision, "bundle.decision"),
    (postpone_the_break, "bundle.state"),
    (postpone_the_withdrawal, "bundle.state"),
    (postpone_a_letter, "bundle.state"),
    (postpone_an_objection, "bundle.state"),
    (decide_about_somebody_else, "bundle.decision"),
    (hide_a_letter, "bundle.event_missing"),
    (hide_a_stop_seal, "bundle.decision"),
    (drop_the_first_event, "lane.gap"),
    (unlist_an_event, "bundle.event_unlisted"),
    (list_an_event_twice, "bundle.events_order"),
    (older_checkpoint, "bundle.proof"),
    (older_proof, "bundle.proof"),
    (foreign_log, "trust.log_key"),
    (unknown_log, "trust.log"),
    (change_a_row, "bundle.rows"),
    (drop_a_row, "bundle.rows"),
    (rows_where_none_belong, "bundle.rows"),
    (change_the_words, "bundle.notice"),
    (publish_other_words, "bundle.notice_missing"),
]


@pytest.mark.parametrize(("lie", "code"), [pytest.param(*lie, id=lie[0].__name__) for lie in LIES])
def test_a_lie_that_the_company_signs_is_named(
    town: Town, whole: bytes, lie: Callable[[Files, Town], None], code: str
) -> None:
    files = unpack(whole)
    lie(files, town)
    events = len(json.loads(files["events.json"]))
    population = json.loads(files[MANIFEST])["population"] | {"events": events}
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
    for events in (31, 33):
        population = {"events": events, "records": 11}
        failed, _ = outcome(town, resign(files, town.world.keys.signer, population=population))
        assert failed == ("bundle.population",)


def test_a_whole_book_of_yesterday_is_old(town: Town, whole: bytes) -> None:
    """The company shows nothing newer than an old checkpoint: true then, and said to be old."""
    files = unpack(whole)
    report = verify(
        resign(files, town.world.keys.signer, as_of="2026-11-25T00:00:00Z", known_at="2026-11-25T00:00:00Z"),
        town.trust,
        at=town.world.now,
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
