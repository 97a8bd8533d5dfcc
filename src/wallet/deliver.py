"""The file that takes events to a company."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..consent.message import AnchoredText, ContactText, EventsMessage
from ..encoding import b64u_encode
from ..errors import InputError
from ..records import render_anchored, target_label
from .kinds import CARD, Act
from .wallet import Wallet

__all__ = ["events_message"]


def events_message(wallet: Wallet, acts: Iterable[Act]) -> EventsMessage:
    """Return the `konsens/events` file with these acts, in the order of lane and seq.

    Earlier events with the same company that no receipt has confirmed go with them: a file that was lost on
    the way is made good by the next one. A bare break says nothing (`wallet.nothing_to_deliver`), and acts
    with several companies do not fit into one file (`wallet.several_companies`).
    """
    acts = [act for act in acts if act.event is not None and act.leaf_index is not None]
    companies = {act.company for act in acts}
    if not companies:
        raise InputError("wallet.nothing_to_deliver")
    if len(companies) > 1:
        raise InputError("wallet.several_companies", count=len(companies))
    known = wallet.acts(companies.pop())
    confirmed = _confirmed(wallet, known)
    sent = {act.key: act for act in acts}
    for act in known:
        if act.event is not None and act.leaf_index is not None and act.order > confirmed:
            sent.setdefault(act.key, act)
    ordered = sorted(sent.values(), key=lambda act: (act.lane, act.seq))
    return EventsMessage(
        events=tuple(_text(act) for act in ordered),
        contacts=tuple(dict.fromkeys(_contact(wallet, act) for act in ordered if act.address)),
    )


def _text(act: Act) -> AnchoredText:
    anchored = act.outgoing.anchored_at(act.leaf_index or 0)
    return msgspec.convert(render_anchored(anchored), AnchoredText)


def _contact(wallet: Wallet, act: Act) -> ContactText:
    channel, address = act.address or ("", "")
    salt = wallet.seed.derive(target_label(act.company, act.lane))
    return ContactText(channel, address, b64u_encode(salt))


def _confirmed(wallet: Wallet, acts: Iterable[Act]) -> int:
    """Return the order of the last act that a receipt names; what was made before went with it or earlier."""
    named = {event for card in wallet.vault.list(CARD).values() for event in card.events}
    orders = [act.order for act in acts if (signed := act.signed) and signed.event_hash in named]
    return max(orders, default=-1)
