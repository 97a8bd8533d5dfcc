"""`card …` and `share`: the credentials that you hold, and showing just what a question needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .answers import Card, Cards, Shared
from .customer_answers import moment, names_of, short
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen, spoken
from .wallet_home import check_answerable, open_wallet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konsens.wallet import CardView, Sharing, Wallet

__all__ = ["card_import", "card_list", "card_remove", "card_show", "share"]

CardId = Annotated[str, Argument(metavar="CARD", help="Its id, or the first six letters of it.")]


@command(unlocks=True, lists="cards")
def card_list(frame: Frame) -> Outcome:
    """List your credentials and receipts."""
    from konsens.wallet import list_cards

    with open_wallet(frame) as wallet:
        return _outcome(frame, wallet, list_cards(wallet, at=frame.now()))


UNSHOWN = {"_sd_alg", "cnf", "exp", "iat", "nbf"}  # for programs; the times are above, for people


@command(unlocks=True)
def card_show(frame: Frame, card: CardId) -> Outcome:
    """Show one credential and what it says."""
    from konsens.wallet import show_card

    with open_wallet(frame) as wallet:
        view, held = show_card(wallet, card, at=frame.now())
        names = names_of(wallet)

    def show(screen: Screen) -> None:
        screen.fields(zip(_headers(frame), _row(frame, view, names), strict=True))
        screen.heading(frame.pick(de="Inhalt", en="What it says"))
        screen.fields(
            (name, spoken(value, frame.lang)) for name, value in held.claims.items() if name not in UNSHOWN
        )

    return Outcome(Cards(cards=[_card(view)]), show=show)


@command(unlocks=True, logs=True, lists="cards")
def card_import(
    frame: Frame,
    file: Annotated[Path, Argument(metavar="FILE", help="Receipts or a credential, from a company.")],
) -> Outcome:
    """Check receipts or a credential, and keep them: all of the file or nothing."""
    from konsens.wallet import import_cards

    data = frame.read(file)
    with open_wallet(frame) as wallet:
        return _outcome(frame, wallet, import_cards(wallet, data, at=frame.now()))


@command(unlocks=True)
def card_remove(frame: Frame, card: CardId) -> Outcome:
    """Remove a credential; a consent is not touched by it, and nobody is told."""
    from konsens.wallet import remove_card, show_card

    with open_wallet(frame) as wallet:
        view, _ = show_card(wallet, card, at=frame.now())
        kind = _row(frame, view, {})[1]
        frame.confirm(frame.pick(de=f"{kind} {card} entfernen?", en=f"Remove {kind} {card}?"))
        remove_card(wallet, card, at=frame.now())
        return _outcome(frame, wallet, [view])


@command(unlocks=True, signs=True, writes=True)
def share(
    frame: Frame,
    question: Annotated[Path, Argument(metavar="QUESTION", help="What a company asks.")],
    out: Annotated[Path, Option("--out", metavar="FILE", help="Where the answer goes.")],
    card: Annotated[str | None, Option("--card", metavar="CARD", help="Answer with this one.")] = None,
    only: Annotated[
        list[str], Option("--only", metavar="PATH", help="Show this claim and no other; may be repeated.")
    ] = [],  # noqa: B006 — typer reads it and never changes it
) -> Outcome:
    """Answer a question with what it needs and nothing more."""
    from konsens.credentials import render_message
    from konsens.wallet import plan_sharing
    from konsens.wallet import share as sign_answer

    frame.check_out(out)
    check_answerable(frame)
    data = frame.read(question)
    with open_wallet(frame) as wallet:
        planned = plan_sharing(wallet, data, at=frame.now(), card=card, only=only or None)
        answer = Shared(
            question=planned.question.id,
            to=planned.question.company,
            card=planned.cards[0],
            shown=list(planned.shown),
            withheld=list(planned.withheld),
            out=str(out),
        )
        name = names_of(wallet).get(planned.question.company, planned.question.company)
        if frame.dry_run:
            return Outcome(
                answer,
                show=lambda screen: _introduce(frame, name, planned, screen),
                warnings=_warnings(planned),
            )
        read = not frame.common.yes
        if read:
            screen = Screen(sys.stderr, plain=frame.common.plain)
            _introduce(frame, name, planned, screen)
            for code, facts in _warnings(planned):  # what speaks against a yes is said before it
                screen.line(frame.text(code, **facts))
        frame.confirm(frame.pick(de="Das zeigen?", en="Show this?"))
        frame.write(out, render_message(sign_answer(wallet, planned, at=frame.now())))
    return Outcome(
        answer,
        show=lambda screen: None if read else _introduce(frame, name, planned, screen),
        done=frame.pick(
            de=f"Die Antwort steht in {out}. Geben Sie sie dem Unternehmen; sie gilt einmal.",
            en=f"The answer is in {out}. Give it to the company; it counts once.",
        ),
        warnings=() if read else _warnings(planned),
    )


def _introduce(frame: Frame, name: str, planned: Sharing, screen: Screen) -> None:
    """Say who asks, why, and what of which card would leave the wallet."""
    nothing = frame.pick(de="nichts", en="nothing")
    cards = {one.held.card: f"{_kind(frame, one.held.type)} ({one.held.card[:8]})" for one in planned.choices}
    screen.fields(
        {
            frame.pick(de="Es fragt", en="Asking"): name,
            frame.pick(de="Grund", en="Reason"): planned.question.reason
            or frame.pick(de="nicht genannt", en="not given"),
            frame.pick(de="Nachweis", en="Credential"): list(cards.values()),
            frame.pick(de="Gezeigt wird", en="Shown"): planned.shown or nothing,
            frame.pick(de="Geht immer mit", en="Always goes along"): planned.always_shown or nothing,
            frame.pick(de="Verdeckt bleibt", en="Withheld"): planned.withheld or nothing,
        }
    )


def _warnings(planned: Sharing) -> tuple[tuple[str, dict[str, object]], ...]:
    return tuple((code, {"company": planned.question.company}) for code in planned.warnings)


def _outcome(frame: Frame, wallet: Wallet, views: Sequence[CardView]) -> Outcome:
    rows = [_row(frame, view, names_of(wallet)) for view in views]

    def show(screen: Screen) -> None:
        if rows:
            screen.table(_headers(frame), rows)
        else:
            screen.line(frame.pick(de="Keine Nachweise.", en="No credentials."))

    return Outcome(Cards(cards=[_card(view) for view in views]), show=show)


def _headers(frame: Frame) -> list[str]:
    return frame.pick(de="Nr.|Art|Von|Seit|Bis|Stand", en="Id|Type|From|Since|Until|Status").split("|")


def _row(frame: Frame, view: CardView, names: Mapping[str, str]) -> tuple[str | None, ...]:
    german = {"valid": "gültig", "expired": "abgelaufen", "not_yet_valid": "noch nicht gültig"}
    return (
        view.card[:8],
        _kind(frame, view.type),
        names.get(view.issuer or "", short(view.issuer)),
        moment(view.issued_at),
        moment(view.expires_at),
        frame.pick(de=german.get(view.status, "ungeklärt"), en=view.status.replace("_", " ")),
    )


def _kind(frame: Frame, vct: str) -> str:
    """Return the type of a credential; a receipt has a word of its own."""
    from konsens.consent import RECEIPT_TYPE

    return frame.pick(de="Quittung", en="receipt") if vct == RECEIPT_TYPE else vct


def _card(view: CardView) -> Card:
    return Card(
        card=view.card,
        type=view.type,
        issuer=view.issuer or "",
        subject=view.subject,
        issued_at=view.issued_at,
        expires_at=view.expires_at,
        status=view.status,
        claims=list(view.claims),
    )
