"""The secrets of imported rows: a claim code each, and everything that follows from it."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import claim_worker
from .claim_worker import CODE, seal_of_claim

if TYPE_CHECKING:
    import subprocess

__all__ = ["seals_of_claims", "target_salt"]

FEW = 4000  # below this a second process takes longer to start than it saves
SEAL, CHUNK = 32, 2000


def target_salt(code: bytes) -> bytes:
    """Return the salt of an imported row's target, which only the claim code gives."""
    return hmac.digest(hmac.digest(bytes(32), code, "sha256"), b"konsens/v1/claim-target\x01", "sha256")


def seals_of_claims(codes: bytes) -> Iterator[bytes]:
    """Return the seals of all codes in order, some at a time, joined; many are derived by two processes.

    The processes work from this call on, not only when their answers are asked for.
    """
    if len(codes) < FEW * CODE:
        return iter([b"".join(seal_of_claim(codes[n : n + CODE]) for n in range(0, len(codes), CODE))])
    half = len(codes) // CODE // 2 * CODE
    parts = (codes[:half], codes[half:])
    return _gather([(_start(part), len(part) // CODE) for part in parts])


def _gather(workers: list[tuple[subprocess.Popen[bytes], int]]) -> Iterator[bytes]:
    try:
        for worker, count in workers:
            yield from _answers(worker, count)
    finally:
        for worker, _ in workers:
            worker.kill()
            worker.wait()
            if worker.stdout:
                worker.stdout.close()


def _start(codes: bytes) -> subprocess.Popen[bytes]:
    import subprocess  # 15 ms, needed for large files only

    program = str(Path(claim_worker.__file__))
    worker = subprocess.Popen(  # noqa: S603 our own file, no shell
        [sys.executable, "-I", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if worker.stdin:
        worker.stdin.write(codes)
        worker.stdin.close()
    return worker


def _answers(worker: subprocess.Popen[bytes], count: int) -> Iterator[bytes]:
    for start in range(0, count, CHUNK):
        wanted = SEAL * min(CHUNK, count - start)
        seals = worker.stdout.read(wanted) if worker.stdout else b""
        if len(seals) != wanted:
            raise RuntimeError("a helper process ended early")
        yield seals
