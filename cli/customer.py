"""`request show`, `grant`, `refuse`, `withdraw`, `object`, `consents`, `history`: a customer's decisions.

Yes and no take the same number of words: `grant FILE --all --out F`, `refuse FILE --out F`, and
`withdraw COMPANY PURPOSE`, which needs no file at all.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .answers import (
    CompanySeen,
    EventLine,
    Granted,
    History,
    NoticeShown,
    OfferShown,
    Records,
    Registry,
    RequestShow,
    Withdrawn,
)
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .wallet_home import checkpoint_of, open_wallet, planned_records, record_data, show_records, write_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from konsens.wallet import Act, Answer, Plan, Shown, Wallet
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
    from konsens.wallet import show_request

    data = frame.read(file)
    with open_wallet(frame) as wallet:
        shown = show_request(wallet, data, at=frame.now())
    return Outcome(
        _request_data(shown, frame.lang),
        show=lambda screen: _show_request(frame, shown, screen),
        warnings=_warnings(shown),
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
    from konsens.wallet import plan_grant, show_request

    frame.check_out(out)
    addresses = _addresses(address)
    data, at = frame.read(file), frame.now()
    with open_wallet(frame) as wallet:
        shown = show_request(wallet, data, at=at)
        purposes = purpose
        if not (purpose or channel or all_) and frame.terminal.present:
            purposes = _choose(frame, shown)
        answer = plan_grant(
            wallet,
            shown,
            language=frame.lang,
            at=at,
            purposes=purposes,
            channels=channel,
            everything=all_,
            until=until,
            addresses=addresses,
        )
        return _answer(frame, wallet, shown, answer, out, de="Einwilligen in", en="Consent to")


@command(unlocks=True, logs=True, signs=True, writes=True)
def refuse(
    frame: Frame,
    file: Request,
    out: Out,
    defer: Annotated[bool, Option("--defer", help="Not now: decide later.")] = False,
) -> Outcome:
    """Say no to a request, or later."""
    from konsens.wallet import plan_refusal, show_request

    frame.check_out(out)
    data, at = frame.read(file), frame.now()
    with open_wallet(frame) as wallet:
        shown = show_request(wallet, data, at=at)
        answer = plan_refusal(wallet, shown, at=at, later=defer)
        de, en = ("Vertagen:", "Defer:") if defer else ("Ablehnen:", "Refuse:")
        return _answer(frame, wallet, shown, answer, out, de=de, en=en)


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
    from konsens.errors import InputError
    from konsens.wallet import plan_withdrawal

    if company is None and not all_:
        raise InputError("input.needed", option="COMPANY, --all")
    if purpose is not None and all_:
        raise InputError("wallet.all_or_purpose", purpose=purpose)
    at = frame.now()
    with open_wallet(frame) as wallet:

        def plan() -> Plan:
            return plan_withdrawal(wallet, at=at, company=company, purpose=purpose, channel=channel)

        return _end(frame, wallet, plan, out, de="Widerrufen", en="Withdraw")


@command(unlocks=True, logs=True, signs=True, writes=True)
def object_(frame: Frame, company: Company, out: MaybeOut = None) -> Outcome:
    """Stop all direct marketing of a company; every consent there is withdrawn."""
    from konsens.wallet import plan_objection

    at = frame.now()
    with open_wallet(frame) as wallet:
        return _end(
            frame,
            wallet,
            lambda: plan_objection(wallet, company, at=at),
            out,
            de="Jeder Direktwerbung widersprechen und alle Einwilligungen dort widerrufen",
            en="Object to all direct marketing and withdraw every consent there",
        )


@command(unlocks=True, logs=True, lists="records")
def consents(
    frame: Frame,
    company: Annotated[str | None, Option("--company", metavar="COMPANY", help="Only with this one.")] = None,
    state: Annotated[str | None, Option("--state", metavar="STATE", help="Only those in this state.")] = None,
) -> Outcome:
    """Show what holds now, checked against the logs."""
    from konsens.wallet import list_consents

    with open_wallet(frame) as wallet:
        found = list_consents(wallet, at=frame.now(), company=company, state=state)
        records = [record_data(record) for record in found]
        screen_names = _names(wallet)
    unchecked = any(not record.checked for record in found)

    def show(screen: Screen) -> None:
        if not records:
            screen.line(frame.pick(de="Keine Einwilligungen.", en="No consents."))
            return
        show_records(frame, screen_names, records, screen)
        if unchecked:
            screen.line()
            screen.line(
                frame.pick(
                    de="⏳ Kein Register war erreichbar: Das ist der Stand, den diese Brieftasche erinnert.",
                    en="⏳ No registry could be reached: this is what the wallet remembers.",
                )
            )

    return Outcome(Records(records=records), show=show)


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
        entries = history_of(wallet, record)
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
    headers = frame.pick(de="Wann|Was|Wer|Nr.|Eintrag", en="When|What|Who|Id|Entry").split("|")
    rows = [(one.at, one.type, _who(frame, one.by), one.record[:8], one.leaf_index) for one in entries]
    return Outcome(History(events=events), show=lambda screen: screen.table(headers, rows))


def _answer(
    frame: Frame, wallet: Wallet, shown: Shown, answer: Answer, out: Path, *, de: str, en: str
) -> Outcome:
    """Show what would be signed, ask, carry it out, and write the file for the company."""
    from konsens.wallet import carry_out, records_of

    matters = [f"{matter.purpose} / {matter.channel}" for matter in answer.matters]
    if frame.dry_run:
        events = (*(signed for act in answer.plan.again if (signed := act.signed)), *answer.plan.events)
        data = Granted(did=answer.identity.did, records=planned_records(events), out=str(out))
        return Outcome(
            data, show=lambda screen: _show_plan(frame, answer.plan, screen), warnings=_warnings(shown)
        )
    if not frame.common.yes:
        _show_request(frame, shown, _talk(frame))
    frame.confirm(f"{frame.pick(de=de, en=en)} {', '.join(matters)}?")
    acts = carry_out(wallet, answer.plan)
    write_events(frame, wallet, acts, out)
    records = [record_data(record) for record in records_of(wallet, acts, at=frame.now())]
    data = Granted(did=answer.identity.did, records=records, out=str(out))
    names = _names(wallet)

    def show(screen: Screen) -> None:
        show_records(frame, names, records, screen)
        screen.line()
        screen.line(
            frame.pick(de=f"Schicken Sie {out} an das Unternehmen.", en=f"Send {out} to the company.")
        )

    return Outcome(data, show=show, warnings=_warnings(shown))


def _end(
    frame: Frame, wallet: Wallet, plan: Callable[[], Plan], out: Path | None, *, de: str, en: str
) -> Outcome:
    """Show what would end, ask, end it, and say honestly what that does and does not do."""
    from konsens.errors import InputError
    from konsens.wallet import insist, records_of

    frame.check_out(out)
    planned = plan()
    if out is not None and len({act.company for act in planned.acts if act.event}) != 1:
        raise InputError("wallet.several_companies", count=len({act.company for act in planned.acts}))
    if frame.dry_run:
        data = Withdrawn(
            records=planned_records(planned.events),
            registry=checkpoint_of(wallet),
            out=str(out) if out else None,
        )
        return Outcome(data, show=lambda screen: _show_plan(frame, planned, screen))
    what = ", ".join(dict.fromkeys(_words(frame, act) for act in planned.acts))
    frame.confirm(f"{frame.pick(de=de, en=en)}: {what}?")
    acts = insist(wallet, plan)
    write_events(frame, wallet, acts, out)
    records = [record_data(record) for record in records_of(wallet, acts, at=frame.now())]
    data = Withdrawn(records=records, registry=checkpoint_of(wallet), out=str(out) if out else None)
    names = _names(wallet)

    def show(screen: Screen) -> None:
        show_records(frame, names, records, screen)
        screen.line()
        screen.line(
            frame.pick(
                de="Es gilt ab jetzt, auch ohne Nachricht an das Unternehmen. Was es schon erhalten hat, "
                "lässt sich so nicht zurücknehmen; verlangen Sie dort die Löschung.",
                en="It works from now on, even without a message to the company. What the company already "
                "received cannot be taken back by this; ask there for its erasure.",
            )
        )

    return Outcome(data, show=show)


def _words(frame: Frame, act: Act) -> str:
    signed = act.signed
    if signed is None:
        return frame.pick(de="ein Siegel ohne Text", en="a seal without its text")
    matter = signed.event.matter
    if matter.purpose is None:
        return frame.pick(de="das Stopp-Siegel", en="the stop seal")
    return f"{matter.purpose} / {matter.channel}"


def _choose(frame: Frame, shown: Shown) -> list[str]:
    """Ask about each purpose; neither answer is the default."""
    _show_request(frame, shown, _talk(frame))
    chosen = []
    for offer in shown.read.signed.request.offers:
        purpose = shown.notice.purpose_named(offer.purpose)
        label = (purpose.label.get(frame.lang) if purpose else None) or offer.purpose
        if frame.agrees(f"{label} ({', '.join(offer.channels)})?"):
            chosen.append(offer.purpose)
    return chosen


def _addresses(given: list[str]) -> Mapping[str, str]:
    from konsens.errors import InputError

    found = {}
    for one in given:
        channel, sign, address = one.partition("=")
        if not (channel and sign and address) or channel in found:
            raise InputError("wallet.address_form", channel=channel if sign else "")
        found[channel] = address
    return found


def _request_data(shown: Shown, language: str) -> RequestShow:
    notice, request = shown.notice, shown.read.signed.request
    spoken = language if language in notice.text else notice.languages[0]
    offers = []
    for offer in request.offers:
        purpose = notice.purpose_named(offer.purpose)
        if purpose is not None:
            offers.append(
                OfferShown(
                    purpose=offer.purpose,
                    label=purpose.label.get(spoken) or next(iter(purpose.label.values())),
                    channels=list(offer.channels),
                    data=[item.code for item in purpose.data],
                    recipients=[recipient.name for recipient in purpose.recipients],
                    retention=purpose.retention,
                    double_opt_in=purpose.double_opt_in,
                )
            )
    first = shown.read.message.logs[0]
    return RequestShow(
        request=request.id,
        company=CompanySeen(did=shown.company, name=notice.controller.name, known=shown.known),
        registry=Registry(origin=first.origin, vkey=first.vkey),
        notice=NoticeShown(
            id=notice.id,
            version=notice.version,
            hash=shown.read.notice.hash,
            language=spoken,
            text=notice.text[spoken],
        ),
        offers=offers,
        expires_at=request.expires_at,
        warnings=list(shown.warnings),
    )


def _show_request(frame: Frame, shown: Shown, screen: Screen) -> None:
    data, controller = _request_data(shown, frame.lang), shown.notice.controller
    screen.heading(frame.pick(de=f"{controller.name} fragt:", en=f"{controller.name} asks:"))
    screen.line()
    screen.line(data.notice.text)
    screen.line()
    for offer in data.offers:
        screen.fields(
            {
                frame.pick(de="Zweck", en="Purpose"): f"{offer.label} ({offer.purpose})",
                frame.pick(de="Kanäle", en="Channels"): offer.channels,
                frame.pick(de="Daten", en="Data"): offer.data,
                frame.pick(de="Empfänger", en="Recipients"): offer.recipients,
                frame.pick(de="Gespeichert", en="Kept for"): offer.retention,
            }
        )
        screen.line()
    screen.fields(
        {
            frame.pick(de="Unternehmen", en="Company"): f"{controller.name}, {controller.address}",
            frame.pick(de="Kennung", en="Identity"): data.company.did,
            frame.pick(de="Kontakt", en="Contact"): controller.contact,
            frame.pick(de="Aufsicht", en="Authority"): controller.authority,
            frame.pick(de="Antwort bis", en="Answer by"): data.expires_at,
        }
    )


def _show_plan(frame: Frame, plan: Plan, screen: Screen) -> None:
    """Write exactly what would be signed, and how many bytes."""
    screen.line(frame.pick(de="Das würde unterschrieben:", en="This would be signed:"))
    for act in plan.acts:
        signed = act.signed
        size = len(signed.text) if signed else 0
        kind = signed.event.type if signed else "-"
        screen.line(f"  {kind}  {_words(frame, act)}  {size} bytes  {signed.event_hash if signed else ''}")


def _talk(frame: Frame) -> Screen:
    return Screen(sys.stderr, plain=frame.common.plain)


def _names(wallet: Wallet) -> Mapping[str, str]:
    return {company.did: company.name for company in wallet.companies()}


def _who(frame: Frame, by: str) -> str:
    return frame.pick(de="Sie", en="you") if by == "customer" else frame.pick(de="Unternehmen", en="company")


def _warnings(shown: Shown) -> tuple[tuple[str, Mapping[str, object]], ...]:
    facts = {"did": shown.company, "company": shown.notice.controller.name, "origin": shown.logs[:1]}
    return tuple((code, facts) for code in shown.warnings)
