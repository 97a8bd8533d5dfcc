"""What is secret or personal never comes out: not in errors, not in the registry, not in the clear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import PASSPHRASE, World, telltale

ADDRESS, CLAIM, REF = "canary.bird@cage.example", "CanaryClaimValue", "CANARY-REF-7"
HEADER = "EUID,Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,LAST_CHANGED\n"
CSV = f"{HEADER}e1,{ADDRESS},2024-01-03 10:00:00,,,\n"
BAD = f"{HEADER}e2,canary.bird@,2024-01-03,,,\n"
GRANT = ("grant", "ask.json", "--all", "--address")
NEWSLETTER = ("newsletter", "--channel", "email")


class Watch:
    """Runs lines, each once for people and once for programs, and keeps what they printed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.errors = ""
        self.answers = ""

    def __call__(self, home: str, *words: str, again: bool = False) -> int:
        ran = self.world.konsens(*words, "--home", home, "--json")
        self.answers += ran.out
        self.errors += ran.err
        answer = json.loads(ran.out)
        self.errors += f"{answer['message']} {answer['hint']}\n"
        people = self.world.konsens(*words, "--home", home)  # most often it now fails: that is wanted
        self.errors += people.err
        return ran.exit


@pytest.fixture
def watch(world: World) -> Watch:
    """Go through every flow of customer, company and officer, with each going wrong too."""
    watch, folder = Watch(world), world.folder
    (folder / "claims.json").write_text(json.dumps({"name": CLAIM, "level": "gold"}))
    (folder / "crm.csv").write_text(CSV)
    (folder / "bad.csv").write_text(BAD)
    (folder / "list.csv").write_text(f"mail\n{ADDRESS}\n")
    world.ask()
    did = world.me("id", "show")["did"]
    lines: list[tuple[str, tuple[str, ...]]] = [
        ("customer", (*GRANT, f"fax={ADDRESS}", "--yes", "--out", "x")),
        ("customer", (*GRANT, f"email={ADDRESS}x@", "--yes", "--out", "x")),
        ("customer", (*GRANT, f"={ADDRESS}", "--yes", "--out", "x")),
        ("customer", (*GRANT, f"email={ADDRESS}", "--dry-run", "--out", "x")),
        ("customer", (*GRANT, f"email={ADDRESS}", "--yes", "--out", "yes.json")),
        ("shop", ("company", "receive", "yes.json", "--ref", REF, "--receipts", "receipts.json")),
        ("customer", ("card", "import", "receipts.json")),
        ("customer", ("card", "import", "yes.json")),
        ("shop", ("company", "check", REF, *NEWSLETTER, "--address", ADDRESS)),
        ("shop", ("company", "check", REF, *NEWSLETTER, "--address", "x" + ADDRESS)),
        ("shop", ("company", "record-use", REF, *NEWSLETTER, "--campaign", "c")),
        ("shop", ("company", "import", "crm.csv", "--mapping", "mailchimp")),
        ("shop", ("company", "import", "bad.csv", "--mapping", "mailchimp", "--rejects", "rejects.csv")),
        ("shop", ("company", "filter", "list.csv", *NEWSLETTER, "--column", "mail", "--by", "address",
                  "--out", "to.csv", "--refused", "not.csv", "--use", "c")),
        ("shop", ("company", "issue", "claims.json", "--type", "urn:x", "--to", did, "--out", "card.json")),
        ("customer", ("card", "import", "card.json")),
        ("shop", ("company", "question", "--type", "urn:x", "--claim", "name", "--out", "question.json")),
        ("customer", ("share", "question.json", "--yes", "--only", "level", "--out", "no-answer.json")),
        ("customer", ("share", "question.json", "--yes", "--out", "answer.json")),
        ("customer", ("card", "list")),
        ("customer", ("consents",)),
        ("customer", ("history",)),
        ("customer", ("backup", "create", "backup")),
        ("customer", ("withdraw", "Muster-Shop", "--yes", "--out", "no.json")),
        ("shop", ("company", "receive", "no.json")),
        ("shop", ("company", "withdraw", REF, "--method", "phone", "--note", "rang")),
        ("shop", ("trail", "search")),
        ("shop", ("trail", "export", "--format", "bundle", "--out", "trail.zip")),
        ("shop", ("trail", "export", "--format", "csv", "--out", "trail.csv")),
        ("shop", ("verify", "trail.zip")),
        ("shop", ("doctor",)),
        ("customer", ("doctor",)),
        ("customer", ("object", "Muster-Shop", "--yes")),
        ("recovered", ("recover", "--words-file", "words", "--registry", "reg")),
        ("bad", ("recover", "--words-file", "bad-words", "--registry", "reg")),
        ("bad", ("recover", "--words-file", "pp", "--registry", "reg")),
        ("bad", ("backup", "restore", "answer.json")),
    ]  # fmt: skip
    words = (folder / "words").read_text().split()
    (folder / "bad-words").write_text(" ".join([*words[1:], words[0]]))
    for home, line in lines:
        watch(home, *line)
    return watch


def readings(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield str(file), file.read_bytes()


def test_nothing_secret_or_personal_comes_out(watch: Watch) -> None:
    folder = watch.world.folder
    words = (folder / "words").read_text().split()
    rare = telltale(words)
    assert rare
    assert "ok" in watch.answers
    for canary in (ADDRESS, ADDRESS.upper(), PASSPHRASE, CLAIM, " ".join(words[:2])):
        assert canary not in watch.errors
    for canary in (ADDRESS, PASSPHRASE, " ".join(words[:2])):
        assert canary not in watch.answers
    assert not [word for word in rare if word in watch.errors.lower()]

    hidden = [PASSPHRASE, *(" ".join(words[at : at + 2]) for at in range(23))]
    for name, data in readings(folder / "reg"):
        for canary in (*hidden, ADDRESS, CLAIM, REF, "newsletter", "Muster-Shop", "did:key"):
            assert canary.encode() not in data, (name, canary)
    for home in ("shop", "customer", "recovered"):
        for name, data in readings(folder / home):
            for canary in (*hidden, ADDRESS, CLAIM):
                assert canary.encode() not in data, (name, canary)
    assert CLAIM.encode() not in (folder / "backup").read_bytes()
