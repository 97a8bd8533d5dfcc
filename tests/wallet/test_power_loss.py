"""The power goes, the disk fills, the process is killed: what was acknowledged is there, whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from konsens.errors import Unavailable
from konsens.wallet import Kind, Vault

Make = Callable[..., Vault]


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


NOTES = Kind("note", Note)

WRITER = """
import sys
from pathlib import Path
import msgspec
from konsens.wallet import Kind, Vault

class Note(msgspec.Struct, frozen=True):
    text: str

notes = Kind("note", Note)
vault = Vault.open(Path(sys.argv[1]), "pp", wait=10)
number = int((vault.get(notes, "left") or Note("0")).text)
print("ready", flush=True)
while True:
    number += 1
    with vault.write():
        vault.put(notes, "left", Note(str(number)))
        vault.put(notes, str(number), Note("x" * (number % 3000)))
        vault.delete(notes, str(number - 20))
        vault.put(notes, "right", Note(str(number)))
    print(number, flush=True)
"""


def kill_a_writer(path: Path, chance: random.Random) -> int:
    """Start a writer, kill it somewhere, and return the last number that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.random() * 0.05)
        writer.kill()
        lines = [line for line in writer.stdout.read().split("\n")[:-1] if line]
    return int(lines[-1]) if lines else 0


def survive_kills(path: Path, times: int) -> None:
    chance = random.Random(7)
    for _ in range(times):
        acknowledged = kill_a_writer(path, chance)
        with Vault.open(path, "pp") as vault:
            vault.check()
            left, right = vault.get(NOTES, "left"), vault.get(NOTES, "right")
            assert left == right, "a transaction was torn"
            number = int(left.text) if left else 0
            assert number >= acknowledged, "an acknowledged transaction was lost"
            assert vault.list(NOTES).keys() - {"left", "right"} == {
                str(n) for n in range(max(1, number - 19), number + 1)
            }


def test_forty_kills_lose_nothing_that_was_acknowledged(vault_of: Make, path: Path) -> None:
    vault_of(path).close()
    survive_kills(path, 40)


@pytest.mark.long
def test_five_hundred_kills_lose_nothing_that_was_acknowledged(vault_of: Make, path: Path) -> None:
    vault_of(path).close()
    survive_kills(path, 500)


CREATOR = """
import sys
from pathlib import Path
from konsens.wallet import Cost, Vault

print("ready", flush=True)
Vault.create(Path(sys.argv[1]), "pp", cost=Cost(64, 1, 1), records=[("note", "a", b'{"text":"milk"}')])
print("done", flush=True)
"""


def test_a_creation_that_was_killed_leaves_a_whole_vault_or_none(path: Path) -> None:
    chance = random.Random(7)
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", CREATOR, str(path)], stdout=subprocess.PIPE, text=True
        ) as creator:
            assert creator.stdout is not None
            creator.stdout.readline()
            time.sleep(chance.random() * 0.02)
            creator.kill()
        if path.exists():
            with Vault.open(path, "pp") as vault:
                assert vault.get(NOTES, "a") == Note("milk")
            path.unlink()
    Vault.create(path, "pp").close()


FILLER = """
import resource, signal, sys
from pathlib import Path
import msgspec
from konsens.errors import Unavailable
from konsens.wallet import Kind, Vault

class Note(msgspec.Struct, frozen=True):
    text: str

notes = Kind("note", Note)
vault = Vault.open(Path(sys.argv[1]), "pp")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with vault.write():
        for number in range(400):
            vault.put(notes, str(number), Note("x" * 1000))
except Unavailable as error:
    print(error.code, flush=True)
vault.put(notes, "after", Note("still works"))
print("done", flush=True)
"""


@pytest.mark.parametrize("limit", [100_000, 130_000, 200_000, 300_000])
def test_a_file_that_cannot_grow_changes_nothing_and_the_vault_goes_on(
    vault_of: Make, path: Path, limit: int
) -> None:
    """The operating system refuses every write beyond a size, wherever SQLite happens to be."""
    vault_of(path, a="milk").close()
    run = subprocess.run(
        [sys.executable, "-c", FILLER, str(path), str(limit)], capture_output=True, text=True, check=False
    )
    first, _, rest = run.stdout.partition("\n")
    assert first in {"wallet.disk_full", "wallet.storage"}, run.stderr
    assert rest == "done\n", run.stderr
    with Vault.open(path, "pp") as vault:
        assert vault.list(NOTES) == {"a": Note("milk"), "after": Note("still works")}


def test_a_full_disk_is_named(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk") as vault:
        vault._run("PRAGMA max_page_count = 5")
        with pytest.raises(Unavailable) as refused:
            vault.put(NOTES, "b", Note("x" * 20_000))
        assert refused.value.code == "wallet.disk_full"
        assert vault.list(NOTES) == {"a": Note("milk")}
    with Vault.open(path, "pp") as vault:
        assert vault.list(NOTES) == {"a": Note("milk")}


def test_a_folder_that_does_not_exist_is_named(path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        Vault.create(path / "missing" / "wallet.sqlite", "")
    assert refused.value.code == "wallet.storage"


@pytest.mark.parametrize("call", range(1, 25))
def test_whichever_statement_fails_nothing_is_half_written(
    vault_of: Make, path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """The n-th statement of a transaction fails, for every n."""
    before = {"a": Note("milk")}
    after = {"a": Note("oat milk"), "b": Note("bread")}
    with vault_of(path, a="milk") as vault:
        run, count = Vault._run, 0

        def fail_once(self: Vault, sql: str, *values: bytes) -> object:
            nonlocal count
            count += 1
            if count == call:
                raise Unavailable("wallet.storage", problem="injected")
            return run(self, sql, *values)

        monkeypatch.setattr(Vault, "_run", fail_once)
        try:
            with vault.write():
                vault.put(NOTES, "a", Note("oat milk"))
                vault.put(NOTES, "b", Note("bread"))
            done = True
        except Unavailable:
            done = False
        monkeypatch.undo()
        assert vault.list(NOTES) == (after if done else before)
    with Vault.open(path, "pp") as vault:
        assert vault.list(NOTES) == (after if done else before)
