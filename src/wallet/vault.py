"""One encrypted file for everything that must not be read by others or change unseen.

The vault holds typed records, each under a kind and a key. All of it is read, authenticated and decrypted
when the vault is opened; from then on reads come from memory, and the file is read anew when another
process has written. That fits what a wallet is: some hundreds of records, rarely more than ten thousand.

**What the file shows** to whoever has it without the passphrase: that it is a konsens vault, whether it has
a passphrase, what a guess costs, how many records there are, and the size of each rounded up to 256 bytes.
No kind, key, name, DID, date or content.

**What is noticed** when the vault is opened, as `Damaged`: any changed record; a record that was removed,
added, renamed, copied from another vault, or put back in an older version. Not noticed: the whole file
replaced by an older copy of itself. Nothing inside the file could tell; a wallet finds it out when it
compares itself with the registry.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..errors import Damaged, Locked
from . import storage
from .header import Cost, Header, Random, make_header, parse_header, unlock
from .kind import Kind, Record
from .sealing import Sealing

__all__ = ["Vault", "has_passphrase"]

T = TypeVar("T")

_Records = list[Record]  # inside the class, `list` is a verb
_Versions = list[tuple[bytes, bytes]]
_Rows = list[tuple[Any, ...]]


def has_passphrase(path: Path) -> bool:
    """Tell whether the vault at `path` asks for a passphrase, without opening it."""
    with storage.named_failures():
        db = storage.connect(path)
        try:
            return parse_header(storage.read_head(db)[0]).has_passphrase
        finally:
            db.close()


class Vault:
    """Typed records in one encrypted file.

    - Nothing is acknowledged before it is on the disk: `write()` returns after the commit was synced.
    - A `write()` is all or nothing; `put` and `delete` outside of one are a `write()` of their own.
    - One writer at a time: who holds `lock()` or `write()` is alone, others get `wallet.busy`.
    - Values are msgspec JSON, checked against their type whenever they are read.

    `entropy` gives random bytes, `wait` is how many seconds to wait for another writer.
    """

    def __init__(
        self, path: Path, db: sqlite3.Connection, sealing: Sealing, *, entropy: Random, wait: float
    ) -> None:
        self.path = path
        self._db = db
        self._sealing = sealing
        self._entropy = entropy
        self._wait = wait
        self._rows: dict[tuple[str, str], bytes] = {}
        self._seen: int | None = None
        self._locked = False
        self._writing = False
        with self._snapshot():
            pass

    def __repr__(self) -> str:
        return f"Vault({str(self.path)!r})"

    # --- opening and closing

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        records: Iterable[Record] = (),
        entropy: Random = os.urandom,
        cost: Cost | None = None,
        wait: float = 2,
    ) -> Vault:
        """Create a vault at `path` and open it; `wallet.exists` if anything is there already.

        The file gets its name when it is whole, with its first `records`, given as by `dump`.
        """
        header, data_key = make_header(passphrase, entropy=entropy, cost=cost or Cost())
        sealing = Sealing(header, data_key)
        with storage.named_failures(), storage.temporary_beside(path) as temporary:
            db = storage.create_file(temporary)
            db.execute("INSERT INTO head VALUES (1, ?, ?)", (header.render(), sealing.root([])))
            with cls(temporary, db, sealing, entropy=entropy, wait=wait) as vault, vault.write():
                for kind, key, value in records:
                    vault.put_json(kind, key, value)
            storage.publish(temporary, path, taken="wallet.exists")
        return cls._of(path, sealing, entropy, wait)

    @classmethod
    def open(cls, path: Path, passphrase: str, *, entropy: Random = os.urandom, wait: float = 2) -> Vault:
        """Open the vault at `path` and check all of it.

        Raises `wallet.missing`, `wallet.passphrase`, `wallet.version`, and for damage `wallet.not_a_vault`,
        `wallet.damaged` (the file), `wallet.header`, `wallet.record`, `wallet.root` (records missing, added
        or put back in an older version).
        """
        with storage.named_failures():
            db = storage.connect(path)
            try:
                header = parse_header(storage.read_head(db)[0])
            finally:
                db.close()
        return cls._of(path, Sealing(header, unlock(header, passphrase)), entropy, wait)

    @classmethod
    def _of(cls, path: Path, sealing: Sealing, entropy: Random, wait: float) -> Vault:
        with storage.named_failures():
            db = storage.connect(path)
        try:
            return cls(path, db, sealing, entropy=entropy, wait=wait)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # --- reading

    @property
    def header(self) -> Header:
        """The header, with the vault's id; by it the same passphrase opens a backup too."""
        return self._sealing.header

    @property
    def backup_key(self) -> bytes:
        """The key for backups that carry the same header."""
        return self._sealing.backup_key

    def get(self, kind: Kind[T], key: str) -> T | None:
        """Return the record, or None."""
        with self._snapshot():
            value = self._rows.get((kind.name, key))
        return None if value is None else kind.parse(value)

    def list(self, kind: Kind[T]) -> dict[str, T]:
        """Return every record of a kind by its key, sorted."""
        return {key: kind.parse(value) for name, key, value in self.dump() if name == kind.name}

    def dump(self) -> _Records:
        """Return every record as (kind, key, JSON), sorted: one consistent moment."""
        with self._snapshot():
            return sorted((kind, key, value) for (kind, key), value in self._rows.items())

    def check(self) -> None:
        """Read the whole file once more, the parts without records too, or raise `Damaged`."""
        if (found := self._run("PRAGMA integrity_check(1)")[0][0]) != "ok":
            raise Damaged("wallet.damaged", problem=found)
        self._seen = None
        with self._snapshot():
            pass

    # --- writing

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other writer away over several transactions."""
        if self._locked:
            yield
            return
        with storage.hold(self.path.with_name(f"{self.path.name}.lock"), wait=self._wait):
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    @contextmanager
    def write(self) -> Iterator[None]:
        """Make everything within one transaction: all of it is durable afterwards, or nothing happened."""
        if self._writing:
            yield
            return
        with self.lock():
            self._run("BEGIN IMMEDIATE")
            self._writing = True
            try:
                self._refresh()
                yield
                self._run("UPDATE head SET root = ?", self._sealing.root(self._versions()))
                self._run("COMMIT")
            except BaseException:
                self._seen = None  # what is in memory did not happen: read the file again
                raise
            finally:
                self._writing = False
                self._end()

    def put(self, kind: Kind[T], key: str, value: T) -> None:
        """Store a record, new or in place of the one before."""
        self.put_json(*kind.row(key, value))

    def put_json(self, kind: str, key: str, value: bytes) -> None:
        """Store a record that is JSON already, as `dump` gave it."""
        with self.write():
            nonce = self._entropy(12)
            body = self._sealing.seal(nonce, kind, key, value)
            self._run(
                "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", self._sealing.name(kind, key), nonce, body
            )
            self._rows[kind, key] = value

    def delete(self, kind: Kind[Any], key: str) -> None:
        """Delete a record; its bytes are overwritten. Nothing happens if there is none."""
        with self.write():
            self._run("DELETE FROM record WHERE name = ?", self._sealing.name(kind.name, key))
            self._rows.pop((kind.name, key), None)

    def change_passphrase(self, passphrase: str, *, cost: Cost | None = None) -> None:
        """Encrypt everything anew, with a new data key under the new passphrase; not within a `write()`.

        Not only wrapped anew: whoever has an old copy of the file and the old passphrase must not be able
        to read what comes later.
        """
        header, data_key = make_header(
            passphrase, entropy=self._entropy, cost=cost or Cost(), vault=self.header.vault
        )
        before = self._sealing
        try:
            with self.write():
                self._sealing = Sealing(header, data_key)
                self._run("UPDATE head SET header = ?", header.render())
                self._run("DELETE FROM record")
                for (kind, key), value in self._rows.items():
                    self.put_json(kind, key, value)
        except BaseException:
            self._sealing = before
            raise
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")  # the old header leaves the disk

    # --- the file

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """See one consistent moment of the file, everything in it checked."""
        if self._writing:
            yield
            return
        self._run("BEGIN")
        try:
            self._refresh()
            yield
        finally:
            self._end()

    def _refresh(self) -> None:
        """Read and check every record, if another process has written since the last time."""
        with storage.named_failures():
            header, root = storage.read_head(self._db)
        [(seen,)] = self._run("PRAGMA data_version")
        if seen == self._seen:
            return
        if header != self.header.render():
            raise Locked("wallet.passphrase_changed")
        if not hmac.compare_digest(root, self._sealing.root(self._versions())):
            raise Damaged("wallet.root")
        rows = self._run("SELECT name, nonce, body FROM record")
        self._rows = dict(self._sealing.open(*storage.blobs(row)) for row in rows)
        self._seen = seen

    def _versions(self) -> _Versions:
        rows = [storage.blobs(row) for row in self._run("SELECT name, nonce FROM record ORDER BY name")]
        if any(len(name) != 32 or len(nonce) != 12 for name, nonce in rows):
            raise Damaged("wallet.record")
        return [(name, nonce) for name, nonce in rows]

    def _run(self, sql: str, *values: bytes) -> _Rows:
        with storage.named_failures():
            return self._db.execute(sql, values).fetchall()

    def _end(self) -> None:
        if self._db.in_transaction:
            self._run("ROLLBACK")
