"""Granting: one signed event for each purpose and channel that the person chose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from ..consent.act import Choice, Place, give, renew
from ..consent.state import IN_FORCE
from ..consent.target import target_of
from ..errors import InputError
from ..records import Matter, SignedEvent, target_label
from .answer import Answer, Answering
from .show import Shown
from .wallet import Wallet

__all__ = ["plan_grant"]


def plan_grant(
    wallet: Wallet,
    shown: Shown,
    *,
    language: str,
    at: datetime,
    purposes: Collection[str] = (),
    channels: Collection[str] = (),
    offers: Collection[tuple[str, str]] = (),
    everything: bool = False,
    until: datetime | None = None,
    addresses: Mapping[str, str] | None = None,
) -> Answer:
    """Plan the grant of what is chosen; nothing is chosen beforehand (`wallet.nothing_chosen`).

    `purposes` and `channels` narrow the offers, `offers` names them one by one, and `everything` takes all of
    them. An address binds the grants on its channel to it. The words that count are those in `language`, else
    in the notice's first language.
    """
    pairs = _chosen(shown, purposes, channels, offers, everything=everything)
    bound = dict(addresses or {})
    if unused := bound.keys() - {channel for _, channel in pairs}:
        raise InputError("wallet.address_without_channel", channel=min(unused))
    answering = Answering(wallet, shown, at=at)
    answering.check_nothing_lost()
    spoken = language if language in shown.notice.text else shown.notice.languages[0]

    def sign(matter: Matter, address: str | None) -> None:
        renews = _renews(answering, matter)

        def make(lane: int, place: Place) -> SignedEvent:
            salt = wallet.seed.derive(target_label(answering.identity.number, lane))
            choice = Choice(
                notice=shown.read.notice.hash,
                language=spoken,
                request=shown.read.signed.hash,
                until=until,
                target=None if address is None else target_of(salt, str(matter.channel), address),
            )
            act = renew if renews else give
            return act(place, choice, offered=shown.notice, at=at, signer=answering.signer)

        told = None if address is None else (str(matter.channel), address)
        answering.sign(matter, "renewed" if renews else "given", make, address=told)

    matters = [answering.matter(*pair) for pair in pairs]
    for matter in matters:
        sign(matter, bound.get(str(matter.channel)))
    return answering.answer(*matters)


def _chosen(
    shown: Shown,
    purposes: Collection[str],
    channels: Collection[str],
    offers: Collection[tuple[str, str]],
    *,
    everything: bool,
) -> list[tuple[str, str]]:
    offered = shown.offers
    if not (everything or purposes or channels or offers):
        raise InputError("wallet.nothing_chosen")
    for named, known in ((purposes, {p for p, _ in offered}), (channels, {c for _, c in offered})):
        if unknown := set(named) - known:
            raise InputError("wallet.not_offered", name=min(unknown))
    pairs = [
        (purpose, channel)
        for purpose, channel in offered
        if (not purposes or purpose in purposes)
        and (not channels or channel in channels)
        and (not offers or (purpose, channel) in offers)
    ]
    if not pairs:
        raise InputError("wallet.nothing_chosen")
    return pairs


def _renews(answering: Answering, matter: Matter) -> bool:
    """Tell whether the grant only prolongs one that holds, under the same words."""
    standing, read = answering.consents.standing(matter), answering.shown.read
    return (
        read.signed.request.reason == "renewal"
        and standing.state in IN_FORCE
        and standing.grant is not None
        and standing.grant.notice == read.notice.hash
    )
