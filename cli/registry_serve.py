"""`registry serve` and `registry witness …`: what runs until it is ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated, Literal

from konsens.errors import Conflict, InputError

from .answers import RegistrySequencing, RegistryServing, WitnessKey, WitnessServing
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .log_home import cosigning_seed
from .registry_home import open_registry
from .screen import Screen

if TYPE_CHECKING:
    from konsens.registry import Cosigner
    from konsens.registry.serve import AppendPolicy
    from konsens.registry.serve.logs import LogForm

__all__ = [
    "Log",
    "Witnesses",
    "WitnessesHere",
    "registry_serve",
    "registry_witness_key",
    "registry_witness_serve",
    "text_of",
    "until_ended",
]

Folder = Annotated[Path | None, Argument(metavar="DIR", help="The log; else --registry, else the home's.")]
Host = Annotated[str, Option("--host", metavar="ADDRESS", help="Where to listen; a proxy of yours does TLS.")]
Port = Annotated[int, Option("--port", metavar="N", min=0, max=65535, help="Which port; 0 takes a free one.")]
WitnessName = Annotated[str, Argument(metavar="NAME", help="The witness's name for ever: a domain, best.")]
Witnesses = Annotated[
    Path | None,
    Option("--witnesses", metavar="FILE", help="A tlog-policy: whose cosignatures to ask for."),
]
WitnessesHere = Annotated[
    bool, Option("--local-witnesses", help="Witnesses may run on this machine, without TLS.")
]
Log = Annotated[
    Literal["json", "text"] | None,
    Option("--log", help="Say on stderr what happens, a line each; else only what needs a look."),
]
LONGEST_FILE = 1 << 20
STATE = "witness.sqlite"


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
        origin=vkey.name, vkey=render_vkey(vkey), url=_url(bound), static=str(files), witnesses=names
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
        origin=signer.name, vkey=render_vkey(signer.vkey), url=_url(bound), static=static, witnesses=[]
    )
    return until_ended(frame, data, run, log, {frame.pick(de="Register", en="Registry"): data.origin})


@command(unlocks=True)
def registry_witness_key(
    frame: Frame,
    name: WitnessName,
    of_the_map: Annotated[
        bool, Option("--map", help="The key with which `registry mirror --cosign` states the seal map.")
    ] = False,
) -> Outcome:
    """Show the key of a witness of this name, which others put into their policies.

    Its private half follows from the keys of this home, which is made if there is none.
    """
    from konsens.registry import MAP_SUFFIX, render_vkey

    cosigner = _cosigner(frame, name.removesuffix(MAP_SUFFIX) + MAP_SUFFIX if of_the_map else name)
    data = WitnessKey(name=cosigner.name, vkey=render_vkey(cosigner.vkey))
    return Outcome(data, show=lambda screen: screen.fields({"vkey": data.vkey}))


@command(unlocks=True)
def registry_witness_serve(
    frame: Frame,
    name: WitnessName,
    logs: Annotated[
        Path, Option("--logs", metavar="FILE", help="Which logs: the `log` lines of a tlog-policy.")
    ],
    host: Host = "127.0.0.1",
    port: Port = 8081,
    behind_proxy: Annotated[
        bool,
        Option(
            "--behind-proxy",
            help="The last entry of X-Forwarded-For is who asks: a proxy of yours writes it.",
        ),
    ] = False,
    log: Log = None,
) -> Outcome:
    """Cosign the checkpoints of logs over HTTP, until it is ended with Ctrl+C.

    A witness signs only what goes on from what it has seen, so nobody can be shown another past. What it has
    seen lies in this home, on the medium before the signature leaves it.
    """
    from konsens.registry import render_vkey
    from konsens.registry.serve.run import listen, serve
    from konsens.registry.serve.witness_app import witness_app
    from konsens.registry.witness import Witness, WitnessState, parse_logs

    known = parse_logs(text_of(frame, logs))
    cosigner = _cosigner(frame, name)
    state = WitnessState(frame.home.file(STATE))
    bound = listen(host, port)

    def run() -> None:
        with closing(state):
            serve(witness_app(Witness(cosigner, known, state), behind_proxy=behind_proxy), bound)

    data = WitnessServing(
        name=name,
        vkey=render_vkey(cosigner.vkey),
        url=_url(bound),
        logs=[log.key.name for log in known],
    )
    return until_ended(frame, data, run, log, {frame.pick(de="Zeuge", en="Witness"): name, "vkey": data.vkey})


def _cosigner(frame: Frame, name: str) -> Cosigner:
    from konsens.registry import Cosigner

    return Cosigner(name, cosigning_seed(frame, name))


def text_of(frame: Frame, path: Path) -> str:
    """Return what a small text file holds."""
    return frame.read(path, max_bytes=LONGEST_FILE).decode("utf-8", "replace")


def _url(bound: socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def until_ended(
    frame: Frame,
    data: RegistryServing | RegistrySequencing | WitnessServing,
    run: Callable[[], None],
    log: LogForm | None,
    first: dict[str, str],
) -> Outcome:
    """Return the outcome that is printed at once, and then runs, logging to stderr."""

    def after() -> None:
        from konsens.registry.serve.logs import log_to_stderr

        log_to_stderr(log)
        with suppress(KeyboardInterrupt):  # how a server is ended is no failure
            run()

    def show(screen: Screen) -> None:
        screen.fields(first if isinstance(data, RegistrySequencing) else {**first, "URL": data.url})

    done = frame.pick(de="Läuft. Strg+C beendet es.", en="Running. Ctrl+C ends it.")
    return Outcome(data, show=show, done=done, after=after)
