"""`card …` and `share`: the credentials that you hold, and showing just what a question needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .answers import Card, Cards, Shared
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .wallet_home import open_wallet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konsens.wallet import CardView, Sharing

__all__ = ["card_import", "card_list", "card_remove", "card_show", "share"]

CardId = Annotated[str, Argument(metavar="CARD", help="Its id, or the first six letters of it.")]


@command(unlocks=True, lists="cards")
def card_list(frame: Frame) -> Outcome:
    """List your credentials and receipts."""
    from konsens.wallet import list_cards

    with open_wallet(frame) as wallet:
        return _outcome(frame, list_cards(wallet, at=frame.now()))


@command(unlocks=True)
def card_show(frame: Frame, card: CardId) -> Outcome:
    """Show one credential and what it says."""
    from konsens.wallet import show_card

    with open_wallet(frame) as wallet:
        view, held = show_card(wallet, card, at=frame.now())

    def show(screen: Screen) -> None:
        _table(frame, [view], screen)
        screen.heading(frame.pick(de="Was sie sagt", en="What it says"))
        hidden = ("_sd_alg", "cnf")
        screen.fields((name, value) for name, value in held.claims.items() if name not in hidden)

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
        return _outcome(frame, import_cards(wallet, data, at=frame.now()))


@command(unlocks=True)
def card_remove(frame: Frame, card: CardId) -> Outcome:
    """Remove a credential; a consent is not touched by it, and nobody is told."""
    from konsens.wallet import remove_card, show_card

    with open_wallet(frame) as wallet:
        view, _ = show_card(wallet, card, at=frame.now())
        frame.confirm(frame.pick(de=f"{view.type} entfernen?", en=f"Remove {view.type}?"))
        remove_card(wallet, card, at=frame.now())
        return _outcome(frame, [view])


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
        if frame.dry_run:
            return Outcome(answer, warnings=_warnings(planned))
        _introduce(frame, planned)
        frame.confirm(frame.pick(de="Das zeigen?", en="Show this?"))
        frame.write(out, render_message(sign_answer(wallet, planned, at=frame.now())))
    done = frame.pick(de=f"Die Antwort steht in {out}.", en=f"The answer is in {out}.")
    return Outcome(answer, done=done, warnings=_warnings(planned))


def _introduce(frame: Frame, planned: Sharing) -> None:
    """Say who asks, why, and what would leave the wallet."""
    question = planned.question
    frame.talk(frame.pick(de=f"Es fragt {question.company}.", en=f"{question.company} asks."))
    if question.reason:
        frame.talk(f"{frame.pick(de='Grund', en='Reason')}: {question.reason}")
    shown = ", ".join(planned.shown) or frame.pick(de="nichts Verdecktes", en="nothing that was concealed")
    frame.talk(f"{frame.pick(de='Gezeigt wird', en='Shown')}: {shown}")
    frame.talk(f"{frame.pick(de='Verdeckt bleibt', en='Kept')}: {', '.join(planned.withheld) or '–'}")


def _warnings(planned: Sharing) -> tuple[tuple[str, dict[str, object]], ...]:
    return tuple((code, {"did": planned.question.company}) for code in planned.warnings)


def _outcome(frame: Frame, views: Sequence[CardView]) -> Outcome:
    return Outcome(
        Cards(cards=[_card(view) for view in views]), show=lambda screen: _table(frame, views, screen)
    )


def _table(frame: Frame, views: Sequence[CardView], screen: Screen) -> None:
    if not views:
        screen.line(frame.pick(de="Keine Karten.", en="No cards."))
        return
    headers = frame.pick(de="Nr.|Art|Von|Seit|Bis|Stand", en="Id|Type|From|Since|Until|Status").split("|")
    screen.table(
        headers,
        [(v.card[:8], v.type, v.issuer, v.issued_at, v.expires_at, v.status) for v in views],
    )


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
