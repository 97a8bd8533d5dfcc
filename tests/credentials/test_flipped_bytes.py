"""No presentation with a changed byte is accepted, and nothing but typed errors comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from konsens.credentials import hold, present, verify
from konsens.errors import KonsensError

from .people import ALGS, AT, AUDIENCE, NONCE, RESOLVER, VCT, did, held, issued, policy, signer

both_algs = pytest.mark.parametrize("alg", ALGS)


def presentation(alg: str) -> str:
    shown = ["level", "address.locality", "nationalities[1]"]
    return present(held(alg=alg), shown, audience=AUDIENCE, nonce=NONCE, signer=signer("holder", alg), at=AT)


def flipped(text: str) -> Iterator[str]:
    raw = text.encode("ascii")
    for place in range(len(raw)):
        for bit in range(8):
            yield (raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]).decode("latin-1")


def cut_and_doubled(text: str) -> Iterator[str]:
    for place in range(len(text)):
        yield text[:place]
        yield text[:place] + text[place + 1 :]
        yield text[:place] + text[place] + text[place:]


@both_algs
def test_no_flipped_bit_survives(alg: str) -> None:
    text, expected = presentation(alg), policy(alg)
    verify(text, expected, resolve=RESOLVER, at=AT)
    for other in flipped(text):
        with pytest.raises(KonsensError):
            verify(other, expected, resolve=RESOLVER, at=AT)


@both_algs
def test_no_letter_can_be_taken_away_or_doubled(alg: str) -> None:
    text, expected = presentation(alg), policy(alg)
    for other in cut_and_doubled(text):
        with pytest.raises(KonsensError):
            verify(other, expected, resolve=RESOLVER, at=AT)


@both_algs
def test_no_flipped_bit_of_an_issued_credential_survives(alg: str) -> None:
    text, trust = issued({"level": "gold", "list": ["a", "b"]}, alg=alg), {VCT: [did("issuer", alg)]}
    hold(text, trust=trust, resolve=RESOLVER, at=AT)
    for other in flipped(text):
        with pytest.raises(KonsensError):
            hold(other, trust=trust, resolve=RESOLVER, at=AT)
