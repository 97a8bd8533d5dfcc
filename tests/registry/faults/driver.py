"""Runs below the shim: for n = 1, 2, 3, … the n-th call to the medium fails, and then all is looked at again.

`python -m tests.registry.faults.driver HOME flush|write once|always STEP` prints what happened as JSON. A
failure is a traceback.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from konsens.errors import KonsensError
from konsens.registry import Checkpoint, Cosigner, Registry, check_checkpoint, fsck, parse_policy, render_vkey
from konsens.registry.serve import SqliteVouchers, hash_of
from konsens.registry.static import FolderObjects, StaticLog, export
from konsens.registry.static.verify import check_files
from konsens.registry.witness import Witness, WitnessState, collect, parse_logs
from tests.registry.logs import ORIGIN, POLICY, SIGNER, VKEY, later, leaves, make, memory_of, public

COSIGNER = Cosigner("witness.example", bytes(31) + b"w")
WITNESSED = parse_policy(
    f"log {render_vkey(VKEY)}\nwitness w {render_vkey(COSIGNER.vkey)} https://w.example\nquorum w\n"
)
VOUCHER = bytes([7] * 32)
OLD, NEW = 250, 20  # what is new fills a tile
KINDS = {"flush": (1, errno.EIO), "write": (2, errno.ENOSPC)}
SHIM: Any = ctypes.CDLL(None)
SHIM.fault_path.restype = ctypes.c_char_p
# SQLite folds the WAL back at the end of a connection or every so often. If that fails the WAL stays, which
# holds all of it, durably: nobody need be told. Of the folder in which it has just made a WAL, SQLite ignores
# whether the name could be flushed (os_unix.c, unixSync).
UNTOLD = (".sqlite", ".sqlite-wal", "/home", "/home/registry")


class Told:
    """What somebody was told, through a pipe, before the process ended."""

    def __init__(self, lines: list[str]) -> None:
        self.facts = [json.loads(line) for line in lines]

    def last(self, name: str) -> Any:
        return next((value for key, value in reversed(self.facts) if key == name), None)


def act(home: Path, tell: int) -> None:
    """Append, publish, have cosigned, export, register a voucher; tell what is promised when it is."""

    def told(name: str, value: Any) -> None:
        os.write(tell, json.dumps([name, value]).encode() + b"\n")

    registry = home / "registry"
    with Registry.open(registry) as log, closing(WitnessState(home / "witness.sqlite")) as state:
        start = log.size()
        told("sequenced", log.append([*leaves(OLD, OLD + NEW), public(start)]))
        signed = log.publish(SIGNER, at=later(start), remembered=memory_of(registry))
        told("signed", signed.note)
        cosigning = Witness(COSIGNER, parse_logs(f"log {render_vkey(VKEY)}\nquorum none\n"), state)

        def transport(witness: object, body: bytes, *, timeout: float) -> tuple[int, bytes]:
            answer = cosigning.add_checkpoint(body, at=later(start))
            return answer.status, answer.body

        came = collect(signed, WITNESSED, prove=log.consistency_path, transport=transport, at=later(start))
        if came.answers[0].error is not None:
            raise came.answers[0].error
        told("cosigned", came.note)
        log.keep_cosigned(came.note)
        told("kept", came.note)
        export(log.store, FolderObjects(home / "static"), vkey=VKEY, note=came.note)
        told("exported", came.note)
    vouchers = SqliteVouchers(home / "vouchers.sqlite")
    vouchers.register([hash_of(VOUCHER)], member="did:example:shop", most=10)
    told("voucher", True)


def in_a_child(home: Path, kind: str, number: int, *, always: bool) -> tuple[Told, str, str]:
    """Return what was told, the code of the error that ended it, and the file of the call that failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = "bug"
        try:
            SHIM.fault_arm(KINDS[kind][0], ctypes.c_long(number), KINDS[kind][1], int(always))
            act(home, writing)
            code = ""
        except KonsensError as error:
            code = f"{error.code} {error.exit_code}"
        finally:
            path = SHIM.fault_path().decode() if SHIM.fault_hits() else ""
            os.write(writing, json.dumps(["end", [code, path]]).encode() + b"\n")
            if code != "bug":
                os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = Told(pipe.read().decode().splitlines())
    assert os.waitpid(child, 0)[1] == 0, (kind, number)
    code, path = told.last("end")
    return told, code, path


def shown(home: Path) -> Checkpoint:
    """Return the checkpoint of the public files, once all of them fit it."""
    objects = FolderObjects(home / "static")
    log = StaticLog(lambda paths: [objects.get(path) for path in paths], POLICY, origin=ORIGIN)
    log.checkpoint()
    assert check_files(log) == log.size
    note = objects.get("checkpoint")
    assert note is not None
    return check_checkpoint(note, VKEY)


def look(home: Path, told: Told) -> None:
    """Nothing of what was told is lost, and what is there is whole."""
    registry = home / "registry"
    report = fsck(registry, vkey=VKEY, against=told.last("signed"))
    assert report.failed == (), report
    with Registry.open(registry) as log:
        places = told.last("sequenced")
        if places is not None:
            assert [log.entry(place) for place in places[:NEW]] == [
                one.entry for one in leaves(OLD, OLD + NEW)
            ]
        if told.last("kept"):
            assert log.cosigned() == told.last("kept")
    signed = memory_of(registry).load(ORIGIN)
    assert signed is not None
    if note := told.last("signed"):
        assert signed.size >= check_checkpoint(note, VKEY).size
    with closing(WitnessState(home / "witness.sqlite")) as state:
        newest = state.newest(ORIGIN)
        assert newest is not None
        if note := told.last("cosigned"):
            given = check_checkpoint(note, VKEY)
            assert (newest.size, newest.root) == (given.size, given.root)
    size = shown(home).size
    if note := told.last("exported"):
        assert size == check_checkpoint(note, VKEY).size
    if told.last("voucher"):
        assert SqliteVouchers(home / "vouchers.sqlite").unspent([VOUCHER])


def prepare(home: Path) -> None:
    """Make a log, a witness, public files and vouchers, all in use."""
    home.mkdir()
    make(home / "registry", seals=OLD)
    reading, writing = os.pipe()
    act(home, writing)
    os.close(reading)
    os.close(writing)
    with Registry.open(home / "registry") as log:
        log.append([public(number) for number in range(200)])


def main() -> None:
    base, kind, how, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    prepared, home = base / "prepared", base / "home"
    prepare(prepared)
    codes: Counter[str] = Counter()
    number = 1
    while True:
        shutil.copytree(prepared, home)
        told, code, path = in_a_child(home, kind, number, always=how == "always")
        if not path:
            assert not code, code
            break
        if code:
            codes[code] += 1
        else:
            assert path.endswith(UNTOLD), (number, path)
        look(home, told)
        told, code, _ = in_a_child(home, kind, 1 << 30, always=False)
        assert not code, (number, code)
        look(home, told)
        shutil.rmtree(home)
        number += step
    print(json.dumps({"points": number - 1, "codes": codes}))


if __name__ == "__main__":
    main()
