"""Acts that were left out, most of them somebody's no."""

from __future__ import annotations

from konsens.encoding import from_hex

from ..forge import Files, drop_event, edit, entry_of, event_of, payload_of, say
from ..town import Town

__all__ = ["LIES"]


def hide_a_withdrawal(files: Files, town: Town) -> None:
    """Leave out what came after carl's first grant, and say that it holds."""
    did = town.people["carl"].did
    drop_event(files, event_of(files, "given", customer=did, last=True))
    drop_event(files, event_of(files, "withdrawn", customer=did))
    say(files, did, state="given", breaks=[])


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


def hide_a_letter(files: Files, town: Town) -> None:
    """Leave out the withdrawal that the staff recorded for fred."""
    did = town.people["fred"].did
    seal = drop_event(files, event_of(files, "withdrawn", customer=did))
    before = event_of(files, "countersigned", customer=did)
    index = entry_of(files, before)["leaf_index"]
    files[f"seals/{seal}.tlog-proof"] = town.world.registry.prove_holds(index, from_hex(seal)).encode()
    say(files, did, state="given", breaks=[])


def hide_the_lane_of_the_company(files: Files, town: Town) -> None:
    """Leave out the countersignature, and with it what the staff recorded for fred."""
    did = town.people["fred"].did
    drop_event(files, event_of(files, "withdrawn", customer=did))
    drop_event(files, event_of(files, "countersigned", customer=did))
    given = event_of(files, "given", customer=did)
    say(
        files,
        did,
        state="given",
        breaks=[],
        decision={"assurance": "customer_signed"},
        evidence={"event": given},
    )


def hide_a_stop_seal(files: Files, town: Town) -> None:
    """Leave out emil's relation lane, whose stop seal is broken."""
    did = town.people["emil"].did
    drop_event(files, event_of(files, "opened", customer=did))
    say(files, did, state="given", breaks=[])


def drop_the_first_event(files: Files, town: Town) -> None:
    drop_event(files, event_of(files, "given", customer=town.people["carl"].did))


def unlist_an_event(files: Files, town: Town) -> None:
    event = event_of(files, "withdrawn", customer=town.people["carl"].did)
    edit(files, "events.json", lambda entries: [e for e in entries if e["event"] != event])


LIES = [
    (hide_a_withdrawal, "bundle.seal_missing"),
    (hide_it_with_its_seal, "bundle.seal_missing"),
    (hide_it_behind_another_seal, "bundle.proof"),
    (hide_it_behind_a_holds_proof, "log.seal"),
    (hide_a_letter, "bundle.event_missing"),
    (hide_the_lane_of_the_company, "bundle.not_countersigned"),
    (hide_a_stop_seal, "bundle.decision"),
    (drop_the_first_event, "lane.gap"),
    (unlist_an_event, "bundle.event_unlisted"),
]
