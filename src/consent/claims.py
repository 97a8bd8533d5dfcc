"""The claim codes of imported rows, and the seals that they can break.

The codes of an import are the key stream of AES-256 in counter mode (NIST SP 800-38A, section 6.5) under a
key that follows from the company's seed and a number of the import's own: whoever has the book has no code.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from ..records import Seed
from . import claim_worker
from .claim_worker import AT_ONCE, CODE, SEAL, seals_of_claims

if TYPE_CHECKING:
    import subprocess
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["CODE", "Claims", "claim_codes"]

FEW = 4000  # below this a second process takes longer to start than it saves
WORKERS = 2


def claim_codes(seed: Seed, nonce: bytes) -> Callable[[int], bytes]:
    """Return what gives the codes of one import, so many bytes at a time, in the order of its rows."""
    # Only an import pays for loading it.
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    key = seed.derive(f"claims/{nonce.hex()}")
    stream = Cipher(AES256(key), CTR(bytes(16))).encryptor()
    return lambda size: stream.update(bytes(size))


class Claims:
    """The seals of an import's rows. They need no row, so two processes derive them while the file is read.

    - `ahead` never waits; what was derived in vain ends with the `with` block.
    - `take` gives the seals in the order of the codes, each once.
    """

    def __init__(self, codes: Callable[[int], bytes]) -> None:
        self._codes = codes
        self._asked: deque[Future[bytes]] = deque()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:  # no more codes: a helper ends by itself
            worker.communicate()

    def ahead(self, count: int) -> None:
        """Have `count` seals derived, or somewhat more, unless they are too few to start a process for."""
        if count < FEW:
            return
        if self._pool is None:
            self._pool = self._start()
        while len(self._asked) * AT_ONCE < count:
            self._asked.append(self._pool.submit(self._ask, self._codes(CODE * AT_ONCE)))

    def take(self, count: int) -> Iterator[list[bytes]]:
        """Yield `count` seals, some at a time."""
        self.ahead(count)
        while count > 0:
            if self._asked:
                joined = self._asked.popleft().result()
            else:
                joined = seals_of_claims(self._codes(CODE * min(count, AT_ONCE)))
            seals = [joined[at : at + SEAL] for at in range(0, len(joined), SEAL)][:count]
            count -= len(seals)
            yield seals

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
            seals = worker.stdout.read(len(codes) // CODE * SEAL)
            if len(seals) != len(codes) // CODE * SEAL:
                raise RuntimeError("a helper process ended early")
            return seals
        finally:
            self._idle.put(worker)
