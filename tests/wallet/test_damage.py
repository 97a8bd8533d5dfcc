"""Whatever happens to the file: a typed error, or everything is exactly as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from konsens.encoding import jcs, sha256
from konsens.errors import Damaged, InputError, KonsensError, Locked
from konsens.wallet import Kind, Vault

Make = Callable[..., Vault]


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


NOTES = Kind("note", Note)


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """Write into the file as somebody who has no passphrase but knows SQLite."""
    db = sqlite3.connect(path)
    yield db
    db.commit()
    db.close()


def outcome(path: Path) -> str | dict[str, Note]:
    """Return the code of the refusal, or everything that the vault gives."""
    try:
        with Vault.open(path, "pp", wait=0.05) as vault:
            return vault.list(NOTES)
    except KonsensError as error:
        return error.code


def test_every_flipped_byte_is_refused_or_changes_nothing(vault_of: Make, path: Path, tmp_path: Path) -> None:
    """Most bytes of a small SQLite file are free space, counters and hints, which SQLite does not read.

    Every byte that it reads for us is authenticated: by the header's wrapping, the records' own
    authentication, or the root over all of them; the schema must be ours letter by letter.
    """
    vault_of(path, a="milk", b="bread").close()
    whole = path.read_bytes()
    expected = {"a": Note("milk"), "b": Note("bread")}
    flipped = tmp_path / "flipped" / "wallet.sqlite"
    flipped.parent.mkdir()
    refusals: dict[str, int] = {}
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        flipped.write_bytes(changed)
        result = outcome(flipped)
        for leftover in flipped.parent.glob("wallet.sqlite-*"):
            leftover.unlink()
        if result != expected:
            assert isinstance(result, str), f"byte {place} changed what the vault says: {result}"
            refusals[result] = refusals.get(result, 0) + 1
    assert refusals.keys() <= {
        "wallet.damaged",
        "wallet.header",
        "wallet.not_a_vault",
        "wallet.passphrase",
        "wallet.record",
        "wallet.root",
        "wallet.version",
        "wallet.storage",
    }
    # Two bodies of 272 bytes, the header of some 400, names, nonces and root: all of them are noticed.
    assert sum(refusals.values()) > 1000


@pytest.mark.parametrize("kept", [0, 1, 15, 16, 99, 100, 511, 4095, 4096, 4097, 8191, 8192, 12287])
def test_a_file_that_was_cut_off_is_damaged(vault_of: Make, path: Path, kept: int) -> None:
    vault_of(path, a="milk").close()
    whole = path.read_bytes()
    assert len(whole) > kept
    path.write_bytes(whole[:kept])
    with pytest.raises(Damaged):
        Vault.open(path, "pp")


@pytest.mark.parametrize(
    "content", [b"", b"milk", b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 8176], ids=len
)
def test_a_file_that_is_something_else_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Damaged):
        Vault.open(path, "pp")


def test_somebody_elses_database_is_not_a_vault(path: Path) -> None:
    with tampering(path) as db:
        db.execute("CREATE TABLE head (one, header, root)")
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.not_a_vault"


def remove_a_record(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM record WHERE name = (SELECT min(name) FROM record)")


def remove_all_records(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM record")


def swap_two_bodies(db: sqlite3.Connection) -> None:
    (a, nonce_a, body_a), (b, nonce_b, body_b) = db.execute("SELECT * FROM record").fetchall()
    db.execute("UPDATE record SET nonce = ?, body = ? WHERE name = ?", (nonce_b, body_b, a))
    db.execute("UPDATE record SET nonce = ?, body = ? WHERE name = ?", (nonce_a, body_a, b))


def rename_a_record(db: sqlite3.Connection) -> None:
    db.execute("UPDATE record SET name = zeroblob(32) WHERE name = (SELECT min(name) FROM record)")


def copy_a_record(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO record SELECT zeroblob(32), nonce, body FROM record LIMIT 1")


def shorten_a_body(db: sqlite3.Connection) -> None:
    db.execute("UPDATE record SET body = substr(body, 1, 20)")


def empty_a_body(db: sqlite3.Connection) -> None:
    db.execute("UPDATE record SET body = x''")


def shorten_a_nonce(db: sqlite3.Connection) -> None:
    db.execute("UPDATE record SET nonce = x'00'")


def remove_the_head(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM head")


def add_a_trigger(db: sqlite3.Connection) -> None:
    db.execute("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END")


def add_a_table(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE more (x)")


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (remove_a_record, "wallet.root"),
        (remove_all_records, "wallet.root"),
        (swap_two_bodies, "wallet.root"),
        (rename_a_record, "wallet.root"),
        (copy_a_record, "wallet.root"),
        (shorten_a_body, "wallet.record"),
        (empty_a_body, "wallet.record"),
        (shorten_a_nonce, "wallet.record"),
        (remove_the_head, "wallet.header"),
        (add_a_trigger, "wallet.damaged"),
        (add_a_table, "wallet.damaged"),
    ],
)
def test_a_tampered_row_is_named(
    vault_of: Make, path: Path, tamper: Callable[[sqlite3.Connection], None], code: str
) -> None:
    vault_of(path, a="milk", b="bread").close()
    with tampering(path) as db:
        tamper(db)
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == code


def test_a_record_removed_while_the_vault_is_open_is_noticed_at_the_next_reading(
    vault_of: Make, path: Path
) -> None:
    with vault_of(path, a="milk", b="bread") as vault:
        with tampering(path) as db:
            remove_a_record(db)
        with pytest.raises(Damaged) as refused:
            vault.get(NOTES, "a")
    assert refused.value.code == "wallet.root"


def test_an_older_version_of_one_record_is_refused(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk", b="bread") as vault:
        older = sqlite3.connect(path).execute("SELECT * FROM record").fetchall()
        vault.put(NOTES, "a", Note("oat milk"))
    with tampering(path) as db:
        db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", older)
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.root"


def test_a_deleted_record_does_not_come_back(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk", b="bread") as vault:
        older = sqlite3.connect(path).execute("SELECT * FROM record").fetchall()
        vault.delete(NOTES, "a")
    with tampering(path) as db:
        db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", older)
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.root"


def test_a_record_of_another_vault_with_the_same_passphrase_does_not_fit(
    vault_of: Make, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sqlite"
    vault_of(other, a="stolen").close()
    vault_of(path, a="milk").close()
    foreign = sqlite3.connect(other).execute("SELECT name, nonce, body FROM record").fetchone()
    with tampering(path) as db:
        db.execute("INSERT INTO record VALUES (?, ?, ?)", foreign)
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.root"


def test_the_head_of_another_vault_does_not_fit(vault_of: Make, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    vault_of(other, "attacker").close()
    vault_of(path, a="milk").close()
    head = sqlite3.connect(other).execute("SELECT header, root FROM head").fetchone()
    with tampering(path) as db:
        db.execute("UPDATE head SET header = ?, root = ?", head)
    with pytest.raises(Locked):
        Vault.open(path, "pp")
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "attacker")
    assert refused.value.code == "wallet.root"


def test_an_older_copy_of_the_whole_file_opens_which_is_why_a_wallet_asks_the_log(
    vault_of: Make, path: Path, tmp_path: Path
) -> None:
    """The limit of what a file can tell about itself, stated here so that nobody relies on more."""
    older = tmp_path / "older.sqlite"
    vault_of(path, a="milk").close()
    shutil.copy(path, older)
    with Vault.open(path, "pp") as vault:
        vault.delete(NOTES, "a")
    assert outcome(older) == {"a": Note("milk")}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("cost", {"memory_kib": 1 << 40, "iterations": 3, "lanes": 4}),
        ("cost", {"memory_kib": 256 * 1024 + 1, "iterations": 1, "lanes": 1}),
        ("cost", {"memory_kib": 65536, "iterations": 1 << 31, "lanes": 4}),
        ("cost", {"memory_kib": 65536, "iterations": 3, "lanes": 255}),
        ("cost", {"memory_kib": 0, "iterations": 0, "lanes": 0}),
        ("cost", {"memory_kib": 65536, "iterations": 3, "lanes": 4, "more": 1}),
        ("kdf", "scrypt"),
        ("salt", ""),
        ("wrapped", "AAAA"),
        ("v", 0),
        ("v", "1"),
        ("more", 1),
    ],
)
def test_a_hostile_header_costs_nothing(
    vault_of: Make, path: Path, monkeypatch: pytest.MonkeyPatch, member: str, value: object
) -> None:
    """It is refused before the passphrase is stretched, though its check sum was made to fit."""
    vault_of(path, a="milk").close()
    with tampering(path) as db:
        header = msgspec.json.decode(db.execute("SELECT header FROM head").fetchone()[0])
        header |= {member: value, "check": ""}
        header["check"] = sha256(jcs(header)).hex()
        db.execute("UPDATE head SET header = ?", (jcs(header),))
    monkeypatch.setattr("konsens.wallet.header._stretch", lambda *_: pytest.fail("stretched"))
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.header"


@pytest.mark.parametrize("blob", [b"", b"{}", b"[]", b"\xff", b"{" * 5000, b" " * 100_000], ids=len)
def test_a_header_that_is_no_header_is_refused(vault_of: Make, path: Path, blob: bytes) -> None:
    vault_of(path, a="milk").close()
    with tampering(path) as db:
        db.execute("UPDATE head SET header = ?", (blob,))
    with pytest.raises(Damaged) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.header"


@pytest.mark.parametrize("where", ["file", "header"])
def test_a_later_format_asks_for_an_update(vault_of: Make, path: Path, where: str) -> None:
    vault_of(path, a="milk").close()
    with tampering(path) as db:
        if where == "file":
            db.execute("PRAGMA user_version = 2")
        else:
            db.execute("UPDATE head SET header = ?", (b'{"new":true,"v":2}',))
    with pytest.raises(InputError) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.version"
