"""Messages between customer and company: whose they are, and whether anybody changed them on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from ..consent import EventsMessage, ReadRequest, RequestMessage, parse_message, parse_request, read_request
from ..credentials import AnswerMessage, parse_question
from ..credentials import parse_message as parse_card_message
from ..did import OfflineResolver
from ..encoding import parse_time
from ..errors import InputError
from ..records import AnchoredEvent, check_anchored, check_event_signature, check_successor, parse_anchored
from .result import Report
from .signers import check_trusted_jws
from .steps import Steps
from .trust import Trust
from .verify_credential import check_presentation

__all__ = ["check_message"]


def check_message(data: bytes, kind: str, trust: Trust, *, at: datetime) -> Report:
    """Return what a message shows. Whether its leaves lie in the log, only the log or a bundle can show."""
    message = _Message(data, trust, at)
    check: Callable[[], None] = {
        "konsens/events": message.events,
        "konsens/request": message.request,
        "konsens/question": message.question,
        "konsens/answer": message.answer,
    }[kind]
    check()
    return Report(
        kind="message",
        as_of=message.as_of,
        signer=message.signer,
        checks=tuple(message.steps.checks),
        warnings=tuple(message.steps.warnings),
        counts=message.counts,
        errors=tuple(message.steps.errors),
    )


class _Message:
    def __init__(self, data: bytes, trust: Trust, at: datetime) -> None:
        self.data, self.trust, self.at = data, trust, at
        self.steps = Steps()
        self.signer: str | None = None
        self.as_of: str | None = None
        self.counts: dict[str, int] = {}

    def events(self) -> None:
        """Check a customer's events: signatures, commitments, leaves, and their order in each lane."""
        found: list[AnchoredEvent] = []

        def read() -> None:
            message = parse_message(self.data, EventsMessage)
            found.extend(parse_anchored(msgspec.structs.asdict(text)) for text in message.events)

        if self.steps.one("message.form", read) and not found:
            raise InputError("message.empty")
        self.counts["events"] = len(found)
        self.steps.run(
            "message.trust", [((), partial(self.trust.log_named, o)) for o in {e.origin for e in found}]
        )
        self.steps.run("message.events", [((), partial(self._event, one)) for one in found])
        self.steps.run("message.commitments", [((), partial(check_anchored, one)) for one in found])
        before = {one.event.event_hash: one for one in found}
        follows = [
            ((), partial(check_successor, before[one.event.event.prev], one))
            for one in found
            if one.event.event.prev in before
        ]
        self.steps.run("message.lanes", follows)
        if found:
            self.signer = found[-1].event.did
            self.steps.warnings.append("message.log_not_asked")

    def _event(self, anchored: AnchoredEvent) -> None:
        check_event_signature(anchored.event, OfflineResolver())

    def request(self) -> None:
        """Check a company's request and its notice, by the company and the logs that are trusted."""
        message, read = self._request_form()
        if message is None:
            return
        self.steps.one("message.trust", lambda: self.trust.check_company(self.signer or ""))
        logs = [((), partial(self.trust.check_log, log.vkey)) for log in message.logs]
        self.steps.run("message.logs", logs)
        self.steps.one(
            "message.signature",
            lambda: check_trusted_jws(
                self.trust, message.request, typ="konsens-request+jws", code="request.signature"
            ),
        )
        self.steps.one("message.notice", read)

    def _request_form(self) -> tuple[RequestMessage | None, Callable[[], ReadRequest]]:
        found: list[RequestMessage] = []
        self.steps.one("message.form", lambda: found.append(parse_message(self.data, RequestMessage)))
        if not found:
            return None, lambda: read_request(self.data, at=self.at)
        if not self.steps.one("message.request", lambda: parse_request(found[0].request)):
            return None, lambda: read_request(self.data, at=self.at)
        request = parse_request(found[0].request)
        told = request.request
        self.signer, self.as_of = request.company, told.at
        self.counts["offers"] = len(told.offers)
        if self.at >= parse_time(told.expires_at):
            self.steps.warnings.append("request.expired")
        customer = (told.customer,) if told.customer else ()
        return found[0], lambda: read_request(self.data, at=parse_time(told.at), own_dids=customer)

    def question(self) -> None:
        """Check a company's question."""
        if not self.steps.one("message.form", lambda: parse_question(self.data)):
            return
        question = parse_question(self.data)
        self.signer = question.kid.partition("#")[0]
        if self.at >= question.unverified.expires_at:
            self.steps.warnings.append("question.expired")
        self.steps.one(
            "message.signature",
            lambda: check_trusted_jws(
                self.trust,
                question.message.question,
                typ="konsens-question+jws",
                code="question.signature",
            ),
        )

    def answer(self) -> None:
        """Check the presentations in an answer; which question they answer, only its sender knows."""
        found: list[str] = []

        def read() -> None:
            message = parse_card_message(self.data, AnswerMessage)
            found.extend(text for texts in message.vp_token.values() for text in texts)

        if self.steps.one("message.form", read) and not found:
            raise InputError("message.empty")
        self.counts["presentations"] = len(found)
        presentations = [((), partial(check_presentation, text, self.trust, at=self.at)) for text in found]
        self.steps.run("message.presentations", presentations)
        self.steps.warnings.append("presentation.no_question")
