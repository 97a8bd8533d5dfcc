"""Sharing: answering a company's question with as little of a card as answers it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from ..consent.introduction import check_introduction
from ..credentials import (
    AnswerMessage,
    Choice,
    Question,
    QuestionMessage,
    answer,
    check_question,
    choose,
    parse_question,
    render_path,
)
from ..did import DidDocument, PublicKey, Signer, render_document
from ..encoding import format_time
from ..errors import NotFound
from .anchored import check_keys_public
from .cards import find_card, held_cards
from .kinds import COMPANY, USE, Company, Use
from .wallet import Wallet

__all__ = ["Sharing", "plan_sharing", "share"]


class Sharing(msgspec.Struct, frozen=True):
    """What would be shown to whom: claim paths in alphabetic order; that of a card is left to chance."""

    question: Question
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]
    message: QuestionMessage
    company: DidDocument

    @property
    def cards(self) -> tuple[str, ...]:
        """The cards that would be used."""
        return tuple(dict.fromkeys(choice.held.card for choice in self.choices))

    @property
    def shown(self) -> tuple[str, ...]:
        """The claims that leave the wallet, with those that always do."""
        return tuple(sorted(render_path(path) for choice in self.choices for path in choice.shown))

    @property
    def always_shown(self) -> tuple[str, ...]:
        """Those of `shown` that nobody can withhold."""
        return tuple(
            sorted(render_path(path) for choice in self.choices for path in choice.held.always_shown)
        )

    @property
    def withheld(self) -> tuple[str, ...]:
        """The claims of the same cards that stay."""
        return tuple(sorted(render_path(path) for choice in self.choices for path in choice.withheld))


def plan_sharing(
    wallet: Wallet,
    data: bytes | str,
    *,
    at: datetime,
    card: str | None = None,
    only: Collection[str] | None = None,
) -> Sharing:
    """Check a `konsens/question` and choose what answers it, from `card` if one is named.

    Nothing is written. Raises what is wrong with the question or its sender (`company.key_changed`,
    `company.key_unanchored`, `question.…`), `dcql.no_match` if no card answers it, and `dcql.only` if `only`
    withholds what it takes.
    """
    unverified = parse_question(data)
    company, message = unverified.unverified.company, unverified.message
    pinned = wallet.pinned(company)
    introduced = check_introduction(message.company, message.key_history, did=company, pinned=pinned)
    key = introduced.key(unverified.kid, unverified.unverified.at)
    question = check_question(unverified, key=key, at=at)
    check_keys_public(wallet.logs, introduced.document, introduced.history, pinned=pinned)
    cards = held_cards(wallet)
    if card is not None:
        named = find_card(wallet, card)
        cards = [held for held in cards if held.card == named]
    choices = choose(question.dcql, cards, at=at, only=only or None)
    before = any(use.question == question.id for use in wallet.vault.list(USE).values())
    warnings = introduced.warnings + (("question.answered_before",) if before else ())
    return Sharing(question, choices, warnings, message, introduced.document)


def share(wallet: Wallet, sharing: Sharing, *, at: datetime) -> AnswerMessage:
    """Sign what was planned, and keep a note of it; the note is durable before the answer can leave.

    A company that was unknown is pinned: what it shows later must follow from this.
    """

    def signer_for(holder: PublicKey) -> Signer:
        for identity in wallet.identities():
            if wallet.public_key(identity) == holder:
                return wallet.signer(identity)
        raise NotFound("wallet.card_unknown", card=sharing.cards[0])

    message = answer(sharing.question, sharing.choices, signer_for=signer_for, at=at)
    with wallet.vault.write():
        _pin(wallet, sharing, at)
        for choice in sharing.choices:
            use = Use(
                question=sharing.question.id,
                to=sharing.question.company,
                card=choice.held.card,
                shown=tuple(render_path(path) for path in choice.shown),
                at=format_time(at),
            )
            wallet.vault.put(USE, f"{use.question}/{choice.query.id}/{use.card}", use)
    return message


def _pin(wallet: Wallet, sharing: Sharing, at: datetime) -> None:
    did, message = sharing.question.company, sharing.message
    known = wallet.vault.get(COMPANY, did)
    company = Company(
        did=did,
        name=known.name if known else did,
        document=render_document(sharing.company),
        key_history=message.key_history,
        first_contact_at=known.first_contact_at if known else format_time(at),
    )
    wallet.vault.put(COMPANY, did, company)
