"""Moving a log from a folder: all of it or a right beginning, and nothing that is not the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from konsens.errors import Conflict, Damaged, KonsensError, NotTrusted
from konsens.registry import NoteSigner, Registry
from konsens.registry.postgres import create_postgres, move, move_folder, open_postgres
from tests.registry.logs import (
    SIGNER,
    by_hand,
    digest,
    forge,
    head,
    later,
    leaf,
    leaves,
    make,
    memory_of,
    public,
)

from .nodes import Node
from .running import Log


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a registry of three checkpoints and some leaves beyond the last, to be moved in small pieces."""
    monkeypatch.setattr(move, "ENTRIES_AT_ONCE", 100)
    made = tmp_path / "registry"
    make(made, seals=300)
    with Registry.open(made) as registry:
        for number in (1, 2):
            registry.append([*leaves(300 * number, 300 * number + 10), public(number)])
            registry.publish(SIGNER, at=later(number), remembered=memory_of(made))
        registry.append(leaves(2000, 2005))
    return made


def everything(folder: Path, server: Node, schema: str) -> None:
    """Both say the same of everything."""
    with Registry.open(folder) as old, open_postgres(server.dsn, schema=schema) as new:
        assert list(new.events_since(0)) == list(old.events_since(0))
        assert new.store.checkpoints(0) == old.store.checkpoints(0)
        assert new.confirmed() == 0  # no sequencer has answered for it yet
        for index in (0, 5, 299, 311):
            assert new.prove_holds(index, leaf(1).seal) == old.prove_holds(index, leaf(1).seal)
            assert new.prove_holds(index, digest("x")) == old.prove_holds(index, digest("x"))
        assert new.find_public(public(1).digest) == old.find_public(public(1).digest)


def test_a_moved_log_is_the_same_and_goes_on_under_the_same_memory(
    folder: Path, server: Node, schema: str
) -> None:
    told: list[int] = []
    assert move_folder(folder, server.dsn, schema=schema, told=told.append) == 330
    assert told == [100, 200, 300, 330]
    everything(folder, server, schema)
    assert move_folder(folder, server.dsn, schema=schema) == 330  # once more changes nothing
    everything(folder, server, schema)
    log = Log(server.dsn, schema, folder.parent)
    with log.sequencer(remembered=memory_of(folder), clock=lambda: later(9)) as sequencer:
        assert sequencer.publish().checkpoint.size == 331
    log.check()
    with Registry.open(folder) as left_behind, pytest.raises(Damaged) as refused:
        left_behind.publish(SIGNER, at=later(10), remembered=memory_of(folder))
    assert refused.value.code == "registry.rolled_back"


def test_an_empty_log_is_moved_too(tmp_path: Path, server: Node, schema: str) -> None:
    make(tmp_path / "registry", checkpoint=False)
    assert move_folder(tmp_path / "registry", server.dsn, schema=schema) == 0


@pytest.mark.parametrize("done", [100, 200, 330])
def test_an_interrupted_move_goes_on(folder: Path, server: Node, schema: str, done: int) -> None:
    class KilledError(Exception):
        """The process was killed."""

    def told(size: int) -> None:
        if size == done:
            raise KilledError

    with pytest.raises(KilledError):
        move_folder(folder, server.dsn, schema=schema, told=told)
    with open_postgres(server.dsn, schema=schema) as begun:
        assert begun.size() == done
        assert begun.checkpoint() is None
    assert move_folder(folder, server.dsn, schema=schema) == 330
    everything(folder, server, schema)


def test_what_was_appended_to_the_folder_meanwhile_is_fetched(
    folder: Path, server: Node, schema: str
) -> None:
    move_folder(folder, server.dsn, schema=schema)
    with Registry.open(folder) as registry:
        registry.append(leaves(3000, 3010))
    assert move_folder(folder, server.dsn, schema=schema) == 340
    everything(folder, server, schema)


def another_key(server: Node, schema: str) -> None:
    other = NoteSigner(SIGNER.name, bytes(31) + b"\1")
    create_postgres(server.dsn, schema=schema, signer=other).close()


def other_entries(server: Node, schema: str) -> None:
    with create_postgres(server.dsn, schema=schema, signer=SIGNER) as log:
        log.append(leaves(100, 120))


def more_entries(server: Node, schema: str) -> None:
    with create_postgres(server.dsn, schema=schema, signer=SIGNER) as log:
        log.append([public(number) for number in range(400)])


@pytest.mark.parametrize(
    ("there", "kind", "code"),
    [
        pytest.param(another_key, NotTrusted, "registry.other_key", id="a log of another key"),
        pytest.param(other_entries, Damaged, "registry.fork", id="a log of other entries"),
        pytest.param(more_entries, Conflict, "postgres.longer", id="a longer log"),
    ],
)
def test_a_target_that_is_not_a_beginning_of_it_is_left_as_it_is(
    folder: Path,
    server: Node,
    schema: str,
    there: Callable[[Node, str], None],
    kind: type[KonsensError],
    code: str,
) -> None:
    there(server, schema)
    before = server.do(f"SELECT idx, entry FROM {schema}.entries")
    with pytest.raises(kind) as refused:
        move_folder(folder, server.dsn, schema=schema)
    assert refused.value.code == code
    assert server.do(f"SELECT idx, entry FROM {schema}.entries") == before


def changed_entry(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("UPDATE entries SET entry = ? WHERE idx = 150", (leaf(7, says="!").entry,))


def missing_entry(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("DELETE FROM entries WHERE idx = 150")


def other_checkpoint(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute(
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 313) WHERE size = 301"
        )


@pytest.mark.parametrize(
    ("damage", "check", "kept"),
    [
        pytest.param(changed_entry, "fsck.key_twice", 100, id="an entry changed"),
        pytest.param(missing_entry, "fsck.sequence", 150, id="an entry missing"),
        pytest.param(other_checkpoint, "fsck.checkpoint_size", 330, id="a checkpoint swapped"),
    ],
)
def test_a_damaged_folder_is_not_moved_and_the_check_that_failed_is_named(
    folder: Path, server: Node, schema: str, damage: Callable[[Path], None], check: str, kept: int
) -> None:
    damage(folder)
    with pytest.raises(Damaged) as refused:
        move_folder(folder, server.dsn, schema=schema)
    assert refused.value.facts["check"] == check
    assert server.do(f"SELECT size FROM {schema}.head") == [(kept,)]
    assert server.do(f"SELECT * FROM {schema}.checkpoints") == []


def test_a_map_that_the_folders_operator_lied_about_is_found(
    tmp_path: Path, server: Node, schema: str
) -> None:
    """Entries, tree and checkpoint agree; the head leaf leaves a broken seal out of its map."""
    entries = [leaf(1).entry, leaf(2).entry]
    forge(tmp_path / "registry", [*entries, head(bytes(32), None)])
    with pytest.raises(Damaged) as refused:
        move_folder(tmp_path / "registry", server.dsn, schema=schema)
    assert refused.value.facts == {"check": "fsck.map_root", "index": 2}


def test_what_is_changed_in_the_target_later_is_found_when_moving_goes_on(
    folder: Path, server: Node, schema: str
) -> None:
    move_folder(folder, server.dsn, schema=schema)
    for statement in (
        "ALTER TABLE broken DISABLE TRIGGER stays",
        "DELETE FROM broken WHERE idx = 3",
        "ALTER TABLE broken ENABLE TRIGGER stays",
    ):
        with closing(Log(server.dsn, schema, folder).store()) as store:
            store.session.change(statement)
    with pytest.raises(Damaged) as refused:
        move_folder(folder, server.dsn, schema=schema)
    assert refused.value.facts == {"check": "fsck.seals", "index": 3}
