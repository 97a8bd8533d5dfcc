"""What the commands share that run until they are ended: options, and how they say that they run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated, Literal

from .answers import RegistrySequencing, RegistryServing, WitnessServing
from .frame import Frame, Outcome
from .line import Option
from .screen import Screen

if TYPE_CHECKING:
    from konsens.registry.serve.logs import LogForm

__all__ = ["Host", "Log", "Port", "Witnesses", "WitnessesHere", "text_of", "until_ended", "url_of"]

Host = Annotated[str, Option("--host", metavar="ADDRESS", help="Where to listen; a proxy of yours does TLS.")]
Port = Annotated[int, Option("--port", metavar="N", min=0, max=65535, help="Which port; 0 takes a free one.")]
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


def text_of(frame: Frame, path: Path) -> str:
    """Return what a small text file holds."""
    return frame.read(path, max_bytes=LONGEST_FILE).decode("utf-8", "replace")


def url_of(bound: socket) -> str:
    """Return where a bound socket is reached."""
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
