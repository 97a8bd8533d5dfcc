"""`registry …`: who may sign a log, what it proves, how it moves, and how its damage is named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.encoding import sha256
from konsens.registry import (
    Registry,
    check_holds_proof,
    check_inclusion_proof,
    leaf_hash,
    make_seal_leaf,
    parse_consistency_proof,
    parse_policy,
    parse_proof,
)
from konsens.trail.trust import parse_trust
from tests.cli.company_world import Shop
from tests.cli.conftest import Konsens, Ran
from tests.cli.world import World, cheap_passphrases

ORIGIN = "log.example.org"


class Log:
    """An operator's home in `op`, and its log in `log`."""

    def __init__(self, folder: Path, konsens: Konsens) -> None:
        self.folder, self.konsens = folder, konsens
        self.log = folder / "log"

    def __call__(self, *words: str | Path, home: str = "op") -> Ran:
        """Run a command about a log; its answer keeps the contract."""
        ran = self.konsens("registry", *words, "--home", self.folder / home, "--json")
        assert (ran.exit == 0) == ran.json["ok"]
        if ran.json["data"] is not None:
            jsonschema.validate(ran.json["data"], msgspec.json.schema(ANSWERS[f"registry {words[0]}"]))
        return ran

    def data(self, *words: str | Path, home: str = "op") -> Any:
        """Return the answer of a command that must go well."""
        ran = self(*words, home=home)
        assert ran.exit == 0, ran.out
        return ran.json["data"]

    def add(self, number: int) -> str:
        """Append a leaf and return the seal that it breaks."""
        leaf = make_seal_leaf(sha256(b"%d" % number), bytes(32), origin=ORIGIN)
        with Registry.open(self.log) as log:
            log.append([leaf])
        return leaf.seal.hex()

    @property
    def policy(self) -> str:
        return f"log {(self.log / 'vkey').read_text().strip()}\nquorum none\n"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_passphrases(monkeypatch)


@pytest.fixture
def log(fresh: Shop, tmp_path: Path, konsens: Konsens) -> Log:
    made = Log(tmp_path, konsens)
    made.data("init", made.log, "--origin", ORIGIN)
    return made


def test_an_operator_without_a_company_makes_a_log_and_signs_it(log: Log) -> None:
    rehearsed = log.data("checkpoint", "--dry-run")
    assert (rehearsed["dry_run"], rehearsed["size"]) == (True, None)
    before = log.data("checkpoint")
    assert (before["origin"], before["size"], before["acknowledged"]) == (ORIGIN, 1, "checkpointed")
    assert log.data("checkpoint") == before, "nothing new, so the last one"
    log.add(1)
    assert log.data("checkpoint")["size"] == 3
    assert log("init", log.folder / "second", "--origin", "b.example").json["code"] == "registry.home_has_one"
    assert not (log.folder / "second").exists()


def test_a_company_without_a_registry_becomes_its_own_operator(fresh: Shop, log: Log) -> None:
    assert fresh("init", "Muster-Shop").exit == 0
    made = log.data("init", fresh.reg, "--origin", "log.muster.example", home="shop")
    assert Path(made["folder"]) == fresh.reg
    assert log.data("checkpoint", home="shop")["origin"] == "log.muster.example"
    assert fresh.publish()["notice"]["leaf_index"] == 1


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["init", "there", "--origin", "b.example"], 12, "registry.exists"),
        (["init", "new", "--origin", "konsens/b"], 2, "registry.origin"),
        (["init", "new", "--origin", ""], 2, "registry.origin"),
        (["use", "nowhere"], 5, "home.missing"),
        (["checkpoint"], 5, "registry.none_named"),
        (["checkpoint", "nowhere"], 5, "registry.not_found"),
        (["checkpoint", "log"], 12, "registry.not_operator"),
        (["prove", "--leaf", "0"], 5, "registry.none_named"),
        (["verify"], 5, "registry.none_named"),
        (["fsck", "nowhere"], 5, "registry.not_found"),
        (["policy", "nowhere", "--out", "t.toml"], 5, "registry.not_found"),
        (["policy", "log", "--out", "there/file"], 12, "file.exists"),
        (["policy", "log"], 2, "usage.missing"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    words: list[str], exit_code: int, code: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(log.folder)
    (log.folder / "there").mkdir()
    (log.folder / "there" / "file").touch()
    ran = log(*words, home="nobody")
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert not (log.folder / "nobody").exists()
    assert not (log.folder / "new").exists()


def test_what_it_proves_verifies_under_its_policy(log: Log, tmp_path: Path) -> None:
    broken = log.add(1)
    log.data("checkpoint")
    log.add(2)
    policy = parse_policy(log.policy)
    made = log.data("prove", "--leaf", "2", "--out", tmp_path / "leaf.proof")
    assert (made["kind"], made["leaf_index"], made["checkpoint"]["size"]) == ("inclusion", 2, 4)
    proof = parse_proof((tmp_path / "leaf.proof").read_text())
    with Registry.open(log.log) as registry:
        entry = registry.entry(2)
        head = registry.entry(3)
    check_inclusion_proof(proof, leaf_hash=leaf_hash(entry), policy=policy)

    seal = sha256(b"nobody broke this").hex()
    made = log.data("prove", "--open", seal)
    assert (made["kind"], made["leaf_index"]) == ("open", None)
    held = check_holds_proof(
        parse_proof(made["proof"]), leaf_hash=leaf_hash(head), next_seal=bytes.fromhex(seal), policy=policy
    )
    assert held.broken_at is None

    ran = log("prove", "--open", broken)
    assert (ran.exit, ran.json["code"]) == (7, "registry.seal_broken")
    assert (ran.json["data"]["kind"], ran.json["data"]["leaf_index"]) == ("broken", 0)

    made = log.data("prove", "--from", "2")
    assert made["kind"] == "consistency"
    assert parse_consistency_proof(made["proof"]).old_size == 2


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        ([], 2, "registry.prove_choice"),
        (["--leaf", "0", "--from", "1"], 2, "registry.prove_choice"),
        (["--leaf", "7"], 5, "registry.no_entry"),
        (["--from", "7"], 5, "registry.no_entry"),
        (["--from", "0"], 2, "proof.range"),
        (["--open", "abc"], 2, "input.hex"),
        (["--open", "A" * 64], 2, "input.hex"),
        (["--leaf", "-1"], 2, "usage.bad_number"),
    ],
)
def test_what_cannot_be_proven_is_said(words: list[str], exit_code: int, code: str, log: Log) -> None:
    log.data("checkpoint")
    ran = log("prove", *words)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)


def test_only_the_operator_signs_what_is_not_signed_yet(log: Log) -> None:
    log.data("checkpoint")
    broken = log.add(1)
    stranger = ("--registry", log.log)
    assert (
        log("prove", "--leaf", "1", *stranger, home="nobody").json["code"] == "registry.not_yet_checkpointed"
    )
    # The proof at the last signature would say that it is open: that must not be said any more.
    ran = log("prove", "--open", broken, *stranger, home="nobody")
    assert (ran.exit, ran.json["code"]) == (8, "registry.not_yet_checkpointed")
    assert log("prove", "--open", broken).exit == 7


def test_a_policy_is_what_others_need_to_verify(log: Log, shop: Shop, tmp_path: Path) -> None:
    made = log.data("policy", "--out", tmp_path / "log.toml")
    assert made["companies"] == []
    trust = parse_trust((tmp_path / "log.toml").read_bytes())
    assert ([key.name for key in trust.logs], trust.companies) == ([ORIGIN], ())
    made = log.data("policy", "--out", tmp_path / "shop.toml", home="shop")
    trust = parse_trust((tmp_path / "shop.toml").read_bytes())
    assert made["companies"] == [shop.did] == [company.did for company in trust.companies]
    assert trust.issuers == {"urn:konsens:receipt:1": (shop.did,)}
    assert [company.name for company in trust.companies] == ["Muster-Shop"]


def test_a_did_web_is_trusted_with_its_keys(fresh: Shop, log: Log, tmp_path: Path) -> None:
    web = ("--new-registry", fresh.reg, "--origin", "log.muster.example", "--did", "did:web:muster.example")
    assert fresh.init(*web).exit == 0
    log.data("policy", "--out", tmp_path / "web.toml", home="shop")
    [company] = parse_trust((tmp_path / "web.toml").read_bytes()).companies
    assert company.did == "did:web:muster.example"
    assert company.keys[0].startswith("z6Mk")


def test_a_folder_that_moved_is_used_again_where_it_is_now(shop: Shop, log: Log) -> None:
    shop.reg.rename(shop.folder / "elsewhere")
    assert log("checkpoint", home="shop").exit == 8
    moved = log.data("use", shop.folder / "elsewhere", home="shop")
    assert Path(moved["folder"]) == shop.folder / "elsewhere"
    assert log.data("checkpoint", home="shop")["origin"] == moved["origin"]
    assert log.data("use", shop.folder / "elsewhere", home="shop") == moved


def test_a_copy_is_not_used_while_the_original_is_there(shop: Shop, log: Log) -> None:
    copy = shop.folder / "copy"
    shutil.copytree(shop.reg, copy)
    ran = log("use", copy, home="shop")
    assert (ran.exit, ran.json["code"]) == (12, "registry.still_there")
    ran = log("checkpoint", copy, home="shop")
    assert (ran.exit, ran.json["code"]) == (8, "registry.copy")
    ran = log("prove", "--open", "0" * 64, "--registry", copy, home="shop")
    assert (ran.exit, ran.json["code"]) == (8, "registry.copy")


def test_a_copy_from_before_a_withdrawal_cannot_say_yes(
    tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, konsens, monkeypatch)
    world.granted()
    shutil.copytree("reg", "copy")
    assert world.check() == (0, "ok")
    world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    assert world.check() == (7, "consent.seal_broken")
    monkeypatch.setenv("KONSENS_REGISTRY", "copy")
    assert world.check() == (8, "registry.copy")
    shutil.rmtree("reg")  # a disk was lost, and the copy is all that there is
    monkeypatch.delenv("KONSENS_REGISTRY")
    assert world.run("shop", "registry", "checkpoint", ok=False)["exit"] == 8


def test_a_backup_of_the_folder_is_refused_in_the_place_of_the_lost_one(
    tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, konsens, monkeypatch)
    shutil.copytree("reg", "old")
    world.granted()  # signs a checkpoint, and both books remember leaves
    shutil.rmtree("reg")
    for home in ("shop", "customer"):
        refused = world.run(home, "registry", "use", "old", ok=False)
        assert (refused["exit"], refused["code"]) == (
            9,
            "registry.rolled_back" if home == "shop" else "registry.missing_leaf",
        )
    checked = world.run("shop", "registry", "verify", "old", ok=False)
    assert (checked["code"], checked["data"]["failed"]) == ("registry.rolled_back", ["registry.remembered"])
    assert world.run("shop", "registry", "fsck", "old")["failed"] == []


def test_another_log_of_the_same_name_is_not_trusted(log: Log) -> None:
    log.data("init", log.folder / "twin", "--origin", ORIGIN, home="other")
    log.log.rename(log.folder / "away")
    ran = log("use", log.folder / "twin")
    assert (ran.exit, ran.json["code"]) == (10, "registry.other_key")


def test_a_customer_uses_and_verifies_a_log_too(log: Log, konsens: Konsens) -> None:
    home = log.folder / "mine"
    assert konsens("init", "--words-file", log.folder / "words", "--home", home).exit == 0
    assert log("verify", home="mine").json["code"] == "registry.none_named"
    assert log.data("use", log.log, home="mine")["origin"] == ORIGIN
    assert log.data("verify", home="mine")["failed"] == []
    shutil.copytree(log.log, log.folder / "copy")
    assert log("use", log.folder / "copy", home="mine").json["code"] == "registry.still_there"
    log.log.rename(log.folder / "moved")
    assert log.data("use", log.folder / "moved", home="mine")["folder"] == str(log.folder / "moved")


def change(statement: str) -> Callable[[Path], object]:
    """Change a log behind its back, triggers and all."""

    def harm(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "log.sqlite", isolation_level=None)) as db:
            dropped = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in dropped:
                db.execute(f"DROP TRIGGER {name}")
            db.execute(statement)
            for _, sql in dropped:
                db.execute(sql)

    return harm


@pytest.mark.parametrize(
    ("harm", "exit_code", "code"),
    [
        pytest.param(
            change("UPDATE entries SET entry = zeroblob(129) WHERE idx = 0"),
            9,
            "fsck.entries",
            id="leaf changed",
        ),
        pytest.param(change("DELETE FROM broken"), 9, "fsck.seals", id="withdrawal hidden"),
        pytest.param(
            change("UPDATE checkpoints SET note = replace(note, 'log.', 'lag.')"),
            6,
            "fsck.checkpoint_signature",
            id="checkpoint changed",
        ),
        pytest.param(lambda log: (log / "vkey").write_text("x\n"), 9, "fsck.vkey", id="key changed"),
        pytest.param(
            lambda log: (log / "log.sqlite").write_bytes(b"SQLite format 3\0" + bytes(8192)),
            9,
            "fsck.file",
            id="another database",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["verify", "fsck"])
def test_damage_is_named_and_ends_with_its_code(
    verb: str, harm: Callable[[Path], object], exit_code: int, code: str, log: Log
) -> None:
    log.add(1)
    log.data("checkpoint")
    assert log.data(verb)["failed"] == []
    harm(log.log)
    ran = log(verb)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert ran.json["data"]["failed"][0] == code


def test_an_older_checkpoint_must_still_hold(log: Log, tmp_path: Path) -> None:
    log.data("checkpoint")
    shutil.copy(log.log / "checkpoint", tmp_path / "mine")
    log.add(1)
    log.data("checkpoint")
    assert log.data("fsck", "--against", tmp_path / "mine")["failed"] == []
    (tmp_path / "mine").write_text((tmp_path / "mine").read_text().replace("\n1\n", "\n9\n"))
    ran = log("fsck", log.log, "--against", tmp_path / "mine", home="nobody")
    assert (ran.exit, ran.json["code"]) == (6, "fsck.against_signature")
    (tmp_path / "mine").write_text("no note at all")
    ran = log("fsck", log.log, "--against", tmp_path / "mine", home="nobody")
    assert (ran.exit, ran.json["code"]) == (2, "note.format")


def test_people_get_calm_lines_in_their_language(log: Log, konsens: Konsens) -> None:
    home = ("--home", log.folder / "op")
    german = konsens("registry", "checkpoint", *home, "--lang", "de")
    assert german.out.startswith(f"Register:       {ORIGIN}\nEinträge:       1\n")
    assert german.err == "Unterschrieben.\n"
    assert konsens("registry", "checkpoint", *home).err == "Nothing new since the last.\n"
    checked = konsens("registry", "fsck", *home, "--plain")
    assert "ok fsck.entries" in checked.out
    assert checked.err == "1 entry, all is well.\n"
    proof = konsens("registry", "prove", "--leaf", "0", *home)
    assert "c2sp.org/tlog-proof@v1\nindex 0\n" in proof.out
