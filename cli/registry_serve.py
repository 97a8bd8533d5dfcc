"""`registry serve`: a log over HTTP, for whoever operates it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import Conflict, InputError

from .answers import RegistryServing
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .registry_home import open_registry
from .serving import Host, Log, Port, Witnesses, WitnessesHere, text_of, until_ended, url_of

if TYPE_CHECKING:
    from konsens.registry.serve import AppendPolicy
    from konsens.registry.serve.logs import LogForm

__all__ = ["registry_serve"]

Folder = Annotated[Path | None, Argument(metavar="DIR", help="The log; else --registry, else the home's.")]


@command(unlocks=True, logs=True)
def registry_serve(
    frame: Frame,
    folder: Folder = None,
    static: Annotated[
        str | None, Option("--static", metavar="DIR", help="Where the public files go; else beside the log.")
    ] = None,
    rules: Annotated[
        Path | None,
        Option("--rules", metavar="FILE", help="Who may append, and how much; else anybody, 60 a minute."),
    ] = None,
    witnesses: Witnesses = None,
    local_witnesses: WitnessesHere = False,
    postgres: Annotated[
        str | None,
        Option("--postgres", metavar="DSN", help="One node of a log in PostgreSQL; with --schema, --static."),
    ] = None,
    schema: Annotated[str | None, Option("--schema", metavar="NAME", help="The schema of the log.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    log: Log = None,
) -> Outcome:
    """Take leaves and show the log over HTTP, until it is ended with Ctrl+C.

    Every second what has come in is made durable, signed, cosigned and published as static files, which any
    web server or bucket can show, too. `docs/registry-service.md` tells about rules, witnesses and proxies.
    """
    from konsens.registry import parse_policy, render_vkey
    from konsens.registry.serve import AppendPolicy, Open, parse_append_policy
    from konsens.registry.serve.run import listen, serve
    from konsens.registry.serve.server import served_log

    allowed = parse_append_policy(text_of(frame, rules)) if rules else AppendPolicy(v=1, open=Open())
    if postgres is not None:
        return _serve_node(frame, postgres, schema, static, allowed, (host, port), log)
    asked = parse_policy(text_of(frame, witnesses)) if witnesses else None
    with open_registry(frame, folder) as own:
        if not own.operator:
            raise Conflict("registry.not_operator", origin=own.registry.origin)
        own.registry.check_own()
        here, place, vkey = own.registry.folder, own.registry.place, own.registry.vkey
        signer, remembered = own.log_signer(), own.signer_head()
    files = Path(static) if static else here / "static"
    bound = listen(host, port)

    def run() -> None:
        with served_log(
            here,
            signer=signer,
            remembered=remembered,
            static=files,
            rules=allowed,
            witnesses=asked,
            place=place,
            loopback=local_witnesses,
        ) as app:
            serve(app, bound)

    names = [witness.name for witness in asked.witnesses] if asked else []
    data = RegistryServing(
        origin=vkey.name, vkey=render_vkey(vkey), url=url_of(bound), static=str(files), witnesses=names
    )
    return until_ended(frame, data, run, log, {frame.pick(de="Register", en="Registry"): data.origin})


def _serve_node(
    frame: Frame,
    postgres: str,
    schema: str | None,
    static: str | None,
    rules: AppendPolicy,
    address: tuple[str, int],
    log: LogForm | None,
) -> Outcome:
    """Serve one node of a log in PostgreSQL; its sequencer asks the witnesses."""
    from konsens.registry import render_vkey
    from konsens.registry.serve.run import listen

    from .registry_postgres import running_node

    if schema is None or static is None:
        raise InputError("input.needed", option="--schema" if schema is None else "--static")
    bound = listen(*address)
    signer, run = running_node(frame, postgres, schema, static, rules, bound)
    data = RegistryServing(
        origin=signer.name, vkey=render_vkey(signer.vkey), url=url_of(bound), static=static, witnesses=[]
    )
    return until_ended(frame, data, run, log, {frame.pick(de="Register", en="Registry"): data.origin})
