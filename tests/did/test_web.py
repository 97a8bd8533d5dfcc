"""did:web: where its document lies, and the names that would lead elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import (
    OfflineResolver,
    WebResolver,
    did_key,
    document_of,
    folder_fetcher,
    key_of,
    render_document,
    url_of,
)
from konsens.errors import InputError, KonsensError, NotFound, Unavailable, VerificationError
from tests.did.test_keys import ED25519

DID = "did:web:muster.example"


@pytest.mark.parametrize(
    ("did", "url"),
    [
        # The examples of the did:web Method Specification.
        ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
        ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
        ("did:web:example.com%3A3000", "https://example.com:3000/.well-known/did.json"),
        ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
        # Ours.
        ("did:web:xn--mller-kva.example", "https://xn--mller-kva.example/.well-known/did.json"),
        (
            "did:web:a.b-c.d1.example%3A65535:v1.0:shop_1",
            "https://a.b-c.d1.example:65535/v1.0/shop_1/did.json",
        ),
        ("did:web:muster.example:-", "https://muster.example/-/did.json"),
    ],
)
def test_a_did_web_names_a_url(did: str, url: str) -> None:
    assert url_of(did) == url


@pytest.mark.parametrize(
    "name",
    [
        # No domain name.
        *(
            "",
            "localhost",
            "muster",
            ".",
            "..",
            ".example",
            "muster..example",
            "muster.example.",
            "-a.example",
        ),
        *(
            "a-.example",
            "mu_ster.example",
            "muster.example ",
            " muster.example",
            "muster.example\n",
            "*.example",
        ),
        *(
            "a" * 64 + ".example",
            ".".join(["a" * 60] * 5),
            "müller.example",
            "MUSTER.example",
            "Muster.Example",
        ),
        *("muster。example", "muster.example\u200b", "mustеr.example"),
        # Addresses, in every spelling that a resolver takes.
        *(
            "127.0.0.1",
            "10.0.0.1%3A80",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "1.2.3.0x4",
        ),
        *("[::1]", "[::1]%3A80", "%5B%3A%3A1%5D", "::1", "fe80::1", "169.254.169.254", "1.2.3.4."),
        # Another authority.
        *(
            "user@muster.example",
            "user%40muster.example",
            "user%3Apass@muster.example",
            "muster.example@evil",
        ),
        *(
            "muster.example%2Fevil",
            "muster.example/evil",
            "muster.example\\evil",
            "muster.example?x",
            "muster.example#x",
        ),
        # The port.
        *("muster.example%3A", "muster.example%3A0", "muster.example%3A080", "muster.example%3A65536"),
        *("muster.example%3A99999", "muster.example%3A-1", "muster.example%3A+1", "muster.example%3A1%3A2"),
        *("muster.example%3a8443", "muster.example%3A８０", "muster.example%253A80", "muster.example%3Ahttp"),
        # Paths.
        *(
            "muster.example:",
            "muster.example::a",
            "muster.example:a:",
            "muster.example:..",
            "muster.example:.",
        ),
        *("muster.example:a:..:b", "muster.example:.well-known", "muster.example:.git", "muster.example:a."),
        *("muster.example:%2e%2e", "muster.example:a%2Fb", "muster.example:a%00", "muster.example:a/b"),
        *(
            "muster.example:a\\b",
            "muster.example:a b",
            "muster.example:a\n",
            "muster.example:ä",
            "muster.example:~a",
        ),
        *("muster.example:a?b", "muster.example:a#b", "muster.example:a;b", "muster.example:" + "a" * 64),
        "muster.example" + ":abcdefgh" * 30,
    ],
    ids=ascii,
)
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(InputError) as error:
        url_of("did:web:" + name)
    assert error.value.code == "did.web_name"


@pytest.mark.parametrize(
    "did", ["", "did", "did:web", "DID:web:muster.example", "did:Web:muster.example", "did:key:z6Mk"]
)
def test_another_did_is_refused(did: str) -> None:
    with pytest.raises(InputError, match=r"did\.web_name"):
        url_of(did)


@given(st.text(alphabet="ab.-:%3A2fF/@\\\n0", max_size=40))
def test_whatever_is_taken_stays_in_its_place(name: str) -> None:
    try:
        url = url_of("did:web:" + name)
    except InputError:
        return
    host, _, path = url.removeprefix("https://").partition("/")
    assert host == host.lower().strip(".")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert not set("%@\\\n") & set(url)


def save(folder: Path, place: str, document: Any) -> None:
    file = folder / place / "did.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())


def resolver(folder: Path) -> WebResolver:
    return WebResolver(folder_fetcher(folder), then=OfflineResolver())


@pytest.mark.parametrize(
    ("did", "place"),
    [
        (DID, "muster.example/.well-known"),
        (DID + ":shop:de", "muster.example/shop/de"),
        (DID + "%3A8443", "muster.example:8443/.well-known"),
    ],
)
def test_a_folder_holds_what_was_fetched(tmp_path: Path, did: str, place: str) -> None:
    document = document_of(did, {"key-1": ED25519.public})
    save(tmp_path, place, render_document(document))
    assert resolver(tmp_path).resolve(did) == document
    assert key_of(resolver(tmp_path).resolve(did), did + "#key-1") == ED25519.public


def test_what_is_not_in_the_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"did\.not_found"):
        resolver(tmp_path).resolve(DID)
    (tmp_path / "muster.example" / ".well-known" / "did.json").mkdir(parents=True)
    with pytest.raises(NotFound, match=r"did\.not_found"):
        resolver(tmp_path).resolve(DID)


@pytest.mark.parametrize(
    "other",
    [DID + ".", "did:web:Muster.example", DID + ":shop", "did:web:evil.example", DID + "%3A443"],
)
def test_the_document_must_be_that_of_the_did(tmp_path: Path, other: str) -> None:
    save(tmp_path, "muster.example/.well-known", {**render_document(document_of(DID, {})), "id": other})
    with pytest.raises(VerificationError, match=r"did\.other_document"):
        resolver(tmp_path).resolve(DID)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "input.json", id="an empty file"),
        pytest.param(b"<html>", "input.json", id="a page"),
        pytest.param(b'{"id":"%s"}' % DID.encode() + b" " * (1 << 20), "input.too_large", id="beyond 1 MiB"),
    ],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    save(tmp_path, "muster.example/.well-known", content)
    with pytest.raises(InputError) as error:
        resolver(tmp_path).resolve(DID)
    assert error.value.code == code


def test_an_injected_fetcher_is_asked_for_the_url_and_only_for_did_web() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return json.dumps(render_document(document_of(DID, {"key-1": ED25519.public}))).encode()

    web = WebResolver(fetch, then=OfflineResolver())
    assert web.resolve(DID).id == DID
    assert web.resolve(did_key(ED25519.public)) == OfflineResolver().resolve(did_key(ED25519.public))
    with pytest.raises(InputError, match=r"did\.web_name"):
        web.resolve("did:web:127.0.0.1")
    with pytest.raises(KonsensError, match=r"did\.unresolved"):
        web.resolve("did:ethr:0x1")
    assert asked == ["https://muster.example/.well-known/did.json"]


def test_what_the_fetcher_raises_is_passed_on() -> None:
    def fetch(url: str) -> bytes:
        raise Unavailable("test.down", url=url)

    with pytest.raises(Unavailable):
        WebResolver(fetch, then=OfflineResolver()).resolve(DID)
