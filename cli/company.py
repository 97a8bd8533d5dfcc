"""A company and its customers' consents: it makes its home, asks, and takes in what they decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import InputError, Unavailable

from .answers import Asked, CompanyInit, CompanyRegistry, CustomerSeen, Offer, Received
from .company_answers import record_data, show_records, span
from .company_credentials import company_issue, company_question, company_verify_answer
from .company_home import open_company
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .log_source import first_contacts
from .screen import Screen
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.consent import SignedRequest

    from .home import Settings

__all__ = [
    "company_ask",
    "company_init",
    "company_issue",
    "company_question",
    "company_receive",
    "company_verify_answer",
]


@command(unlocks=True, logs=True)
def company_init(
    frame: Frame,
    name: Annotated[str, Argument(metavar="NAME", help="What customers call you.")],
    did: Annotated[
        str | None, Option("--did", metavar="DID", help="A did:web of yours; else a did:key.")
    ] = None,
    new_registry: Annotated[
        Path | None,
        Option("--new-registry", metavar="DIR", help="Make a registry there; its key stays here."),
    ] = None,
    origin: Annotated[
        str | None, Option("--origin", metavar="NAME", help="The new registry's name: a domain of yours.")
    ] = None,
) -> Outcome:
    """Make a company's home: keys under a passphrase, an empty book, and the registry that it uses.

    Either a registry that is there (--registry) or a new one (--new-registry with --origin). Its name cannot
    be changed later.
    """
    from .company_setup import DOCUMENT, is_weak_origin, set_up

    if (new_registry is None) != (origin is None) or (new_registry and frame.common.registry):
        raise InputError("company.registry_choice")
    settings = set_up(
        frame,
        name,
        did=did,
        registries=() if new_registry else frame.registries,
        new_registry=new_registry,
        origin=origin or "",
    )
    data = _init_data(frame, name, settings)
    warnings: list[tuple[str, Mapping[str, object]]] = []
    if origin and is_weak_origin(origin):
        warnings.append(("company.origin_weak", {"origin": origin}))
    warnings += first_contacts(settings.registries)
    if did:
        from konsens.did import url_of

        document = frame.home.file(DOCUMENT)
        frame.talk(
            frame.pick(
                de=f"Veröffentlichen Sie {document} unter {url_of(did)}.",
                en=f"Publish {document} at {url_of(did)}.",
            )
        )

    done = frame.pick(
        de="Eingerichtet. Als Nächstes: konsens company notice publish DATEI.toml",
        en="Done. Next: konsens company notice publish FILE.toml",
    )
    return Outcome(
        data,
        show=lambda screen: _show_init(screen, frame, data),
        done=done,
        warnings=tuple(warnings),
    )


def _init_data(frame: Frame, name: str, settings: Settings) -> CompanyInit:
    registry = None
    for home in settings.registries[:1]:
        registry = CompanyRegistry(
            origin=home.origin, vkey=home.vkey, folder=home.where, operator=home.operator
        )
    return CompanyInit(
        did=settings.did or "",
        name=name,
        home=str(frame.home.folder.absolute()),
        registry=registry,
    )


def _show_init(screen: Screen, frame: Frame, data: CompanyInit) -> None:
    log = data.registry
    screen.fields(
        {
            "Name": data.name,
            frame.pick(de="Kennung", en="DID"): data.did,
            frame.pick(de="Ordner", en="Home"): data.home,
            frame.pick(de="Register", en="Registry"): log and f"{log.origin} ({log.folder})",
        }
    )


@command(signs=True, writes=True, unlocks=True, logs=True)
def company_ask(
    frame: Frame,
    notice: Annotated[str, Option("--notice", metavar="ID", help="The notice that it is about.")],
    purpose: Annotated[list[str], Option("--purpose", metavar="P", help="What for; may be repeated.")],
    out: Annotated[Path, Option("--out", metavar="REQUEST", help="Where to write the request.")],
    channel: Annotated[
        list[str] | None, Option("--channel", metavar="C", help="How; else every channel of the purpose.")
    ] = None,
    who: Annotated[str | None, Option("--who", metavar="WHO", help="For this customer alone.")] = None,
    many: Annotated[bool, Option("--many", help="For a poster: anybody may answer, and many will.")] = False,
    valid: Annotated[str, Option("--valid", metavar="14d", help="How long an answer is taken.")] = "14d",
) -> Outcome:
    """Write a request for a consent, to be handed to a customer.

    Without --who the first customer to answer is meant, and their wallet makes an identity for you.
    """
    from konsens.consent import render_message

    if many and who is not None:
        raise InputError("company.many_or_who")
    length = span(valid, "--valid")
    frame.check_out(out)
    with open_company(frame) as shop:
        vkeys = {place.origin: place.vkey for place in shop.settings.registries}
        if not vkeys:
            raise Unavailable("company.no_registry")
        signed = shop.company.ask(
            shop.keys(),
            notice=notice,
            purposes=purpose,
            channels=channel or (),
            who=who,
            many=many,
            valid=length,
            now=frame.now(),
        )
        message = shop.company.message_for(signed, vkeys=vkeys, key_history=shop.history, keys=shop.keys())
    frame.write(out, render_message(message))
    data = _asked(signed, out)
    return Outcome(data, show=lambda screen: _show_asked(screen, frame, data, many=many))


def _asked(signed: SignedRequest, out: Path) -> Asked:
    request = signed.request
    return Asked(
        request=request.id,
        notice=request.notice,
        offers=[Offer(purpose=one.purpose, channels=list(one.channels)) for one in request.offers],
        customer=request.customer,
        nonce=request.nonce,
        expires_at=request.expires_at,
        out=str(out),
    )


def _show_asked(screen: Screen, frame: Frame, data: Asked, *, many: bool) -> None:
    offers = (f"{one.purpose} ({', '.join(one.channels)})" for one in data.offers)
    holder = frame.pick(de="wer sie zuerst beantwortet", en="whoever answers first")
    anybody = frame.pick(de="viele", en="many") if many else holder
    screen.fields(
        {
            frame.pick(de="Anfrage", en="Request"): data.request,
            frame.pick(de="Angeboten", en="Offers"): ", ".join(offers),
            frame.pick(de="Für", en="For"): data.customer or anybody,
            frame.pick(de="Gültig bis", en="Valid until"): moment(data.expires_at),
            frame.pick(de="Datei", en="File"): data.out,
        }
    )


@command(signs=True, writes=True, unlocks=True, logs=True)
def company_receive(
    frame: Frame,
    events: Annotated[str, Argument(metavar="EVENTS", help="What the customer handed over; - is stdin.")],
    ref: Annotated[
        str | None, Option("--ref", metavar="NUMBER", help="Your number for this customer.")
    ] = None,
    receipts: Annotated[
        Path | None, Option("--receipts", metavar="FILE", help="Write receipts for the customer there.")
    ] = None,
) -> Outcome:
    """Take in what a customer decided: all of it is verified, or nothing is taken.

    The same file twice changes nothing. Hand the receipts back: they are the customer's proof.
    """
    from konsens.consent import render_message

    frame.check_out(receipts)
    delivered = frame.read(events)
    with open_company(frame) as shop:
        company, keys = shop.company, shop.keys()
        received = company.receive(keys, delivered, ref=ref, now=frame.now())
        warnings = [*((code, {}) for code in received.warnings), *shop.publish_after()]
        message, cards = company.receipts(keys, received.events, now=frame.now())
        touched = {(matter.purpose, matter.channel) for matter in received.matters}
        records = [
            record_data(record)
            for record in company.records(received.customer, now=frame.now())
            if (record.purpose, record.channel) in touched
        ]
    if any(receipt.event is not None and receipt.proof is None for receipt in message.receipts):
        warnings.append(("company.receipts_unproven", {}))
    if receipts is not None:
        frame.write(receipts, render_message(message))
    data = Received(
        customer=CustomerSeen(did=received.customer, ref=received.ref),
        records=records,
        receipts=list(cards),
        new=received.new,
        known=received.known,
        out=None if receipts is None else str(receipts),
    )

    def show(screen: Screen) -> None:
        screen.fields(
            {
                frame.pick(de="Von", en="From"): received.ref or received.customer,
                frame.pick(de="Neu", en="New"): received.new,
                frame.pick(de="Schon bekannt", en="Known already"): received.known,
                frame.pick(de="Quittungen", en="Receipts"): data.out,
            }
        )
        show_records(screen, frame, records)

    return Outcome(data, show=show, warnings=tuple(warnings))
