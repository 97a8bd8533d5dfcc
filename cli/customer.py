"""`request show`, `grant`, `refuse`, `withdraw`, `object`, `consents`, `history`: a customer's decisions.

Yes and no take the same number of words: `grant FILE --all --out F`, `refuse FILE --out F`, and
`withdraw COMPANY PURPOSE`, which needs no file at all. Every question is answered with one letter.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import InputError

from .answers import EventLine, History, Records
from .customer_acts import answer, choose, end
from .customer_answers import (
    names_of,
    record_data,
    request_data,
    request_warnings,
    show_records,
    show_request,
    words_of,
)
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .wallet_home import check_answerable, open_wallet
from .words import StateName, moment, type_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.wallet import Plan, Wallet

__all__ = ["consents", "grant", "history", "object_", "refuse", "request_show", "withdraw"]

Request = Annotated[Path, Argument(metavar="FILE", help="A company's request.")]
Out = Annotated[Path, Option("--out", metavar="EVENTS", help="Where the file for the company goes.")]
MaybeOut = Annotated[
    Path | None, Option("--out", metavar="EVENTS", help="A file for the company; it works without.")
]
Company = Annotated[str, Argument(metavar="COMPANY", help="The company's DID or name.")]
Channel = Annotated[str | None, Option("--channel", metavar="CHANNEL", help="Only this channel.")]


@command(unlocks=True, logs=True)
def request_show(frame: Frame, file: Request) -> Outcome:
    """Show who asks, for what, in whose words. Nothing is written."""
    from konsens.wallet import show_request as read

    data = frame.read(file)
    with open_wallet(frame) as wallet:
        shown = read(wallet, data, at=frame.now())
    return Outcome(
        request_data(shown, frame.lang),
        show=lambda screen: show_request(frame, shown, screen),
        warnings=request_warnings(shown),
    )


@command(unlocks=True, logs=True, signs=True, writes=True)
def grant(
    frame: Frame,
    file: Request,
    out: Out,
    purpose: Annotated[
        list[str], Option("--purpose", metavar="PURPOSE", help="Say yes to this; may be repeated.")
    ] = [],  # noqa: B006 — typer reads it and never changes it
    channel: Annotated[
        list[str], Option("--channel", metavar="CHANNEL", help="On this channel; may be repeated.")
    ] = [],  # noqa: B006
    all_: Annotated[bool, Option("--all", help="Say yes to everything that is offered.")] = False,
    until: Annotated[datetime | None, Option("--until", metavar="DATE", help="Only until then.")] = None,
    address: Annotated[
        list[str],
        Option("--address", metavar="CHANNEL=ADDRESS", help="Bind it to this address; may be repeated."),
    ] = [],  # noqa: B006
) -> Outcome:
    """Say yes to a request, or to parts of it; nothing is chosen for you."""
    from konsens.wallet import plan_grant
    from konsens.wallet import show_request as read

    frame.check_out(out)
    named = bool(purpose or channel or all_)
    asks = not named and frame.terminal.present and not (frame.common.yes or frame.dry_run)
    if not (named or asks):
        raise InputError("wallet.nothing_chosen")
    check_answerable(frame)
    addresses = _addresses(address)
    data, at = frame.read(file), frame.now()
    with open_wallet(frame) as wallet:
        shown = read(wallet, data, at=at)
        planned = plan_grant(
            wallet,
            shown,
            language=frame.lang,
            at=at,
            purposes=purpose,
            channels=channel,
            offers=choose(frame, shown) if asks else (),
            everything=all_,
            until=until,
            addresses=addresses,
        )
        question = "" if asks else frame.pick(de="Einwilligen", en="Consent")
        return answer(frame, wallet, shown, planned, out, question)


@command(unlocks=True, logs=True, signs=True, writes=True)
def refuse(
    frame: Frame,
    file: Request,
    out: Out,
    defer: Annotated[bool, Option("--defer", help="Not now: decide later.")] = False,
) -> Outcome:
    """Say no to a request, or later."""
    from konsens.wallet import plan_refusal
    from konsens.wallet import show_request as read

    frame.check_out(out)
    check_answerable(frame)
    data, at = frame.read(file), frame.now()
    with open_wallet(frame) as wallet:
        shown = read(wallet, data, at=at)
        planned = plan_refusal(wallet, shown, at=at, later=defer)
        question = frame.pick(de="Ablehnen", en="Refuse")
        if defer:
            question = frame.pick(de="Später entscheiden", en="Decide later")
        return answer(frame, wallet, shown, planned, out, question)


@command(unlocks=True, logs=True, signs=True, writes=True)
def withdraw(
    frame: Frame,
    company: Annotated[str | None, Argument(metavar="COMPANY", help="The company's DID or name.")] = None,
    purpose: Annotated[str | None, Argument(metavar="PURPOSE", help="Only this purpose.")] = None,
    channel: Channel = None,
    all_: Annotated[bool, Option("--all", help="Everything; without COMPANY, everywhere.")] = False,
    out: MaybeOut = None,
) -> Outcome:
    """Take a consent back. It works at once, and without the company."""
    from konsens.wallet import list_consents, plan_withdrawal

    if company is None and not all_:
        raise InputError("input.needed", option="COMPANY, --all")
    if purpose is not None and all_:
        raise InputError("wallet.all_or_purpose", purpose=purpose)
    at = frame.now()

    def plan(wallet: Wallet) -> Plan:
        return plan_withdrawal(wallet, at=at, company=company, purpose=purpose, channel=channel)

    def ended_before(wallet: Wallet) -> bool:
        ended = list_consents(wallet, at=at, company=company, state="withdrawn")
        return any(
            purpose in (None, record.purpose) and channel in (None, record.channel) for record in ended
        )

    return end(frame, plan, out, frame.pick(de="Widerrufen", en="Withdraw"), ended_before=ended_before)


@command(unlocks=True, logs=True, signs=True, writes=True)
def object_(frame: Frame, company: Company, out: MaybeOut = None) -> Outcome:
    """Stop all direct marketing of a company; every consent there is withdrawn."""
    from konsens.wallet import plan_objection

    at = frame.now()
    question = frame.pick(
        de="Widersprechen und alle Einwilligungen dort widerrufen",
        en="Object, and withdraw every consent there",
    )
    return end(frame, lambda wallet: plan_objection(wallet, company, at=at), out, question)


@command(unlocks=True, logs=True, lists="records")
def consents(
    frame: Frame,
    company: Annotated[str | None, Option("--company", metavar="COMPANY", help="Only with this one.")] = None,
    state: Annotated[
        StateName | None, Option("--state", metavar="STATE", help="Only those in this state.")
    ] = None,
) -> Outcome:
    """Show what holds now, checked against the logs."""
    from konsens.wallet import count_untold, list_consents

    with open_wallet(frame) as wallet:
        found = list_consents(wallet, at=frame.now(), company=company, state=state)
        names, untold = names_of(wallet), count_untold(wallet)
    records = [record_data(record) for record in found]
    warnings: list[tuple[str, dict[str, object]]] = []
    if untold:
        warnings.append(("wallet.untold", {"count": untold}))
    if any(not record.checked for record in found):
        warnings.append(("wallet.unchecked", {}))
    for record in found:
        if record.missing is not None:
            company_name = names.get(str(record.company), str(record.company))
            facts: dict[str, object] = {
                "origin": record.missing,
                "company": company_name,
                "purpose": record.purpose,
            }
            warnings.append(("wallet.leaf_missing", facts))

    def show(screen: Screen) -> None:
        if records:
            show_records(frame, names, records, screen)
        else:
            screen.line(frame.pick(de="Keine Einwilligungen.", en="No consents."))

    data = Records(records=records, warnings=[code for code, _ in warnings])
    return Outcome(data, show=show, warnings=tuple(warnings))


@command(unlocks=True, lists="events")
def history(
    frame: Frame,
    record: Annotated[
        str | None, Argument(metavar="RECORD", help="Its id, or the first six letters of it.")
    ] = None,
) -> Outcome:
    """Show everything that ever happened, by your hand or the company's."""
    from konsens.wallet import history as history_of

    with open_wallet(frame) as wallet:
        entries, names = history_of(wallet, record), names_of(wallet)
    events = [
        EventLine(
            record=entry.record,
            seq=entry.seq,
            type=entry.type,
            at=entry.at,
            event=entry.event,
            actor=entry.actor,
            leaf_index=entry.leaf_index,
            notice=entry.notice,
        )
        for entry in entries
    ]
    who = {"customer": frame.pick(de="Sie", en="you"), "company": frame.pick(de="Unternehmen", en="company")}
    rows = [
        (
            moment(one.at),
            type_word(frame, one.type),
            who[one.by],
            words_of(frame, one.matter, names),
            one.record[:8],
        )
        for one in entries
    ]

    def show(screen: Screen) -> None:
        headers = frame.pick(de="Wann|Was|Wer|Worum|Nr.", en="When|What|Who|About|Id").split("|")
        if rows:
            screen.table(headers, rows)
        else:
            screen.line(frame.pick(de="Noch ist nichts geschehen.", en="Nothing has happened yet."))

    return Outcome(History(events=events), show=show)


def _addresses(given: list[str]) -> Mapping[str, str]:
    from konsens.errors import InputError

    found = {}
    for one in given:
        channel, sign, address = one.partition("=")
        if not (channel and sign and address) or channel in found:
            raise InputError("wallet.address_form", channel=channel if sign else "")
        found[channel] = address
    return found
