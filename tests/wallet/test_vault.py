"""What a vault keeps, for whom it opens, and who may write."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from konsens.errors import Conflict, Damaged, InputError, Locked, NotFound
from konsens.wallet import Cost, Kind, Vault, has_passphrase

Make = Callable[..., Vault]


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class Wider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    author: str


NOTES = Kind("note", Note)


def test_what_was_put_is_there_after_opening_again(vault_of: Make, path: Path) -> None:
    vault_of(path, a="milk", b="bread").close()
    with Vault.open(path, "pp") as vault:
        assert vault.list(NOTES) == {"a": Note("milk"), "b": Note("bread")}
        assert vault.get(NOTES, "a") == Note("milk")
        assert vault.get(NOTES, "c") is None
        vault.check()


def test_what_was_deleted_is_gone_and_deleting_it_again_does_nothing(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk", b="bread") as vault:
        vault.delete(NOTES, "a")
        vault.delete(NOTES, "a")
    with Vault.open(path, "pp") as vault:
        assert list(vault.list(NOTES)) == ["b"]


def test_kinds_do_not_mix(vault_of: Make, path: Path) -> None:
    other = Kind("other", Note)
    with vault_of(path, a="milk") as vault:
        vault.put(other, "a", Note("paper"))
        assert vault.get(NOTES, "a") == Note("milk")
        assert vault.list(other) == {"a": Note("paper")}


def test_a_record_of_another_shape_is_refused_when_it_is_read(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk") as vault, pytest.raises(Damaged) as refused:
        vault.get(Kind("note", Wider), "a")
    assert refused.value.code == "wallet.record"


def test_a_transaction_that_fails_leaves_nothing(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk") as vault:
        with pytest.raises(KeyError), vault.write():  # noqa: PT012  # what fails is the whole block
            vault.put(NOTES, "a", Note("changed"))
            vault.put(NOTES, "b", Note("new"))
            raise KeyError
        assert vault.list(NOTES) == {"a": Note("milk")}
    with Vault.open(path, "pp") as vault:
        assert vault.list(NOTES) == {"a": Note("milk")}


def test_an_error_of_the_callers_own_passes_through_a_transaction(vault_of: Make, path: Path) -> None:
    with vault_of(path) as vault, pytest.raises(FileNotFoundError), vault.write():
        raise FileNotFoundError


def test_every_file_of_the_vault_is_for_its_owner_only(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk"):
        found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(found.values()) == {0o600}
    assert not [name for name in found if name.startswith(".new-")]


@pytest.mark.parametrize("wrong", ["", "PP", "pp ", "correct horse"])
def test_a_wrong_passphrase_is_told_apart_from_damage(vault_of: Make, path: Path, wrong: str) -> None:
    vault_of(path, a="milk").close()
    with pytest.raises(Locked) as refused:
        Vault.open(path, wrong)
    assert refused.value.code == "wallet.passphrase"


def test_a_passphrase_is_the_same_however_the_keyboard_spells_its_umlaut(vault_of: Make, path: Path) -> None:
    vault_of(path, "grüße").close()
    Vault.open(path, "gru\u0308ße").close()


@pytest.mark.parametrize(("passphrase", "protected"), [("", False), ("pp", True)])
def test_a_vault_without_a_passphrase_says_so(
    vault_of: Make, path: Path, passphrase: str, protected: bool
) -> None:
    with vault_of(path, passphrase) as vault:
        assert vault.header.has_passphrase is protected
    assert has_passphrase(path) is protected
    Vault.open(path, passphrase).close()


def test_a_new_passphrase_locks_out_the_old_one_and_keeps_everything(
    vault_of: Make, path: Path, cheap: Cost
) -> None:
    with vault_of(path, a="milk") as vault:
        before = vault.header
        vault.change_passphrase("new", cost=cheap)
        assert vault.header.vault == before.vault
        assert before.wrapped.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())
        vault.put(NOTES, "b", Note("bread"))
    with pytest.raises(Locked):
        Vault.open(path, "pp")
    with Vault.open(path, "new") as vault:
        assert vault.list(NOTES) == {"a": Note("milk"), "b": Note("bread")}


def test_a_program_that_still_has_the_old_passphrase_stops(vault_of: Make, path: Path, cheap: Cost) -> None:
    with vault_of(path, a="milk") as first, Vault.open(path, "pp") as second:
        first.change_passphrase("new", cost=cheap)
        with pytest.raises(Locked) as refused:
            second.get(NOTES, "a")
        assert refused.value.code == "wallet.passphrase_changed"
        with pytest.raises(Locked):
            second.put(NOTES, "a", Note("lost"))
    with Vault.open(path, "new") as vault:
        assert vault.get(NOTES, "a") == Note("milk")


def test_one_sees_what_the_other_has_written(vault_of: Make, path: Path) -> None:
    with vault_of(path, a="milk") as first, Vault.open(path, "pp") as second:
        second.put(NOTES, "b", Note("bread"))
        assert first.list(NOTES) == {"a": Note("milk"), "b": Note("bread")}
        first.delete(NOTES, "a")
        assert second.list(NOTES) == {"b": Note("bread")}


@pytest.mark.parametrize("hold", [Vault.lock, Vault.write], ids=["lock", "write"])
def test_a_second_writer_is_told_that_the_wallet_is_busy(
    vault_of: Make, path: Path, hold: Callable[[Vault], object]
) -> None:
    with vault_of(path, a="milk") as first, Vault.open(path, "pp", wait=0.05) as second:
        with hold(first):  # type: ignore[attr-defined]  # mypy sees a plain object behind the context manager
            with pytest.raises(Locked) as refused:
                second.put(NOTES, "a", Note("bread"))
            assert refused.value.code == "wallet.busy"
            assert second.get(NOTES, "a") == Note("milk"), "reading stays possible"
        second.put(NOTES, "a", Note("bread"))


def test_two_writers_never_interleave(vault_of: Make, path: Path) -> None:
    """Each adds one to a number, forty times, reading it within the transaction."""
    vault_of(path, count="0").close()

    def add() -> None:
        with Vault.open(path, "pp", wait=30) as vault:
            for _ in range(20):
                with vault.write():
                    note = vault.get(NOTES, "count")
                    assert note is not None
                    vault.put(NOTES, "count", Note(str(int(note.text) + 1)))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Vault.open(path, "pp") as vault:
        assert vault.get(NOTES, "count") == Note("40")


def test_a_vault_is_never_written_over(vault_of: Make, path: Path) -> None:
    vault_of(path, a="milk").close()
    with pytest.raises(Conflict) as refused:
        vault_of(path)
    assert refused.value.code == "wallet.exists"
    with Vault.open(path, "pp") as vault:
        assert vault.get(NOTES, "a") == Note("milk")


def test_opening_a_vault_that_is_not_there_creates_nothing(path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        Vault.open(path, "pp")
    assert refused.value.code == "wallet.missing"
    assert list(path.parent.iterdir()) == []


def test_a_record_beyond_the_limit_is_refused_and_nothing_is_stored(vault_of: Make, path: Path) -> None:
    with vault_of(path) as vault:
        with pytest.raises(InputError) as refused:
            vault.put(NOTES, "a", Note("x" * (4 << 20)))
        assert refused.value.code == "wallet.too_large"
        assert vault.list(NOTES) == {}


def test_nothing_of_what_is_stored_can_be_read_in_any_file(vault_of: Make, path: Path) -> None:
    """Also not in the write-ahead log, and not after it was deleted; nor which kinds there are."""
    with vault_of(path, "passphrase of mine", canarykey="canarytext did:key:z6Mkcanary Muster-Shop") as vault:
        vault.put(NOTES, "second", Note("canarytext" * 100))
        vault.delete(NOTES, "second")
        seen = b"".join(file.read_bytes() for file in path.parent.iterdir())
    seen += path.read_bytes()
    for canary in ("canary", "did:key", "Muster", "second", "passphrase of mine"):
        assert canary.encode() not in seen, canary


def test_sizes_in_the_file_do_not_tell_records_of_one_step_apart(vault_of: Make, path: Path) -> None:
    sizes = []
    for index, text in enumerate(("", "a short note", "a note that is quite a bit longer" * 5)):
        file = path.with_name(f"{index}.sqlite")
        with vault_of(file, a=text) as vault:
            [(size,)] = vault._run("SELECT length(body) FROM record")
            sizes.append(size)
    assert len(set(sizes)) == 1


def test_an_error_never_shows_the_passphrase_and_neither_does_the_vault(vault_of: Make, path: Path) -> None:
    vault_of(path, "s3cret-canary").close()
    with pytest.raises(Locked) as refused:
        Vault.open(path, "s3cret-wrong")
    with Vault.open(path, "s3cret-canary") as vault:
        assert "s3cret" not in f"{refused.value} {refused.value!r} {vault!r}"
