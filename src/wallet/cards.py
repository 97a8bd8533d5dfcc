"""Cards: the credentials and receipts that a wallet holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from .. import strict_json
from ..consent.message import ReceiptsMessage
from ..consent.message import parse_message as parse_consent_message
from ..credentials import (
    NEVER_CONCEALED,
    CredentialMessage,
    HeldCredential,
    UnsafeAcceptAnyIssuer,
    hold,
    open_held,
    parse_message,
    render_path,
)
from ..encoding import format_time
from ..errors import NotFound, VerificationError
from .kinds import CARD, Card, Identity
from .receipts import take_in_receipts
from .wallet import Wallet

__all__ = ["CardView", "held_cards", "import_cards", "list_cards", "remove_card", "show_card"]


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """A card as it is listed; `claims` are the paths of what it says.

    `status` is `valid`, `expired`, `not_yet_valid`, or `unknown` where a status list would have to be asked.
    """

    card: str
    type: str
    issuer: str | None
    subject: str | None
    issued_at: str | None
    expires_at: str | None
    status: str
    claims: tuple[str, ...]


def import_cards(wallet: Wallet, data: bytes, *, at: datetime) -> list[CardView]:
    """Take in a `konsens/credential` or `konsens/receipts` file, all of it or nothing.

    A wallet keeps what anybody issues to it; whether to believe a card is for those who are shown it. The
    issuer's signature must be right and its key findable (else `did.unresolved`), and the card bound to a
    DID of this wallet (`wallet.not_my_card`). Receipts come from the company that the event was for.
    """
    if _type_of(data) == "konsens/receipts":
        taken = take_in_receipts(wallet, parse_consent_message(data, ReceiptsMessage), at=at)
        return [_view(held, at) for held in taken]
    text = parse_message(data, CredentialMessage).credential
    held = hold(text, trust=UnsafeAcceptAnyIssuer(), resolve=wallet.resolver, at=at)
    identity = owner_of(wallet, held)
    card = Card(credential=text, kind="credential", identity=identity.number, added_at=format_time(at))
    wallet.vault.put(CARD, held.card, card)
    return [_view(held, at)]


def owner_of(wallet: Wallet, held: HeldCredential) -> Identity:
    """Return the identity to whose key a card is bound, or raise `wallet.not_my_card`."""
    for identity in wallet.identities():
        if held.holder == wallet.public_key(identity):
            return identity
    raise VerificationError("wallet.not_my_card", card=held.card)


def held_cards(wallet: Wallet) -> list[HeldCredential]:
    """Return every card, the one that was added last first."""
    cards = sorted(wallet.vault.list(CARD).values(), key=lambda card: card.added_at, reverse=True)
    return [open_held(card.credential) for card in cards]


def list_cards(wallet: Wallet, *, at: datetime) -> list[CardView]:
    """Return every card as it is listed."""
    return [_view(held, at) for held in held_cards(wallet)]


def show_card(wallet: Wallet, card: str, *, at: datetime) -> tuple[CardView, HeldCredential]:
    """Return one card, named by its id or a unique prefix of six, with its claims (`wallet.card_unknown`)."""
    key = find_card(wallet, card)
    stored = wallet.vault.get(CARD, key)
    if stored is None:
        raise NotFound("wallet.card_unknown", card=card)
    held = open_held(stored.credential)
    return _view(held, at), held


def remove_card(wallet: Wallet, card: str, *, at: datetime) -> CardView:
    """Delete one card. The issuer is not told, and a consent is not touched by it."""
    view, _ = show_card(wallet, card, at=at)
    wallet.vault.delete(CARD, view.card)
    return view


def find_card(wallet: Wallet, card: str) -> str:
    """Return the id that `card`, an id or a unique prefix of six, stands for."""
    found = [key for key in wallet.vault.list(CARD) if key.startswith(card)]
    if len(found) != 1 or len(card) < 6:
        raise NotFound("wallet.card_unknown", card=card)
    return found[0]


def _type_of(data: bytes) -> object:
    tree = strict_json.parse(data, max_bytes=16 << 20)
    return tree.get("type") if isinstance(tree, dict) else None


def _view(held: HeldCredential, at: datetime) -> CardView:
    named = [(name,) for name in held.claims if name not in NEVER_CONCEALED | {"iat", "sub", "_sd_alg"}]
    paths: Iterable[str] = dict.fromkeys(render_path(path) for path in (*named, *held.concealable))
    return CardView(
        card=held.card,
        type=held.types[0],
        issuer=held.issuer,
        subject=held.subject,
        issued_at=_time(held.issued_at),
        expires_at=_time(held.expires_at),
        status=_status(held, at),
        claims=tuple(paths),
    )


def _status(held: HeldCredential, at: datetime) -> str:
    if held.expires_at is not None and at >= held.expires_at:
        return "expired"
    if held.validity.not_before is not None and at.timestamp() < held.validity.not_before:
        return "not_yet_valid"
    return "unknown" if "status" in held.claims else "valid"


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
