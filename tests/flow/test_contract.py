"""The script that the command line was designed by, run as it stands, with real processes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.commands import COMMANDS

SCRIPT = """
umask 077; echo 'correct horse' > pp; K=konsens; export KONSENS_PASSPHRASE_FILE=pp KONSENS_LANG=en   # the first line of the file, without its newline
$K company init Muster-Shop --new-registry reg --origin log.muster.example --home shop --json
$K company notice publish examples/notices/newsletter.toml --home shop --json          # data.notice.id
$K company ask --notice newsletter --purpose newsletter --channel email --out ask.json --home shop
$K init --registry reg --words-file words --home customer
$K grant ask.json --all --yes --out grant.json --home customer                              # data.did
$K company receive grant.json --ref C-1001 --receipts receipts.json --home shop && $K card import receipts.json --home customer
$K company check C-1001 newsletter --channel email --home shop; echo $?                 # 0
$K withdraw Muster-Shop newsletter --yes --home customer                                    # the shop gets no message
$K company check C-1001 newsletter --channel email --home shop; echo $?                 # 7 consent.seal_broken
$K registry policy reg --out trust.toml --home shop                                      # handed over another way
$K trail export --format bundle --out trail.zip --home shop && $K verify trail.zip --trust trust.toml; echo $?   # 0
$K verify trail.zip --home nobody; echo $?                                              # 10, names whom it would have to trust
printf X | dd of=trail.zip bs=1 seek=300 conv=notrunc; $K verify trail.zip --trust trust.toml; echo $?   # 9 (or 6), data.failed names it
"""  # noqa: E501 — as it stands in the design

WITHDRAW = "$K withdraw Muster-Shop"
CHECK_THE_COPY = """
KONSENS_REGISTRY=before $K company check C-1001 newsletter --channel email --home shop; echo $?
"""

# Runs the real program with `--json`, and notes what was asked, answered and returned.
RECORDER = """#!/bin/sh
"{python}" -c 'from konsens.cli.app import main; main()' "$@" --json > answer
code=$?
"{python}" - $code "$@" <<'END'
import json, sys
line = {{"exit": int(sys.argv[1]), "words": sys.argv[2:], "answer": json.load(open("answer"))}}
open("record", "a").write(json.dumps(line) + "\\n")
END
exit $code
"""


class Step(NamedTuple):
    """One command of the script."""

    words: list[str]
    exit: int
    answer: dict[str, Any]

    @property
    def name(self) -> str:
        return max((name for name in COMMANDS if self.words[: len(name.split())] == name.split()), key=len)

    @property
    def data(self) -> Any:
        return self.answer["data"]


def bash(script: str, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return done.stdout


def recorded(script: str, folder: Path, environ: dict[str, str]) -> list[Step]:
    """Run the script with a `konsens` that notes every answer."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "konsens"
    program.write_text(RECORDER.format(python=sys.executable))
    program.chmod(stat.S_IRWXU)
    bash(script, folder, environ | {"PATH": f"{program.parent}:{environ['PATH']}"})
    return [Step(**json.loads(line)) for line in (folder / "record").read_text().splitlines()]


def test_every_command_ends_and_answers_as_designed(tmp_path: Path, desk: dict[str, str]) -> None:
    copied = SCRIPT.replace(WITHDRAW, f"cp -a reg before\n{WITHDRAW}") + CHECK_THE_COPY
    steps = recorded(copied, tmp_path, desk)
    for step in steps:
        assert step.answer["ok"] is (step.exit == 0)
        if step.data is not None:
            jsonschema.validate(step.data, msgspec.json.schema(ANSWERS[step.name]))
    assert [(step.name, step.exit) for step in steps] == [
        ("company init", 0),
        ("company notice publish", 0),
        ("company ask", 0),
        ("init", 0),
        ("grant", 0),
        ("company receive", 0),
        ("card import", 0),
        ("company check", 0),
        ("withdraw", 0),
        ("company check", 7),
        ("registry policy", 0),
        ("trail export", 0),
        ("verify", 0),
        ("verify", 10),
        ("verify", 9),
        ("company check", 8),
    ]
    init, publish, ask, wallet, grant, receive, card, yes, withdraw, no = steps[:10]
    policy, export, good, whom, bad, copy = steps[10:]
    assert init.data["registry"]["origin"] == "log.muster.example"
    assert init.data["registry"]["operator"] is True
    assert publish.data["notice"]["id"] == "newsletter"
    assert publish.data["notice"]["leaf_index"] == 0
    assert ask.data["offers"] == [{"purpose": "newsletter", "channels": ["email"]}]
    assert wallet.data["words_file"] == "words"
    assert grant.data["records"][0]["state"] == "given"
    assert receive.data["customer"] == {"did": grant.data["did"], "ref": "C-1001"}
    assert receive.data["receipts"] == [card.data["cards"][0]["card"]]
    assert yes.data["allowed"] is True
    assert (yes.data["basis"], yes.data["assurance"]) == ("consent", "customer_signed")
    assert yes.data["evidence"]["leaf_index"] == grant.data["records"][0]["leaf_index"]
    assert withdraw.data["records"][0]["state"] == "withdrawn"
    assert withdraw.data["registry"]["acknowledged"] == "sequenced"
    assert (no.answer["code"], no.data["allowed"]) == ("consent.seal_broken", False)
    assert policy.data["companies"] == [init.data["did"]]
    assert export.data["out"] == "trail.zip"
    assert (good.data["signer"], good.data["failed"]) == (init.data["did"], [])
    assert good.data["warnings"].count("log.unwitnessed") == 1
    assert init.data["registry"]["origin"] in str(whom.answer) or init.data["did"] in str(whom.answer)
    assert bad.data["failed"]
    # Before the withdrawal the copy said yes. It may never say so again.
    assert (copy.answer["code"], copy.data["allowed"]) == ("registry.copy", False)


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_script_as_it_stands_says_so_to_people_too(
    lang: str, tmp_path: Path, desk: dict[str, str]
) -> None:
    said = bash(SCRIPT.replace("KONSENS_LANG=en", f"KONSENS_LANG={lang}"), tmp_path, desk)
    codes = [line for line in said.splitlines() if line.isdigit()]
    assert codes == ["0", "7", "0", "10", "9"]
