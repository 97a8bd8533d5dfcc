"""`trail …`: what a privacy officer asks, proves and hands over, in the company's home."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from konsens.errors import InputError

from .answers import Exported, Found, FoundEvent, Proven, Wording
from .company_answers import decision_data, decision_error, show_decision
from .company_home import CompanyHome, checkpoint_data, open_company
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .words import StateName, moment, short, type_word

if TYPE_CHECKING:
    from konsens.trail import Desk
    from konsens.trail.view import EventLine

__all__ = ["trail_export", "trail_prove", "trail_search", "trail_wording"]

Who = Annotated[str | None, Option("--who", metavar="WHO", help="A DID, or your number for the customer.")]
From = Annotated[datetime | None, Option("--from", metavar="T", help="Received then or later.")]
To = Annotated[datetime | None, Option("--to", metavar="T", help="Received then or earlier.")]
Out = Annotated[Path, Option("--out", metavar="FILE", help="Where to; `-` is stdout.")]


@command(lists="events", logs=True)
def trail_search(
    frame: Frame,
    who: Who = None,
    purpose: Annotated[str | None, Option("--purpose", metavar="P", help="Only this purpose.")] = None,
    channel: Annotated[str | None, Option("--channel", metavar="C", help="Only this channel.")] = None,
    state: Annotated[
        StateName | None, Option("--state", metavar="S", help="Only what now stands so.")
    ] = None,
    start: From = None,
    end: To = None,
) -> Outcome:
    """Find events, in the order of the log. Nothing is written or unlocked."""
    from konsens.consent import check_offered
    from konsens.trail import Query, search

    _check_period(start, end)
    asked = Query(who=who, purpose=purpose, channel=channel, state=state, start=start, end=end)
    with open_company(frame) as shop:
        check_offered(shop.company.ledger, purpose, channel)
        lines = search(_desk(shop), asked, now=frame.now())
        events = [
            FoundEvent(
                record=event.record,
                seq=event.seq,
                type=event.type,
                at=event.at,
                event=event.event,
                actor=_actor(event.actor),
                leaf_index=event.leaf_index,
                notice=event.notice,
                customer=event.customer or None,
                received_at=event.received_at,
            )
            for event in lines
        ]
    headers = frame.pick(
        de="Eintrag|Wann|Erhalten|Was|Wer|Datensatz", en="Entry|When|Received|What|Who|Record"
    ).split("|")
    rows = [
        (
            line.leaf_index,
            moment(line.at),
            moment(line.received_at),
            type_word(frame, line.type),
            _who(frame, line),
            (line.record or "")[:12],
        )
        for line in lines
    ]

    def show(screen: Screen) -> None:
        if rows:
            screen.table(headers, rows)
        else:
            screen.line(frame.pick(de="Kein Ereignis passt dazu.", en="No event matches."))

    return Outcome(Found(events=events), show=show)


@command(unlocks=True, writes=True, logs=True)
def trail_prove(
    frame: Frame,
    who: Annotated[str, Argument(metavar="WHO", help="A DID, or your number for the customer.")],
    purpose: Annotated[str, Argument(metavar="PURPOSE", help="A purpose of a notice.")],
    channel: Annotated[str, Option("--channel", metavar="C", help="A channel of the purpose.")],
    on: Annotated[datetime, Option("--on", metavar="T", help="As it was then.")],
    known_at: Annotated[datetime | None, Option("--known-at", metavar="T", help="As known then.")] = None,
    out: Annotated[Path | None, Option("--out", metavar="BUNDLE", help="Write the evidence there.")] = None,
) -> Outcome:
    """Prove what held on a day, as it was known on a day."""
    from konsens.trail import prove

    frame.check_out(out)
    with open_company(frame) as shop:
        decision = prove(
            _desk(shop, signs=out is not None),
            who,
            purpose,
            channel,
            on=on,
            known_at=known_at,
            out=out,
            language=frame.lang,
            now=frame.now(),
        )
    data = decision_data(decision)
    return Outcome(
        Proven(decision=data, out=str(out) if out else None),
        show=lambda screen: show_decision(screen, frame, decision, who=who),
        error=decision_error(decision),
    )


@command(logs=True)
def trail_wording(
    frame: Frame,
    record: Annotated[str, Argument(metavar="RECORD", help="Its id, or the first six letters of it.")],
) -> Outcome:
    """The exact words that a customer saw, in the language of the grant or the one that --lang names."""
    from konsens.trail import wording

    with open_company(frame) as shop:
        found = wording(_desk(shop), record, language=frame.common.lang)
    data = Wording(
        notice=found.notice,
        version=found.version,
        language=found.language,
        text=found.text,
        hash=found.hash,
        leaf_index=found.leaf_index,
    )

    def show(screen: Screen) -> None:
        screen.line(found.text)
        screen.line()
        named = f"{found.notice} {found.version} ({found.language})"
        screen.fields(
            {
                frame.pick(de="Hinweistext", en="Notice"): named,
                "SHA-256": found.hash,
                frame.pick(de="Eintrag im Register", en="Entry in the log"): found.leaf_index,
            }
        )

    return Outcome(data, show=show)


@command(unlocks=True, writes=True, logs=True)
def trail_export(
    frame: Frame,
    kind: Annotated[Literal["bundle", "csv", "jsonld", "html"], Option("--format", help="What to write.")],
    out: Out,
    who: Who = None,
    start: From = None,
    end: To = None,
    safe_csv: Annotated[
        bool, Option("--safe-csv", help="For a spreadsheet: nothing in a cell is run as a formula.")
    ] = False,
) -> Outcome:
    """Write the trail as evidence bundle, CSV, JSON-LD or report: whole or not at all."""
    from konsens.trail import Query, export

    _check_period(start, end)
    frame.check_out(out)
    asked = Query(who=who, start=start, end=end)
    to_stdout = str(out) == "-"
    stream = io.BytesIO()
    with open_company(frame) as shop:
        made = export(
            _desk(shop, signs=True),
            asked,
            kind=kind,
            out=stream if to_stdout else out,
            safe_csv=safe_csv,
            language=frame.lang,
            now=frame.now(),
        )
        checkpoint = checkpoint_data(shop.registry, shop.registry.checkpoint(), "checkpointed")
    if to_stdout:
        frame.write(out, stream.getvalue())
    data = Exported(
        format=kind,
        events=made.events,
        records=made.records,
        checkpoint=checkpoint,
        sha256=made.sha256,
        out=str(out),
    )
    one, lone = made.records == 1, made.events == 1
    done = frame.pick(
        de=f"{made.records} {'Datensatz' if one else 'Datensätze'} mit {made.events} "
        f"{'Ereignis' if lone else 'Ereignissen'} {'steht' if one else 'stehen'} in {out}.",
        en=f"{made.records} {'record' if one else 'records'} with {made.events} "
        f"{'event' if lone else 'events'} {'is' if one else 'are'} in {out}.",
    )

    def show(screen: Screen) -> None:
        screen.fields(
            {
                frame.pick(de="Datei", en="File"): data.out,
                frame.pick(de="Register", en="Registry"): checkpoint.origin,
                frame.pick(de="Einträge", en="Entries"): checkpoint.size,
                "SHA-256": data.sha256,
            }
        )

    return Outcome(data, show=show, done=done)


def _check_period(start: datetime | None, end: datetime | None) -> None:
    """Raise `trail.period` for one that ends before it begins: nothing could lie in it."""
    if start is not None and end is not None and end < start:
        raise InputError("trail.period")


def _desk(shop: CompanyHome, *, signs: bool = False) -> Desk:
    """Return the desk of this home; with `signs`, the key is unlocked and a checkpoint can be made."""
    from konsens.trail import Desk, Identity

    if not signs:
        return Desk(company=shop.company, name=shop.name, log=shop.registry)
    return Desk(
        company=shop.company,
        name=shop.name,
        log=shop.registry,
        identity=Identity(shop.keys().signer, shop.document, shop.history),
        checkpoint=shop.publish if shop.operator else None,
    )


def _who(frame: Frame, line: EventLine) -> str:
    """Return who acted: the person, or the company, then also for whom."""
    person = short(line.customer) if line.customer else ""
    if line.signer == "customer":
        return person
    company = frame.pick(de="Unternehmen", en="company")
    return f"{company} ({frame.pick(de='für', en='for')} {person})" if person else company


def _actor(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    name, _, role = text.partition(", ")
    return {"name": name, "role": role}
