"""`registry serve --postgres` and `registry sequence`: a served log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from socket import socket
from typing import TYPE_CHECKING, Annotated

from konsens.errors import Conflict, NotFound

from .answers import RegistrySequencing
from .frame import Frame, Outcome, command
from .line import Option
from .log_home import SIGNED, LogHome
from .registry_copies import objects_at
from .serving import Log, Witnesses, WitnessesHere, text_of, until_ended

if TYPE_CHECKING:
    from konsens.registry import NoteSigner
    from konsens.registry.serve import AppendPolicy

__all__ = ["registry_sequence", "running_node"]


@command(unlocks=True)
def registry_sequence(
    frame: Frame,
    postgres: Annotated[
        str,
        Option("--postgres", metavar="DSN", help="Where the log is, as libpq takes it, without a password."),
    ],
    schema: Annotated[str, Option("--schema", metavar="NAME", help="The schema of the log.")],
    static: Annotated[
        str,
        Option("--static", metavar="WHERE", help="A folder, or `s3://BUCKET/PREFIX`, for the public files."),
    ],
    witnesses: Witnesses = None,
    local_witnesses: WitnessesHere = False,
    single_node: Annotated[
        bool, Option("--single-node", help="There are no standbys: who loses the machine loses the log.")
    ] = False,
    log: Log = None,
) -> Outcome:
    """Be the one sequencer of a log in PostgreSQL, until it is ended with Ctrl+C.

    Leaves come in at `registry serve --postgres`, on any number of machines. This process gives them their
    places, signs, asks witnesses and publishes. A second one waits and takes over when the first is gone.
    """
    from konsens.registry import SignerHead, parse_policy, render_vkey
    from konsens.registry.serve.on_postgres import Place, sequence
    from konsens.registry.serve.run import told_to_end

    asked = parse_policy(text_of(frame, witnesses)) if witnesses else None
    signer, objects = _signer(frame, postgres, schema), objects_at(static)

    place = Place(postgres, schema, signer, SignerHead(frame.home.file(SIGNED)), single_node)
    if (first := place.take()) is not None:
        first.close()  # what keeps it from starting is told now

    def run() -> None:
        with told_to_end() as stop:
            sequence(place, objects, stop, witnesses=asked, loopback=local_witnesses)

    data = RegistrySequencing(
        origin=signer.name,
        vkey=render_vkey(signer.vkey),
        schema=schema,
        static=static,
        witnesses=[witness.name for witness in asked.witnesses] if asked else [],
    )
    shown = {
        frame.pick(de="Register", en="Registry"): data.origin,
        frame.pick(de="Schema", en="Schema"): schema,
    }
    return until_ended(frame, data, run, log, shown)


def running_node(
    frame: Frame, postgres: str, schema: str, static: str, rules: AppendPolicy, bound: socket
) -> tuple[NoteSigner, Callable[[], None]]:
    """Return the log's signer, and what serves one node of it on a socket until it is ended."""
    from konsens.registry.serve.on_postgres import served_node
    from konsens.registry.serve.run import serve

    signer, objects = _signer(frame, postgres, schema), objects_at(static)

    def run() -> None:
        with served_node(postgres, schema=schema, signer=signer, objects=objects, rules=rules) as app:
            serve(app, bound)

    return signer, run


def _signer(frame: Frame, postgres: str, schema: str) -> NoteSigner:
    """Return the signer of the log in a schema, whose key must be this home's."""
    from konsens.records import LOG_LABEL
    from konsens.registry import NoteSigner
    from konsens.registry.postgres import open_postgres

    with closing(open_postgres(postgres, schema=schema)) as log:
        vkey = log.vkey
    settings = frame.home.settings()
    if settings.kind == "customer":
        raise NotFound("home.other_kind", path=frame.home.folder, kind="company")
    signer = NoteSigner(vkey.name, LogHome(frame, settings, None).seed.derive(LOG_LABEL))
    if signer.vkey != vkey:
        raise Conflict("registry.not_operator", origin=vkey.name)
    return signer
