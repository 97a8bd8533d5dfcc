"""The witness' side of tlog-witness, request by request, and under everything that can hit it at once."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import closing, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from konsens.errors import Damaged, InputError, Unavailable
from konsens.registry import (
    MAP_SUFFIX,
    Checkpoint,
    Cosigner,
    MlDsaCosigner,
    NoteSigner,
    check_checkpoint,
    check_cosignatures,
    cosign,
    parse_note,
    render_vkey,
    sign_checkpoint,
    sign_note,
)
from konsens.registry.witness import (
    LONGEST_REQUEST,
    AddCheckpoint,
    Witness,
    WitnessState,
    parse_add_checkpoint,
    parse_logs,
    render_add_checkpoint,
)

from ..logs import AT, ORIGIN, SIGNER, VKEY, later
from .world import COSIGNERS, LOGS, Tree, witness_in

TREE = Tree(40)
FORK = Tree(40, fork_at=5)
KEY = COSIGNERS[0].vkey


def cosigned(note: str, answer: bytes) -> list[int]:
    """Return the times of the witness' good cosignatures in an answer."""
    whole = parse_note(note + answer.decode())
    return [int(one.at.timestamp()) for one in check_cosignatures(whole, [KEY])]


def test_a_log_goes_on_and_is_cosigned(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    for minute, (old, new) in enumerate([(0, 7), (7, 7), (7, 8), (8, 40)]):
        answer = witness.add_checkpoint(TREE.request(old, new), at=later(minute))
        assert (answer.status, answer.body[:4].decode()) == (200, "— ")
        assert cosigned(TREE.note(new), answer.body) == [int(later(minute).timestamp())]
    shown = witness.checkpoint(sha256(ORIGIN.encode()).hexdigest())
    assert shown.status == 200
    assert check_checkpoint(shown.body, VKEY).size == 40
    assert cosigned(shown.body.decode(), b"") == [int(later(3).timestamp())]


def test_the_empty_log_is_a_beginning_too(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    assert [
        witness.add_checkpoint(TREE.request(*sizes), at=AT).status for sizes in [(0, 0), (0, 0), (0, 3)]
    ] == [200] * 3
    wrong = sign_note(f"{ORIGIN}\n0\n{TREE.note(3).splitlines()[2]}\n", SIGNER)
    assert witness_in(tmp_path / "new").add_checkpoint(b"old 0\n\n" + wrong.encode(), at=AT).status == 422


def edited(old: bytes, new: bytes, request: bytes | None = None) -> bytes:
    request = TREE.request(7, 20) if request is None else request
    assert old in request
    return request.replace(old, new)


def with_proof(*hashes: bytes, old: int = 7, new: int = 20) -> bytes:
    return render_add_checkpoint(AddCheckpoint(old, hashes, TREE.note(new)))


PATH = TREE.path(7, 20)
LINE = b"\n" + TREE.request(7, 20).split(b"\n")[1]
STRANGER = NoteSigner(ORIGIN, b"s" * 32)
OTHER = NoteSigner("other.example", b"o" * 32)
FOREIGN = sign_checkpoint(Checkpoint(OTHER.name, 7, bytes(32)), OTHER).note

REFUSED = [
    pytest.param(b"", 400, id="nothing"),
    pytest.param(b"\xff" + TREE.request(7, 20), 400, id="no text"),
    pytest.param(TREE.request(7, 20)[:-3], 400, id="cut off"),
    pytest.param(edited(b"old 7", b"old 07"), 400, id="leading zero"),
    pytest.param(edited(b"old 7", b"old -7"), 400, id="negative"),
    pytest.param(edited(b"old 7", b"old  7"), 400, id="two spaces"),
    pytest.param(edited(b"old 7", b"Old 7"), 400, id="not its word"),
    pytest.param(edited(b"old 7\n", b""), 400, id="no old size"),
    pytest.param(edited(b"old 7", b"old 21"), 400, id="old larger than new"),
    pytest.param(edited(LINE, LINE[:-2] + b"!="), 400, id="no base64"),
    pytest.param(edited(LINE, b"\nAAAA"), 400, id="a hash too short"),
    pytest.param(edited(LINE, LINE * 64), 400, id="64 hashes"),
    pytest.param(TREE.request(7, 20) + b"x" * LONGEST_REQUEST, 400, id="too long"),
    pytest.param(edited(b"\n20\n", b"\n99999999999999999999\n"), 400, id="a size beyond all trees"),
    pytest.param(b"old 0\n\n" + FOREIGN.encode(), 404, id="an unknown log"),
    pytest.param(b"old 7\n\n" + TREE.note(7, signer=STRANGER).encode(), 403, id="not signed by the log"),
    pytest.param(edited(b"\n20\n", b"\n21\n"), 403, id="another size under the signature"),
    pytest.param(
        TREE.request(7, 20) + TREE.note(8).split("\n")[-2].encode() + b"\n",
        403,
        id="a second one that does not fit",
    ),
    pytest.param(TREE.request(0, 20), 409, id="from the beginning"),
    pytest.param(TREE.request(6, 20), 409, id="from before"),
    pytest.param(TREE.request(8, 20), 409, id="from ahead"),
    pytest.param(TREE.request(5, 6), 409, id="backwards"),
    pytest.param(with_proof(), 422, id="no proof"),
    pytest.param(with_proof(*PATH[:-1]), 422, id="proof cut"),
    pytest.param(with_proof(*PATH, PATH[0]), 422, id="proof too long"),
    pytest.param(with_proof(*reversed(PATH)), 422, id="proof reversed"),
    pytest.param(with_proof(*PATH, old=7, new=7), 422, id="a proof where none is needed"),
    pytest.param(FORK.request(7, 20), 422, id="a fork"),
    pytest.param(FORK.request(7, 7), 422, id="a fork of the same size"),
]


@pytest.mark.parametrize(("body", "status"), REFUSED)
def test_what_may_not_follow_is_refused_by_its_number(body: bytes, status: int, tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(TREE.request(0, 7), at=AT).status == 200
    answer = witness.add_checkpoint(body, at=later(1))
    assert answer.status == status
    expected = (b"7\n", "text/x.tlog.size") if status == 409 else (b"", "text/plain; charset=utf-8")
    assert (answer.body, answer.content_type) == expected
    assert witness.add_checkpoint(TREE.request(7, 20), at=later(2)).status == 200


def test_a_proof_from_nothing_is_refused(tmp_path: Path) -> None:
    assert witness_in(tmp_path).add_checkpoint(with_proof(PATH[0], old=0), at=AT).status == 422


def test_a_log_that_was_never_seen_has_no_checkpoint(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    assert witness.checkpoint(sha256(ORIGIN.encode()).hexdigest()).status == 404
    assert witness.checkpoint("0" * 64).status == 404


def test_two_roots_of_one_size_are_kept_as_evidence(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    witness.add_checkpoint(TREE.request(0, 7), at=AT)
    witness.add_checkpoint(FORK.request(7, 7), at=AT)
    with closing(WitnessState.open(tmp_path / "witness-0.sqlite")) as state:
        fork = state.fork(ORIGIN)
    assert fork is not None
    assert [check_checkpoint(note, VKEY).root for note in fork] == [
        TREE.checkpoint(7).root,
        FORK.checkpoint(7).root,
    ]


def test_only_known_signatures_stand_in_the_note_that_is_shown(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    note = cosign(sign_note(TREE.note(7).partition("\n\n")[0] + "\n", SIGNER, STRANGER), COSIGNERS[3], at=AT)
    assert witness.add_checkpoint(b"old 0\n\n" + note.encode(), at=AT).status == 200
    shown = parse_note(witness.checkpoint(sha256(ORIGIN.encode()).hexdigest()).body)
    assert [line.id for line in shown.signatures] == [VKEY.id, KEY.id]


def test_a_log_may_change_its_key(tmp_path: Path) -> None:
    logs = parse_logs(f"log {render_vkey(VKEY)}\nlog {render_vkey(STRANGER.vkey)}\nquorum none\n")
    witness = Witness(COSIGNERS[0], logs, WitnessState.open(tmp_path / "state.sqlite"))
    assert witness.add_checkpoint(TREE.request(0, 7), at=AT).status == 200
    newer = render_add_checkpoint(AddCheckpoint(7, TREE.path(7, 9), TREE.note(9, signer=STRANGER)))
    assert witness.add_checkpoint(newer, at=AT).status == 200


def test_a_witness_may_sign_for_the_time_of_quantum_computers_too(tmp_path: Path) -> None:
    pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    lasting = MlDsaCosigner(KEY.name, b"q" * 32)
    logs, state = parse_logs(LOGS), WitnessState.open(tmp_path / "state.sqlite")
    answer = Witness(COSIGNERS[0], logs, state, also=[lasting]).add_checkpoint(TREE.request(0, 7), at=AT)
    signed = parse_note(TREE.note(7) + answer.body.decode())
    assert [one.key for one in check_cosignatures(signed, [KEY, lasting.vkey])] == [KEY, lasting.vkey]


def test_a_witness_does_not_claim_what_map_cosigners_state(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"witness\.name"):
        Witness(Cosigner(f"w.example{MAP_SUFFIX}", b"w" * 32), [], WitnessState.open(tmp_path / "s.sqlite"))


def test_times_never_go_back(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    witness.add_checkpoint(TREE.request(0, 7), at=AT)
    answer = witness.add_checkpoint(TREE.request(7, 8), at=AT - timedelta(seconds=30))
    assert cosigned(TREE.note(8), answer.body) == [int(AT.timestamp())]
    with pytest.raises(Unavailable, match=r"witness\.clock_back"):
        witness.add_checkpoint(TREE.request(8, 9), at=AT - timedelta(seconds=90))
    assert witness.add_checkpoint(TREE.request(8, 9), at=AT).status == 200


def test_a_file_that_is_something_else_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 20)
    with closing(sqlite3.connect(tmp_path / "other")) as db:
        db.execute("CREATE TABLE other (x)")
    for name in ("text", "other"):
        with pytest.raises(Damaged, match=r"witness\.state"):
            WitnessState.open(tmp_path / name)
    with pytest.raises(Unavailable, match=r"witness\.cannot_write"):
        WitnessState.open(tmp_path / "nowhere" / "state")


def test_not_even_by_hand_does_the_state_go_back(tmp_path: Path) -> None:
    witness_in(tmp_path).add_checkpoint(TREE.request(0, 7), at=AT)
    with closing(sqlite3.connect(tmp_path / "witness-0.sqlite", isolation_level=None)) as db:
        for slip in (
            "UPDATE newest SET size = 6",
            "UPDATE newest SET root = zeroblob(32)",
            "DELETE FROM newest",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(slip)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_request_breaks_it(data: st.DataObject) -> None:
    """Whatever comes, the answer is one of the protocol, and what was taken reads back the same."""
    good = TREE.request(7, 20)
    at, length = data.draw(st.integers(0, len(good))), data.draw(st.integers(0, 80))
    body = good[:at] + data.draw(st.binary(max_size=40)) + good[at + length :]
    with TemporaryDirectory() as folder:
        witness = witness_in(Path(folder))
        witness.add_checkpoint(TREE.request(0, 7), at=AT)
        answer = witness.add_checkpoint(body, at=AT)
    assert answer.status in (200, 400, 403, 404, 409, 422)
    if answer.status == 200:
        assert render_add_checkpoint(parse_add_checkpoint(body)) == body


class Signed:
    """All that one witness has ever cosigned: of each size one root, and sizes that go on."""

    def __init__(self) -> None:
        self.roots: dict[int, bytes] = {}
        self.newest = 0
        self.seconds = 0

    def add(self, tree: Tree, size: int, seconds: int) -> None:
        root = tree.checkpoint(size).root
        assert self.roots.setdefault(size, root) == root
        assert size >= self.newest
        assert seconds >= self.seconds
        self.newest, self.seconds = size, seconds


class Hostile(RuleBasedStateMachine):
    """A log that forks where it likes, restarts of the witness, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.trees = [TREE, FORK, Tree(40, fork_at=20), Tree(40, fork_at=0)]
        self.signed = Signed()
        self.seconds = 0
        self.restart()

    @rule()
    def restart(self) -> None:
        self.witness = witness_in(Path(self.folder.name))

    @rule(by=st.integers(-100, 100))
    def pass_time(self, by: int) -> None:
        self.seconds += by

    @rule(tree=st.integers(0, 3), old=st.integers(0, 40), new=st.integers(0, 40), honest=st.booleans())
    def submit(self, tree: int, old: int, new: int, honest: bool) -> None:
        chosen = self.trees[tree]
        old = self.signed.newest if honest else old
        note, at = chosen.note(new), AT + timedelta(seconds=self.seconds)
        path = chosen.path(old, new)
        try:
            answer = self.witness.add_checkpoint(render_add_checkpoint(AddCheckpoint(old, path, note)), at=at)
        except Unavailable:  # the clock
            return
        if answer.status == 200:
            (seconds,) = cosigned(note, answer.body)
            self.signed.add(chosen, new, seconds)
            # The branch that it is on now begins with all that it signed before.
            for size, root in self.signed.roots.items():
                assert chosen.checkpoint(size).root == root

    def teardown(self) -> None:
        self.folder.cleanup()


def test_a_witness_never_signs_what_contradicts_itself() -> None:
    run_state_machine_as_test(
        Hostile, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )


def test_of_fifty_at_once_one_wins_each_step(tmp_path: Path) -> None:
    """Half of them come from a fork, in three processes' worth of states over one file."""
    witnesses = [witness_in(tmp_path) for _ in range(3)]
    witnesses[0].add_checkpoint(TREE.request(0, 5), at=AT)
    barrier, won = Barrier(50), []

    def submit(number: int) -> None:
        tree, new = (TREE, FORK)[number % 2], 6 + number // 2
        barrier.wait()
        answer = witnesses[number % 3].add_checkpoint(tree.request(5, new), at=AT)
        if answer.status == 200:
            won.append((tree, new))
        assert answer.status in (200, 409)

    threads = [Thread(target=submit, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((tree, size),) = won
    shown = witnesses[1].checkpoint(sha256(ORIGIN.encode()).hexdigest())
    assert check_checkpoint(shown.body, VKEY) == tree.checkpoint(size)


def submit_until_killed(folder: Path, seed: int, pipe: int) -> None:
    """Go on by one branch or the other, and tell each cosignature once it was given out."""
    witness, pick = witness_in(folder), random.Random(seed)
    tree = TREE
    while True:
        newest = WitnessState.open(folder / "witness-0.sqlite").newest(ORIGIN)
        old = newest.size if newest else 0
        if old >= 5:
            tree = (TREE, FORK)[pick.randrange(2)]
        new = min(old + pick.randrange(3), 40)
        if witness.add_checkpoint(tree.request(old, new), at=AT).status == 200:
            os.write(pipe, b"%d %d\n" % (tree is FORK, new))


def kill_in_loops(folder: Path, loops: int) -> None:
    signed = Signed()
    for loop in range(loops):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):  # it must not become a second pytest
                submit_until_killed(folder, loop, write)
            os._exit(1)
        os.close(write)
        time.sleep(random.Random(loop).uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(read) as told:
            for line in told:
                forked, size = map(int, line.split())
                signed.add((TREE, FORK)[forked], size, 0)
        with closing(WitnessState.open(folder / "witness-0.sqlite")) as state:
            newest = state.newest(ORIGIN)
        if newest:
            # What was given out is remembered, and what is remembered does not contradict it.
            assert newest.size >= signed.newest
            assert signed.roots.get(newest.size, newest.root) == newest.root
    assert signed.newest > 0


def test_a_witness_that_is_killed_forgets_nothing(tmp_path: Path) -> None:
    kill_in_loops(tmp_path, 10)


@pytest.mark.long
def test_a_witness_that_is_killed_a_hundred_times_forgets_nothing(tmp_path: Path) -> None:
    kill_in_loops(tmp_path, 100)
