"""`registry …`: the log of seals, for whoever operates it and for whoever relies on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from konsens.errors import Conflict, InputError

from .answers import Checkpoint, RegistryFolder, RegistryPolicy
from .frame import Frame, Outcome, command
from .line import Argument, FileName, Option
from .log_home import LogHome, checkpoint_data, make_log, making_keys, place_of
from .registry_home import open_registry, use_registry
from .screen import Screen
from .words import moment

if TYPE_CHECKING:
    from konsens.trail.trust import TrustedCompany

__all__ = [
    "registry_checkpoint",
    "registry_init",
    "registry_policy",
    "registry_use",
    "show_checkpoint",
]

Folder = Annotated[Path, Argument(metavar="DIR", help="The folder of the log.")]
AnyFolder = Annotated[Path | None, Argument(metavar="DIR", help="The log; else --registry, else the home's.")]
RECEIPT = "urn:konsens:receipt:1"


@command(unlocks=True)
def registry_init(
    frame: Frame,
    folder: Folder,
    origin: Annotated[
        str, Option("--origin", metavar="NAME", help="Its name for ever: a domain of yours, best.")
    ],
) -> Outcome:
    """Make an empty log; its key stays in this home.

    Without a home, one is made that operates this log and nothing else. A company that has no registry yet
    becomes the operator of its own.
    """
    from .company_setup import is_weak_origin
    from .home import Settings

    if not frame.home.exists:
        with making_keys(frame) as (draft, seed), make_log(folder, origin, seed) as log:
            place = place_of(log, operator=True)
            draft.save(Settings(kind="operator", registries=(place,)))
    else:
        settings = frame.home.settings()
        if settings.kind != "company" or settings.registries:
            raise Conflict("registry.home_has_one", path=frame.home.folder)
        with make_log(folder, origin, LogHome(frame, settings, None).seed) as log:
            place = place_of(log, operator=True)
            frame.home.save(msgspec.structs.replace(settings, registries=(place,)))
    warnings = (("company.origin_weak", {"origin": origin}),) if is_weak_origin(origin) else ()
    done = frame.pick(
        de="Angelegt. Den Schlüssel hat nur dieser Ordner; geben Sie ihn nie weiter.",
        en="Made. Only this home has its key; never hand it on.",
    )
    return _folder(
        frame, RegistryFolder(origin=origin, vkey=place.vkey, folder=place.folder), done, warnings=warnings
    )


@command(unlocks=True)
def registry_use(
    frame: Frame,
    where: Annotated[
        str,
        Argument(
            metavar="DIR", click_type=FileName(), help="The log: its folder, or the URL where it is served."
        ),
    ],
    policy: Annotated[
        Path | None,
        Option("--policy", metavar="FILE", help="For a URL, a tlog-policy: the log's key, who must cosign."),
    ] = None,
) -> Outcome:
    """Use a log, or remember where it went.

    It must hold everything that this home knows of the log. A copy is refused while the original is in its
    place: it may lack a withdrawal. What is served at a URL is checked against its signatures; a company
    keeps a copy of all of it.
    """
    from konsens.registry.log_place import parse_place

    parsed = parse_place(where)
    if policy is not None and isinstance(parsed, Path):
        raise InputError("registry.policy_for_url")
    text = frame.read(policy, max_bytes=1 << 20).decode("utf-8", "replace") if policy else ""
    place = use_registry(frame, parsed, policy=text)
    done = frame.pick(de="Ab jetzt wird dieses Register genutzt.", en="From now on this registry is used.")
    first = place.url and not policy
    return _folder(
        frame,
        RegistryFolder(origin=place.origin, vkey=place.vkey, folder=place.where),
        done,
        warnings=(("mirror.first_contact", {"origin": place.origin}),) if first else (),
    )


@command(writes=True, unlocks=True, logs=True)
def registry_policy(
    frame: Frame,
    out: Annotated[Path, Option("--out", metavar="FILE", help="Where to.")],
    folder: AnyFolder = None,
) -> Outcome:
    """Write what others need to trust this log, and in a company's home this company.

    Hand the file over another way than the evidence: whoever gets both from one hand learns nothing.
    """
    from konsens.registry import render_vkey
    from konsens.trail.trust import TrustFile, render_trust

    frame.check_out(out)
    with open_registry(frame, folder) as log:
        origin, vkey = log.registry.origin, render_vkey(log.registry.vkey)
        known = next(iter(log.settings.registries), None)
    policy = (known.policy if known else "") or f"log {vkey}\nquorum none\n"
    companies = _company(frame)
    issuers = {RECEIPT: tuple(company.did for company in companies)} if companies else {}
    text = render_trust(TrustFile(v=1, policy=policy, company=companies, issuers=issuers))
    frame.write(out, text.encode())
    data = RegistryPolicy(
        origin=origin, vkey=vkey, companies=[company.did for company in companies], out=str(out)
    )

    def show(screen: Screen) -> None:
        screen.fields(
            {
                frame.pick(de="Register", en="Registry"): data.origin,
                frame.pick(de="Unternehmen", en="Company"): data.companies,
                frame.pick(de="Datei", en="File"): data.out,
            }
        )

    done = frame.pick(
        de="Wer prüfen soll, übernimmt die Datei mit: konsens trust add DATEI",
        en="Whoever is to verify takes the file in with: konsens trust add FILE",
    )
    return Outcome(data, show=show, done=done)


@command(signs=True, unlocks=True, logs=True)
def registry_checkpoint(frame: Frame, folder: AnyFolder = None) -> Outcome:
    """Sign the log as it is; with nothing new, the last signature is shown.

    Only the home that made the log can. Every entry since the last signature is checked before.
    """
    with open_registry(frame, folder) as log:
        if not log.operator:
            raise Conflict("registry.not_operator", origin=log.registry.origin)
        before, signed = log.registry.checkpoint(), log.publish()
        data = checkpoint_data(log.registry, signed, "checkpointed" if signed else None)
    done = frame.pick(de="Unterschrieben.", en="Signed.")
    if signed == before:
        done = frame.pick(de="Nichts Neues seit der letzten Unterschrift.", en="Nothing new since the last.")
    return Outcome(data, show=lambda screen: show_checkpoint(screen, frame, data), done=done)


def show_checkpoint(screen: Screen, frame: Frame, data: Checkpoint) -> None:
    """Write a checkpoint for a person."""
    screen.fields(
        {
            frame.pick(de="Register", en="Registry"): data.origin,
            frame.pick(de="Einträge", en="Entries"): data.size,
            frame.pick(de="Unterschrieben", en="Signed"): moment(data.at),
            frame.pick(de="Wurzel", en="Root"): data.root,
        }
    )


def _company(frame: Frame) -> tuple[TrustedCompany, ...]:
    """Return the company of this home as others would trust it; the keys of a did:key stand in its DID."""
    from konsens.trail.trust import TrustedCompany

    if not frame.home.exists or frame.home.settings().kind != "company":
        return ()
    from .company_home import open_company

    with open_company(frame) as shop:
        keys = [key.public_key_multibase for key in shop.history.keys] if shop.history else []
        return (TrustedCompany(shop.did, shop.name, tuple(keys)),)


def _folder(frame: Frame, data: RegistryFolder, done: str, **more: Any) -> Outcome:
    def show(screen: Screen) -> None:
        screen.fields(
            {
                frame.pick(de="Register", en="Registry"): data.origin,
                frame.pick(de="Ort", en="Place"): data.folder,
                frame.pick(de="Schlüssel", en="Key"): data.vkey,
            }
        )

    return Outcome(data, show=show, done=done, **more)
