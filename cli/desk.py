"""The desk: may we contact this person, we are about to, and what reached us by letter or phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from .answers import Records, Use
from .company_answers import decision_data, decision_error, record_data, show_decision, show_records
from .company_home import open_company
from .frame import Frame, Outcome, command
from .line import Argument, Option

if TYPE_CHECKING:
    from konsens.consent import Company, Decision
    from konsens.consent import Record as Found

__all__ = ["company_check", "company_object", "company_record_use", "company_withdraw"]

Who = Annotated[str, Argument(metavar="WHO", help="The customer's DID, or your number for them.")]
Purpose = Annotated[str, Argument(metavar="PURPOSE", help="A purpose of a notice.")]
Channel = Annotated[str, Option("--channel", metavar="C", help="A channel of the purpose.")]
OnePurpose = Annotated[str | None, Argument(metavar="PURPOSE", help="Only this purpose; else all.")]
Method = Annotated[
    Literal["letter", "phone", "email-link", "in-person", "web"],
    Option("--method", help="How the word reached you."),
]
Warned = tuple[str, Mapping[str, object]]
Note = Annotated[str | None, Option("--note", metavar="TEXT", help="For your own book; stored encrypted.")]


@command(logs=True)
def company_check(
    frame: Frame,
    who: Who,
    purpose: Purpose,
    channel: Channel,
    address: Annotated[str | None, Option("--address", metavar="A", help="At just this address?")] = None,
    recipient: Annotated[str | None, Option("--recipient", metavar="R", help="Also for this one?")] = None,
    data: Annotated[list[str] | None, Option("--data", metavar="D", help="Also with this data?")] = None,
    as_of: Annotated[datetime | None, Option("--as-of", metavar="T", help="As it was then.")] = None,
    known_at: Annotated[datetime | None, Option("--known-at", metavar="T", help="As known then.")] = None,
    deep: Annotated[bool, Option("--deep", help="Verify again from the signatures.")] = False,
) -> Outcome:
    """May this customer be contacted? No, unless it is proven.

    Ends with 0 for yes, 7 for no, 8 where it cannot be known, 5 for a purpose that nobody ever offered.
    Nothing is unlocked or written, so it can be asked before every single message.
    """
    with open_company(frame) as shop:
        decision = shop.company.decide(
            who,
            purpose,
            channel,
            address=address,
            recipient=recipient,
            data=tuple(data or ()),
            as_of=as_of,
            known_at=known_at,
            deep=deep,
            cite=True,
            now=frame.now(),
        )
        since = None if frame.common.json else _since(shop.company, decision)
    return Outcome(
        decision_data(decision),
        show=lambda screen: show_decision(screen, frame, decision, who=who, since=since),
        error=decision_error(decision),
    )


@command(signs=True, unlocks=True, logs=True)
def company_record_use(
    frame: Frame,
    who: Who,
    purpose: Purpose,
    channel: Channel,
    campaign: Annotated[str, Option("--campaign", metavar="ID", help="Your name for the contact.")],
) -> Outcome:
    """Record that a customer is about to be contacted, if that is allowed.

    Contact them only after this ended with 0; the id that it returns belongs into the message.
    """
    with open_company(frame) as shop:
        decision = shop.company.decide(who, purpose, channel, cite=True, now=frame.now())
        use: str | None = None
        warnings: tuple[Warned, ...] = ()
        if decision:  # a no needs no keys
            use, decision = shop.company.record_use(
                shop.keys(), who, purpose, channel, campaign=campaign, now=frame.now()
            )
        if use is not None:
            warnings = shop.publish_after()
        since = None if frame.common.json else _since(shop.company, decision)
    done = frame.pick(de=f"Nutzung {use} steht im Register.", en=f"Use {use} is in the log.")
    return Outcome(
        Use(use=use, decision=decision_data(decision)),
        show=lambda screen: show_decision(screen, frame, decision, who=who, since=since),
        done=done,
        error=decision_error(decision),
        warnings=warnings,
    )


@command(signs=True, unlocks=True, logs=True, lists="records")
def company_withdraw(
    frame: Frame,
    who: Who,
    method: Method,
    purpose: OnePurpose = None,
    channel: Annotated[str | None, Option("--channel", metavar="C", help="Only this channel.")] = None,
    note: Note = None,
) -> Outcome:
    """Record a withdrawal that came by letter, phone, link or in person. It works at once."""
    with open_company(frame) as shop:
        found = shop.company.withdraw(
            shop.keys(), who, method=method, purpose=purpose, channel=channel, note=note, now=frame.now()
        )
    return _recorded(
        frame, found, frame.pick(de="Der Widerruf gilt ab sofort.", en="The withdrawal works now.")
    )


@command(signs=True, unlocks=True, logs=True, lists="records")
def company_object(
    frame: Frame,
    who: Who,
    method: Method,
    purpose: OnePurpose = None,
    channel: Annotated[
        str | None,
        Option("--channel", metavar="C", help="Where it came up; an objection stops every channel."),
    ] = None,
    note: Note = None,
) -> Outcome:
    """Record an objection that came by letter, phone, link or in person.

    It stops all direct marketing for PURPOSE, or without one altogether. Only the customer can lift it.
    """
    with open_company(frame) as shop:
        found = shop.company.object(
            shop.keys(), who, method=method, scope=purpose, note=note, now=frame.now()
        )
    warnings = (("courier.every_channel", {"channel": channel}),) if channel else ()
    return _recorded(
        frame,
        found,
        frame.pick(de="Der Widerspruch gilt ab sofort.", en="The objection works now."),
        warnings,
    )


def _recorded(frame: Frame, found: list[Found], done: str, warnings: Sequence[Warned] = ()) -> Outcome:
    records = [record_data(record) for record in found]
    return Outcome(
        Records(records=records, warnings=[code for code, _ in warnings]),
        show=lambda screen: show_records(screen, frame, records),
        done=done,
        warnings=tuple(warnings),
    )


def _since(company: Company, decision: Decision) -> datetime | None:
    """Return since when a yes has held, for a person to read."""
    if not decision:
        return None
    found = company.records(decision.customer, now=decision.known_at)
    return next((record.since for record in found if record.record == decision.evidence.record), None)
