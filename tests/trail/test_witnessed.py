"""Who beside the operator vouches for a log, and what still rests on his word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from konsens.registry import Cosigner, cosign, render_vkey
from konsens.registry.mirror import map_cosigner
from konsens.trail.trust import Trust, TrustFile
from konsens.trail.verify import verify

from .test_kinds import about_a_seal, consistency, inclusion
from .town import Town

WITNESS = Cosigner("witness.example", b"w" * 32)
MAP = map_cosigner("mirror.example", b"m" * 32)


def trust_in(town: Town, quorum: str) -> Trust:
    lines = [
        f"log {render_vkey(town.world.registry.vkey)}",
        f"witness w {render_vkey(WITNESS.vkey)}",
        f"witness map {render_vkey(MAP.vkey)}",
        "group both all w map",
        f"quorum {quorum}",
    ]
    return Trust((TrustFile(v=1, policy="\n".join([*lines, ""])),))


@pytest.mark.parametrize(
    ("cosigners", "quorum", "about_seals", "otherwise"),
    [
        pytest.param([], "none", ["log.unwitnessed"], ["log.unwitnessed"], id="nobody"),
        pytest.param([WITNESS], "w", ["log.map_unwitnessed"], [], id="a witness"),
        pytest.param([MAP], "map", [], [], id="a map cosigner"),
        pytest.param([WITNESS, MAP], "both", [], [], id="both"),
    ],
)
@pytest.mark.parametrize("make", [inclusion, about_a_seal, consistency])
def test_what_rests_on_the_operators_word_is_said(
    town: Town,
    make: Callable[[Town], str],
    cosigners: list[Cosigner],
    quorum: str,
    about_seals: list[str],
    otherwise: list[str],
) -> None:
    head, _, note = make(town).partition("\n\n")
    for cosigner in cosigners:
        note = cosign(note, cosigner, at=town.world.now)
    report = verify(f"{head}\n\n{note}".encode(), trust_in(town, quorum), at=town.world.now)
    assert report.errors == ()
    said = [warning for warning in report.warnings if warning.startswith("log.")]
    assert said == (about_seals if make is about_a_seal else otherwise)
