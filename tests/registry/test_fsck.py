"""Every kind of damage to a registry has its name and its exit code: 9 for bytes, 6 for what they claim."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from konsens.errors import InputError, KonsensError, NotFound
from konsens.registry import (
    LastSigned,
    NoteSigner,
    Registry,
    Report,
    SignerHead,
    check_checkpoint,
    fsck,
    leaf_hash,
    map_root,
    render_vkey,
)
from konsens.registry.fsck import CHECKS

from .logs import (
    ORIGIN,
    SIGNER,
    VKEY,
    by_hand,
    digest,
    forge,
    head,
    later,
    leaf,
    leaves,
    memory_of,
    public,
    rows_of,
    sign,
)

# Three checkpoints of 301 entries each: three full tiles, a rest of 135, then two leaves beyond.
STEP, SIZE = 301, 903
SEAL_IN_TILE, PUBLIC_IN_REST, HEAD_IN_TILE, HEAD_IN_REST = 5, 800, 300, 902


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a sound registry, once."""
    folder = tmp_path_factory.mktemp("fsck") / "registry"
    with Registry.create(folder, origin=ORIGIN, signer=SIGNER) as registry:
        for number in range(3):
            registry.append([*leaves(400 * number, 400 * number + 299), public(number)])
            registry.publish(SIGNER, at=later(number), remembered=memory_of(folder))
        registry.append([leaf(5000)])
        registry.append([leaf(5001)])
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "registry"
    copy.mkdir()
    for path in original.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def outcome(report: Report) -> tuple[str, int]:
    """Return code and exit code of the first check that failed."""
    try:
        report.raise_if_failed()
    except KonsensError as error:
        return error.code, error.exit_code
    return "ok", 0


def test_a_sound_registry_passes_every_check(folder: Path) -> None:
    report = fsck(folder, vkey=VKEY)
    assert (report.failed, report.entries) == ((), SIZE + 2)
    assert report.checkpoint is not None
    assert report.checkpoint.size == SIZE
    assert [check.name for check in report.checks] == [n for n in CHECKS if not n.startswith("fsck.against")]
    report.raise_if_failed()


def test_where_no_registry_is_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        fsck(tmp_path)


def test_the_page_for_the_operator_names_every_check_and_its_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "registry.md").read_text("utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `fsck.")]
    assert [(name.strip(" `"), int(code)) for name, code in rows] == [
        (name, kind.exit_code) for name, kind in CHECKS.items()
    ]


def test_it_is_not_misled_by_what_is_appended_and_published_meanwhile(folder: Path) -> None:
    remembered = SignerHead(folder.with_name("signed"))
    root = check_checkpoint(note_of(folder, SIZE), VKEY).root
    remembered.store(LastSigned(ORIGIN, SIZE, root.hex()))
    stop = threading.Event()

    def write() -> None:
        with Registry.open(folder) as registry:
            for number in range(10_000):
                if stop.is_set():
                    return
                registry.append([public(10_000 + number)])
                registry.publish(SIGNER, at=later(9), remembered=remembered)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert [fsck(folder, vkey=VKEY).failed for _ in range(5)] == [()] * 5
    finally:
        stop.set()
        writer.join()


def test_it_changes_no_file(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    fsck(folder)
    assert {path: path.read_bytes() for path in before} == before


Damage = Callable[[sqlite3.Connection], object]


def sql(statement: str, *values: object) -> Damage:
    return lambda db: db.execute(statement, values)


def entry_at(db: sqlite3.Connection, index: int) -> bytes:
    [entry] = db.execute("SELECT entry FROM entries WHERE idx = ?", (index,)).fetchone()
    assert isinstance(entry, bytes)
    return entry


def change_entry(index: int, place: int = -1) -> Damage:
    """Flip one bit of an entry."""

    def damage(db: sqlite3.Connection) -> None:
        entry = bytearray(entry_at(db, index))
        entry[place] ^= 1
        db.execute("UPDATE entries SET entry = ? WHERE idx = ?", (bytes(entry), index))

    return damage


def find(size: int, start: int, stop: int) -> Callable[[sqlite3.Connection], int]:
    """Return a search for an entry of a kind, told by its size."""

    def search(db: sqlite3.Connection) -> int:
        found = db.execute(
            "SELECT idx FROM entries WHERE length(entry) = ? AND idx >= ? AND idx < ?", (size, start, stop)
        )
        return int(found.fetchone()[0])

    return search


def change_kind(size: int, start: int, stop: int) -> Damage:
    return lambda db: change_entry(find(size, start, stop)(db))(db)


def swap_entries(one: int, other: int) -> Damage:
    def damage(db: sqlite3.Connection) -> None:
        entries = entry_at(db, one), entry_at(db, other)
        db.execute("UPDATE entries SET entry = ? WHERE idx = ?", (entries[1], one))
        db.execute("UPDATE entries SET entry = ? WHERE idx = ?", (entries[0], other))

    return damage


def swap_rows(db: sqlite3.Connection) -> None:
    for old, new in ((5, -1), (6, 5), (-1, 6)):
        db.execute("UPDATE broken SET idx = ? WHERE idx = ?", (new, old))


def change_note(change: Callable[[str], str], size: int = SIZE) -> Damage:
    def damage(db: sqlite3.Connection) -> None:
        [note] = db.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()
        assert change(note) != note
        db.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (change(note), size))

    return damage


def signed_note(change: Callable[[list[bytes]], list[bytes]], *, origin: str = ORIGIN) -> Damage:
    """Put a checkpoint that the operator's own key signs in the place of the newest one."""

    def damage(db: sqlite3.Connection) -> None:
        found = db.execute("SELECT entry FROM entries ORDER BY idx LIMIT ?", (SIZE,))
        entries = [entry for (entry,) in found]
        note = sign(change(entries), origin=origin)
        db.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (note, SIZE))

    return damage


BY_HAND = [
    # the file
    pytest.param(sql("CREATE TABLE more (x)"), "fsck.schema", 9, id="table added"),
    pytest.param(sql("DROP INDEX heads"), "fsck.schema", 9, id="index removed"),
    pytest.param(sql("PRAGMA journal_mode = DELETE"), "fsck.schema", 9, id="journal mode changed"),
    pytest.param(sql("UPDATE log SET vkey = 'x'"), "fsck.vkey", 9, id="key changed"),
    # entries under a tile, in the rest under a checkpoint, and beyond it
    pytest.param(change_kind(129, 0, 256), "fsck.tiles", 9, id="seal leaf changed, in a tile"),
    pytest.param(change_kind(33, 0, 300), "fsck.tiles", 9, id="public leaf changed, in a tile"),
    pytest.param(change_entry(HEAD_IN_TILE, 5), "fsck.tiles", 9, id="head leaf changed, in a tile"),
    pytest.param(change_kind(129, 768, SIZE), "fsck.checkpoint_root", 9, id="seal leaf changed, signed"),
    pytest.param(change_kind(33, 603, SIZE), "fsck.checkpoint_root", 9, id="public leaf changed, signed"),
    pytest.param(change_entry(HEAD_IN_REST, 5), "fsck.checkpoint_root", 9, id="head leaf changed, signed"),
    pytest.param(change_entry(SIZE, 40), "fsck.leaf_signature", 6, id="commitment changed, beyond"),
    pytest.param(change_entry(SIZE, 100), "fsck.leaf_signature", 6, id="signature changed, beyond"),
    pytest.param(change_entry(SIZE, 5), "fsck.seals", 9, id="key changed, beyond"),
    pytest.param(change_entry(SIZE, 0), "fsck.entries", 9, id="kind changed, beyond"),
    pytest.param(sql("UPDATE entries SET entry = ? WHERE idx = 7", b"x"), "fsck.entries", 9, id="cut off"),
    pytest.param(swap_entries(5, 6), "fsck.tiles", 9, id="two entries swapped, in a tile"),
    pytest.param(swap_entries(SIZE, SIZE + 1), "fsck.seals", 9, id="two entries swapped, beyond"),
    pytest.param(sql("DELETE FROM entries WHERE idx = 7"), "fsck.sequence", 9, id="entry removed"),
    pytest.param(sql("DELETE FROM entries WHERE idx = 0"), "fsck.sequence", 9, id="first entry removed"),
    pytest.param(sql("UPDATE entries SET idx = 2000 WHERE idx = 904"), "fsck.sequence", 9, id="renumbered"),
    # rows of the seals
    pytest.param(sql("DELETE FROM broken WHERE idx = 5"), "fsck.seals", 9, id="row missing"),
    pytest.param(sql("DELETE FROM broken WHERE idx = 903"), "fsck.seals", 9, id="row missing, beyond"),
    pytest.param(sql("INSERT INTO broken VALUES (?, 5)", digest("x")), "fsck.seals", 9, id="row too many"),
    pytest.param(sql("UPDATE broken SET idx = 77 WHERE idx = 5"), "fsck.seals", 9, id="row changed"),
    pytest.param(swap_rows, "fsck.seals", 9, id="two rows swapped"),
    # tiles
    pytest.param(sql("UPDATE tiles SET hashes = zeroblob(8192)"), "fsck.tiles", 9, id="hashes changed"),
    pytest.param(sql("UPDATE tiles SET root = zeroblob(32) WHERE idx = 1"), "fsck.tiles", 9, id="a root"),
    pytest.param(sql("DELETE FROM tiles WHERE idx = 1"), "fsck.tiles", 9, id="tile removed"),
    pytest.param(
        sql("INSERT INTO tiles VALUES (0, 3, zeroblob(32), zeroblob(8192))"), "fsck.tiles", 9, id="tile added"
    ),
    # checkpoints, by a hand without the key
    pytest.param(
        change_note(lambda note: note.replace("\n903\n", "\n902\n")),
        "fsck.checkpoint_signature",
        6,
        id="checkpoint: size",
    ),
    pytest.param(
        change_note(lambda note: note[:-5] + "AAA=\n"),
        "fsck.checkpoint_signature",
        6,
        id="checkpoint: signature",
    ),
    pytest.param(
        change_note(lambda note: "\n".join([*note.split("\n")[:2], "A" * 43 + "=", *note.split("\n")[3:]])),
        "fsck.checkpoint_signature",
        6,
        id="checkpoint: root",
    ),
    pytest.param(
        change_note(lambda note: note.replace("log.", "gol.", 1)),
        "fsck.checkpoint_signature",
        6,
        id="checkpoint: origin",
    ),
    pytest.param(
        change_note(lambda note: "hello", size=301), "fsck.checkpoint_signature", 6, id="an older one"
    ),
    pytest.param(
        sql("UPDATE checkpoints SET size = 904 WHERE size > 602"), "fsck.checkpoint_size", 9, id="size"
    ),
    pytest.param(sql("DELETE FROM checkpoints"), "fsck.checkpoint_file", 9, id="checkpoints removed"),
    # checkpoints, by the operator's own key
    pytest.param(
        signed_note(lambda entries: entries[:602]), "fsck.checkpoint_size", 9, id="signed for another size"
    ),
    pytest.param(
        signed_note(lambda entries: entries[::-1]), "fsck.checkpoint_root", 9, id="signed for other entries"
    ),
    pytest.param(
        signed_note(lambda entries: entries, origin="log.other.example"),
        "fsck.checkpoint_origin",
        6,
        id="signed for another log",
    ),
]


@pytest.mark.parametrize(("damage", "code", "exit_code"), BY_HAND)
def test_damage_by_hand_is_named(folder: Path, damage: Damage, code: str, exit_code: int) -> None:
    with by_hand(folder) as db:
        damage(db)
    assert outcome(fsck(folder, vkey=VKEY)) == (code, exit_code)


def test_a_tail_that_was_cut_off_is_named(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("DELETE FROM entries WHERE idx >= 800")
        db.execute("DELETE FROM broken WHERE idx >= 800")
    assert outcome(fsck(folder)) == ("fsck.checkpoint_size", 9)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DROP TRIGGER broken_DELETE", "fsck.schema"),
        ("DROP INDEX published", "fsck.schema"),
        ("DROP TABLE checkpoints", "fsck.file"),
        ("DROP TABLE tiles", "fsck.file"),
    ],
)
def test_a_part_of_the_schema_that_was_removed_is_named(folder: Path, statement: str, code: str) -> None:
    with closing(sqlite3.connect(folder / "log.sqlite")) as db:
        db.execute(statement)
    assert outcome(fsck(folder)) == (code, 9)


def test_a_row_that_is_no_row_is_named(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("INSERT INTO broken VALUES (?, -5)", (b"short",))
    report = fsck(folder)
    assert "fsck.seals" in report.failed
    assert outcome(report)[1] == 9


def folder_in_place_of_file(folder: Path) -> None:
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").mkdir()


OTHER = render_vkey(NoteSigner(ORIGIN, bytes(31) + b"\1").vkey)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(lambda f: (f / "vkey").unlink(), "fsck.vkey", id="key file removed"),
        pytest.param(lambda f: (f / "vkey").write_text(OTHER + "\n"), "fsck.vkey", id="key file changed"),
        pytest.param(lambda f: (f / "checkpoint").unlink(), "fsck.checkpoint_file", id="file removed"),
        pytest.param(lambda f: (f / "checkpoint").write_text("x"), "fsck.checkpoint_file", id="file changed"),
        pytest.param(
            lambda f: (f / "checkpoint").write_bytes((f / "checkpoint").read_bytes()[:-1]),
            "fsck.checkpoint_file",
            id="checkpoint file cut off",
        ),
        pytest.param(folder_in_place_of_file, "fsck.checkpoint_file", id="a folder in its place"),
        pytest.param(lambda f: (f / "cosigned").write_text("x"), "fsck.cosigned_file", id="no note"),
        pytest.param(lambda f: (f / "cosigned").mkdir(), "fsck.cosigned_file", id="a folder as a note"),
        pytest.param(
            lambda f: (f / "cosigned").write_text(sign([leaf(1).entry])),
            "fsck.cosigned_file",
            id="another log's",
        ),
        pytest.param(lambda f: (f / "log.sqlite").write_bytes(b""), "fsck.file", id="log emptied"),
        pytest.param(
            lambda f: (f / "log.sqlite").write_bytes((f / "log.sqlite").read_bytes()[:40_000]),
            "fsck.file",
            id="log cut off",
        ),
        pytest.param(
            lambda f: (f / "log.sqlite").write_bytes((f / "log.sqlite").read_bytes()[:-4096]),
            "fsck.file",
            id="last page cut off",
        ),
        pytest.param(
            lambda f: (f / "log.sqlite").write_bytes(b"X" + (f / "log.sqlite").read_bytes()[1:]),
            "fsck.file",
            id="first byte changed",
        ),
    ],
)
def test_damage_to_a_file_is_named(folder: Path, damage: Callable[[Path], object], code: str) -> None:
    damage(folder)
    assert outcome(fsck(folder)) == (code, 9)


def test_the_checkpoint_file_may_be_one_behind_after_a_crash_but_not_more(folder: Path) -> None:
    with by_hand(folder) as db:
        notes = [note for (note,) in db.execute("SELECT note FROM checkpoints ORDER BY size")]
    (folder / "checkpoint").write_text(notes[1])
    assert outcome(fsck(folder)) == ("ok", 0)
    (folder / "checkpoint").write_text(notes[0])
    assert outcome(fsck(folder)) == ("fsck.checkpoint_file", 9)


def test_without_a_readable_key_nothing_that_is_signed_can_be_checked(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("UPDATE log SET vkey = 'hello'")
    report = fsck(folder)
    assert [(check.name, check.ok) for check in report.checks] == [
        ("fsck.file", True),
        ("fsck.schema", True),
        ("fsck.vkey", False),
    ]


def test_a_log_of_another_key_than_the_known_one_is_named(folder: Path) -> None:
    report = fsck(folder, vkey=NoteSigner(ORIGIN, bytes(31) + b"\1").vkey)
    assert outcome(report) == ("fsck.vkey", 9)
    assert "fsck.checkpoint_signature" in report.failed


def contents(folder: Path) -> list[object]:
    """Return everything that the log says, or the error with which it refuses."""
    try:
        with closing(sqlite3.connect(folder / "log.sqlite")) as db:
            tables = ("entries", "tiles", "broken", "checkpoints")
            return [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
    except sqlite3.Error as error:
        return [error]


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_noticed_or_lies_where_nothing_is(folder: Path, seed: int) -> None:
    before = contents(folder)
    raw = bytearray((folder / "log.sqlite").read_bytes())
    place = random.Random(seed).randrange(len(raw) * 8)
    raw[place // 8] ^= 1 << place % 8
    (folder / "log.sqlite").write_bytes(raw)
    try:
        report = fsck(folder, vkey=VKEY)
    except InputError:
        return  # registry.newer: it hit the version in the header
    assert report.failed or contents(folder) == before


# What a hostile operator can sign, who makes all the rest agree with it.


def a_tampered_leaf() -> list[bytes]:
    entries = [leaf(0).entry, leaf(1).entry[:-1] + b"\0"]
    return [*entries, head(map_root(rows_of(entries)), None)]


def a_leaf_for_another_log() -> list[bytes]:
    entries = [leaf(0, origin="log.other.example").entry]
    return [*entries, head(map_root(rows_of(entries)), None)]


def a_leaf_on_which_libraries_disagree() -> list[bytes]:
    """Key and R are the identity, S is 0: some libraries take this for any text."""
    entries = [b"\x01" + b"\x01" + bytes(31) + digest("text") + b"\x01" + bytes(63)]
    return [*entries, head(map_root(rows_of(entries)), None)]


def a_key_that_serves_twice() -> list[bytes]:
    entries = [leaf(0).entry, leaf(0, says=" and more").entry]
    return [*entries, head(map_root(rows_of(entries)), None)]


def a_second_chain_of_head_leaves() -> list[bytes]:
    rows = rows_of([leaf(0).entry])
    first = head(map_root(rows), None)
    return [leaf(0).entry, first, public(0).entry, head(map_root(rows), None)]


def a_chain_that_skips_a_head_leaf() -> list[bytes]:
    rows = rows_of([leaf(0).entry])
    first = head(map_root(rows), None)
    second = head(map_root(rows), first)
    return [leaf(0).entry, first, public(0).entry, second, public(1).entry, head(map_root(rows), first)]


def a_time_that_goes_back() -> list[bytes]:
    first = head(bytes(32), None, minutes=1)
    return [first, public(0).entry, head(bytes(32), first, minutes=0)]


def a_map_that_hides_a_broken_seal() -> list[bytes]:
    entries = [leaf(0).entry, leaf(1).entry]
    return [*entries, head(map_root(rows_of(entries[:1])), None)]


def a_map_that_invents_a_broken_seal() -> list[bytes]:
    entries = [leaf(0).entry, public(0).entry]
    return [*entries, head(map_root([*rows_of(entries), (leaf(1).seal, 1)]), None)]


def a_map_that_was_true_once() -> list[bytes]:
    stale = map_root(rows_of([leaf(0).entry]))
    first = head(stale, None)
    entries = [leaf(0).entry, first, leaf(1).entry]
    second = head(stale, first)
    return [*entries, second, public(0).entry, head(map_root(rows_of(entries)), second)]


def no_head_leaf_at_the_end() -> list[bytes]:
    return [head(bytes(32), None), leaf(0).entry]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        pytest.param(a_tampered_leaf, "fsck.leaf_signature", id="tampered leaf"),
        pytest.param(a_leaf_for_another_log, "fsck.leaf_signature", id="leaf of another log"),
        pytest.param(a_leaf_on_which_libraries_disagree, "fsck.leaf_signature", id="crafted leaf"),
        pytest.param(a_key_that_serves_twice, "fsck.key_twice", id="key twice"),
        pytest.param(a_second_chain_of_head_leaves, "fsck.head_chain", id="second head chain"),
        pytest.param(a_chain_that_skips_a_head_leaf, "fsck.head_chain", id="head leaf skipped"),
        pytest.param(a_time_that_goes_back, "fsck.head_time", id="time goes back"),
        pytest.param(a_map_that_hides_a_broken_seal, "fsck.map_root", id="map hides a seal"),
        pytest.param(a_map_that_invents_a_broken_seal, "fsck.map_root", id="map invents a seal"),
        pytest.param(a_map_that_was_true_once, "fsck.map_root", id="map of an earlier time"),
        pytest.param(no_head_leaf_at_the_end, "fsck.checkpoint_head", id="no head leaf at the end"),
    ],
)
def test_a_lie_that_the_operator_signed_is_named(
    tmp_path: Path, entries: Callable[[], list[bytes]], code: str
) -> None:
    forge(tmp_path / "registry", entries())
    report = fsck(tmp_path / "registry", vkey=VKEY)
    assert outcome(report) == (code, 6)
    assert report.failed == (code,)


def test_two_checkpoints_that_cannot_both_be_true_are_named(tmp_path: Path) -> None:
    first = head(bytes(32), None)
    entries = [first, public(0).entry, head(bytes(32), first)]
    forge(tmp_path / "registry", entries, notes={1: sign([public(9).entry]), 3: sign(entries)})
    assert fsck(tmp_path / "registry").failed == ("fsck.checkpoint_root",)


# Against a checkpoint that somebody kept.


def note_of(folder: Path, size: int) -> str:
    with by_hand(folder) as db:
        return str(db.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()[0])


@pytest.mark.parametrize("size", [STEP, 2 * STEP, SIZE])
def test_every_checkpoint_that_was_published_still_fits(folder: Path, size: int) -> None:
    report = fsck(folder, against=note_of(folder, size))
    assert report.failed == ()
    assert [check.name for check in report.checks] == list(CHECKS)


def test_a_log_that_was_rolled_back_is_told_by_an_older_checkpoint(folder: Path) -> None:
    kept = note_of(folder, SIZE)
    with by_hand(folder) as db:
        db.execute("DELETE FROM entries WHERE idx >= 602")
        db.execute("DELETE FROM broken WHERE idx >= 602")
        db.execute("DELETE FROM tiles WHERE idx >= 2")
        db.execute("DELETE FROM checkpoints WHERE size > 602")
    (folder / "checkpoint").write_text(note_of(folder, 602))
    assert fsck(folder).failed == ()  # an older state that is whole in itself
    assert outcome(fsck(folder, against=kept)) == ("fsck.against_size", 9)


def test_a_forked_log_is_told_by_an_older_checkpoint(tmp_path: Path) -> None:
    for name, number in (("one", 0), ("other", 1)):
        entries = [leaf(number).entry]
        forge(tmp_path / name, [*entries, head(map_root(rows_of(entries)), None)])
    kept = note_of(tmp_path / "one", 2)
    assert fsck(tmp_path / "other").failed == ()
    assert outcome(fsck(tmp_path / "other", against=kept)) == ("fsck.against_root", 9)


@pytest.mark.parametrize("note", ["hello", "", sign([public(0).entry], origin="log.other.example")])
def test_a_checkpoint_that_is_not_the_logs_is_nothing_to_compare_with(folder: Path, note: str) -> None:
    assert outcome(fsck(folder, against=note)) == ("fsck.against_signature", 6)


def test_a_head_leaf_hash_is_what_the_next_one_names(folder: Path) -> None:
    with by_hand(folder) as db:
        heads = [entry_at(db, index) for index in (300, 601, 902)]
    assert [entry[33:65] for entry in heads] == [bytes(32), leaf_hash(heads[0]), leaf_hash(heads[1])]
