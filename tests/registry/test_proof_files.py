"""Proof files: their one spelling."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.registry.proof import (
    LONGEST_PATH,
    ConsistencyProof,
    HoldsExtra,
    InclusionProof,
    parse_consistency_proof,
    parse_holds_extra,
    parse_proof,
    render_consistency_proof,
    render_holds_extra,
    render_proof,
)

from .toy_log import ToyLog

TOY = ToyLog(11)
UNBROKEN = sha256(b"an unbroken seal").digest()
HOLDS = TOY.holds(3, UNBROKEN)
BROKEN = TOY.holds(3, TOY.leaves[7].seal)


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=LONGEST_PATH).map(tuple)


@given(st.builds(InclusionProof, st.integers(0, 2**62), HASHES, st.just(TOY.note), st.binary(max_size=200)))
def test_a_proof_reads_back_from_its_text(proof: InclusionProof) -> None:
    assert parse_proof(render_proof(proof)) == parse_proof(render_proof(proof).encode()) == proof


@given(st.builds(ConsistencyProof, st.integers(0, 2**62), HASHES, st.just(TOY.note)))
def test_a_consistency_file_reads_back_from_its_text(proof: ConsistencyProof) -> None:
    text = render_consistency_proof(proof)
    assert parse_consistency_proof(text) == parse_consistency_proof(text.encode()) == proof


@given(st.builds(HoldsExtra, st.just(TOY.head), HASHES, st.binary(min_size=1, max_size=300)))
def test_extra_reads_back_from_its_bytes(extra: HoldsExtra) -> None:
    assert parse_holds_extra(render_holds_extra(extra)) == extra


def test_the_text_is_that_of_the_specification() -> None:
    lines = render_proof(HOLDS).split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == f"extra {b64encode(HOLDS.extra).decode()}"
    assert lines[2] == "index 3"
    assert lines[3:7] == [b64encode(step).decode() for step in HOLDS.path]
    assert "\n".join(lines[7:]) == "\n" + TOY.note
    assert render_consistency_proof(TOY.consistency(5)).startswith("konsens/consistency@v1\nold 5\n")


GOOD = render_proof(HOLDS)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(GOOD.replace("@v1", "@v2"), id="another version"),
        pytest.param("\n" + GOOD, id="empty line first"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(GOOD.replace("extra ", "Extra "), id="Extra"),
        pytest.param(GOOD.replace("extra ", "extra  "), id="two spaces"),
        pytest.param(GOOD.replace(GOOD.split("\n")[1], "extra "), id="empty extra"),
        pytest.param(GOOD.replace(GOOD.split("\n")[1], "extra"), id="extra without a value"),
        pytest.param(GOOD.replace("index 3\n", ""), id="no index"),
        pytest.param(GOOD.replace("index 3", "index 03"), id="leading zero"),
        pytest.param(GOOD.replace("index 3", "index -3"), id="negative index"),
        pytest.param(GOOD.replace("index 3", "index 3 "), id="space after the index"),
        pytest.param(GOOD.replace("index 3", "index " + "9" * 20), id="huge index"),
        pytest.param(GOOD.replace("index 3", "index 3\nindex 3"), id="index twice"),
        pytest.param(GOOD.replace("=\n\n", "\n\n", 1), id="hash without padding"),
        pytest.param(GOOD.replace("index 3\n", "index 3\nAAAA\n"), id="hash of 3 bytes"),
        pytest.param(
            GOOD.replace("index 3\n", "index 3\n" + 65 * f"{b64encode(bytes(32)).decode()}\n"),
            id="endless path",
        ),
        pytest.param(GOOD.split("\n\n")[0], id="no checkpoint"),
        pytest.param(GOOD.split("\n\n")[0] + "\n\n", id="empty checkpoint"),
        pytest.param(GOOD.replace("\n11\n", "\n", 1).replace("\n12\n", "\n", 1), id="a broken checkpoint"),
        pytest.param(GOOD[:-1], id="no newline at the end"),
        pytest.param(GOOD + "\n", id="an empty line at the end"),
        pytest.param(GOOD.encode() + b"\xff", id="not UTF-8"),
        pytest.param(GOOD + "x" * (1 << 20), id="endless"),
    ],
)
def test_what_is_no_proof_file_is_refused(text: str | bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_proof(text)
    assert caught.value.code == "proof.format"


CONSISTENT = render_consistency_proof(TOY.consistency(5))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CONSISTENT.replace("konsens/", "c2sp.org/"), id="another header"),
        pytest.param(CONSISTENT.replace("old 5\n", ""), id="no size"),
        pytest.param(CONSISTENT.replace("old 5", "old 05"), id="leading zero"),
        pytest.param(CONSISTENT.replace("old 5", "index 5"), id="index for old"),
        pytest.param(CONSISTENT.replace("old 5\n", "old 5\nAA==\n"), id="hash of a byte"),
        pytest.param(CONSISTENT[:-1], id="no newline at the end"),
        pytest.param(GOOD, id="an inclusion proof"),
    ],
)
def test_what_is_no_consistency_file_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_consistency_proof(text)
    assert caught.value.code == "proof.format"
