"""The secrets of imported rows: a claim code each, and everything that follows from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Self

from . import claim_worker
from .claim_worker import AT_ONCE, CODE, secrets_of_claims

if TYPE_CHECKING:
    import subprocess
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Claim", "Claims"]

FEW = 4000  # below this a second process takes longer to start than it saves
WORKERS = 2
SECRETS = 64


class Claim(NamedTuple):
    """A claim code, the seal that it can break, and the salt of its row's target."""

    code: bytes
    seal: bytes
    target_salt: bytes


class Claims:
    """Fresh claims. They belong to no row yet, so two processes derive them while the file is still read.

    - `ahead` never waits; what was derived in vain ends with the `with` block.
    - `take` gives every claim once.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._asked: list[tuple[bytes, Future[bytes]]] = []
        self._workers: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.communicate()

    def ahead(self, count: int) -> None:
        """Have `count` claims derived, or somewhat more, unless they are too few to start a process for."""
        if count < FEW:
            return
        if self._pool is None:
            self._pool = self._start()
        while len(self._asked) * AT_ONCE < count:
            codes = self._random(CODE * AT_ONCE)
            self._asked.append((codes, self._pool.submit(self._ask, codes)))

    def take(self, count: int) -> Iterator[list[Claim]]:
        """Yield `count` claims, some at a time."""
        self.ahead(count)
        while count > 0:
            if self._asked:
                codes, answer = self._asked.pop(0)
                secrets = answer.result()
            else:
                codes = self._random(CODE * min(count, AT_ONCE))
                secrets = secrets_of_claims(codes)
            claims = _claims(codes, secrets)[:count]
            count -= len(claims)
            yield claims

    def _start(self) -> ThreadPoolExecutor:
        """Start the processes, and a thread for each that talks with it."""
        import subprocess  # 15 ms, needed for large files only
        from concurrent.futures import ThreadPoolExecutor

        command = [sys.executable, "-I", str(Path(claim_worker.__file__))]
        for _ in range(WORKERS):
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 our own file, no shell
            self._workers.append(worker)
            self._idle.put(worker)
        return ThreadPoolExecutor(WORKERS)

    def _ask(self, codes: bytes) -> bytes:
        worker = self._idle.get()
        try:
            if not worker.stdin or not worker.stdout:
                raise RuntimeError("a helper process has no pipes")
            worker.stdin.write(codes)
            worker.stdin.flush()
            secrets = worker.stdout.read(len(codes) // CODE * SECRETS)
            if len(secrets) != len(codes) // CODE * SECRETS:
                raise RuntimeError("a helper process ended early")
            return secrets
        finally:
            self._idle.put(worker)


def _claims(codes: bytes, secrets: bytes) -> list[Claim]:
    half = SECRETS // 2
    return [
        Claim(codes[at : at + CODE], secrets[place : place + half], secrets[place + half : place + SECRETS])
        for at, place in zip(range(0, len(codes), CODE), range(0, len(secrets), SECRETS), strict=True)
    ]
