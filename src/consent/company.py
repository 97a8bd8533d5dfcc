"""A company: its book, its log and its DID, opened without any key.

Reading, above all `decide`, needs no key. What signs takes `CompanyKeys`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..did import KeyHistory, Resolver
from ..errors import KonsensError, NotFound
from ..records import Actor, Book
from .ask import ask
from .catch_up import catch_up
from .contact import ContactKeys
from .courier import Method, object_for, withdraw_for
from .decide import decide
from .decision import Decision
from .ledger import Ledger
from .log import Log
from .logs import Logs
from .message import LogKey, ReceiptsMessage, RequestMessage
from .notice import SignedNotice
from .own import CompanyKeys, deliver
from .publish import announce, publish
from .receipt import receipts_for
from .receive import Received, receive
from .record import Record, records_of
from .rehearsal import copy_of_book
from .request import Reason, SignedRequest, request_message
from .tables import MIGRATIONS
from .use import record_use
from .vouchers import FOR_A_REQUEST, vouchers_for

if TYPE_CHECKING:
    from ..credentials import AnswerMessage, Question, QuestionMessage, VerifiedAnswer

__all__ = ["Company"]

BOOK, KEYS = "book.sqlite", "contacts.sqlite"


class Company:
    """One controller's side of every consent.

    - `folder` holds the book and, in a file of its own, the keys of the contacts.
    - `home` is the company's log, or None with `log_error` where it could not be opened: then every decision
      that needs it is no.
    - `seen` is how many entries of it the home remembers besides the book: a shorter log is an older state,
      which allows nothing and takes nothing.
    - Every verb that appends first finishes what an interruption left.
    """

    def __init__(
        self,
        book: Book,
        contacts: ContactKeys,
        *,
        did: str,
        home: Log | None,
        others: Iterable[Log] = (),
        origin: str = "",
        log_error: KonsensError | None = None,
        seen: int = 0,
        resolver: Resolver | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        logs = Logs(home, others, origin=origin, error=log_error)
        self.ledger = Ledger(book, logs, did=did, contacts=contacts, resolver=resolver, seen=seen)
        self._random = random

    @classmethod
    def create(cls, folder: Path, *, did: str, home: Log | None) -> Self:
        """Make an empty book in `folder` and open it."""
        book = Book.create(folder / BOOK, migrations=MIGRATIONS)
        return cls(book, ContactKeys(folder / KEYS), did=did, home=home)

    @classmethod
    def open(cls, folder: Path, *, did: str, home: Log | None, **more: Any) -> Self:
        """Open the book in `folder`."""
        book = Book.open(folder / BOOK, migrations=MIGRATIONS)
        return cls(book, ContactKeys(folder / KEYS), did=did, home=home, **more)

    def rehearsal(self) -> Self:
        """Return this company on a copy in memory: every verb works in full there, and nothing happens."""
        ledger, logs = self.ledger, self.ledger.logs
        return type(self)(
            copy_of_book(ledger.book),
            ledger.contacts.in_memory(),
            did=ledger.did,
            home=logs.rehearsed(),
            others=logs.others,
            origin=logs.origin,
            log_error=logs.error,
            seen=ledger.seen,
            resolver=ledger.resolver,
            random=self._random,
        )

    def close(self) -> None:
        """Close book and keys; the log belongs to whoever opened it."""
        self.ledger.book.close()
        self.ledger.contacts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Without keys.

    def decide(self, customer: str, purpose: str, channel: str, **more: Any) -> Decision:
        """Return whether a customer may be contacted; see `konsens.consent.decide`."""
        return decide(self.ledger, customer=customer, purpose=purpose, channel=channel, **more)

    def records(self, who: str, *, now: datetime) -> list[Record]:
        """Return where every matter of a customer stands."""
        return records_of(self.ledger, who, now=now)

    def notices(self) -> list[tuple[SignedNotice, int | None]]:
        """Return every published notice with its leaf, oldest first."""
        return self.ledger.notices()

    def notice(self, notice_id: str) -> SignedNotice:
        """Return the newest version of a notice, or raise `notice.unknown`."""
        return self.ledger.newest_notice(notice_id)

    def finish(self, *, now: datetime) -> None:
        """Append every leaf that an interruption kept back."""
        announce(self.ledger)
        deliver(self.ledger, now=now)

    # With keys.

    def publish(self, keys: CompanyKeys, toml: str, *, now: datetime) -> tuple[SignedNotice, int]:
        """Publish the notice of a TOML file; return it with its leaf."""
        return publish(self.ledger, keys, toml, now=now)

    def ask(
        self,
        keys: CompanyKeys,
        *,
        notice: str,
        purposes: Collection[str],
        channels: Collection[str] = (),
        who: str | None = None,
        many: bool = False,
        valid: timedelta = timedelta(days=14),
        reason: Reason = "new",
        now: datetime,
    ) -> SignedRequest:
        """Return a signed request; see `konsens.consent.ask`."""
        return ask(
            self.ledger,
            keys,
            notice_id=notice,
            purposes=purposes,
            channels=channels,
            who=who,
            many=many,
            valid=valid,
            reason=reason,
            entropy=self._random(32),
            now=now,
        )

    def message_for(
        self,
        signed: SignedRequest,
        *,
        vkeys: dict[str, str],
        key_history: KeyHistory | None = None,
        keys: CompanyKeys | None = None,
    ) -> RequestMessage:
        """Return the file for a request; `vkeys` are the logs' keys by origin, the first is home.

        With `keys`, one that is addressed to a customer carries vouchers for each log that limits appends.
        """
        notice = self.ledger.notice(signed.request.notice)
        if notice is None:
            raise NotFound("notice.unknown", notice=signed.request.notice[:12])
        given: list[dict[str, tuple[str, ...]]] = [{}]
        if keys is not None and signed.request.customer is not None:
            given = vouchers_for(self.ledger.logs, keys, [signed.hash], each=FOR_A_REQUEST)
        return request_message(
            signed,
            notice,
            vouchers=given[0],
            document=self.ledger.resolver.resolve(self.ledger.did),
            key_history=key_history,
            logs=[LogKey(origin, vkey) for origin, vkey in vkeys.items()],
        )

    def receive(
        self,
        keys: CompanyKeys,
        data: bytes | str,
        *,
        ref: str | None = None,
        age: int | None = None,
        now: datetime,
    ) -> Received:
        """Take in what a customer delivered; the same file twice changes nothing."""
        catch_up(self.ledger.logs, data)
        return receive(self.ledger, keys, data, ref=ref, age=age, now=now)

    def receipts(
        self,
        keys: CompanyKeys,
        events: Iterable[str],
        *,
        checkpoint: Callable[[], object] | None = None,
        now: datetime,
    ) -> tuple[ReceiptsMessage, tuple[str, ...]]:
        """Return the receipts for a customer's events, and the card ids; see `receipts_for`."""
        return receipts_for(self.ledger, keys, events, checkpoint=checkpoint, random=self._random, now=now)

    def question(
        self,
        keys: CompanyKeys,
        dcql_query: Mapping[str, Any],
        *,
        expires_at: datetime,
        key_history: KeyHistory | None = None,
        reason: str | None = None,
        now: datetime,
    ) -> tuple[Question, QuestionMessage]:
        """Return a new question and the file in which it travels; see `konsens.consent.questions`."""
        from .questions import question  # credentials take 30 ms, which a decision need not wait for

        return question(
            self.ledger,
            keys,
            dcql_query,
            expires_at=expires_at,
            key_history=key_history,
            reason=reason,
            random=self._random,
            now=now,
        )

    def answer(
        self, message: AnswerMessage, *, trust: Mapping[str, Collection[str]], now: datetime
    ) -> VerifiedAnswer:
        """Verify an answer to a question of ours, and spend its nonce."""
        from .questions import answer_to

        return answer_to(self.ledger, message, trust=trust, now=now)

    def record_use(
        self,
        keys: CompanyKeys,
        customer: str,
        purpose: str,
        channel: str,
        *,
        campaign: str,
        address: str | None = None,
        actor: Actor | None = None,
        now: datetime,
    ) -> tuple[str | None, Decision]:
        """Decide and, only if allowed, record a contact before it is made."""
        return record_use(
            self.ledger,
            keys,
            customer=customer,
            purpose=purpose,
            channel=channel,
            campaign=campaign,
            address=address,
            actor=actor,
            random=self._random,
            now=now,
        )

    def withdraw(
        self,
        keys: CompanyKeys,
        who: str,
        *,
        method: Method,
        purpose: str | None = None,
        channel: str | None = None,
        note: str | None = None,
        actor: Actor | None = None,
        received_at: datetime | None = None,
        now: datetime,
    ) -> list[Record]:
        """Record a withdrawal that reached the staff; it is effective at once. Return what ended."""
        ended = withdraw_for(
            self.ledger,
            keys,
            who,
            purpose=purpose,
            channel=channel,
            method=method,
            note=note,
            actor=actor,
            received_at=received_at,
            now=now,
        )
        return records_of(self.ledger, who, among=ended, now=now)

    def object(
        self,
        keys: CompanyKeys,
        who: str,
        *,
        method: Method,
        scope: str | None = None,
        note: str | None = None,
        actor: Actor | None = None,
        received_at: datetime | None = None,
        now: datetime,
    ) -> list[Record]:
        """Record an objection that reached the staff; only the customer can lift it."""
        stopped = object_for(
            self.ledger,
            keys,
            who,
            scope=scope,
            method=method,
            note=note,
            actor=actor,
            received_at=received_at,
            now=now,
        )
        return records_of(self.ledger, who, among=stopped, now=now)
