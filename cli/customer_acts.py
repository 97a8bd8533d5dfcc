"""How a customer's decision is made: shown, asked about, planned, carried out, told to the company."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from konsens.errors import Conflict, Declined, InputError, KonsensError, NotFound

from .answers import Granted, Withdrawn
from .customer_answers import (
    checkpoint_of,
    names_of,
    planned_records,
    record_data,
    request_data,
    request_warnings,
    show_plan,
    show_records,
    show_request,
    words_of_act,
)
from .frame import Frame, Outcome
from .screen import Screen
from .wallet_home import check_answerable, open_wallet, write_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from konsens.wallet import Act, Answer, Plan, Shown, Wallet

__all__ = ["answer", "choose", "end"]


def answer(frame: Frame, wallet: Wallet, shown: Shown, planned: Answer, out: Path, question: str) -> Outcome:
    """Show what would be signed, ask, carry it out, and write the file for the company."""
    from konsens.wallet import carry_out, records_of

    names = {**names_of(wallet), shown.company: shown.notice.controller.name}
    warnings = request_warnings(shown)
    if frame.dry_run:
        again = [signed for act in planned.plan.again if (signed := act.signed)]
        records = planned_records([*again, *planned.plan.events])
        data = Granted(did=planned.identity.did, records=records, out=str(out))
        return Outcome(
            data, show=lambda screen: show_plan(frame, planned.plan, names, screen), warnings=warnings
        )
    if question and not frame.common.yes:
        show_request(frame, shown, _beside(frame))
        matters = ", ".join(f"{matter.purpose} ({matter.channel})" for matter in planned.matters)
        frame.confirm(f"{question}: {matters}?")
    acts = carry_out(wallet, planned.plan)
    write_events(frame, wallet, acts, out)
    records = [record_data(record) for record in records_of(wallet, acts, at=frame.now())]

    return Outcome(
        Granted(did=planned.identity.did, records=records, out=str(out)),
        show=lambda screen: show_records(frame, names, records, screen),
        done=frame.pick(de=f"Schicken Sie {out} an das Unternehmen.", en=f"Send {out} to the company."),
        warnings=warnings,
    )


def end(
    frame: Frame,
    make_plan: Callable[[Wallet], Plan],
    out: Path | None,
    question: str,
    *,
    ended_before: Callable[[Wallet], bool] = lambda _: False,
) -> Outcome:
    """Show what would end, ask, end it, and say honestly what that does and does not do.

    A script may say it again: where nothing is left because of what `ended_before`, that is no failure.
    """
    from konsens.wallet import insist, records_of

    frame.check_out(out)
    check_answerable(frame)
    to = None if out is None else str(out)
    with open_wallet(frame) as wallet:
        names = names_of(wallet)
        try:
            planned, ending = _planned(wallet, make_plan)
        except NotFound as error:
            if error.code != "wallet.nothing_to_withdraw" or not ended_before(wallet):
                raise
            return _ended_before(frame, wallet)
        if out is not None:
            _check_deliverable(ending)
        if frame.dry_run:
            records = planned_records(signed for act in ending if (signed := act.signed))
            data = Withdrawn(records=records, registry=checkpoint_of(frame, wallet), out=to)
            return Outcome(data, show=lambda screen: show_plan(frame, planned, names, screen))
        if not frame.common.yes:
            for act in ending:
                _beside(frame).line(words_of_act(frame, act, names))
            frame.confirm(f"{question}?")
        acts = insist(wallet, lambda: make_plan(wallet))
        problem = None
        try:
            write_events(frame, wallet, acts, out)
        except KonsensError as error:  # it holds all the same, and the answer says so
            problem, to = error, None
        records = [record_data(record) for record in records_of(wallet, acts, at=frame.now())]
        data = Withdrawn(records=records, registry=checkpoint_of(frame, wallet), out=to)
    done = frame.pick(
        de="Es gilt ab jetzt, auch ohne Nachricht an das Unternehmen.\n"
        "Was es schon erhalten hat, lässt sich so nicht zurücknehmen; verlangen Sie dort die Löschung.",
        en="It works from now on, even without a message to the company.\n"
        "What the company already received cannot be taken back by this; ask there for its erasure.",
    )
    return Outcome(
        data, show=lambda screen: show_records(frame, names, records, screen), done=done, error=problem
    )


def _ended_before(frame: Frame, wallet: Wallet) -> Outcome:
    """Return the answer to a withdrawal that was made before: nothing is signed or written."""
    done = frame.pick(
        de="Das ist schon widerrufen; es gibt nichts zu tun.",
        en="This is withdrawn already; there is nothing to do.",
    )
    data = Withdrawn(records=[], registry=checkpoint_of(frame, wallet), out=None)
    return Outcome(data, show=lambda _: None, done=done)


def _planned(wallet: Wallet, make_plan: Callable[[Wallet], Plan]) -> tuple[Plan, list[Act]]:
    """Return the plan and all that ends with it: also what was signed and is not in the log."""
    from konsens.wallet import Plan

    waiting = [act for act in wallet.acts() if act.leaf_index is None]
    ending = [act for act in waiting if not act.signed or act.signed.event.type in ("withdrawn", "objected")]
    try:
        plan = make_plan(wallet)
    except (NotFound, Conflict):
        if not ending:
            raise
        plan = Plan(acts=())
    again = [act for act in plan.again if act not in ending]
    return plan, [*ending, *again, *plan.acts]


def _check_deliverable(ending: list[Act]) -> None:
    """Raise what `events_message` would, before anything is signed."""
    companies = {act.company for act in ending if act.event}
    if not companies:
        raise InputError("wallet.nothing_to_deliver")
    if len(companies) > 1:
        raise InputError("wallet.several_companies", count=len(companies))


def choose(frame: Frame, shown: Shown) -> list[tuple[str, str]]:
    """Ask about each purpose on each channel: every answer takes one letter, and neither is the default."""
    show_request(frame, shown, _beside(frame))
    labels = {offer.purpose: offer.label for offer in request_data(shown, frame.lang).offers}
    chosen = [offer for offer in shown.offers if frame.agrees(f"{labels[offer[0]]} ({offer[1]})?")]
    if not chosen:
        raise Declined("input.declined")
    return chosen


def _beside(frame: Frame) -> Screen:
    """Return where a question's context goes: stdout is for the answer."""
    return Screen(sys.stderr, plain=frame.common.plain)
