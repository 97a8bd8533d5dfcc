"""A mirror: a full, verified copy of somebody's log, in a folder that is itself readable as a registry.

What goes into it was verified before; where that fails, the mirror stays where it is, names what it found,
and keeps the evidence.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from ...durable import sync
from ...errors import Conflict, NotTrusted, Unavailable, VerificationError
from ..checkpoint import Checkpoint, SignedCheckpoint, check_checkpoint, parse_signed_checkpoint
from ..folder import CHECKPOINT, LOG, VKEY, Registry
from ..note import VerifierKey, render_vkey
from ..policy import Policy
from ..seal_map import Row
from ..signer_head import write_durably
from ..sqlite import SqliteStore
from ..tiles import nodes_of
from ..tree import NodeSource
from ..witness.merge import merge, only
from .accept import Seen, check_covered, find_fork
from .copy import Copy
from .evidence import EVIDENCE, accuse_entries, accuse_hidden_seal, convicting, keep_evidence
from .fetch import fetch
from .fraud import Fork, HiddenSeal
from .source import Source
from .state import MirrorState, StateFile

__all__ = ["Followed", "Mirror"]


class Followed(msgspec.Struct, frozen=True):
    """The checkpoint up to which everything is here, its note, how many entries were new, and when it was so.

    The note bears the cosignatures that were found good.
    """

    checkpoint: Checkpoint
    note: str
    added: int
    at: datetime


class Mirror:
    """The copy of one log, and the checkpoints that were seen of it.

    - What is in the copy was verified before it went in: that a checkpoint of the log covers it, and every
      rule of the log. It may be interrupted anywhere, and goes on from the last step.
    - The checkpoints that it takes never contradict each other. Where they would, the mirror stays where it
      is, says so (`mirror.fork`), and keeps the evidence in its folder `evidence`.
    - Every proof that the operator could give, its folder can give, also after the operator is gone.
    - It belongs to the thread that opened it. One process at a time works on it; any number read.
    """

    def __init__(self, folder: Path, vkey: VerifierKey, *, wait: float) -> None:
        self.folder, self.vkey = folder, vkey
        self._store = SqliteStore(folder / LOG, wait=wait)
        self._file = StateFile(folder, wait=wait)
        self._copy = Copy(self._store, origin=vkey.name)
        self._nodes = nodes_of(self._store)

    @classmethod
    def open(cls, folder: Path, *, vkey: VerifierKey, wait: float = 10.0) -> Mirror:
        """Open the mirror of the log of `vkey` in `folder`, or begin one there.

        Raises `registry.exists` if something else is there, `registry.other_key` for another log's mirror.
        """
        folder = folder.absolute()
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            _create(folder, vkey)
        if not (folder / LOG).is_file() or not StateFile(folder, wait=wait).exists():
            raise Conflict("registry.exists", folder=folder)
        with Registry.open(folder) as registry:
            if registry.vkey != vkey:
                raise NotTrusted("registry.other_key", origin=vkey.name)
        return cls(folder, vkey, wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many entries are in the copy; some may lie behind the newest checkpoint."""
        return self._copy.size

    def state(self) -> MirrorState:
        """Return what is known beside the copy, and when it was last verified."""
        return self._file.load(self.vkey.name)

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint up to which everything is here."""
        newest = self._store.checkpoint()
        return parse_signed_checkpoint(newest[1]) if newest else None

    def checkpoints(self, start: int) -> list[tuple[int, str]]:
        """Return size and note of every checkpoint of `start` entries or more that was reached, in order."""
        return self._store.checkpoints(start)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree of the copy."""
        return self._nodes(level, index)

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Return entries of the copy."""
        return self._store.entries(start, stop)

    def rows(self, first: bytes, last: bytes) -> list[Row]:
        """Return the broken seals in [first, last], each with its index."""
        return list(self._store.rows([(first, last)]))

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""
        return self._store.broken_many(seals)

    def evidence(self) -> list[Path]:
        """Return the files that prove what the operator did wrong."""
        return sorted((self.folder / EVIDENCE).glob("*.json"))

    def follow(
        self, source: Source, *, at: datetime, policy: Policy | None = None, jobs: int = 0
    ) -> Followed:
        """Copy everything up to the newest checkpoint of `source`, and verify it on the way.

        With `policy` the cosignatures of its witnesses are kept as far as they are good; whether they are
        enough, and fresh, is for the reader. `jobs` is how many processes check the signatures of leaves;
        without any, two threads do. Raises, with nothing of the step in question kept:

        - `note.signature`, `note.unknown_signer`, `checkpoint.other_origin`: it is not this log's checkpoint;
        - `mirror.rolled_back`: it is older than what was seen; `mirror.fork`: it contradicts that;
        - `mirror.missing`, `mirror.proof`: the source does not bear out its own checkpoint;
        - `mirror.entries`, `mirror.leaf_signature`, `mirror.key_twice`, `mirror.head_chain`,
          `mirror.head_time`, `mirror.map_root`, `mirror.checkpoint_head`: the log breaks its rules.
        """
        note = source.checkpoint().note
        with self.locked():
            signed = self.take(note, source.node)
            before = self.size
            for start, entries in fetch(source, before, signed.checkpoint.size, self._copy, jobs=jobs):
                self.add(signed, start, entries, source.node)
            self.finish(signed, at=at, node=source.node)
            if policy is not None:
                self.keep_cosignatures(note, [witness.key for witness in policy.witnesses])
        return Followed(signed.checkpoint, self.cosigned() or signed.note, self.size - before, at)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from working on this mirror; for `take`, `add` and `finish`."""
        return self._file.locked()

    def newest(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint that was taken, whether everything up to it is here or not."""
        pending = self.state().pending
        return parse_signed_checkpoint(pending[-1]) if pending else self.checkpoint()

    def take(self, note: str, node: NodeSource) -> SignedCheckpoint:
        """Return a checkpoint that goes on from what was seen; it is remembered, and may now be copied."""
        checkpoint = check_checkpoint(note, self.vkey)
        signed, newest = SignedCheckpoint(checkpoint, only(note, self.vkey)), self.newest()
        if checkpoint.size == 0:
            raise VerificationError("mirror.checkpoint_head", origin=checkpoint.origin, index=0)
        if newest is not None:
            fork = find_fork(signed, Seen(newest, self.checkpoint(), self.node), node, vkey=self.vkey)
            if fork is not None:
                raise self.convict(fork, checkpoint)
        self.pend(signed)
        return signed

    def pend(self, signed: SignedCheckpoint) -> None:
        """Remember a checkpoint that was found to go on from the newest one."""
        state = self.state()
        if not state.pending or state.pending[-1] != signed.note:
            self._file.store(state.with_pending(signed.note))

    def add(
        self, signed: SignedCheckpoint, start: int, entries: Sequence[bytes], node: NodeSource | None
    ) -> None:
        """Add entries that lie below a checkpoint that was taken, which `node` shows the tree of.

        Without `node` the caller has proven already that they are the log's.
        """

        def check(size: int, root: bytes) -> None:
            if node is not None:
                check_covered(size, root, signed.checkpoint, node)

        try:
            self._copy.extend(start, entries, check)
        except VerificationError as error:
            if error.code != "mirror.proof":
                self._accuse(error, signed, start, entries, node)
            raise

    def finish(self, signed: SignedCheckpoint, *, at: datetime, node: NodeSource) -> None:
        """Say of a checkpoint that everything up to it is here."""
        checkpoint, head = signed.checkpoint, self._copy.head()
        last = checkpoint.size - 1
        if head is None or head.index < last:
            error = VerificationError("mirror.checkpoint_head", origin=checkpoint.origin, index=last)
            self._accuse(error, signed, last, self.entries(last, last + 1), node)
            raise error
        with self._store.writing():
            self._store.add_checkpoint(checkpoint.size, signed.note)
        newest = self._store.checkpoint()
        if newest and newest[0] == checkpoint.size:
            write_durably(self.folder / CHECKPOINT, newest[1].encode())
        self._file.store(msgspec.structs.replace(self.state(), verified=int(at.timestamp())))

    def convict(self, fork: Fork, checkpoint: Checkpoint) -> VerificationError:
        """Keep the proof of a fork, and return the error that says so."""
        path = keep_evidence(self.folder, fork)
        error = VerificationError(
            "mirror.fork", origin=checkpoint.origin, size=checkpoint.size, evidence=path
        )
        self.remember(error.code)
        return error

    def accuse_hidden(self, unbroken: str, seal: bytes) -> HiddenSeal:
        """Keep and return the proof that a "still holds" proof of the operator's leaves out a broken seal.

        Raises `fraud.proves_nothing` if `seal` is not broken here, or the proof does not say otherwise.
        """
        newest, index = self.checkpoint(), self.broken_many([seal]).get(seal)
        if newest is None or index is None or index >= newest.checkpoint.size:
            raise VerificationError("fraud.proves_nothing", problem="the seal is not broken here")
        (leaf,) = self.entries(index, index + 1)
        fraud = accuse_hidden_seal(leaf, index, unbroken, note=newest.note, node=self.node, vkey=self.vkey)
        keep_evidence(self.folder, fraud)
        self.remember("mirror.map_root")
        return fraud

    def cosigned(self) -> str | None:
        """Return the note of the newest checkpoint with the cosignatures that are known to be good."""
        with Registry.open(self.folder) as registry:
            newest = registry.checkpoint()
            return newest.note if newest else None

    def keep_cosignatures(self, note: str, keys: Sequence[VerifierKey]) -> None:
        """Keep what in a note about a checkpoint that is here is by one of `keys`, and fits."""
        with Registry.open(self.folder) as registry:
            kept, bare = registry.cosigned(), only(note, self.vkey)
            same = kept is not None and only(kept, self.vkey) == bare
            registry.keep_cosigned(merge(kept if kept and same else bare, [note], keys))

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()

    def _accuse(
        self,
        error: VerificationError,
        signed: SignedCheckpoint,
        start: int,
        entries: Sequence[bytes],
        node: NodeSource | None,
    ) -> None:
        """Remember what `error` says of the log, and keep the proof of it, if one can stand on its own."""
        self.remember(error.code)
        index = int(str(error.facts.get("index", -1)))
        if node is None or not start <= index < start + len(entries):
            return
        rule = error.code.removeprefix("mirror.")
        shown = convicting(rule, index, start, entries, self._store)
        fraud = accuse_entries(rule, shown, note=signed.note, node=node, vkey=self.vkey)
        if fraud is not None:
            error.facts["evidence"] = keep_evidence(self.folder, fraud)

    def remember(self, found: str) -> None:
        """Remember which rule the log was seen to break; the first one stays."""
        state = self.state()
        if state.found is None:
            self._file.store(msgspec.structs.replace(state, found=found))


def _create(folder: Path, vkey: VerifierKey) -> None:
    """Make an empty mirror; the folder appears whole or not at all."""
    fresh, line = folder.with_name(f".{folder.name}.{os.getpid()}"), render_vkey(vkey)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        SqliteStore.create(fresh / LOG, vkey=line).close()
        write_durably(fresh / VKEY, f"{line}\n".encode())
        StateFile(fresh, wait=0).store(MirrorState(vkey.name))
        fresh.rename(folder)
        sync(folder.parent)
    except OSError as error:
        raise Unavailable("registry.cannot_write", problem=error.strerror or error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
