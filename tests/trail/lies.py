"""Lies that a company can tell with its own key, each by what it does and the code that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from konsens.consent import Choice, act, sign_notice
from konsens.did import sign_jws
from konsens.encoding import b64u_encode, from_hex, jcs, sha256
from konsens.records.event import EVENT_TYP
from konsens.registry import Checkpoint, NoteSigner, parse_proof, render_proof, render_vkey, sign_checkpoint

from ..consent.world import NEWSLETTER
from .forge import Files, drop_event, edit, entry_of, event_of, payload_of
from .town import Town

__all__ = ["LIES"]

LOG = f"logs/{sha256(b'log.muster.example').hex()}"


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
    forged = f"{head}.{b64u_encode(jcs(payload))}.{signature}"
    replace_event(files, event, forged)


def replace_event(files: Files, event: str, forged: str) -> str:
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


def put_another_event_in_its_file(files: Files, _: Town) -> None:
    one, two = event_of(files, "given"), event_of(files, "opened")
    files[f"events/{one}.jws"] = files[f"events/{two}.jws"]


def change_a_path(files: Files, _: Town) -> None:
    name = f"proofs/{event_of(files, 'given')}.tlog-proof"
    proof = parse_proof(files[name])
    path = (bytes(32), *proof.path[1:])
    files[name] = render_proof(type(proof)(proof.index, path, proof.checkpoint_note)).encode()


def show_the_consent_of_another_company(files: Files, town: Town) -> None:
    """An event that a customer signed for somebody else, in the place of one for us."""
    anna = town.people["anna"]
    event = event_of(files, "opened", customer=anna.did)
    payload = payload_of(files[f"events/{event}.jws"])
    payload["matter"]["controller"] = town.people["bert"].did
    replace_event(files, event, sign_jws(jcs(payload), typ=EVENT_TYP, signer=anna.signer))


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
    toml = NEWSLETTER.replace("Sie können jederzeit widerrufen.", "Sie können nie widerrufen.")
    other = sign_notice(toml, did=town.world.did, signer=town.world.keys.signer, at=town.world.now)
    for end in ("json", "jws"):
        files.pop(f"notices/{town.notice.hash}.{end}")
    files[f"notices/{other.hash}.json"] = other.body
    files[f"notices/{other.hash}.jws"] = other.jws.encode()


def claim_another_basis(files: Files, town: Town) -> None:
    """Say that gina, who refused, may be contacted as an existing customer."""
    did = town.people["gina"].did
    drop_event(files, event_of(files, "refused", customer=did))

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["own"] == did:
                entry["state"] = None
                entry["decision"] |= {"allowed": True, "code": "ok", "basis": "existing_customer"}

    edit(files, "decisions.json", change)


def hide_the_lane_of_the_company(files: Files, town: Town) -> None:
    """Leave out the countersignature, and with it what the staff recorded for fred."""
    did = town.people["fred"].did
    drop_event(files, event_of(files, "withdrawn", customer=did))
    drop_event(files, event_of(files, "countersigned", customer=did))
    given = event_of(files, "given", customer=did)
    say_given(files, did)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["own"] == did:
                entry["decision"]["assurance"] = "customer_signed"
                entry["decision"]["evidence"]["event"] = given

    edit(files, "decisions.json", change)


LIES: list[tuple[Callable[[Files, Town], None], str]] = [
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
    (claim_another_basis, "bundle.decision"),
    (decide_about_somebody_else, "bundle.decision"),
    (hide_a_letter, "bundle.event_missing"),
    (hide_the_lane_of_the_company, "bundle.not_countersigned"),
    (hide_a_stop_seal, "bundle.decision"),
    (drop_the_first_event, "lane.gap"),
    (unlist_an_event, "bundle.event_unlisted"),
    (list_an_event_twice, "bundle.events_order"),
    (older_checkpoint, "bundle.proof"),
    (older_proof, "bundle.proof"),
    (foreign_log, "trust.log_key"),
    (unknown_log, "trust.log"),
    (put_another_event_in_its_file, "bundle.event_hash"),
    (change_a_path, "log.inclusion"),
    (show_the_consent_of_another_company, "bundle.other_company"),
    (change_a_row, "bundle.rows"),
    (drop_a_row, "bundle.rows"),
    (rows_where_none_belong, "bundle.rows"),
    (change_the_words, "bundle.notice"),
    (publish_other_words, "bundle.notice_missing"),
]
