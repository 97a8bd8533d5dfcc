"""Clients that send slowly, or read nothing, keep nobody else out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPResponse
from pathlib import Path
from time import monotonic, sleep

import pytest

from konsens.registry.serve.impatient import ImpatientProtocol
from konsens.registry.serve.wire import MOST_BYTES, render_append

from .test_log_app import Served, code, served
from .writers import seal_leaf

SLOW = [
    b"",
    b"GET /check",
    b"GET /vkey HTTP/1.1\r\nHost: x\r\n",
    b"POST /append HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    b"POST /append HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(ImpatientProtocol, "to_send", 0.6)
    with served(tmp_path) as log:
        yield log


def connected(log: Served) -> socket.socket:
    host, _, port = log.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


@pytest.mark.parametrize("begun", SLOW)
def test_who_does_not_finish_a_request_is_let_go(log: Served, begun: bytes) -> None:
    with closing(connected(log)) as slow:
        slow.sendall(begun)
        start = monotonic()
        assert slow.recv(1000) == b""
        assert 0.3 < monotonic() - start < 8


def test_a_byte_now_and_then_does_not_help(log: Served) -> None:
    start = monotonic()
    with closing(connected(log)) as slow, suppress(OSError):
        for byte in b"GET /vkey HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1000:
            slow.sendall(bytes([byte]))
            sleep(0.02)
    assert monotonic() - start < 8  # a thousand would take twenty seconds


def test_while_many_are_slow_the_others_are_served(log: Served) -> None:
    with ExitStack() as stack:
        for number in range(300):
            slow = stack.enter_context(closing(connected(log)))
            slow.sendall(SLOW[number % len(SLOW)])
        start = monotonic()
        assert log.post("/append", render_append([seal_leaf(1)])).status == 200
        assert monotonic() - start < 5


def test_who_keeps_a_connection_gets_the_same_time_for_each_request(log: Served) -> None:
    with closing(connected(log)) as client:
        for _ in range(3):
            client.sendall(b"GET /vkey HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = HTTPResponse(client)
            answer.begin()
            assert (answer.status, answer.read()[:4]) == (200, b"log.")
            sleep(0.4)  # together longer than one request may take
        client.sendall(b"GET /vkey HTT")
        assert client.recv(1000) == b""


def test_who_does_not_take_the_answer_is_let_go(log: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "to_take", 0.3)
    with closing(connected(log)) as client:
        client.sendall(b"GET /vkey HTTP/1.1\r\nHost: x\r\n\r\n")
        sleep(0.1)
        answer = b""
        while more := client.recv(4000):
            answer += more
        assert answer.startswith(b"HTTP/1.1 200")


def test_a_body_that_is_too_large_is_refused(log: Served) -> None:
    answer = log.post("/append", b" " * (MOST_BYTES + 1))
    assert (answer.status, code(answer)) == (413, "http.413")
