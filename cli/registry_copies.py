"""`registry export` and `registry migrate`: the log in another form, in another place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import Conflict, InputError

from .answers import Moved, StaticExported
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .registry_home import open_registry

if TYPE_CHECKING:
    from konsens.registry.static import ObjectStore

__all__ = ["objects_at", "registry_export", "registry_migrate"]

Folder = Annotated[Path | None, Argument(metavar="DIR", help="The log; else --registry, else the home's.")]
S3 = "s3://"


@command(logs=True, unlocks=True)
def registry_export(
    frame: Frame,
    to: Annotated[
        str, Option("--to", metavar="WHERE", help="A folder, or `s3://BUCKET/PREFIX` of an object store.")
    ],
    folder: Folder = None,
    repair: Annotated[
        bool, Option("--repair", help="Compare all that is published; write what is missing or wrong again.")
    ] = False,
) -> Outcome:
    """Write the log up to its newest checkpoint as static files, which any web server shows.

    Only what is new is written, the checkpoint last; interrupted, the next run goes on. The files are those
    of C2SP tlog-tiles, and other people's tools read and check them.
    """
    from konsens.registry import static

    objects = objects_at(to)
    with open_registry(frame, folder) as log:
        registry = log.registry
        newest = registry.checkpoint()
        signed = static.export(
            registry.store, objects, vkey=registry.vkey, note=newest.note if newest else None
        )
        size = signed.checkpoint.size
        depth = static.depth_for(registry.store.row_count(0))
        seals, rows = registry.seals_at(size), registry.store.rows
        static.export_map(seals, rows, objects, size=size, depth=depth)
        repaired = []
        if repair:
            repaired += static.repair(registry.store, objects, vkey=registry.vkey)
            repaired += static.repair_map(seals, rows, objects, size=size, depth=depth)
        data = StaticExported(origin=registry.origin, size=size, to=to, repaired=len(repaired))
    return Outcome(
        data,
        show=lambda screen: screen.fields(
            {
                frame.pick(de="Register", en="Registry"): data.origin,
                frame.pick(de="Einträge", en="Entries"): data.size,
                frame.pick(de="Nach", en="To"): data.to,
                frame.pick(de="Repariert", en="Repaired"): data.repaired,
            }
        ),
        done=frame.pick(de="Veröffentlicht.", en="Published."),
    )


@command(logs=True, unlocks=True)
def registry_migrate(
    frame: Frame,
    to: Annotated[
        str, Option("--to", metavar="DSN", help="Where PostgreSQL is, as libpq takes it, without a password.")
    ],
    schema: Annotated[str, Option("--schema", metavar="NAME", help="The schema that the log is to have.")],
    folder: Folder = None,
) -> Outcome:
    """Copy the log from its folder into PostgreSQL, and compare every entry and every root.

    What is there already is compared and not written again, so an interrupted run goes on. From then on only
    one of the two may grow: `docs/registry-postgres.md` tells the order of steps.
    """
    from konsens.registry.postgres import move_folder

    with open_registry(frame, folder) as log:
        registry = log.registry
        if registry.is_copy:
            raise Conflict("registry.not_operator", origin=registry.origin)
        here, origin, total = registry.folder, registry.origin, registry.size()
    with frame.progress(frame.pick(de="Einträge", en="Entries")) as more:
        entries = move_folder(here, to, schema=schema, told=lambda done: more(done, total))
    data = Moved(origin=origin, entries=entries, schema=schema)
    return Outcome(
        data,
        done=frame.pick(de="Kopiert und verglichen.", en="Copied and compared."),
    )


def objects_at(to: str) -> ObjectStore:
    """Return where static files go: a folder, or `s3://BUCKET/PREFIX`."""
    from konsens.registry.static import FolderObjects

    if not to.startswith(S3):
        return FolderObjects(Path(to))
    from konsens.registry.static.s3 import S3Objects

    bucket, _, prefix = to.removeprefix(S3).partition("/")
    if not bucket:
        raise InputError("static.path")
    return S3Objects(bucket, prefix=prefix)
