"""`verify` and `trust …`: by the verifier's own list, offline, with a code for whatever is wrong."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.app import run
from konsens.cli.verify import GUILT, WHAT
from konsens.errors import VerificationError
from konsens.registry import render_vkey
from konsens.registry.mirror import Mirror
from konsens.registry.mirror.fraud import Rule
from tests.cli.conftest import Konsens, Ran, in_its_own_process
from tests.cli.world import World, cheap_passphrases
from tests.house.tree import ROOT
from tests.registry.logs import ORIGIN, VKEY, later
from tests.registry.mirror.sources import ListSource, block, honest, mirror_of


def unseen(*words: str | Path) -> Ran:
    """Run a line in this process, for a fixture that outlives a test."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(word) for word in words])
    said, told = (stream.detach().getvalue().decode() for stream in (out, err))
    return Ran(code, said, told)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A consent that was given, and what the privacy officer hands out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KONSENS_LANG", "en")
        world = World(tmp_path_factory.mktemp("world"), unseen, patch)
        world.granted()
        world.run("shop", "registry", "policy", "--out", "trust.toml")
        world.run("shop", "trail", "export", "--format", "bundle", "--out", "trail.zip")
        return world


@pytest.fixture
def world(made: World, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same for every test of this file: each works in an `officer`'s folder of its own."""
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", "pp")
    cheap_passphrases(monkeypatch)
    shutil.rmtree("officer", ignore_errors=True)
    made.konsens = konsens
    return made


def verify(world: World, file: str, *words: str, home: str = "nobody") -> Any:
    answer = world.run(home, "verify", file, *words, ok=False)
    if answer["data"] is not None:
        jsonschema.validate(answer["data"], msgspec.json.schema(ANSWERS["verify"]))
    return answer


def test_every_check_of_a_bundle_has_its_words(world: World) -> None:
    found = verify(world, "trail.zip", "--trust", "trust.toml")
    assert [check["name"] for check in found["data"]["checks"]] == [
        n for n in WHAT if n.startswith("bundle.")
    ]


def test_every_check_of_a_single_file_has_its_words() -> None:
    sources = (ROOT / "src" / "trail").glob("verify_*.py")
    step = re.compile(r'steps\.(?:one|run)\(\s*"([a-z_.]+)"')
    named = {name for path in sources for name in step.findall(path.read_text("utf-8"))}
    assert named == {name for name in WHAT if not name.startswith("bundle.")}


def test_a_bundle_holds_by_the_verifiers_own_list(world: World) -> None:
    found = verify(world, "trail.zip", "--trust", "trust.toml")
    assert (found["exit"], found["code"]) == (0, "ok")
    data = found["data"]
    assert (data["kind"], data["failed"], data["warnings"]) == ("bundle", [], ["log.unwitnessed"])
    assert data["checkpoint"]["acknowledged"] == "checkpointed"
    assert data["signer"].startswith("did:key:")
    assert not (world.folder / "nobody").exists()


def test_a_bundle_may_come_by_stdin(world: World) -> None:
    bundle = Path("trail.zip").read_bytes()
    ran = in_its_own_process("verify", "-", "--trust", "trust.toml", "--json", stdin=bundle)
    assert (ran.exit, ran.json["data"]["kind"]) == (0, "bundle")


def test_nobody_is_trusted_who_is_not_named(world: World) -> None:
    found = verify(world, "trail.zip")
    assert found["exit"] == 10
    assert found["code"].startswith("trust.")
    assert {"trust.company", "trust.log"} <= set(found["data"]["failed"])
    did = world.run("shop", "registry", "policy", "--out", "again.toml")["companies"][0]
    assert did in found["message"]


def test_a_list_of_ones_own_serves_as_well_as_a_file(world: World) -> None:
    assert world.run("officer", "trust", "list")["companies"] == []
    added = world.run("officer", "trust", "add", "trust.toml")
    jsonschema.validate(added, msgspec.json.schema(ANSWERS["trust add"]))
    assert world.run("officer", "trust", "add", "trust.toml") == added, "twice is once"
    assert world.run("officer", "trust", "list") == added
    assert [log["origin"] for log in added["logs"]] == ["log.muster.example"]
    assert added["issuers"] == {"urn:konsens:receipt:1": added["companies"]}
    assert verify(world, "trail.zip", home="officer")["exit"] == 0
    assert (world.folder / "officer").stat().st_mode & 0o077 == 0
    # The list does not stand in the way of a home that is made there later.
    assert world.run("officer", "init", "--words-file", "officers-words")["did"]
    assert verify(world, "trail.zip", home="officer")["exit"] == 0


@pytest.mark.parametrize(
    ("text", "exit_code", "code"),
    [
        ("v = 1", 2, "input.format"),
        ("v = 2\npolicy = ''", 2, "input.version"),
        ("not toml", 2, "trust.format"),
        ("v = 1\npolicy = 'nonsense'", 2, "policy.syntax"),
    ],
)
def test_a_file_that_is_no_trust_file_is_refused(text: str, exit_code: int, code: str, world: World) -> None:
    (world.folder / "bad.toml").write_text(text)
    for words in (("trust", "add", "bad.toml"), ("verify", "trail.zip", "--trust", "bad.toml")):
        found = world.run("officer", *words, ok=False)
        assert (found["exit"], found["code"]) == (exit_code, code)
    assert not (world.folder / "officer").exists()


def test_another_key_for_a_known_log_is_a_conflict(world: World) -> None:
    world.run("officer", "trust", "add", "trust.toml")
    world.run("twin", "registry", "init", "twin-log", "--origin", "log.muster.example")
    world.run("twin", "registry", "policy", "--out", "twin.toml")
    found = world.run("officer", "trust", "add", "twin.toml", ok=False)
    assert (found["exit"], found["code"]) == (12, "trust.conflict")
    assert verify(world, "trail.zip", home="officer")["exit"] == 0
    assert verify(world, "trail.zip", "--trust", "twin.toml")["exit"] == 10


def test_a_list_that_was_damaged_trusts_nobody(world: World) -> None:
    world.run("officer", "trust", "add", "trust.toml")
    (world.folder / "officer" / "trust.json").write_text("{}x")
    assert verify(world, "trail.zip", home="officer")["code"] == "trust.damaged"


def test_a_folder_with_something_else_in_it_is_left_alone(world: World) -> None:
    (world.folder / "mine").mkdir()
    (world.folder / "mine" / "letter").touch()
    found = world.run("mine", "trust", "add", "trust.toml", ok=False)
    assert (found["exit"], found["code"]) == (12, "home.taken")
    assert [path.name for path in (world.folder / "mine").iterdir()] == ["letter"]


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(flip(12), id="a date"),
        pytest.param(flip(300), id="a letter in the first file"),
        pytest.param(flip(-300), id="a name in the directory"),
        pytest.param(lambda data: data[:-1], id="the end cut off"),
        pytest.param(lambda data: data + b"x", id="something behind the end"),
    ],
)
def test_a_bundle_that_was_changed_is_damaged_by_name(harm: Callable[[bytes], bytes], world: World) -> None:
    (world.folder / "forged.zip").write_bytes(harm((world.folder / "trail.zip").read_bytes()))
    found = verify(world, "forged.zip", "--trust", "trust.toml")
    assert found["exit"] == 9
    assert found["code"].startswith("bundle.")
    assert found["data"]["failed"][0] == found["code"]


def test_proofs_receipts_and_messages_are_told_apart(world: World) -> None:
    trusted = ("--trust", "trust.toml")
    world.run("shop", "registry", "prove", "--leaf", "0", "--out", "leaf.proof")
    found = verify(world, "leaf.proof", *trusted)
    assert (found["exit"], found["data"]["kind"]) == (0, "proof")
    assert found["data"]["warnings"] == ["proof.entry_not_given", "log.unwitnessed"]
    assert verify(world, "leaf.proof", *trusted, "--entry", "03" + "00" * 32)["exit"] == 6
    seal = "00" * 32
    world.run("shop", "registry", "prove", "--open", seal, "--out", "open.proof")
    found = verify(world, "open.proof", *trusted, "--seal", seal)
    assert (found["exit"], found["data"]["warnings"]) == (0, ["log.unwitnessed"])

    for name, kind in (("receipts.json", "receipt"), ("grant.json", "message"), ("ask.json", "message")):
        assert (verify(world, name, *trusted)["exit"], verify(world, name, *trusted)["data"]["kind"]) == (
            0,
            kind,
        )
    changed = json.loads((world.folder / "receipts.json").read_text())
    credential = changed["receipts"][0]["credential"]
    changed["receipts"][0]["credential"] = credential.replace(".", ".A", 1)
    (world.folder / "changed.json").write_text(json.dumps(changed))
    assert verify(world, "changed.json", *trusted)["exit"] == 6


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["nowhere.zip"], 5, "file.missing"),
        (["trust.toml"], 2, "trail.not_recognised"),
        (["trail.zip", "--trust", "nowhere.toml"], 5, "file.missing"),
        (["trail.zip", "--seal", "xyz"], 2, "input.hex"),
        (["trail.zip", "--entry", "abc"], 2, "input.hex"),
        (["trail.zip", "--at", "yesterday"], 2, "usage.bad_time"),
        (["shop"], 2, "file.unreadable"),
    ],
)
def test_what_cannot_be_verified_is_said(words: list[str], exit_code: int, code: str, world: World) -> None:
    found = verify(world, *words)
    assert (found["exit"], found["code"]) == (exit_code, code)


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """What a mirror keeps of a log that showed it two pasts; `trust.toml` beside it names that log."""
    mirror_of(honest(2), tmp_path / "mirror")
    with Mirror.open(tmp_path / "mirror", vkey=VKEY) as mirror:
        with pytest.raises(VerificationError):
            mirror.follow(ListSource(block(honest(1), 50, 60, minutes=1)), at=later(9))
        (path,) = mirror.evidence()
    policy = f"log {render_vkey(VKEY)}\\nquorum none\\n"
    (path.parent / "trust.toml").write_text(f'v = 1\npolicy = "{policy}"\n')
    return path


def test_evidence_against_an_operator_says_what_he_did(fork: Path, world: World) -> None:
    trusted = ("--trust", str(fork.parent / "trust.toml"))
    found = verify(world, str(fork), *trusted)
    assert (found["exit"], found["data"]["kind"], found["data"]["origin"]) == (0, "fraud", ORIGIN)
    assert found["data"]["guilt"] == {"rule": "fork", "origin": ORIGIN, "where": 22}
    german = world.konsens("verify", str(fork), *trusted, "--lang", "de")
    assert (
        f"Bewiesen: Der Betreiber von {ORIGIN} hat zwei Vergangenheiten gezeigt (22 Einträge).\n"
        in german.err
    )
    assert "Alles stimmt" not in german.err
    english = world.konsens("verify", str(fork), *trusted)
    assert f"Proven: the operator of {ORIGIN} showed two pasts (of 22 entries).\n" in english.err
    assert verify(world, str(fork))["exit"] == 10
    fork.write_text(fork.read_text().replace('"larger"', '"smaller_"').replace('"smaller"', '"larger"'))
    assert verify(world, str(fork), *trusted)["exit"] == 9
    honest_note = json.dumps({"v": 1, "type": "konsens/fork", "smaller": "x", "larger": "x", "path": []})
    fork.write_text(honest_note)
    nothing = verify(world, str(fork), *trusted)
    assert (nothing["exit"], nothing["code"], nothing["data"]["guilt"]) == (6, "fraud.proves_nothing", None)


def test_every_crime_has_its_words() -> None:
    assert GUILT.keys() == {"fork", "hidden_seal", *get_args(Rule)}
    for sentences in GUILT.values():
        assert all("{origin}" in said and "{where}" in said for said in sentences)


def test_a_bundle_about_one_question_answers_it(world: World) -> None:
    """In JSON too, in the verifier's own words, and only where everything holds."""
    answer = verify(world, "trail.zip", "--trust", "trust.toml")["data"]["answer"]
    assert (answer["allowed"], answer["code"]) == (True, "ok")
    assert answer["reason"]["en"].startswith("Yes: ")
    assert answer["reason"]["de"].startswith("Ja: ")
    assert verify(world, "trail.zip")["data"]["answer"] is None, "nobody is trusted"
    day_before = ("--on", "2020-01-01T00:00:00Z", "--out", "one.zip", "--channel", "email")
    who = world.run("shop", "trail", "search")["events"][0]["customer"]
    world.run("shop", "trail", "prove", who, "newsletter", *day_before, ok=False)
    answer = verify(world, "one.zip", "--trust", "trust.toml")["data"]["answer"]
    assert (answer["allowed"], answer["code"]) == (False, "consent.none")
    assert verify(world, "ask.json", "--trust", "trust.toml")["data"]["answer"] is None


def test_people_read_what_was_checked_and_what_it_rests_on(world: World, konsens: Konsens) -> None:
    ran = konsens("verify", "trail.zip", "--trust", "trust.toml", "--lang", "de")
    assert ran.exit == 0
    assert "✔ Siegel, ganz oder gebrochen: 3 von 3\n" in ran.out
    assert "Unterschrieben von: did:key:" in ran.out
    assert "warning[log.unwitnessed]: " in ran.err
    assert ran.err.endswith("Alles stimmt.\n")
    shutil.copy("trail.zip", "copy.zip")
    stranger = konsens("verify", "copy.zip", "--home", "nobody")
    assert "✖ Log and company that you trust: 0 of 2\n" in stranger.out
    assert "⏳ Manifest signed: 0 of 1\n" in stranger.out, "not wrong, but unknown"
    assert stranger.out.count("✖ trust.") == 1, "each whom it would take once, and the first as the error"
    assert "hint: " in stranger.err
