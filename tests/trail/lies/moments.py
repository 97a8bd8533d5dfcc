"""Acts and breaks that are said to have come later than they did."""

from __future__ import annotations

from konsens.encoding import from_hex

from ..forge import Files, drop_event, entry_of, event_of, payload_of, say, tell
from ..town import Town

__all__ = ["LIES"]

LATE = "2999-01-01T00:00:00Z"


def postpone_the_break(files: Files, town: Town) -> None:
    """Say that dora's seal broke only after the moment that the bundle speaks of."""
    did = town.people["dora"].did
    event = event_of(files, "given", customer=did)
    seal = payload_of(files[f"events/{event}.jws"])["next"]
    say(files, did, state="given", breaks=[{"seal": seal, "since": LATE, "known": LATE}])


def postpone_the_withdrawal(files: Files, town: Town) -> None:
    """Say that carl's withdrawal counts from later on, and leave out what he gave after."""
    did = town.people["carl"].did
    given = event_of(files, "given", customer=did, last=True)
    seal = drop_event(files, given)
    withdrawn = event_of(files, "withdrawn", customer=did)
    index = entry_of(files, withdrawn)["leaf_index"]
    files[f"seals/{seal}.tlog-proof"] = town.world.registry.prove_holds(index, from_hex(seal)).encode()
    tell(files, withdrawn, since=LATE)
    say(files, did, state="given", breaks=[])


def postpone_a_letter(files: Files, town: Town) -> None:
    """Say that the withdrawal that the staff recorded for fred became known only later."""
    _postpone(files, "withdrawn", town.people["fred"].did)


def postpone_an_objection(files: Files, town: Town) -> None:
    """Say the same of what bert objected to."""
    _postpone(files, "objected", town.people["bert"].did)


def _postpone(files: Files, kind: str, did: str) -> None:
    tell(files, event_of(files, kind, customer=did), since=LATE, received_at=LATE)
    say(files, did, state="given", breaks=[])


LIES = [
    (postpone_the_break, "bundle.state"),
    (postpone_the_withdrawal, "bundle.state"),
    (postpone_a_letter, "bundle.state"),
    (postpone_an_objection, "bundle.state"),
]
