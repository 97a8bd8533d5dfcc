"""Making a company's home: keys, book, and the log that it uses or operates. All of it, or no home at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from konsens.errors import InputError

from .company_home import HISTORY, place_of
from .files import write_new
from .frame import Frame
from .home import Home, RegistryPlace, Settings
from .log_home import make_log, making_keys
from .log_source import place_at_url

if TYPE_CHECKING:
    from konsens.did import KeyHistory, PublicKey
    from konsens.registry import Registry
    from konsens.registry.log_place import LogPlace

__all__ = ["DOCUMENT", "is_weak_origin", "set_up"]

DOCUMENT = "did.json"
"""A did:web's document, to be put on the web by whoever runs the company's site."""
KEY_NAME = "key-0"
LONGEST_NAME = 200

# An origin should be unique in the world: a domain of the operator's, perhaps with a path (tlog-checkpoint).
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](/\S*)?")


def is_weak_origin(origin: str) -> bool:
    """Tell whether others might well choose the same name for a log of theirs."""
    return not _DOMAIN.fullmatch(origin)


def set_up(
    frame: Frame,
    name: str,
    *,
    did: str | None,
    registries: Sequence[LogPlace],
    new_registry: Path | None,
    origin: str,
) -> Settings:
    """Make the home and return its settings.

    `home.exists` or `home.taken` if something is there, `registry.exists` or `registry.origin` about a new
    log, `did.web_name` about a DID that is none of the web, `company.web_served` for one with a served log.
    """
    from konsens.consent import Company
    from konsens.did import PrivateKey
    from konsens.records import sign_label

    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError("company.name", limit=LONGEST_NAME)
    if did is not None:
        _check_web(did, registry=registries[0] if registries else new_registry)
    with making_keys(frame) as (draft, seed), ExitStack() as stack:
        public = PrivateKey.ed25519(seed.derive(sign_label(0))).public
        identity, history = _identity(frame, public, did)
        places = [_place(frame, stack, place) for place in registries]
        home = None
        if new_registry is not None:
            home = stack.enter_context(make_log(new_registry, origin, seed))
            places.insert(0, place_of(home, operator=True))
        elif history is not None:
            home = _opened(stack, Path(places[0].folder))
        Company.create(draft.folder, did=identity, home=None).close()
        if history is not None and home is not None:
            _introduce(draft, history, home)
        settings = Settings(
            kind="company",
            name=name,
            did=identity,
            registries=tuple(places),
        )
        draft.save(settings)
    return settings


def _check_web(did: str, *, registry: LogPlace | None) -> None:
    from konsens.did import url_of

    url_of(did)
    if registry is None:
        raise InputError("company.web_needs_registry", did=did)
    if not isinstance(registry, Path):  # a member of a served log is known by the key that is its DID
        raise InputError("company.web_served", did=did)


def _identity(frame: Frame, public: PublicKey, did: str | None) -> tuple[str, KeyHistory | None]:
    from konsens.did import HistoryEntry, KeyHistory, did_key
    from konsens.encoding import format_time

    if did is None:
        return did_key(public), None
    start = format_time(frame.now())
    entry = HistoryEntry(
        kid=f"{did}#{KEY_NAME}", public_key_multibase=public.multikey, start=start, until=None
    )
    return did, KeyHistory(v=1, did=did, keys=(entry,))


def _place(frame: Frame, stack: ExitStack, place: LogPlace) -> RegistryPlace:
    if isinstance(place, Path):
        return place_of(_opened(stack, place))
    return place_at_url(frame, place)


def _opened(stack: ExitStack, folder: Path) -> Registry:
    from konsens.registry import Registry

    log = Registry.open(folder)
    stack.callback(log.close)
    return log


def _introduce(draft: Home, history: KeyHistory, log: Registry) -> None:
    """Write what a did:web shows: the document for its site, and the history, whose hash is in the log."""
    from konsens.consent.home import document_in
    from konsens.did import render_document
    from konsens.registry import PublicLeaf

    write_new(draft.file(HISTORY), history.render())
    write_new(
        draft.file(DOCUMENT), msgspec.json.format(msgspec.json.encode(render_document(document_in(history))))
    )
    log.append([PublicLeaf(history.digest)])
