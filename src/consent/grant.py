"""What a grant or a refusal must fulfil beside being signed: notice, request, time, scope."""

from __future__ import annotations

from ..encoding import parse_time
from ..errors import Conflict, RefusedByPolicy, VerificationError
from ..records import AnchoredEvent, Confirmation, Grant, Refusal
from .act import check_choice
from .ledger import Ledger
from .moments import seconds
from .request import Request, parse_request
from .state import Fact

__all__ = ["check_content"]


def check_content(ledger: Ledger, anchored: AnchoredEvent, fact: Fact, *, age: int | None) -> None:
    """Raise unless notice and request of a customer's event are ours and cover it; mark the request used."""
    event = anchored.event.event
    content = event.content
    if isinstance(content, Grant):
        _check_grant(ledger, anchored, content, age)
    if isinstance(content, Grant | Refusal):
        if content.request is not None:
            _check_request(ledger, anchored, content.request, content.notice)
    elif isinstance(content, Confirmation):
        _check_confirmed(ledger, anchored, fact)


def _check_grant(ledger: Ledger, anchored: AnchoredEvent, grant: Grant, age: int | None) -> None:
    event, name = anchored.event.event, anchored.event.event_hash[:12]
    notice = ledger.notice(grant.notice)
    if notice is None:
        raise VerificationError("grant.unknown_notice", event=name)
    purpose = check_choice(
        notice.notice,
        purpose=str(event.matter.purpose),
        channel=str(event.matter.channel),
        data=grant.data,
        recipients=grant.recipients,
        language=grant.language,
        age=age,
    )
    if purpose.legal_basis != "consent":
        raise RefusedByPolicy("grant.other_basis", purpose=purpose.code, basis=purpose.legal_basis)
    published = ledger.notice_leaf(grant.notice)
    begins = notice.notice.valid_from
    if (published is not None and anchored.leaf_index < published) or (
        begins is not None and event.at < parse_time(begins)
    ):
        raise VerificationError("grant.older_than_notice", event=name)
    ends = notice.notice.valid_until
    if ends is not None and event.at >= parse_time(ends):
        raise RefusedByPolicy("grant.notice_ended", notice=notice.notice.id)
    if grant.until is not None and grant.until <= event.at:
        raise RefusedByPolicy("grant.until")


def _check_request(ledger: Ledger, anchored: AnchoredEvent, digest: str, notice: str) -> None:
    event, name = anchored.event.event, anchored.event.event_hash[:12]
    row = ledger.db.execute(
        "SELECT jws, many, used_by, expires_at FROM request WHERE hash = ?", (digest,)
    ).fetchone()
    if row is None:
        raise VerificationError("request.unknown", event=name)
    request: Request = parse_request(row[0]).request
    if request.notice != notice:
        raise VerificationError("request.other_notice")
    if not request.offers_pair(str(event.matter.purpose), str(event.matter.channel)):
        raise RefusedByPolicy("request.offer", purpose=event.matter.purpose)
    if request.customer not in (None, event.matter.customer):
        raise RefusedByPolicy("request.other_customer")
    # The claimed time alone could be set back; the log knows when it was still too short.
    if max(seconds(event.at), ledger.shorter_at(anchored.leaf_index)) >= row[3]:
        raise RefusedByPolicy("request.expired", expires_at=request.expires_at)
    if not row[1] and _used(ledger, anchored, digest, row[2]):
        raise Conflict("request.used", request=request.id)
    ledger.db.execute(
        "UPDATE request SET used_by = ? WHERE hash = ? AND used_by IS NULL", (event.matter.customer, digest)
    )


def _used(ledger: Ledger, anchored: AnchoredEvent, digest: str, used_by: str | None) -> bool:
    """Tell whether somebody else answered, or this customer has granted just this already."""
    matter = anchored.event.event.matter
    if used_by is not None and used_by != matter.customer:
        return True
    facts = ledger.facts(str(matter.customer), str(matter.purpose), str(matter.channel))
    return any(fact.request == digest and fact.type in ("given", "renewed") for fact in facts)


def _check_confirmed(ledger: Ledger, anchored: AnchoredEvent, fact: Fact) -> None:
    matter = anchored.event.event.matter
    before, _ = ledger.fold_below(fact.index, str(matter.customer), str(matter.purpose), str(matter.channel))
    grant = before.grant
    if grant is not None and (grant.request != fact.request or grant.target != fact.target):
        raise VerificationError("grant.other_confirmation", event=fact.event[:12])
