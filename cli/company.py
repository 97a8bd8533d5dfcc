"""What a company does with its customers: it asks, receives, issues and questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import InputError

from .answers import CompanyInit, CompanyRegistry
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["company_init"]


@command(unlocks=True, logs=True)
def company_init(
    frame: Frame,
    name: Annotated[str, Argument(metavar="NAME", help="What customers call you.")],
    did: Annotated[
        str | None, Option("--did", metavar="DID", help="A did:web of yours; else a did:key.")
    ] = None,
    new_registry: Annotated[
        Path | None,
        Option("--new-registry", metavar="DIR", help="Make a registry there; its key stays here."),
    ] = None,
    origin: Annotated[
        str | None, Option("--origin", metavar="NAME", help="The new registry's name: a domain of yours.")
    ] = None,
) -> Outcome:
    """Make a company's home: keys under a passphrase, an empty book, and the registry that it uses.

    Either a registry that is there (--registry) or a new one (--new-registry with --origin). Its name cannot
    be changed later.
    """
    from .company_setup import DOCUMENT, is_weak_origin, set_up

    if (new_registry is None) != (origin is None) or (new_registry and frame.common.registry):
        raise InputError("company.registry_choice")
    settings = set_up(
        frame,
        name,
        did=did,
        registries=() if new_registry else frame.registries,
        new_registry=new_registry,
        origin=origin or "",
    )
    registry = None
    for home in settings.registries[:1]:
        registry = CompanyRegistry(
            origin=home.origin, vkey=home.vkey, folder=home.folder, operator=home.operator
        )
    data = CompanyInit(
        did=settings.did or "",
        name=name,
        home=str(frame.home.folder),
        registry=registry,
    )
    warnings: list[tuple[str, Mapping[str, object]]] = []
    if origin and is_weak_origin(origin):
        warnings.append(("company.origin_weak", {"origin": origin}))
    if did:
        from konsens.did import url_of

        document = frame.home.file(DOCUMENT)
        frame.talk(
            frame.pick(
                de=f"Veröffentlichen Sie {document} unter {url_of(did)}.",
                en=f"Publish {document} at {url_of(did)}.",
            )
        )

    def show(screen: Screen) -> None:
        screen.fields(
            {
                "Name": data.name,
                frame.pick(de="Kennung", en="DID"): data.did,
                frame.pick(de="Ordner", en="Home"): data.home,
                frame.pick(de="Register", en="Registry"): registry and f"{registry.origin} ({registry.folder})",
            }
        )

    done = frame.pick(
        de="Eingerichtet. Als Nächstes: konsens company notice publish DATEI.toml",
        en="Done. Next: konsens company notice publish FILE.toml",
    )
    return Outcome(data, show=show, done=done, warnings=tuple(warnings))
