"""A log that is somebody else's: copied, cosigned, watched, exported, and what is found when it lies."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from konsens.registry import NoteSigner, Registry, SignerHead, make_seal_leaf, parse_policy, parse_vkey
from konsens.registry.mirror import check_fraud, parse_fraud

from .test_registry_serve import KONSENS, environment, konsens, running

LOG = "log.muster.example"
OPERATOR = NoteSigner(LOG, bytes(32))


@pytest.fixture
def at(tmp_path: Path) -> Path:
    secret = tmp_path / "pw"
    secret.write_text("\n")
    secret.chmod(0o600)
    return tmp_path


def seal(number: int) -> Any:
    return make_seal_leaf(number.to_bytes(32, "big"), bytes(32), origin=LOG)


def append(folder: Path, *numbers: int, remembered: str = "signed.json") -> None:
    if not folder.exists():
        Registry.create(folder, origin=LOG, signer=OPERATOR).close()
    with Registry.open(folder) as log:
        log.append([seal(number) for number in numbers])
        log.publish(OPERATOR, at=datetime.now(UTC), remembered=SignerHead(folder.parent / remembered))


def test_a_mirror_grows_with_the_log_and_proves_when_it_is_gone(at: Path) -> None:
    append(at / "reg", 1, 2)
    answer = konsens(at, "registry", "mirror", "reg", "--to", "copy")
    assert (answer["ok"], answer["data"]["size"], answer["data"]["added"]) == (True, 3, 3)
    append(at / "reg", 3)
    assert konsens(at, "registry", "mirror", "reg", "--to", "copy")["data"]["added"] == 2
    shutil.rmtree(at / "reg")
    assert konsens(at, "registry", "mirror", "reg", "--to", "copy")["code"] == "registry.not_found"
    proof = konsens(at, "registry", "prove", "--leaf", "1", "--registry", "copy")
    assert proof["ok"], proof
    assert konsens(at, "registry", "fsck", "copy")["ok"]


def test_a_map_cosigner_states_what_its_key_says(at: Path) -> None:
    append(at / "reg", 1)
    key = konsens(at, "registry", "witness", "key", "mirror.example", "--map", "--home", "m")["data"]["vkey"]
    line = ("registry", "mirror", "reg", "--to", "copy", "--cosign", "mirror.example", "--static", "files")
    answer = konsens(at, *line, "--home", "m")
    assert answer["data"]["cosigner"] == key
    text = f"log {answer['data']['vkey']}\nwitness map {key}\nquorum map\n"
    proven = parse_policy(text).check((at / "files" / "checkpoint").read_bytes())
    assert proven.map_cosigned
    assert not proven.unwitnessed


def test_an_operator_who_shows_two_pasts_is_proven_to_anybody(at: Path) -> None:
    append(at / "reg", 1)
    append(at / "other", 2, remembered="other.json")
    konsens(at, "registry", "mirror", "reg", "--to", "copy")
    answer = konsens(at, "registry", "mirror", "other", "--to", "copy")
    assert answer["code"] == "mirror.fork"
    (evidence,) = (at / "copy" / "evidence").glob("*.json")
    assert check_fraud(parse_fraud(evidence.read_text()), OPERATOR.vkey).origin == LOG


def test_a_monitor_tells_a_broken_seal_once_and_then_no_more(at: Path) -> None:
    append(at / "reg", 1, 2)
    (at / "seals").write_text(f"{seal(2).seal.hex()}\n{seal(3).seal.hex()}\n")
    line = ("registry", "monitor", "reg", "--to", "copy", "--watch", "seals")
    answer = konsens(at, *line)
    assert answer["code"] == "monitor.broken"
    assert [one["seal"] for one in answer["data"]["broken"]] == [seal(2).seal.hex()]
    answer = konsens(at, *line)
    assert (answer["ok"], answer["data"]["broken"], answer["data"]["watched"]) == (True, [], 2)
    append(at / "reg", 3)
    answer = konsens(at, *line)
    assert answer["data"]["broken"][0]["checkpoint_size"] == 5
    shutil.rmtree(at / "reg")
    append(at / "reg", 7, remembered="new.json")
    answer = konsens(at, *line)
    assert answer["data"]["problems"][0]["code"] in {"mirror.rolled_back", "mirror.fork"}


def test_a_home_watches_its_own_seals(at: Path) -> None:
    konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")
    konsens(at, "registry", "checkpoint", "reg", "--home", "op")
    konsens(at, "init", "--registry", "reg", "--words-file", "words", "--home", "me")
    line = ("registry", "monitor", "reg", "--to", "copy")
    answer = konsens(at, *line, "--home", "me")
    assert (answer["ok"], answer["data"]["watched"]) == (True, 0)
    assert konsens(at, *line, "--home", "op")["code"] == "monitor.nothing"


def test_a_served_log_is_mirrored_and_watched_over_http_again_and_again(at: Path) -> None:
    key = konsens(at, "registry", "init", "reg", "--origin", LOG, "--home", "op")["data"]["vkey"]
    (at / "seals").write_text(f"{seal(5).seal.hex()}\n")
    (at / "policy").write_text(f"log {key}\nquorum none\n")
    with running(at, "registry", "serve", "reg", "--port", "0", "--home", "op") as log:
        from konsens.registry.remote import LogClient

        LogClient(log["url"], parse_vkey(key), loopback=True).append([seal(1)])
        for _ in range(50):
            answer = konsens(at, "registry", "mirror", log["url"], "--to", "copy", "--policy", "policy")
            if answer["ok"]:
                break
        assert answer["ok"], answer
        watch = subprocess.Popen(
            [
                KONSENS,
                "registry",
                "monitor",
                log["url"],
                "--to",
                "other",
                "--watch",
                "seals",
                "--every",
                "1",
                "--json",
            ],
            cwd=at,
            env=environment(at),
            stdout=subprocess.PIPE,
        )
        try:
            assert watch.stdout is not None
            assert json.loads(watch.stdout.readline())["data"]["broken"] == []
            LogClient(log["url"], parse_vkey(key), loopback=True).append([seal(5)])
            for _ in range(10):
                told = json.loads(watch.stdout.readline())
                if not told["ok"]:
                    break
            assert told["code"] == "monitor.broken"
            assert told["data"]["broken"][0]["seal"] == seal(5).seal.hex()
        finally:
            watch.terminate()
            watch.communicate()


def test_an_export_goes_on_where_it_was(at: Path) -> None:
    append(at / "reg", 1)
    answer = konsens(at, "registry", "export", "--to", "files", "--registry", "reg")
    assert (answer["ok"], answer["data"]["size"]) == (True, 2)
    append(at / "reg", 2)
    assert konsens(at, "registry", "export", "--to", "files", "--registry", "reg")["data"]["size"] == 4
    assert (at / "files" / "checkpoint").read_text().split("\n")[1] == "4"
    assert (at / "files" / "map" / "newest").is_file()


def test_a_public_file_that_was_lost_or_damaged_is_written_again_on_request(at: Path) -> None:
    append(at / "reg", 1)
    export = ("registry", "export", "--to", "files", "--registry", "reg")
    assert konsens(at, *export)["data"]["repaired"] == 0
    files = {path: path.read_bytes() for path in (at / "files").rglob("*") if path.is_file()}
    bundle = next((at / "files" / "tile" / "entries").rglob("2"))
    bucket = next(path for path in (at / "files" / "map").rglob("000"))
    bundle.unlink()
    bucket.write_bytes(b"?")
    assert konsens(at, *export)["data"]["repaired"] == 0
    assert not bundle.exists()
    assert konsens(at, *export, "--repair")["data"]["repaired"] == 2
    assert {path: path.read_bytes() for path in (at / "files").rglob("*") if path.is_file()} == files
