"""`kill -9` in the middle of every command that writes: both homes and the registry open again, whole.

A child is forked from a server that has everything imported, so that the delay falls into the work and not
into the start of Python. It is killed, the damage is looked for, and the same command run again finishes.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import World
from tests.flow.child import konsens, server

LONGEST = 0.25  # seconds; most of these commands take a fifth of it
DONE_ALREADY = {
    "file.exists",
    "home.exists",
    "home.finished",
    "wallet.nothing_to_withdraw",
    "wallet.already_objected",
    "wallet.nothing_to_deliver",
    "courier.nothing_to_withdraw",
    "presentation.nonce_spent",
}
ASK = ("company", "ask", "--notice", "newsletter")
CRM = "EUID,Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,LAST_CHANGED\n"
Step = tuple[str, tuple[str, ...]]


def steps(n: int, did: str) -> Iterator[Step]:
    """Return one round of everything that writes, each line with its home, in an order that makes sense."""
    shop, me, ref = "shop", f"customer-{n}", f"C-{n}"
    email = ("newsletter", "--channel", "email")
    yield shop, ("company", "notice", "publish", f"notice-{n}.toml")
    yield shop, (*ASK, "--purpose", "newsletter", "--channel", "email", "--out", f"ask-{n}")
    yield (
        me,
        ("grant", f"ask-{n}", "--all", "--yes", "--address", f"email=a{n}@b.example", "--out", f"yes-{n}"),
    )
    yield shop, ("company", "receive", f"yes-{n}", "--ref", ref, "--receipts", f"receipts-{n}")
    yield me, ("card", "import", f"receipts-{n}")
    yield shop, ("company", "record-use", ref, *email, "--campaign", f"c-{n}")
    yield shop, ("registry", "checkpoint")
    yield me, ("backup", "create", f"backup-{n}")
    yield f"restored-{n}", ("backup", "restore", f"backup-{n}")
    yield f"recovered-{n}", ("recover", "--words-file", f"words-{n}", "--registry", "reg")
    yield me, ("withdraw", "Muster-Shop", "newsletter", "--yes")
    yield shop, (*ASK, "--purpose", "survey", "--out", f"more-{n}")
    yield me, ("refuse", f"more-{n}", "--yes", "--out", f"refusal-{n}")
    yield shop, ("company", "receive", f"refusal-{n}")
    yield shop, ("company", "import", f"crm-{n}.csv", "--mapping", "mailchimp")
    yield shop, ("company", "issue", "claims.json", "--type", "urn:x", "--to", did, "--out", f"card-{n}")
    yield me, ("card", "import", f"card-{n}")
    yield shop, ("company", "question", "--type", "urn:x", "--claim", "level", "--out", f"question-{n}")
    yield me, ("share", f"question-{n}", "--yes", "--out", f"answer-{n}")
    yield shop, ("company", "verify-answer", f"answer-{n}")
    yield shop, ("trail", "export", "--format", "bundle", "--out", f"trail-{n}")
    yield f"new-{n}", ("init", "--registry", "reg", "--words-file", f"new-words-{n}", "--force")
    yield f"shop-{n}", ("company", "init", "B", "--new-registry", f"reg-{n}", "--origin", f"l{n}.example")
    yield shop, ("company", "withdraw", f"e{n}", "--method", "phone")
    yield me, ("object", "Muster-Shop", "--yes")


class Life:
    """One world, in which every command is killed once before it may finish."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.server = server()
        self.environ = {name: value for name, value in os.environ.items() if name.startswith("KONSENS_")}
        self.killed = 0
        self.longest = LONGEST
        (world.folder / "claims.json").write_text('{"level":"gold","email":"a@b.example"}')

    def lines(self, n: int) -> Iterator[Step]:
        """Prepare one more round and return its lines."""
        world, folder = self.world, self.world.folder
        world.run(f"customer-{n}", "init", "--registry", "reg", "--words-file", f"words-{n}")
        did = world.run(f"customer-{n}", "id", "show")["did"]
        text = (folder / "notice.toml").read_text("utf-8")
        (folder / f"notice-{n}.toml").write_text(text.replace('version = "1"', f'version = "1.{n}"'), "utf-8")
        row = f"e{n},e{n}@b.example,2024-01-03 10:00:00,2024-01-03 10:00:00,,\n"
        (folder / f"crm-{n}.csv").write_text(CRM + row)
        return steps(n, did)

    def kill(self, home: str, words: tuple[str, ...]) -> None:
        """Start a line in a process of its own and end that without warning."""
        child = self.server.Process(target=konsens, args=((*words, "--home", home, "--json"), self.environ))
        child.start()
        begun = time.monotonic()
        child.join(self.chance.uniform(0, self.longest))
        self.killed += child.exitcode is None
        if child.exitcode is not None:  # it was faster: aim within its work the next time, on any machine
            self.longest = max(0.005, min(self.longest, time.monotonic() - begun))
        child.kill()
        child.join()
        child.close()

    def check(self, n: int, allowed: set[bool]) -> None:
        """Look for damage everywhere: homes, book, registry, files, and what the shop may do now."""
        world = self.world
        for home in (f"customer-{n}", "shop"):
            answer = world.run(home, "doctor", ok=False)
            assert answer["exit"] == 0, answer
        assert world.run("shop", "registry", "fsck", "reg")["failed"] == []
        decision = world.shop("check", f"C-{n}", "newsletter", "--channel", "email", ok=False)
        assert decision["exit"] in (0, 7), decision
        assert decision["data"]["allowed"] in allowed, decision

    def finish(self, home: str, words: tuple[str, ...]) -> None:
        """Run the same line again: now it is done, or it turns out to have been done."""
        answer = self.world.run(home, *words, ok=False)
        assert answer["ok"] or answer["code"] in DONE_ALREADY, (words, answer)
        if words[:2] == ("company", "withdraw"):
            imported = self.world.shop("check", words[2], "newsletter", "--channel", "email", ok=False)
            assert imported["exit"] == 7, imported
        if "--out" in words:
            check_whole(self.world.folder / words[words.index("--out") + 1])


def check_whole(path: Path) -> None:
    """A file is there with all its bytes, or not there."""
    data = path.read_bytes()
    assert data.startswith(b"PK") or json.loads(data)["type"].startswith("konsens/")


def live(world: World, kills: int, seed: int) -> None:
    life, n = Life(world, random.Random(seed)), 0
    done = 0
    while done < kills:
        n, holds = n + 1, False
        for home, words in life.lines(n):
            life.kill(home, words)
            done += 1
            after = holds
            if words[:3] == ("company", "receive", f"yes-{n}"):
                after = True
            elif words[0] in ("withdraw", "object"):
                after = False
            life.check(n, {holds, after})
            life.finish(home, words)
            holds = after
            life.check(n, {holds})
            if done == kills:
                break
    assert life.killed > kills // 3, "too few were hit while they worked"


def test_forty_kills(world: World) -> None:
    live(world, 40, seed=20261122)


@pytest.mark.long
def test_five_hundred_kills(world: World) -> None:
    live(world, 500, seed=random.randrange(1 << 30))
