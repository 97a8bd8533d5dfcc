"""Decisions that do not follow from the evidence beside them, told in the words of what they claim."""

from __future__ import annotations

from typing import Any

from ..forge import Files, drop_event, edit, event_of, say
from ..town import Town

__all__ = ["LIES"]


def say_yes_to_all(files: Files, town: Town) -> None:
    say(files, town.people["dora"].did, state="given", breaks=[])


def allow_only_the_decision(files: Files, town: Town) -> None:
    say(files, town.people["dora"].did)


def show_no_failed_check(files: Files, town: Town) -> None:
    """Let dora's no look as if everything had been found right."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            for check in entry["decision"]["checks"]:
                check["ok"] = True

    edit(files, "decisions.json", change)


def decide_about_somebody_else(files: Files, town: Town) -> None:
    """Let anna's yes stand in for dora's no."""

    def change(entries: list[dict[str, Any]]) -> None:
        mine = next(entry for entry in entries if entry["own"] == town.people["dora"].did)
        yes = next(entry for entry in entries if entry["own"] == town.people["anna"].did)
        mine["decision"] = yes["decision"] | {"customer": mine["decision"]["customer"]}
        mine["own"], mine["attested"] = yes["own"], yes["attested"]

    edit(files, "decisions.json", change)


def claim_another_basis(files: Files, town: Town) -> None:
    """Say that gina, who refused, may be contacted as an existing customer."""
    did = town.people["gina"].did
    drop_event(files, event_of(files, "refused", customer=did))
    nothing = dict.fromkeys(("record", "event", "notice", "leaf_index", "seal"))
    say(
        files,
        did,
        basis="existing_customer",
        state=None,
        decision={"assurance": None},
        evidence=nothing,
    )


LIES = [
    (say_yes_to_all, "bundle.state"),
    (allow_only_the_decision, "bundle.decision"),
    (show_no_failed_check, "bundle.decision"),
    (decide_about_somebody_else, "bundle.decision"),
    (claim_another_basis, "bundle.decision"),
]
