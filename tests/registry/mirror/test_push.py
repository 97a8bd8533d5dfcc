"""tlog-mirror in both roles: a log brings its entries, a mirror takes what is proven and gives its word."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import KonsensError, NotTrusted, Unavailable, VerificationError
from konsens.registry import (
    MAP_SUFFIX,
    Cosigner,
    Registry,
    check_cosignatures,
    consistency_path,
    fsck,
    parse_note,
    parse_signed_checkpoint,
)
from konsens.registry.mirror import (
    Mirror,
    Receiver,
    check_fraud,
    cosign_copy,
    map_cosigner,
    parse_fraud,
    upload,
)
from konsens.registry.mirror.packages import Package, Upload, parse_info, render_package, render_upload
from konsens.registry.tree import subtree_consistency_path
from konsens.registry.witness import AddCheckpoint, Response, render_add_checkpoint

from ..logs import AT, ORIGIN, VKEY, later, leaf, public, sign
from .sources import ListSource, block, honest

MIRROR = Cosigner("mirror.example", b"m" * 32)
MAP = map_cosigner("mirror.example", b"M" * 32)
KEYS = [MIRROR.vkey, MAP.vkey]


def long_log(count: int = 1000) -> list[bytes]:
    """Return a log of many entries, most of them cheap to make, in two blocks."""
    entries = [public(number).entry for number in range(count - 20)]
    return block(block(entries, 0, 10), 10, 18, minutes=1)


LONG = long_log()
OLD = LONG[: len(LONG) - 9]


class Wire:
    """Carries requests to a receiver in the same process, and remembers them."""

    def __init__(self, folder: Path) -> None:
        self.mirror = Mirror.open(folder, vkey=VKEY)
        self.problems: list[KonsensError] = []
        self.receiver = Receiver(
            [self.mirror], [MIRROR, MAP], problem=lambda _, error: self.problems.append(error)
        )
        self.asked: list[tuple[str, bytes, int]] = []
        self.cut: int | None = None

    def __call__(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "add-checkpoint":
            answer = self.receiver.add_checkpoint(body)
        else:
            answer = self.receiver.add_entries(body[: self.cut], at=AT)
        self.asked.append((path, body, answer.status))
        return answer.status, answer.body


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path / "mirror")


def push(wire: Wire, entries: list[bytes]) -> str:
    source = ListSource(entries)
    return upload(source, parse_signed_checkpoint(source.note), KEYS, name="m", transport=wire, at=AT)


def test_a_log_brings_a_mirror_up_and_takes_both_its_words(wire: Wire, tmp_path: Path) -> None:
    for entries in (OLD, LONG):
        note = push(wire, entries)
        assert [one.key for one in check_cosignatures(parse_note(note), KEYS)] == KEYS
    shown = wire.receiver.checkpoint(sha256(ORIGIN.encode()).hexdigest())
    assert (shown.status, shown.body.decode()) == (200, note)
    assert wire.receiver.checkpoint("0" * 64).status == 404
    assert [(path, status) for path, _, status in wire.asked[3:]] == [
        ("add-checkpoint", 409),
        ("add-checkpoint", 200),
        ("add-entries", 409),
        ("add-entries", 200),
    ]
    assert push(wire, LONG) == note
    assert fsck(tmp_path / "mirror", vkey=VKEY).failed == ()
    with Registry.open(tmp_path / "mirror") as registry:
        assert [entry for _, entry in registry.events_since(0)] == LONG
        assert registry.find(leaf(17).seal) is not None


def test_what_a_large_log_brings_comes_in_requests_of_32_packages(wire: Wire) -> None:
    entries = long_log(8192 + 600)
    push(wire, entries)
    assert [status for _, _, status in wire.asked] == [200, 409, 202, 200]
    assert wire.mirror.size == len(entries)


def test_an_upload_that_is_cut_off_goes_on_where_it_was(wire: Wire) -> None:
    wire.cut = 20_000  # two packages and a part of the third
    assert push(wire, LONG)
    assert [status for _, _, status in wire.asked] == [200, 409, 202, 200]
    assert wire.mirror.entries(0, 2000) == LONG


def test_an_upload_of_which_no_package_comes_through_ends(wire: Wire) -> None:
    wire.cut = 5000
    with pytest.raises(Unavailable, match=r"mirror\.refused"):
        push(wire, LONG)


def packages(entries: list[bytes], start: int, end: int, *, upto: int | None = None) -> bytes:
    request, source = Upload(ORIGIN, start, end), ListSource(entries)
    parts = [render_upload(request)]
    for span in list(request.packages())[:upto]:
        proof = subtree_consistency_path(span.base, span.end, end, source.node)
        parts.append(render_package(Package(tuple(entries[span.start : span.end]), tuple(proof))))
    return b"".join(parts)


def pend(wire: Wire, entries: list[bytes], old: int = 0) -> Response:
    source = ListSource(entries)
    proof = tuple(consistency_path(old, len(entries), source.node)) if 0 < old < len(entries) else ()
    return wire.receiver.add_checkpoint(render_add_checkpoint(AddCheckpoint(old, proof, source.note)))


N = len(LONG)
WHOLE = packages(LONG, 0, N)

REFUSED = [
    pytest.param(b"", 400, id="nothing"),
    pytest.param(WHOLE[:30], 400, id="half a header"),
    pytest.param(render_upload(Upload(ORIGIN, 0, N)), 400, id="no package"),
    pytest.param(packages(LONG, 0, N, upto=1)[:-1], 400, id="half a package"),
    pytest.param(render_upload(Upload("other.example", 0, N)), 404, id="an unknown log"),
    pytest.param(render_upload(Upload(ORIGIN, 0, N - 1)), 409, id="up to where no checkpoint was"),
    pytest.param(packages(LONG, 5, N), 409, id="a gap"),
    pytest.param(WHOLE.replace(LONG[3], LONG[4]), 422, id="another entry"),
    pytest.param(WHOLE[:40] + WHOLE[40:].replace(LONG[300], LONG[301]), 422, id="another entry, later"),
    pytest.param(
        render_upload(Upload(ORIGIN, 9, 9)).replace(b"\0\x09", b"\0\x0a", 1), 400, id="start behind end"
    ),
]


@pytest.mark.parametrize(("body", "status"), REFUSED)
def test_what_is_not_proven_is_refused_by_its_number(body: bytes, status: int, wire: Wire) -> None:
    assert pend(wire, LONG).status == 200
    answer = wire.receiver.add_entries(body, at=AT)
    assert answer.status == status
    if status == 409:
        assert answer.content_type == "text/x.tlog.mirror-info"
        assert (parse_info(answer.body).size, parse_info(answer.body).next_entry) == (N, 0)
    assert wire.mirror.entries(0, N) == LONG[: wire.mirror.size]
    assert wire.receiver.add_entries(packages(LONG, wire.mirror.size, N), at=AT).status == 200


def test_nothing_is_taken_before_there_is_a_checkpoint(wire: Wire) -> None:
    assert wire.receiver.add_entries(WHOLE, at=AT).status == 422


def test_what_lies_below_an_older_pending_checkpoint_is_taken_and_only_the_newest_is_cosigned(
    wire: Wire,
) -> None:
    pend(wire, OLD)
    assert pend(wire, LONG, len(OLD)).status == 200
    answer = wire.receiver.add_entries(packages(OLD, 0, len(OLD)), at=AT)
    assert (answer.status, parse_info(answer.body).size, wire.mirror.size) == (409, N, len(OLD))
    assert wire.receiver.add_entries(packages(LONG, len(OLD), N), at=AT).status == 200
    assert wire.receiver.add_entries(packages(OLD, 0, len(OLD)), at=AT).status == 409


def test_a_checkpoint_gets_no_fresh_time_once_a_newer_one_was_seen(wire: Wire) -> None:
    """ "The consistent tree head with the largest size the cosigner has observed" (tlog-cosignature)."""
    kept = push(wire, OLD)
    assert pend(wire, LONG, len(OLD)).status == 200
    nothing = render_upload(Upload(ORIGIN, len(OLD), len(OLD)))
    answer = wire.receiver.add_entries(nothing, at=later(60 * 48))
    assert (answer.status, parse_info(answer.body).size) == (409, N)
    with pytest.raises(Unavailable, match=r"mirror\.behind"):
        cosign_copy(wire.mirror, [MAP], at=later(60 * 48))
    assert wire.mirror.cosigned() == kept
    assert push(wire, LONG)


def test_entries_that_are_here_are_skipped(wire: Wire) -> None:
    pend(wire, LONG)
    assert wire.receiver.add_entries(packages(LONG, 0, N, upto=2), at=AT).status == 202
    assert wire.receiver.add_entries(packages(LONG, 100, N, upto=1), at=AT).status == 202
    assert wire.mirror.size == 512
    assert wire.receiver.add_entries(packages(LONG, 300, N), at=AT).status == 200


@given(st.lists(st.tuples(st.integers(0, N), st.integers(0, 5), st.integers(0, 50)), max_size=12))
@settings(max_examples=20, deadline=None)
def test_whatever_comes_in_whatever_order_the_copy_is_the_beginning_of_the_log(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[int, int, int]]
) -> None:
    wire = Wire(tmp_path_factory.mktemp("push") / "mirror")
    pend(wire, LONG)
    for start, upto, cut in requests:
        before = wire.mirror.size
        body = packages(LONG, start, N, upto=upto)
        wire.receiver.add_entries(body[: len(body) - cut], at=AT)
        assert wire.mirror.size >= before
        assert wire.mirror.entries(0, N) == LONG[: wire.mirror.size]
    assert wire.receiver.add_entries(packages(LONG, wire.mirror.size, N), at=AT).status == 200
    wire.mirror.close()


def test_a_fork_is_refused_told_and_convicted_and_ends_all_signing(wire: Wire) -> None:
    push(wire, honest(2))
    fork = block(honest(1), 50, 60, minutes=1)
    assert pend(wire, fork, len(fork)).status == 422
    assert [error.code for error in wire.problems] == ["mirror.fork"]
    (path,) = wire.mirror.evidence()
    assert check_fraud(parse_fraud(path.read_text()), VKEY).rule == "fork"
    with pytest.raises(Unavailable, match=r"mirror\.refused"):
        push(wire, honest(3))
    assert wire.problems[-1].code == "mirror.convicted"
    with pytest.raises(VerificationError, match=r"mirror\.convicted"):
        cosign_copy(wire.mirror, [MAP], at=AT)


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (lambda: block(honest(1), 10, 12, hide=leaf(4).seal), "mirror.map_root"),
        (lambda: block([*honest(1), leaf(3).entry], 10, 12), "mirror.key_twice"),
        (lambda: [*honest(1), leaf(10).entry], "mirror.checkpoint_head"),
    ],
)
def test_a_log_that_breaks_a_rule_gets_no_cosignature(
    log: Callable[[], list[bytes]], code: str, wire: Wire
) -> None:
    push(wire, honest(1))
    with pytest.raises(Unavailable, match=r"mirror\.refused"):
        push(wire, log())
    assert [error.code for error in wire.problems] == [code]
    assert wire.mirror.state().found == code
    with pytest.raises(VerificationError, match=r"mirror\.convicted"):
        cosign_copy(wire.mirror, [MAP], at=AT)


def test_a_map_cosigner_is_told_by_its_name_and_has_a_key_of_its_own(wire: Wire) -> None:
    assert MAP.name == f"mirror.example{MAP_SUFFIX}"
    assert map_cosigner(MAP.name, b"M" * 32) == MAP
    note = push(wire, honest(1))
    assert [one.map for one in check_cosignatures(parse_note(note), KEYS)] == [False, True]


def test_what_was_never_verified_is_not_signed_nor_is_it_before_its_time(wire: Wire) -> None:
    with pytest.raises(Unavailable, match=r"registry\.not_yet_checkpointed"):
        cosign_copy(wire.mirror, [MAP], at=AT)
    push(wire, honest(1))
    with pytest.raises(Unavailable, match=r"mirror\.clock_back"):
        cosign_copy(wire.mirror, [MAP], at=later(-2))
    lines = cosign_copy(wire.mirror, [MAP], at=later(-0.5))  # type: ignore[arg-type]  # half a minute
    (made,) = check_cosignatures(parse_note(sign(honest(1)) + lines), [MAP.vkey])
    assert made.at == AT


ANSWERS = [
    pytest.param("add-checkpoint", (404, b""), Unavailable, "mirror.refused", id="unknown log"),
    pytest.param("add-checkpoint", (409, b"many\n"), VerificationError, "mirror.answer", id="no size"),
    pytest.param("add-checkpoint", (409, b"99999\n"), Unavailable, "mirror.refused", id="ahead"),
    pytest.param("add-checkpoint", (409, b"3\n"), Unavailable, "mirror.refused", id="never content"),
    pytest.param("add-entries", (500, b""), Unavailable, "mirror.refused", id="broken"),
    pytest.param("add-entries", (409, b"1\n2\n"), VerificationError, "mirror.answer", id="no info"),
    pytest.param("add-entries", (409, b"99999\n2\n\n"), Unavailable, "mirror.refused", id="further ahead"),
    pytest.param("add-entries", (202, b"22\n5\n\n"), Unavailable, "mirror.refused", id="never further"),
    pytest.param("add-entries", (200, b""), VerificationError, "witness.answer", id="no word"),
]


@pytest.mark.parametrize(("path", "answer", "error", "code"), ANSWERS)
def test_a_mirror_that_answers_wrongly_is_named(
    path: str, answer: tuple[int, bytes], error: type[KonsensError], code: str
) -> None:
    def transport(asked: str, body: bytes) -> tuple[int, bytes]:
        return answer if asked == path else (200, b"")

    source = ListSource(honest(2))
    with pytest.raises(error) as caught:
        upload(source, parse_signed_checkpoint(source.note), KEYS, name="m", transport=transport, at=AT)
    assert caught.value.code == code


def test_the_word_of_another_key_is_none(wire: Wire) -> None:
    source, other = ListSource(honest(1)), Cosigner("mirror.example", b"x" * 32)
    with pytest.raises(NotTrusted, match=r"witness\.other_key"):
        upload(source, parse_signed_checkpoint(source.note), [other.vkey], name="m", transport=wire, at=AT)
