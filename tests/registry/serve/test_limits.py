"""Whom a limit is counted for, and that nobody's address stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from litestar.exceptions import TooManyRequestsException
from litestar.testing import TestClient

from konsens.errors import RefusedByPolicy
from konsens.registry import Checkpoint, Cosigner, NoteSigner, render_vkey, sign_checkpoint
from konsens.registry.serve import Admission, AppendPolicy, Open
from konsens.registry.serve.limits import RateLimit, sender_of
from konsens.registry.serve.witness_app import witness_app
from konsens.registry.witness import AddCheckpoint, Witness, WitnessState, parse_logs, render_add_checkpoint

from .writers import SIGNER


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_ipv6_network_of_64_bits_is_one_sender(address: str, sender: str) -> None:
    assert sender_of(address) == sender


def test_a_rate_limit_counts_in_a_second_and_keeps_nobody_longer() -> None:
    now = 7.0
    limit = RateLimit(2, clock=lambda: now)
    for number in range(3000):
        limit.draw(f"sender {number}")
    limit.draw("sender 0")
    with pytest.raises(TooManyRequestsException):
        limit.draw("sender 0")
    assert len(limit) == 3000
    now = 8.0
    limit.draw("sender 0")
    assert len(limit) == 1


def test_admission_forgets_whose_bucket_is_full_again() -> None:
    admission = Admission(AppendPolicy(v=1, open=Open(per_minute=1)))

    def admit(client: str, now: float) -> None:
        admission.admit(seals=1, public=0, vouchers=0, client=client, member=None, now=now)

    for number in range(100):
        admit(f"192.0.2.{number}", now=0.0)
    with pytest.raises(RefusedByPolicy):
        admit("192.0.2.7", now=59.0)
    admit("198.51.100.1", now=60.0)
    assert len(admission._buckets) == 2  # that one's, and everybody's


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    logs = parse_logs(f"log {render_vkey(SIGNER.vkey)}\nquorum none\n")
    with closing(WitnessState(tmp_path / "witness.sqlite")) as state:
        yield Witness(Cosigner("witness.example", bytes([1] * 32)), logs, state)


def submission(old: int, size: int, signer: NoteSigner = SIGNER) -> bytes:
    signed = sign_checkpoint(Checkpoint(signer.name, size, bytes(32)), signer)
    return render_add_checkpoint(AddCheckpoint(old, (), signed.note))


def test_each_answer_of_a_witness_has_just_the_type_of_the_protocol(witness: Witness) -> None:
    # tlog-witness, "add-checkpoint": 409 with Content-Type text/x.tlog.size; else text/plain; charset=utf-8.
    text = "text/plain; charset=utf-8"
    with TestClient(witness_app(witness)) as http:
        taken = http.post("/add-checkpoint", content=submission(0, 5))
        assert (taken.status_code, taken.headers["content-type"]) == (200, text)
        conflict = http.post("/add-checkpoint", content=submission(0, 6))
        assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size")
        assert conflict.text == "5\n"
        shown = http.get(f"/{sha256(SIGNER.name.encode()).hexdigest()}/checkpoint")
        assert (shown.status_code, shown.headers["content-type"]) == (200, text)


def test_who_reads_takes_nothing_from_a_log_that_the_witness_knows(witness: Witness) -> None:
    stranger = NoteSigner("other.example", bytes([8] * 32))
    with TestClient(witness_app(witness, per_second=1)) as http:
        for _ in range(40):
            http.get(f"/{'0' * 64}/checkpoint")
            http.post("/add-checkpoint", content=submission(0, 5, stranger))
            http.post("/add-checkpoint", content=b"x")
        assert http.post("/add-checkpoint", content=submission(0, 5)).status_code == 200


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_behind_a_proxy_each_sender_has_a_limit_of_his_own(witness: Witness, *, behind_proxy: bool) -> None:
    with TestClient(witness_app(witness, per_second=1, behind_proxy=behind_proxy)) as http:
        answers = [
            http.get(
                f"/{'0' * 64}/checkpoint", headers={"X-Forwarded-For": f"6.6.6.6, 203.0.113.{number}"}
            ).status_code
            for number in range(40)
        ]
    assert (429 in answers) != behind_proxy
