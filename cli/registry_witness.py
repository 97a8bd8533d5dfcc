"""`registry witness …`: see to it that a log shows one past to all."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .answers import WitnessKey, WitnessServing
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .log_home import cosigning_seed
from .serving import Host, Log, Port, text_of, until_ended, url_of

if TYPE_CHECKING:
    from konsens.registry import Cosigner

__all__ = ["registry_witness_key", "registry_witness_serve"]

WitnessName = Annotated[str, Argument(metavar="NAME", help="The witness's name for ever: a domain, best.")]
STATE = "witness.sqlite"


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
        url=url_of(bound),
        logs=[log.key.name for log in known],
    )
    return until_ended(frame, data, run, log, {frame.pick(de="Zeuge", en="Witness"): name, "vkey": data.vkey})


def _cosigner(frame: Frame, name: str) -> Cosigner:
    from konsens.registry import Cosigner

    return Cosigner(name, cosigning_seed(frame, name))
