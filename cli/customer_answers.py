"""A customer's answers, as programs and as people read them: requests, plans, records, checkpoints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from .answers import Checkpoint, CompanySeen, NoticeShown, OfferShown, Record, Registry, RequestShow
from .frame import Frame
from .screen import Screen
from .words import moment, short, state_word, type_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from konsens.records import Matter, SignedEvent
    from konsens.wallet import Act, Plan, Shown, Wallet
    from konsens.wallet import Record as WalletRecord

__all__ = [
    "checkpoint_of",
    "moment",
    "names_of",
    "planned_records",
    "record_data",
    "request_data",
    "request_warnings",
    "short",
    "show_plan",
    "show_records",
    "show_request",
    "words_of",
    "words_of_act",
]

_SPAN = re.compile(r"P([0-9]+)([YMD])")
_UNITS = {"Y": ("Jahr/e", "year/s"), "M": ("Monat/e", "month/s"), "D": ("Tag/e", "day/s")}


def span(frame: Frame, text: str | None) -> str | None:
    """Return a length of time for people: `P2Y` is 2 years."""
    found = _SPAN.fullmatch(text or "")
    if found is None:
        return text
    number, unit = found.groups()
    de, en = _UNITS[unit]
    one, _, more = frame.pick(de=de, en=en).partition("/")
    return f"{number} {one}{'' if int(number) == 1 else more}"


def names_of(wallet: Wallet) -> Mapping[str, str]:
    """Return the names of the companies that the wallet knows, by DID."""
    return {company.did: company.name for company in wallet.companies()}


# Requests


def request_data(shown: Shown, language: str) -> RequestShow:
    """Return a request as answers show it, in the notice's words: in `language`, else in its first one."""
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
    home = shown.read.message.logs[0]
    return RequestShow(
        request=request.id,
        company=CompanySeen(did=shown.company, name=notice.controller.name, known=shown.known),
        registry=Registry(origin=home.origin, vkey=home.vkey),
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


def show_request(frame: Frame, shown: Shown, screen: Screen) -> None:
    """Write who asks, for what, in whose words."""
    data, controller = request_data(shown, frame.lang), shown.notice.controller
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
                frame.pick(de="Gespeichert", en="Kept for"): span(frame, offer.retention),
            }
        )
        screen.line()
    screen.fields(
        {
            frame.pick(de="Unternehmen", en="Company"): f"{controller.name}, {controller.address}",
            frame.pick(de="Kennung", en="DID"): data.company.did,
            frame.pick(de="Kontakt", en="Contact"): controller.contact,
            frame.pick(de="Aufsicht", en="Authority"): controller.authority,
            frame.pick(de="Antwort bis", en="Answer by"): moment(data.expires_at),
        }
    )
    screen.line()


def request_warnings(shown: Shown) -> tuple[tuple[str, Mapping[str, object]], ...]:
    """Return what to beware of, with the facts of the sentences."""
    return tuple((code, {"company": shown.notice.controller.name}) for code in shown.warnings)


# Plans


def planned_records(events: Iterable[SignedEvent]) -> list[Record]:
    """Return the consents as they would stand if these events were sent: the answer of a dry run."""
    from konsens.encoding import format_time

    found = []
    for signed in events:
        event = signed.event
        if event.matter.kind != "consent":
            continue
        until = getattr(event.content, "until", None)
        found.append(
            Record(
                record=event.matter.record_id,
                company=event.matter.controller,
                purpose=event.matter.purpose,
                channel=event.matter.channel,
                state=event.type,  # type: ignore[arg-type]  # what is said of a consent is its next state
                since=format_time(event.at),
                until=format_time(until) if until else None,
                event=signed.event_hash,
                seal=event.seal,
                next=event.next,
                leaf_index=None,
            )
        )
    return found


def show_plan(frame: Frame, plan: Plan, names: Mapping[str, str], screen: Screen) -> None:
    """Write exactly what would be signed: each event as it stands under the signature, and its size."""
    import json

    from konsens.did import parse_jws
    from konsens.records.event import EVENT_TYP

    if plan.again:
        screen.line(
            frame.pick(
                de="Diese Antwort ist schon unterschrieben; nichts käme dazu.",
                en="This answer is signed already; nothing would be added.",
            )
        )
    for act in (*plan.first, *plan.acts):
        kind = type_word(frame, act.signed.event.type if act.signed else "broken")
        screen.heading(f"{kind}: {words_of_act(frame, act, names)}")
        if act.event is None:
            continue
        jws = parse_jws(act.event, typ=EVENT_TYP)
        size = frame.pick(de="Bytes unter der Unterschrift", en="bytes under the signature")
        screen.line(json.dumps(json.loads(jws.unverified_payload), indent=2, ensure_ascii=False))
        screen.line(f"{len(jws.unverified_payload)} {size}")


def words_of_act(frame: Frame, act: Act, names: Mapping[str, str]) -> str:
    """Return what an act is about: `Muster-Shop, newsletter by email`."""
    signed = act.signed
    if signed is None:
        return frame.pick(
            de="eine Einwilligung, deren Text nicht hier ist", en="a consent whose text is not here"
        )
    words = words_of(frame, signed.event.matter, names)
    if signed.event.type == "objected":
        words += frame.pick(de=", jede Direktwerbung", en=", all direct marketing")
    return words


def words_of(frame: Frame, matter: Matter, names: Mapping[str, str]) -> str:
    """Return a matter in words: `Muster-Shop, newsletter by email`, or the company alone."""
    company = names.get(matter.controller or "", short(matter.controller))
    if matter.purpose is None:
        return company
    return f"{company}, {matter.purpose} {frame.pick(de='per', en='by')} {matter.channel}"


# Records


def record_data(record: WalletRecord) -> Record:
    """Return a record as answers show it."""
    return Record(
        record=record.record,
        company=record.company,
        purpose=record.purpose,
        channel=record.channel,
        state=record.state,  # type: ignore[arg-type]  # the wallet names states as the answers do
        since=record.since,
        until=record.until,
        event=record.event,
        seal=record.seal,
        next=record.next,
        leaf_index=record.leaf_index,
    )


def show_records(frame: Frame, names: Mapping[str, str], records: Iterable[Record], screen: Screen) -> None:
    """Write where consents stand, the company by its name."""
    headers = frame.pick(
        de="Stand|Unternehmen|Zweck|Kanal|Seit|Bis|Nr.", en="State|Company|Purpose|Channel|Since|Until|Id"
    )
    screen.table(
        headers.split("|"),
        [
            (
                state_word(frame, record.state, plain=screen.plain),
                names.get(record.company or "", record.company and short(record.company)),
                record.purpose,
                record.channel,
                moment(record.since),
                record.until and record.until[:10],
                (record.record or "")[:8] or None,
            )
            for record in records
        ],
    )


# The log


def checkpoint_of(frame: Frame, wallet: Wallet) -> Checkpoint | None:
    """Return the newest checkpoint of the home log; what this command just wrote there is sequenced."""
    from konsens.errors import KonsensError

    from .log_home import checkpoint_data

    acknowledged: Literal["sequenced"] | None = None if frame.dry_run else "sequenced"
    for origin in wallet.logs.origins[:1]:
        try:
            log = wallet.logs.named(origin)
            return checkpoint_data(log, log.checkpoint(), acknowledged)
        except KonsensError:  # home is away, and another of the logs took the leaf
            return None
    return None
