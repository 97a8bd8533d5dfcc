"""Events that are not what was signed, or not by whom, or not in their place."""

from __future__ import annotations

from typing import Any

from konsens.consent import Choice, act
from konsens.did import sign_jws
from konsens.encoding import b64u_encode, jcs
from konsens.records.event import EVENT_TYP

from ..forge import Files, edit, event_of, payload_of, replace_event
from ..town import Town

__all__ = ["LIES"]


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


def show_the_consent_of_another_company(files: Files, town: Town) -> None:
    """An event that a customer signed for somebody else, in the place of one for us."""
    anna = town.people["anna"]
    event = event_of(files, "opened", customer=anna.did)
    payload = payload_of(files[f"events/{event}.jws"])
    payload["matter"]["controller"] = town.people["bert"].did
    replace_event(files, event, sign_jws(jcs(payload), typ=EVENT_TYP, signer=anna.signer))


def put_another_event_in_its_file(files: Files, _: Town) -> None:
    one, two = event_of(files, "given"), event_of(files, "opened")
    files[f"events/{one}.jws"] = files[f"events/{two}.jws"]


def list_an_event_twice(files: Files, _: Town) -> None:
    edit(files, "events.json", lambda entries: [entries[0], *entries])


LIES = [
    (swap_salts, "commitment.mismatch"),
    (change_an_event, "event.signature"),
    (company_signs_for_the_customer, "event.signer"),
    (a_second_successor, "commitment.mismatch"),
    (show_the_consent_of_another_company, "bundle.other_company"),
    (put_another_event_in_its_file, "bundle.event_hash"),
    (list_an_event_twice, "bundle.events_order"),
]
