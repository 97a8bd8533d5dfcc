"""A log over HTTP, as a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
from konsens.fetch import Answer, Fetcher
from konsens.registry import Registry, check_ack, leaf_hash, parse_policy, render_vkey
from konsens.registry.serve import (
    GroupCommit,
    LogService,
    SqliteVouchers,
    hash_of,
    parse_append_policy,
    sign_request,
)
from konsens.registry.serve.log_app import log_app
from konsens.registry.serve.publication import Publication
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.wire import parse_appended, render_append, render_vouchers
from konsens.registry.static import FolderObjects, StaticLog

from .writers import SIGNER, public_leaf, publisher, seal_leaf

SHOP = PrivateKey.ed25519(bytes([3] * 32))
MEMBER = LocalSigner(SHOP, kid_of(did_key(SHOP.public)))
STRANGER = PrivateKey.ed25519(bytes([4] * 32))
RULES = f"""
v = 1
[open]
per_minute = 20
[[member]]
did = "{did_key(SHOP.public)}"
vouchers = 100
"""
FETCHER = Fetcher(loopback=True, seconds=20)


class Asked:
    """A served log as those see it who ask it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Answer:
        return FETCHER.get(self.url + path)

    def post(self, path: str, body: bytes, signer: LocalSigner | None = None, *, late: int = 0) -> Answer:
        at = datetime.now(UTC) - timedelta(seconds=late)
        signed = (
            {"Authorization": sign_request(body, origin=SIGNER.name, at=at, signer=signer)} if signer else {}
        )
        return FETCHER.post(self.url + path, body, headers=signed)

    def wait_published(self, size: int) -> None:
        for _ in range(500):
            answer = self.get("/checkpoint")
            if answer.status == 200 and int(answer.body.split(b"\n")[1]) >= size:
                return
            sleep(0.02)
        raise AssertionError("no checkpoint")


class Served(Asked):
    """The same, with a look behind it."""

    def __init__(self, url: str, folder: Path, intake: GroupCommit) -> None:
        super().__init__(url)
        self.folder, self.intake = folder, intake


@contextmanager
def served(home: Path, rules: str = RULES) -> Iterator[Served]:
    folder = home / "registry"
    if not folder.exists():
        Registry.create(folder, origin=SIGNER.name, signer=SIGNER).close()
    objects = FolderObjects(home / "static")

    def open_log() -> Registry:
        return Registry.open(folder)

    with (
        GroupCommit(open_log, publisher(home), pause=0.05) as intake,
        Publication(open_log, objects, intake, pause=0.05),
    ):
        service = LogService(
            signer=SIGNER,
            open_log=open_log,
            intake=intake,
            objects=objects,
            policy=parse_append_policy(rules),
            vouchers=SqliteVouchers(home / "vouchers.sqlite"),
        )
        with serving(log_app(service), listen("127.0.0.1", 0)) as url:
            yield Served(url, folder, intake)


def code(answer: Answer) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json")
    return str(json.loads(answer.body)["code"])


def test_a_leaf_is_appended_acknowledged_published_and_proven(tmp_path: Path) -> None:
    leaves = [seal_leaf(number) for number in range(3)]
    with served(tmp_path) as log:
        answer = log.post("/append", render_append(leaves))
        assert answer.status == 200
        appended = parse_appended(answer.body)
        for leaf, index, ack in zip(leaves, appended.indices, appended.acknowledgements, strict=True):
            assert check_ack(ack, leaf_hash=leaf_hash(leaf.entry), vkey=SIGNER.vkey) == index
        assert log.post("/append", render_append(leaves)).body == answer.body
        log.wait_published(max(appended.indices) + 1)

        def fetch(paths: object) -> list[bytes | None]:
            answers = [log.get(f"/{path}") for path in paths]  # type: ignore[attr-defined]  # a sequence of paths
            return [answer.body if answer.status == 200 else None for answer in answers]

        policy = parse_policy(f"log {render_vkey(SIGNER.vkey)}\nquorum none\n")
        copy = StaticLog(fetch, policy, origin=SIGNER.name)
        copy.checkpoint()
        for leaf, index in zip(leaves, appended.indices, strict=True):
            assert copy.entries(index, index + 1) == [leaf.entry]
            assert copy.prove_inclusion(index).index == index
        assert "immutable" in log.get(f"/tile/0/000.p/{copy.size % 256}").headers["cache-control"]
        assert log.get("/checkpoint").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "body", "status", "expected"),
    [
        ("/append", b"", 400, "input.json"),
        ("/append", b"{}", 400, "input.format"),
        ("/append", b'{"v":1,"leaves":[]}', 400, "input.format"),
        ("/append", b'{"v":1,"leaves":["AA"],"leaves":["AA"]}', 400, "input.json_duplicate"),
        ("/append", b'{"v":1,"leaves":["AA"],"more":1}', 400, "input.unknown_member"),
        ("/append", b'{"v":2,"leaves":["AA"]}', 400, "input.format"),
        ("/append", b"[" * 100, 400, "input.json_depth"),
        ("/vouchers", b'{"v":1,"hashes":["00"]}', 403, "append.not_a_member"),
    ],
)
def test_a_bad_request_is_refused_by_code(
    tmp_path: Path, path: str, body: bytes, status: int, expected: str
) -> None:
    signer = LocalSigner(STRANGER, kid_of(did_key(STRANGER.public))) if path == "/vouchers" else None
    with served(tmp_path) as log:
        answer = log.post(path, body, signer)
        assert (answer.status, code(answer)) == (status, expected)


def test_bad_leaves_are_refused_by_name_and_nothing_enters(tmp_path: Path) -> None:
    good, other = seal_leaf(1), seal_leaf(1, commitment=bytes([9] * 32))
    forged = good.entry[:-1] + bytes([good.entry[-1] ^ 1])
    head = b"\x02" + bytes(72)
    with served(tmp_path) as log:
        for entry, status, expected in (
            (forged, 422, "leaf.signature"),
            (good.entry[:-1], 400, "leaf.format"),
            (head, 400, "registry.head_leaf"),
            (bytes(33), 400, "leaf.format"),
        ):
            from konsens.encoding import b64u_encode

            answer = log.post("/append", json.dumps({"v": 1, "leaves": [b64u_encode(entry)]}).encode())
            assert (answer.status, code(answer)) == (status, expected), entry
        assert log.intake.state.size <= 1
        assert log.post("/append", render_append([good])).status == 200
        answer = log.post("/append", render_append([other]))
        assert (answer.status, code(answer)) == (409, "seal.already_broken")


def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with served(tmp_path) as log:
        assert log.post("/append", b" " * (1 << 21)).status == 413


def test_a_stranger_has_his_limit_a_member_his_and_a_voucher_none(tmp_path: Path) -> None:
    vouchers = [bytes([number] * 32) for number in range(3)]
    with served(tmp_path) as log:
        registered = log.post("/vouchers", render_vouchers([hash_of(v) for v in vouchers[:2]]), MEMBER)
        assert registered.status == 204
        assert log.post("/append", render_append([seal_leaf(n) for n in range(20)])).status == 200
        late = log.post("/append", render_append([seal_leaf(20)]))
        assert (late.status, code(late)) == (429, "append.limit")
        assert 0 < int(late.headers["retry-after"]) <= 60
        # What is there already costs nothing, even now.
        assert log.post("/append", render_append([seal_leaf(3)])).status == 200
        # A voucher opens the log once; one that nobody registered, never.
        assert log.post("/append", render_append([seal_leaf(20)], [vouchers[2]])).status == 429
        assert log.post("/append", render_append([seal_leaf(20)], [vouchers[0]])).status == 200
        assert log.post("/append", render_append([seal_leaf(20)], [vouchers[0]])).status == 200
        assert log.post("/append", render_append([seal_leaf(21)], [vouchers[0]])).status == 429
        assert log.post("/append", render_append([seal_leaf(21)], [vouchers[1]])).status == 200
        assert log.post("/append", render_append([seal_leaf(n) for n in range(30, 90)]), MEMBER).status == 200


def test_public_leaves_are_for_members(tmp_path: Path) -> None:
    body = render_append([public_leaf(1)])
    with served(tmp_path) as log:
        answer = log.post("/append", body)
        assert (answer.status, code(answer)) == (403, "append.members_only")
        assert log.post("/append", body, MEMBER).status == 200


def test_a_signature_that_fails_is_no_strangers_request(tmp_path: Path) -> None:
    body = render_append([public_leaf(1)])
    with served(tmp_path) as log:
        late = log.post("/append", body, MEMBER, late=400)
        assert (late.status, code(late)) == (401, "append.unsigned")
        at = datetime.now(UTC)
        for header in (
            "Basic eDp5",
            "Konsens x.y.z",
            sign_request(body + b" ", origin=SIGNER.name, at=at, signer=MEMBER),
            sign_request(body, origin="other.example", at=at, signer=MEMBER),
        ):
            answer = FETCHER.post(log.url + "/append", body, headers={"Authorization": header})
            assert (answer.status, code(answer)) == (401, "append.unsigned")


def test_a_closed_log_takes_members_and_vouchers_only(tmp_path: Path) -> None:
    rules = RULES.replace("[open]\nper_minute = 20\n", "")
    with served(tmp_path, rules) as log:
        answer = log.post("/append", render_append([seal_leaf(1)]))
        assert (answer.status, code(answer)) == (403, "append.members_only")
        assert log.post("/vouchers", render_vouchers([hash_of(bytes(32))]), MEMBER).status == 204
        assert log.post("/append", render_append([seal_leaf(1)], [bytes(32)])).status == 200


def test_a_member_cannot_flood_the_log_with_vouchers(tmp_path: Path) -> None:
    with served(tmp_path) as log:
        many = [hash_of(number.to_bytes(32, "big")) for number in range(101)]
        answer = log.post("/vouchers", render_vouchers(many), MEMBER)
        assert (answer.status, code(answer)) == (403, "append.vouchers")
        assert log.post("/vouchers", render_vouchers(many[:100]), MEMBER).status == 204
        assert log.post("/vouchers", render_vouchers(many[:100]), MEMBER).status == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tile/0/000.p/200", 404),
        ("/tile/0/001", 404),
        ("/tile/../vouchers.sqlite", 400),
        ("/tile/%2e%2e/registry/log.sqlite", 400),
        ("/tile/0/%2e%2e/%2e%2e/x", 400),
        ("/tile/0/0", 400),
        ("/nothing", 404),
        ("/append", 405),
    ],
)
def test_only_what_was_published_can_be_read(tmp_path: Path, path: str, status: int) -> None:
    with served(tmp_path) as log:
        log.wait_published(1)
        answer = log.get(path)
        assert answer.status == status
        assert code(answer)


def test_health_metrics_and_openapi_say_what_is(tmp_path: Path) -> None:
    with served(tmp_path) as log:
        log.wait_published(1)
        assert log.get("/health/live").status == log.get("/health/ready").status == 200
        log.post("/append", render_append([seal_leaf(1)]))
        log.post("/append", b"")
        page = log.get("/metrics").body.decode()
        assert "konsens_log_leaves_total 1.0" in page
        assert 'konsens_log_refused_total{code="input.json"} 1.0' in page
        assert "konsens_log_entries 3.0" in page or "konsens_log_entries 2.0" in page
        paths = json.loads(log.get("/openapi/openapi.json").body)["paths"]
        assert {"/append", "/checkpoint", "/vouchers", "/metrics", "/health/ready"} <= set(paths)
        assert paths["/append"]["post"]["requestBody"]["content"]["application/json"]


def test_a_stopped_writer_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with served(tmp_path) as log:
        log.post("/append", render_append([seal_leaf(1)]))
        log.wait_published(1)
    (tmp_path / "signed.json").write_text("{}")
    with served(tmp_path) as log:
        for _ in range(500):
            if log.intake.state.stopped:
                break
            sleep(0.01)
        assert log.get("/health/live").status == 200
        answer = log.get("/health/ready")
        assert (answer.status, code(answer)) == (503, "append.stopped")
        answer = log.post("/append", render_append([seal_leaf(2)]))
        assert (answer.status, code(answer)) == (503, "append.stopped")
        assert log.get("/checkpoint").status == 200  # what was published stays readable
