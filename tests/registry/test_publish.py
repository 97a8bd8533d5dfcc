"""What the holder of the log key refuses to sign over, whoever put it into the folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

import pytest

from konsens.errors import Damaged, Locked, NotTrusted
from konsens.registry import (
    LastSigned,
    NoteSigner,
    PublicLeaf,
    Registry,
    SealLeaf,
    SealMap,
    fsck,
    leaf_hash,
    map_root,
)
from konsens.registry.seal_map import source_of

from .logs import (
    ORIGIN,
    SIGNER,
    by_hand,
    digest,
    head,
    later,
    leaf,
    leaves,
    make,
    memory_of,
    public,
    rows_of,
    sign,
)

SEALS = 250  # and a head leaf: five more entries fill a tile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "registry"
    make(made, seals=SEALS)
    return made


def publish(folder: Path, *, signer: NoteSigner = SIGNER, minutes: int = 5) -> str:
    with Registry.open(folder) as registry:
        return registry.publish(signer, at=later(minutes), remembered=memory_of(folder)).note


def entries_in(db: Connection) -> list[bytes]:
    return [entry for (entry,) in db.execute("SELECT entry FROM entries ORDER BY idx")]


def put(db: Connection, entry: bytes, *, row: bool = True) -> None:
    """Put an entry at the end of the log, with its row unless the seal has one."""
    index = len(entries_in(db))
    db.execute("INSERT INTO entries VALUES (?, ?)", (index, entry))
    if row and len(entry) == 129:
        seal = rows_of([entry])[0][0]
        db.execute("INSERT INTO broken VALUES (?, ?) ON CONFLICT DO NOTHING", (seal, index))


def tampered(one: SealLeaf) -> bytes:
    return one.entry[:-1] + bytes([one.entry[-1] ^ 1])


def right_head(db: Connection, *, minutes: int) -> bytes:
    entries = entries_in(db)
    return head(map_root(rows_of(entries)), entries[SEALS], minutes=minutes)


def a_leaf_that_was_tampered_with(db: Connection) -> None:
    put(db, tampered(leaf(300)))


def a_leaf_for_another_log(db: Connection) -> None:
    put(db, leaf(300, origin="log.other.example").entry)


def a_key_that_served_before(db: Connection) -> None:
    put(db, leaf(7, says=" and more").entry)


def a_leaf_repeated(db: Connection) -> None:
    put(db, leaf(7).entry)


def a_leaf_without_its_row(db: Connection) -> None:
    put(db, leaf(300).entry, row=False)


def a_row_without_a_leaf(db: Connection) -> None:
    db.execute("INSERT INTO broken VALUES (?, ?)", (leaf(300).seal, 251))
    put(db, public(1).entry)


def a_row_of_no_seal(db: Connection) -> None:
    db.execute("INSERT INTO broken VALUES (?, ?)", (b"short", 251))
    put(db, public(1).entry)


def a_row_that_names_another_entry(db: Connection) -> None:
    put(db, leaf(300).entry)
    db.execute("UPDATE broken SET idx = 400 WHERE seal = ?", (leaf(300).seal,))


def an_entry_of_an_unknown_kind(db: Connection) -> None:
    put(db, b"\x07" + leaf(300).entry[1:], row=False)


def an_entry_of_no_size(db: Connection) -> None:
    put(db, b"hello")


def a_gap(db: Connection) -> None:
    db.execute("INSERT INTO entries VALUES (?, ?)", (252, public(1).entry))


def a_tile_of_other_hashes(db: Connection) -> None:
    for number in range(300, 305):
        put(db, leaf(number).entry)
    db.execute("INSERT INTO tiles VALUES (0, 0, ?, ?)", (digest("root"), bytes(8192)))


def a_tile_left_out(db: Connection) -> None:
    for number in range(300, 305):
        put(db, leaf(number).entry)


def a_head_leaf_of_another_chain(db: Connection) -> None:
    put(db, head(map_root(rows_of(entries_in(db))), None, minutes=1))


def a_head_leaf_that_goes_back_in_time(db: Connection) -> None:
    put(db, right_head(db, minutes=-1))


def a_head_leaf_that_hides_a_broken_seal(db: Connection) -> None:
    put(db, leaf(300).entry)
    entries = entries_in(db)
    put(db, head(map_root(rows_of(entries[:SEALS])), entries[SEALS], minutes=1))


def a_checkpoint_by_nobody(db: Connection) -> None:
    db.execute("INSERT INTO checkpoints VALUES (?, ?)", (9999, "hello"))


def a_checkpoint_longer_than_the_log(db: Connection) -> None:
    db.execute("INSERT INTO checkpoints VALUES (?, ?)", (300, sign([public(1).entry] * 300)))


def a_checkpoint_of_another_root(db: Connection) -> None:
    put(db, right_head(db, minutes=1))
    db.execute("INSERT INTO checkpoints VALUES (?, ?)", (252, sign([public(1).entry] * 252)))


def a_checkpoint_after_no_head_leaf(db: Connection) -> None:
    put(db, public(1).entry)
    db.execute("INSERT INTO checkpoints VALUES (?, ?)", (252, sign(entries_in(db))))


def a_checkpoint_for_another_origin(db: Connection) -> None:
    db.execute(
        "INSERT INTO checkpoints VALUES (?, ?)", (252, sign(entries_in(db), origin="log.other.example"))
    )


RECHECKED: list[tuple[Callable[[Connection], None], str]] = [
    (a_leaf_that_was_tampered_with, "fsck.leaf_signature"),
    (a_leaf_for_another_log, "fsck.leaf_signature"),
    (a_key_that_served_before, "fsck.key_twice"),
    (a_leaf_repeated, "fsck.key_twice"),
    (a_leaf_without_its_row, "fsck.seals"),
    (a_row_without_a_leaf, "fsck.seals"),
    (a_row_of_no_seal, "fsck.seals"),
    (a_row_that_names_another_entry, "fsck.seals"),
    (an_entry_of_an_unknown_kind, "fsck.entries"),
    (an_entry_of_no_size, "fsck.entries"),
    (a_gap, "fsck.sequence"),
    (a_tile_left_out, "fsck.tiles"),
    (a_head_leaf_of_another_chain, "fsck.head_chain"),
    (a_head_leaf_that_goes_back_in_time, "fsck.head_time"),
    (a_head_leaf_that_hides_a_broken_seal, "fsck.map_root"),
    (a_checkpoint_by_nobody, "fsck.checkpoint_signature"),
    (a_checkpoint_longer_than_the_log, "fsck.checkpoint_size"),
    (a_checkpoint_of_another_root, "fsck.checkpoint_root"),
    (a_checkpoint_after_no_head_leaf, "fsck.checkpoint_head"),
    (a_checkpoint_for_another_origin, "fsck.checkpoint_origin"),
]


@pytest.mark.parametrize(("damage", "check"), [pytest.param(d, c, id=d.__name__) for d, c in RECHECKED])
def test_nothing_is_signed_over(folder: Path, damage: Callable[[Connection], None], check: str) -> None:
    signed = memory_of(folder).load(ORIGIN)
    with by_hand(folder) as db:
        damage(db)
        checkpoints = db.execute("SELECT * FROM checkpoints").fetchall()
        size = len(entries_in(db))
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert (refused.value.code, refused.value.facts["check"]) == ("registry.recheck", check)
    assert memory_of(folder).load(ORIGIN) == signed
    with by_hand(folder) as db:
        assert db.execute("SELECT * FROM checkpoints").fetchall() == checkpoints
        assert len(entries_in(db)) == size
    assert check in fsck(folder).failed  # one set of rules


def test_a_right_head_leaf_that_the_operator_did_not_write_is_not_signed_over(folder: Path) -> None:
    with by_hand(folder) as db:
        put(db, leaf(300).entry)
        put(db, right_head(db, minutes=1))
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert (refused.value.code, refused.value.facts["index"]) == ("registry.foreign_head", 252)


def drop_the_tail(db: Connection) -> None:
    db.execute("DELETE FROM entries WHERE idx >= 200")
    db.execute("DELETE FROM broken WHERE idx >= 200")
    db.execute("DELETE FROM checkpoints")


def change_an_entry(db: Connection) -> None:
    db.execute("UPDATE entries SET entry = ? WHERE idx = 7", (leaf(300).entry,))


def change_the_last_head_leaf(db: Connection) -> None:
    db.execute("UPDATE entries SET entry = ? WHERE idx = ?", (head(bytes(32), None), SEALS))


def remove_a_row(db: Connection) -> None:
    db.execute("DELETE FROM broken WHERE idx = 7")


def add_a_row(db: Connection) -> None:
    db.execute("INSERT INTO broken VALUES (?, 7)", (leaf(300).seal,))


def change_a_row(db: Connection) -> None:
    db.execute("UPDATE broken SET idx = 8 WHERE idx = 7")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(drop_the_tail, "registry.rolled_back", id="entries removed"),
        pytest.param(change_an_entry, "registry.fork", id="an entry changed"),
        pytest.param(change_the_last_head_leaf, "registry.fork", id="the head leaf changed"),
        pytest.param(a_tile_of_other_hashes, "registry.fork", id="hashes changed"),
        pytest.param(remove_a_row, "registry.seal_rows", id="a row removed"),
        pytest.param(add_a_row, "registry.seal_rows", id="a row added"),
        pytest.param(change_a_row, "registry.seal_rows", id="a row changed"),
    ],
)
def test_a_changed_past_is_not_signed_over(
    folder: Path, damage: Callable[[Connection], None], code: str
) -> None:
    with by_hand(folder) as db:
        damage(db)
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == code


def test_a_restored_backup_does_not_fork_the_log(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "backup")
    with Registry.open(folder) as registry:
        registry.append([leaf(300)])
    publish(folder)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    with Registry.open(folder) as registry:
        registry.append([leaf(301)])
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == "registry.rolled_back"
    with Registry.open(folder) as registry:
        registry.append(leaves(302, 310))
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == "registry.fork"


def test_a_home_restored_from_a_backup_goes_on_from_what_its_own_key_has_signed_since(folder: Path) -> None:
    old = memory_of(folder).path.read_bytes()
    for number in range(300, 303):
        with Registry.open(folder) as registry:
            registry.append([leaf(number)])
        publish(folder)
    memory_of(folder).path.write_bytes(old)
    with Registry.open(folder) as registry:
        registry.append([leaf(303)])
    publish(folder)
    assert fsck(folder).failed == ()


def test_a_home_that_lost_its_memory_does_not_sign(folder: Path) -> None:
    memory_of(folder).path.unlink()
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == "registry.signer_head_lost"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda signed: b"", id="empty"),
        pytest.param(lambda signed: signed[:-9], id="cut off"),
        pytest.param(lambda signed: signed.replace(b"muster", b"other."), id="of another log"),
        pytest.param(lambda signed: json.dumps(json.loads(signed) | {"size": -1}).encode(), id="negative"),
        pytest.param(
            lambda signed: json.dumps(json.loads(signed) | {"root": "ab"}).encode(), id="short root"
        ),
        pytest.param(
            lambda signed: json.dumps(json.loads(signed) | {"more": 1}).encode(), id="a member more"
        ),
    ],
)
def test_a_damaged_memory_is_not_guessed_at(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = memory_of(folder).path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == "registry.signer_head"


def test_another_key_does_not_sign(folder: Path) -> None:
    with pytest.raises(NotTrusted) as refused:
        publish(folder, signer=NoteSigner(ORIGIN, bytes(31) + b"\1"))
    assert refused.value.code == "registry.other_key"


def test_two_commands_of_one_home_do_not_sign_at_once(folder: Path) -> None:
    with memory_of(folder).locked(), pytest.raises(Locked) as refused:
        publish(folder)
    assert refused.value.code == "registry.busy"
    publish(folder)


def test_a_head_leaf_announced_but_not_written_is_forgotten(folder: Path) -> None:
    signed = memory_of(folder).load(ORIGIN)
    assert signed is not None
    memory_of(folder).store(LastSigned(ORIGIN, signed.size, signed.root, leaf_hash(b"some head").hex()))
    with Registry.open(folder) as registry:
        registry.append([PublicLeaf(digest("later"))])
    publish(folder)
    again = memory_of(folder).load(ORIGIN)
    assert again is not None
    assert (again.size, again.intent) == (SEALS + 3, None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("DELETE FROM broken WHERE seal = ?", id="removed"),
        pytest.param("UPDATE broken SET idx = idx + 1 WHERE seal = ?", id="changed"),
    ],
)
def test_a_row_that_is_changed_under_an_open_log_does_not_enter_what_is_signed_next(
    folder: Path, change: str
) -> None:
    """The map keeps its top levels in memory and reads the rest again when a neighbour breaks."""
    with Registry.open(folder) as registry:
        registry.append([public(1)])
        registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
        broken = leaf(7).seal
        with by_hand(folder) as db:
            db.execute(change, (broken,))
        neighbours = [leaf(n) for n in range(1000, 6000) if leaf(n).seal[:1] == broken[:1]]
        registry.append(neighbours)
        with pytest.raises(Damaged) as refused:
            registry.publish(SIGNER, at=later(2), remembered=memory_of(folder))
        assert refused.value.code == "registry.seal_rows"


def test_rows_that_are_changed_under_an_open_map_do_not_enter_it_when_it_is_built_anew() -> None:
    rows = [(leaf(number).seal, number) for number in range(60)]
    seals = SealMap(lambda spans: source_of(rows)(spans), size=50, levels=2)
    del rows[7]
    with pytest.raises(Damaged) as refused:
        seals.insert(rows[49:], size=60)
    assert refused.value.code == "registry.seal_rows"


def test_a_head_leaf_that_was_changed_under_a_full_tile_is_not_signed_over(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    make(folder, seals=255)
    with by_hand(folder) as db:
        db.execute("UPDATE entries SET entry = ? WHERE idx = 255", (head(bytes(32), None),))
    with pytest.raises(Damaged) as refused:
        publish(folder)
    assert refused.value.code == "registry.fork"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(
            "UPDATE entries SET entry = zeroblob(129) WHERE idx = 7", "registry.damaged", id="entry"
        ),
        pytest.param(
            "UPDATE entries SET entry = zeroblob(73) WHERE idx = 250", "registry.damaged", id="head"
        ),
        pytest.param(
            "UPDATE entries SET entry = zeroblob(33) WHERE idx = 250", "registry.damaged", id="kind"
        ),
        pytest.param("DELETE FROM entries WHERE idx = 7", "registry.damaged", id="entry removed"),
        pytest.param("UPDATE checkpoints SET note = 'x'", "registry.damaged", id="checkpoint"),
        pytest.param("UPDATE checkpoints SET note = note || 'x'", "registry.damaged", id="signature"),
        pytest.param("DELETE FROM broken WHERE idx = 7", "registry.seal_rows", id="row"),
    ],
)
def test_a_damaged_log_hands_out_no_proof(folder: Path, change: str, code: str) -> None:
    with by_hand(folder) as db:
        db.execute(change)
    with Registry.open(folder) as registry, pytest.raises(Damaged) as refused:
        registry.prove_holds(7, leaf(300).seal)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "change", ["DELETE FROM broken WHERE seal = ?", "UPDATE broken SET idx = 1 WHERE seal = ?"]
)
def test_a_row_that_is_changed_under_an_open_log_ends_in_no_proof(folder: Path, change: str) -> None:
    with Registry.open(folder) as registry:
        registry.prove_holds(7, leaf(7).seal)
        with by_hand(folder) as db:
            db.execute(change, (leaf(7).seal,))
        with pytest.raises(Damaged) as refused:
            registry.prove_holds(7, leaf(7).seal)
        assert refused.value.code == "registry.seal_rows"


def test_a_head_leaf_and_a_checkpoint_by_nobody_give_no_time(folder: Path) -> None:
    with by_hand(folder) as db:
        put(db, leaf(300).entry)
        put(db, right_head(db, minutes=1))
        note = sign(entries_in(db), signer=NoteSigner(ORIGIN, bytes(31) + b"\1"))
        db.execute("INSERT INTO checkpoints VALUES (253, ?)", (note,))
    with Registry.open(folder) as registry, pytest.raises(Damaged) as refused:
        registry.head_after(251)
    assert refused.value.code == "registry.damaged"
