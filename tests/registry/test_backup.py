"""The page for operators: what is in the folder, and how it is backed up."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from konsens.errors import RefusedByPolicy
from konsens.registry import Registry, SignedCheckpoint, fsck
from konsens.registry.folder import CHECKPOINT, COSIGNED, LOG, MAP_CACHE, MIRROR
from konsens.registry.mirror import FolderSource, Mirror
from konsens.registry.mirror.evidence import EVIDENCE
from konsens.registry.serve.server import VOUCHERS
from konsens.registry.serve.vouchers import SqliteVouchers, hash_of

from .logs import AT, ORIGIN, SIGNER, VKEY, later, leaf, leaves, memory_of

PAGE = (Path(__file__).parents[2] / "docs" / "registry.md").read_text("utf-8")
SQLITE = """#!{python}
import sqlite3, sys
file, command = sys.argv[1:]
to = sqlite3.connect(command.removeprefix(".backup ").strip("'"))
sqlite3.connect(file).backup(to)
"""


def back_up(beside: Path) -> Path:
    """Run the recipe of the page on `registry`, with the part of `sqlite3` that it needs."""
    recipe = PAGE.partition("To **back up** a registry")[2].partition("```sh\n")[2].partition("```")[0]
    tools = beside / "tools"
    tools.mkdir()
    (tools / "sqlite3").write_text(SQLITE.format(python=sys.executable))
    (tools / "sqlite3").chmod(0o755)
    (beside / "backup").mkdir()
    path = f"{tools}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", recipe], cwd=beside, env={**os.environ, "PATH": path}, check=True)
    return beside / "backup"


def make(folder: Path) -> SignedCheckpoint:
    """Make a registry of four entries under a checkpoint, and one behind it."""
    with Registry.create(folder, origin=ORIGIN, signer=SIGNER) as registry:
        registry.append(leaves(0, 3))
        signed = registry.publish(SIGNER, at=AT, remembered=memory_of(folder))
        registry.append([leaf(5000)])
    return signed


def test_a_backup_made_as_the_page_says_is_sound(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    signed = make(folder)
    vouchers = SqliteVouchers(folder / VOUCHERS)
    vouchers.register([hash_of(bytes(32))], member="did:example:shop", most=1)
    with Registry.open(folder) as registry:
        registry.append([leaf(6000)])
        registry.keep_cosigned(signed.note)
        backup = back_up(tmp_path)
    report = fsck(backup, vkey=VKEY)
    assert (report.failed, report.entries) == ((), 6)
    assert (backup / COSIGNED).read_bytes() == (folder / COSIGNED).read_bytes()
    assert SqliteVouchers(backup / VOUCHERS).unspent([bytes(32)]) == {bytes(32)}


def test_a_backup_of_a_mirror_made_as_the_page_says_is_a_mirror(tmp_path: Path) -> None:
    folder, mirrored = tmp_path / "log", tmp_path / "registry"
    make(folder)
    with Mirror.open(mirrored, vkey=VKEY) as mirror, closing(FolderSource(folder)) as source:
        mirror.follow(source, at=later(9))
    (mirrored / EVIDENCE).mkdir(exist_ok=True)
    (mirrored / EVIDENCE / "found.json").write_text("what was found")
    backup = back_up(tmp_path)
    with Mirror.open(backup, vkey=VKEY) as mirror, closing(FolderSource(folder)) as source:
        assert mirror.size == 4
        mirror.follow(source, at=later(10))
        assert [path.name for path in mirror.evidence()] == ["found.json"]
    with Registry.open(backup) as registry, pytest.raises(RefusedByPolicy) as refused:
        registry.append([leaf(6000)])
    assert refused.value.code == "registry.mirror"


def test_the_page_names_every_file_of_a_folder() -> None:
    table = PAGE.partition("## What the folder holds")[2].partition("\n##")[0]
    for name in (LOG, "vkey", CHECKPOINT, COSIGNED, MIRROR, MAP_CACHE, VOUCHERS, f"{EVIDENCE}/", "static/"):
        assert f"`{name}`" in table
