"""The way out to the network: where it goes, where it never goes, and what a hostile server can do."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from konsens.errors import InputError, Unavailable
from konsens.fetch import Fetcher, check_url

# By RFC 6890 and the IANA registries of special-purpose addresses, and by what URL parsers have got wrong.
HOSTILE_URLS = [
    "http://log.muster.example/",
    "ftp://log.muster.example/",
    "file:///etc/passwd",
    "gopher://log.muster.example/",
    "data:text/plain,hello",
    "//log.muster.example/",
    "log.muster.example",
    "https://",
    "https:///path",
    "https://:443/",
    "https://user@log.muster.example/",
    "https://user:word@log.muster.example/",
    "https://@log.muster.example/",
    "https://log.muster.example:0/",
    "https://log.muster.example:99999/",
    "https://log.muster.example:x/",
    "https://log.muster.example/#part",
    "https://log.muster.example/a b",
    "https://log.muster.example/a\nb",
    "https://log.muster.example/a\tb",
    "https://log.muster.example/\x00",
    "https://log.muster.example\\@192.0.2.1/",
    "https://lög.muster.example/",
    "https://log.muster.example/ä",
    "https://127.0.0.1/",
    "https://127.255.255.254/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[::127.0.0.1]/",
    "https://[5f00::1]/",
    "https://[fe80::1%25eth0]/",
]

HOSTILE_ANSWERS = [
    ["127.0.0.1"],
    ["10.1.2.3"],
    ["169.254.169.254"],
    ["::1"],
    ["fd00::1"],
    ["fe80::1%eth0"],
    ["::ffff:192.168.0.1"],
    ["93.184.216.34", "127.0.0.1"],
    ["64:ff9b::7f00:1"],
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_an_address_that_could_lead_inside_is_refused_before_anything_is_sent(url: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    with pytest.raises(InputError) as refused:
        Fetcher(lookup=never).get(url)
    assert refused.value.code == "fetch.address"


@pytest.mark.parametrize("url", ["http://192.0.2.7/", "http://localhost/", "http://log.muster.example/"])
def test_what_the_user_himself_may_name_is_this_machine_in_digits_and_nothing_else(url: str) -> None:
    check_url("http://127.0.0.1:8080/x", loopback=True)
    check_url("http://[::1]:8080/x", loopback=True)
    with pytest.raises(InputError):
        check_url(url, loopback=True)


@pytest.mark.parametrize("spelled", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_names_whose_addresses_are_looked_at(spelled: str) -> None:
    with pytest.raises(InputError) as refused:
        Fetcher(lookup=lambda host, port: ["127.0.0.1"]).get(f"https://{spelled}/")
    assert refused.value.code == "fetch.address"


@pytest.mark.parametrize("answer", HOSTILE_ANSWERS, ids=" ".join)
def test_a_name_that_leads_inside_is_refused_even_if_only_one_of_its_addresses_does(
    answer: list[str],
) -> None:
    with pytest.raises(InputError) as refused:
        Fetcher(lookup=lambda host, port: answer).get("https://log.muster.example/")
    assert refused.value.code == "fetch.address"


def test_a_name_is_looked_up_once_so_a_second_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    went: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        went.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unavailable) as refused:
        Fetcher(lookup=rebinding).get("https://log.muster.example/")
    assert refused.value.code == "fetch.unreachable"
    assert (asked, went) == (["log.muster.example"], ["93.184.216.34"])


def test_no_name_is_no_answer() -> None:
    with pytest.raises(Unavailable) as refused:
        Fetcher(lookup=lambda host, port: []).get("https://log.muster.example/")
    assert refused.value.code == "fetch.unreachable"


@contextmanager
def serving(
    *pieces: bytes, pause: float = 0.0, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one connection on loopback: read a request, send `pieces`; yields the port and what was read."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            try:
                peer, _ = server.accept()
                with tls.wrap_socket(peer, server_side=True) if tls else peer as stream:
                    asked.append(stream.recv(65536))
                    for piece in pieces:
                        stream.sendall(piece)
                        time.sleep(pause)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], asked
        finally:
            server.close()
            thread.join()


def test_an_answer_comes_whole_with_its_status() -> None:
    with serving(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\nX-Thing: a\r\n\r\nhi") as (port, asked):
        answer = Fetcher(loopback=True).get(f"http://127.0.0.1:{port}/x?y=1")
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (404, b"hi", "a")
    assert asked[0].startswith(b"GET /x?y=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}".encode() in asked[0]


def test_a_redirect_is_an_answer_and_nobody_follows_it() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with serving(moved) as (port, _):
        assert Fetcher(loopback=True).get(f"http://127.0.0.1:{port}/").status == 302


def test_a_proxy_in_the_environment_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert Fetcher(loopback=True).get(f"http://127.0.0.1:{port}/").status == 200


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 50], id="headers drop by drop"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *[b"."] * 50], id="a body drop by drop"
        ),
        pytest.param([b"", *[b""] * 20], id="nothing at all"),
    ],
)
def test_a_server_that_drips_gains_nothing(pieces: list[bytes]) -> None:
    begun = time.monotonic()
    with serving(*pieces, pause=0.05) as (port, _), pytest.raises(Unavailable) as refused:
        Fetcher(loopback=True, seconds=0.3).get(f"http://127.0.0.1:{port}/")
    assert refused.value.code == "fetch.unreachable"
    assert time.monotonic() - begun < 3  # what the server takes to drip, at most


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"],
)
def test_an_answer_beyond_its_limit_is_dropped(head: bytes) -> None:
    with serving(head + b"x" * 5000) as (port, _), pytest.raises(InputError) as refused:
        Fetcher(loopback=True).get(f"http://127.0.0.1:{port}/", most=4999)
    assert refused.value.code == "fetch.too_large"


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"\x00" * 100]
)
def test_what_is_no_http_is_no_answer(answer: bytes) -> None:
    with serving(answer) as (port, _), pytest.raises(Unavailable) as refused:
        Fetcher(loopback=True).get(f"http://127.0.0.1:{port}/")
    assert refused.value.code == "fetch.unreachable"


def test_a_certificate_has_to_be_for_the_name(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "log.muster.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("log.muster.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=pem.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    def ask(host: str, tls: ssl.SSLContext | None) -> bytes:
        with serving(ok, tls=server) as (port, _):
            fetcher = Fetcher(loopback=True, tls=tls)
            fetcher._connectable = lambda host, port: "127.0.0.1"  # type: ignore[method-assign]  # the name leads here
            return fetcher.get(f"https://{host}:{port}/").body

    assert ask("log.muster.example", client) == b"hi"
    for host, tls in (("other.muster.example", client), ("log.muster.example", None)):
        with pytest.raises(Unavailable):
            ask(host, tls)
