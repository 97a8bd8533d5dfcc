"""The commands that run until they are ended, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from konsens.fetch import Fetcher
from konsens.registry import Registry, make_seal_leaf, parse_policy, parse_vkey
from konsens.registry.remote import LogClient
from tests.registry.postgres.conftest import server
from tests.registry.postgres.nodes import Node

FETCHER = Fetcher(loopback=True, seconds=20)
KONSENS = str(Path(sys.executable).with_name("konsens"))
__all__ = ["server"]  # a fixture

LOG, WITNESS = "log.muster.example", "witness.example"


@pytest.fixture
def at(tmp_path: Path) -> Path:
    secret = tmp_path / "pw"
    secret.write_text("\n")
    secret.chmod(0o600)
    return tmp_path


def environment(at: Path) -> dict[str, str]:
    return {**os.environ, "KONSENS_PASSPHRASE_FILE": str(at / "pw"), "KONSENS_LANG": "en"}


def konsens(at: Path, *line: str) -> dict[str, Any]:
    done = subprocess.run(
        [KONSENS, *line, "--json"],
        cwd=at,
        env=environment(at),
        capture_output=True,
        check=False,
        timeout=60,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if answer["ok"] else done.returncode)
    return answer


@contextmanager
def running(at: Path, *line: str, log: list[dict[str, Any]] | None = None) -> Iterator[dict[str, Any]]:
    """Run a command that serves, and yield its answer; it must end well when it is interrupted.

    It says nothing on stderr but lines of JSON, where a list is given for them.
    """
    process = subprocess.Popen(
        [KONSENS, *line, "--json"],
        cwd=at,
        env=environment(at),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()
        answer: dict[str, Any] = json.loads(first)
        assert answer["ok"]
        yield answer["data"]
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=30)
        if log is not None:
            log += map(json.loads, said.splitlines())
            said = b""
        assert (process.returncode, rest, said) == (0, b"", b"")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_log_is_served_witnessed_and_goes_on_where_it_ended(at: Path) -> None:
    line = konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")["data"]["vkey"]
    vkey = parse_vkey(line)
    key = konsens(at, "registry", "witness", "key", WITNESS, "--home", "wit")["data"]["vkey"]
    (at / "logs").write_text(f"log {line}\nquorum none\n")
    with running(
        at, "registry", "witness", "serve", WITNESS, "--logs", "logs", "--port", "0", "--home", "wit"
    ) as witness:
        assert (witness["vkey"], witness["logs"]) == (key, [LOG])
        policy = f"log {line}\nwitness w {key} {witness['url']}\nquorum w\n"
        (at / "policy").write_text(policy)
        serve = ("registry", "serve", "reg", "--port", "0", "--home", "op")
        with running(at, *serve, "--witnesses", "policy", "--local-witnesses") as log:
            assert (log["origin"], log["witnesses"]) == (LOG, ["w"])
            client = LogClient(log["url"], vkey, loopback=True)
            leaf = make_seal_leaf(bytes([1] * 32), bytes(32), origin=LOG)
            (index,) = client.append([leaf])
            for _ in range(300):
                note = client.fetch(["checkpoint"])[0]
                if note is not None and int(note.split(b"\n")[1]) > index:
                    break
                sleep(0.05)
            assert note is not None
            assert parse_policy(policy).check(note).witnesses == ("w",)
        with running(at, *serve) as log:
            client = LogClient(log["url"], vkey, loopback=True)
            assert client.append([leaf]) == [index]
            assert client.append([make_seal_leaf(bytes([2] * 32), bytes(32), origin=LOG)])[0] > index
    with Registry.open(at / "reg") as registry:
        newest = registry.checkpoint()
        assert newest is not None
        assert newest.checkpoint.size == registry.size()
    assert konsens(at, "registry", "fsck", "reg", "--home", "op")["ok"]


def test_a_log_in_postgres_is_served_by_two_nodes_and_sequenced_by_one(at: Path, server: Node) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    where = ("--schema", "served", "--home", "op")
    assert konsens(at, "registry", "migrate", "reg", "--to", server.dsn, *where)["ok"]
    postgres = ("--postgres", server.dsn, "--static", "public", *where)
    node = ("registry", "serve", "--port", "0", *postgres)
    sequence = ("registry", "sequence", *postgres)
    assert konsens(at, *node[:4], *postgres[:2], *where)["code"] == "input.needed"
    with running(at, *node) as one, running(at, *node) as two:
        with running(at, *sequence, "--single-node") as sequencer:
            assert (sequencer["origin"], one["vkey"]) == (LOG, sequencer["vkey"])
            vkey = parse_vkey(one["vkey"])
            leaf = make_seal_leaf(bytes([1] * 32), bytes(32), origin=LOG)
            indices = [LogClient(node["url"], vkey, loopback=True).append([leaf]) for node in (one, two, one)]
            assert indices[0] == indices[1] == indices[2]
        # What it took is signed and published when it ends.
        note = LogClient(two["url"], vkey, loopback=True).fetch(["checkpoint"])[0]
        assert note is not None
        assert int(note.split(b"\n")[1]) > indices[0][0]
    konsens(at, "registry", "init", "other", "--origin", LOG, "--home", "no")
    answer = konsens(at, *sequence[:-1], "no", "--single-node")
    assert answer["code"] == "registry.not_operator"


def test_a_sequencer_without_standbys_wants_to_be_told_that_there_are_none(at: Path, server: Node) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    where = ("--schema", "alone", "--home", "op")
    assert konsens(at, "registry", "migrate", "reg", "--to", server.dsn, *where)["ok"]
    answer = konsens(at, "registry", "sequence", "--postgres", server.dsn, "--static", "public", *where)
    assert answer["code"] == "postgres.no_standbys"


def test_who_is_not_the_operator_serves_nothing(at: Path) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    konsens(at, "registry", "init", "other", "--origin", "other.example", "--home", "no")
    answer = konsens(at, "registry", "serve", "reg", "--port", "0", "--home", "no")
    assert answer["code"] == "registry.not_operator"


def test_what_happens_is_told_on_stderr_for_programs(at: Path) -> None:
    line = konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")["data"]["vkey"]
    key = konsens(at, "registry", "witness", "key", WITNESS, "--home", "wit")["data"]["vkey"]
    (at / "policy").write_text(f"log {line}\nwitness w {key} http://127.0.0.1:1\nquorum w\n")
    serve = ("registry", "serve", "reg", "--port", "0", "--home", "op", "--log", "json")
    said: list[dict[str, Any]] = []
    with running(at, *serve, "--witnesses", "policy", "--local-witnesses", log=said) as log:
        client = LogClient(log["url"], parse_vkey(line), loopback=True)
        client.append([make_seal_leaf(bytes([1] * 32), bytes(32), origin=LOG)])
    assert all({"at", "level", "event"} <= one.keys() for one in said)
    assert [one["witness"] for one in said if one.get("code") == "witness.down"] == ["w"]
    assert [one["size"] for one in said if one["event"] == "published"][-1] >= 2
    assert "127.0.0.1" not in json.dumps(said)


def test_a_port_that_is_taken_is_named(at: Path) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    with running(at, "registry", "serve", "reg", "--port", "0", "--home", "op") as log:
        port = log["url"].rpartition(":")[2]
        answer = konsens(at, "registry", "serve", "reg", "--port", port, "--home", "op")
        assert answer["code"] == "serve.address"


@pytest.mark.parametrize(
    ("rules", "code"), [("v = 1\nmore = 2\n", "input.unknown_member"), ("v = ", "append.policy")]
)
def test_rules_that_cannot_be_read_serve_nothing(at: Path, rules: str, code: str) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    (at / "rules.toml").write_text(rules)
    line = ("registry", "serve", "reg", "--port", "0", "--rules", "rules.toml", "--home", "op")
    assert konsens(at, *line)["code"] == code
