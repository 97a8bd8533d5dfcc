"""A backup brings back exactly what was there, or says that it cannot."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import Conflict, Damaged, InputError, KonsensError, Locked, NotFound
from konsens.wallet import Cost, Kind, Vault, create_backup, restore_backup, verify_backup

Make = Callable[..., Vault]
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


NOTES = Kind("note", Note)

texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=40, deadline=None)
@given(
    passphrase=texts,
    records=st.dictionaries(
        st.tuples(texts, texts), st.dictionaries(texts, texts | st.integers()), max_size=6
    ),
)
def test_restore_after_backup_is_the_identity(
    passphrase: str, records: dict[tuple[str, str], dict[str, object]]
) -> None:
    given_records = [(kind, key, msgspec.json.encode(value)) for (kind, key), value in records.items()]
    cheap = Cost(64, 1, 1)
    with tempfile.TemporaryDirectory() as folder:
        home, file, other = (Path(folder) / name for name in ("a.sqlite", "backup", "b.sqlite"))
        with Vault.create(home, passphrase, cost=cheap, records=given_records) as vault:
            summary = create_backup(vault, file, at=AT)
            before = vault.dump()
        restored, found = restore_backup(file, passphrase, path=other, cost=cheap)
        with restored:
            assert restored.dump() == before == sorted(given_records)
        assert found == summary == verify_backup(file, passphrase)
        with Vault.open(other, passphrase) as vault:
            assert vault.dump() == before


@pytest.fixture
def backup(vault_of: Make, path: Path) -> Path:
    file = path.with_name("backup.konsens")
    with vault_of(path, a="milk", b="bread") as vault:
        create_backup(vault, file, at=AT)
    return file


def test_a_backup_tells_when_it_was_made_and_how_much_it_holds(backup: Path) -> None:
    summary = verify_backup(backup, "pp")
    assert (summary.created_at, summary.counts) == ("2026-11-22T10:00:00Z", {"note": 2})
    assert backup.stat().st_mode & 0o777 == 0o600


def test_every_flipped_byte_of_a_backup_is_refused(backup: Path) -> None:
    whole = backup.read_bytes()
    codes = set()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        backup.write_bytes(changed)
        with pytest.raises(KonsensError) as refused:
            verify_backup(backup, "pp")
        codes.add(refused.value.code)
    assert codes == {"backup.damaged", "wallet.version"} or codes == {"backup.damaged"}


def test_a_backup_that_was_cut_off_or_continued_is_refused(backup: Path) -> None:
    whole = backup.read_bytes()
    for changed in (*(whole[:size] for size in range(len(whole))), whole + b"\n", b" " + whole):
        backup.write_bytes(changed)
        with pytest.raises(Damaged) as refused:
            verify_backup(backup, "pp")
        assert refused.value.code == "backup.damaged"


def test_a_backup_opens_with_the_passphrase_of_its_day(backup: Path, path: Path, cheap: Cost) -> None:
    with Vault.open(path, "pp") as vault:
        vault.change_passphrase("new", cost=cheap)
    verify_backup(backup, "pp")
    with pytest.raises(Locked) as refused:
        verify_backup(backup, "new")
    assert refused.value.code == "wallet.passphrase"


def test_a_backup_is_restored_into_an_empty_home_only(backup: Path, path: Path) -> None:
    with pytest.raises(Conflict) as refused:
        restore_backup(backup, "pp", path=path)
    assert refused.value.code == "wallet.exists"


def test_a_damaged_backup_restores_nothing(backup: Path, tmp_path: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-1])
    with pytest.raises(Damaged):
        restore_backup(backup, "pp", path=tmp_path / "new.sqlite")
    assert not (tmp_path / "new.sqlite").exists()


def test_a_file_of_that_name_is_kept_unless_told_otherwise(backup: Path, path: Path) -> None:
    before = backup.read_bytes()
    with Vault.open(path, "pp") as vault:
        with pytest.raises(Conflict) as refused:
            create_backup(vault, backup, at=AT)
        assert refused.value.code == "backup.exists"
        assert backup.read_bytes() == before
        create_backup(vault, backup, at=AT, overwrite=True)
        assert backup.read_bytes() != before


def test_a_missing_backup_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        verify_backup(tmp_path / "backup", "")
    assert refused.value.code == "backup.missing"


def test_a_folder_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        verify_backup(tmp_path, "")
    assert refused.value.code == "file.unreadable"


def test_nothing_in_a_backup_can_be_read(vault_of: Make, path: Path) -> None:
    file = path.with_name("backup")
    with vault_of(path, canarykey="canarytext") as vault:
        create_backup(vault, file, at=AT)
    assert b"canary" not in file.read_bytes()
    assert b"2026-11-22" not in file.read_bytes()


def test_a_backup_is_of_one_moment_while_another_program_writes(vault_of: Make, path: Path) -> None:
    vault_of(path, left="0", right="0").close()
    stop = threading.Event()

    def keep_writing() -> None:
        with Vault.open(path, "pp", wait=10) as vault:
            number = 0
            while not stop.is_set():
                number += 1
                with vault.write():
                    vault.put(NOTES, "left", Note(str(number)))
                    vault.put(NOTES, "right", Note(str(number)))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with Vault.open(path, "pp") as vault:
            for number in range(10):
                file = path.with_name(f"backup{number}")
                create_backup(vault, file, at=AT)
                restored, _ = restore_backup(
                    file, "pp", path=path.with_name(f"restored{number}"), cost=Cost(64, 1, 1)
                )
                with restored:
                    assert restored.get(NOTES, "left") == restored.get(NOTES, "right")
    finally:
        stop.set()
        writer.join()
