"""The store in PostgreSQL: one schema for a log, and a `head` that no two can move from the same place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ...errors import Conflict, Damaged, NotFound
from ..leaf import PUBLIC_LEAF_SIZE
from ..seal_map import Row, Span
from ..store import Tile
from ..tiles import nodes_of
from ..tree import Frontier, leaf_hash
from .copying import render_copy, render_pairs
from .schema import ENTRIES_PER_PARTITION, create_log
from .session import Role, Session

__all__ = ["PostgresStore"]


class PostgresStore:
    """Entries and what follows from them in one schema; see `Store` and `Session` for the rules.

    - Every step moves `head` from the size and root that it built upon, or is refused, whoever made it.
    - Every step ends with a commit that waits for the quorum, also if it added nothing: what was read in it
      is certain, too.
    - A sequencer goes on from the head that it left itself, or from that of its step whose outcome was
      unknown. Anything else is `registry.rolled_back` or `postgres.second_sequencer`.
    - It belongs to the thread that opened it.
    """

    def __init__(
        self, dsn: str, *, schema: str, role: Role = "writer", wait: float = 10.0, listen: str | None = None
    ) -> None:
        """Open the log in `schema`; `wait` is for how many seconds to wait for another writer."""
        self.session = Session(dsn, schema, role=role, wait=wait, listen=listen)
        self._depth = 0
        self.certain: Frontier | None = None
        """The tree behind the last step that ended well, if there was one."""
        self._coming = Frontier()  # in a step: behind what it has added; also after one that ended badly
        self._room = 0  # how many entries there are partitions for
        try:
            found = self.session.one("SELECT vkey, entries_per_partition FROM log")
            if found is None:
                raise NotFound("postgres.no_log", schema=schema)
            self.vkey, self._per_partition = found
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(
        cls, dsn: str, *, schema: str, vkey: str, entries_per_partition: int = ENTRIES_PER_PARTITION
    ) -> PostgresStore:
        """Make an empty log of the verifier key `vkey` in `schema`, and open it; see `create_log`."""
        create_log(dsn, schema, vkey=vkey, entries_per_partition=entries_per_partition)
        return cls(dsn, schema=schema)

    def size(self) -> int:
        # Inside a step nobody else adds anything; if somebody did, the step would not end well.
        return self._coming.size if self._depth else self._size_there()

    def confirmed(self) -> int:
        """Return how many entries are known to be durable, in a cluster: with the quorum."""
        return int(self.session.one("SELECT confirmed FROM head")[0])

    def entry(self, index: int) -> bytes | None:
        found: tuple[bytes] | None = self.session.one("SELECT entry FROM entries WHERE idx = %s", index)
        return found and found[0]

    def entries(self, start: int, stop: int) -> list[bytes]:
        found = self.session.all(
            "SELECT idx, entry FROM entries WHERE idx >= %s AND idx < %s ORDER BY idx", start, stop
        )
        return [entry for place, (index, entry) in enumerate(found, start) if place == index]

    def broken(self, seal: bytes) -> int | None:
        return self._index("SELECT idx FROM broken WHERE seal = %s", seal)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        if not seals:
            return {}
        return dict(self.session.all("SELECT seal, idx FROM broken WHERE seal = ANY(%b)", sorted(seals)))

    def rows(self, spans: Sequence[Span]) -> Iterable[Row]:
        if len(spans) < 2:
            first, last = spans[0] if spans else (b"", b"")
            return self.session.all("SELECT seal, idx FROM broken WHERE seal BETWEEN %s AND %s", first, last)
        # LATERAL with OFFSET, or the planner might prefer to read the whole table once for all spans.
        return self.session.all(
            "SELECT seal, idx FROM unnest(%b::bytea[], %b::bytea[]) AS span(first, last), LATERAL"
            " (SELECT seal, idx FROM broken WHERE seal BETWEEN span.first AND span.last OFFSET 0) AS found",
            [first for first, _ in spans],
            [last for _, last in spans],
        )

    def rows_of(self, start: int, stop: int) -> list[Row]:
        return self.session.all(
            "SELECT seal, idx FROM broken WHERE idx >= %s AND idx < %s ORDER BY idx", start, stop
        )

    def row_count(self, start: int) -> int:
        return int(self.session.one("SELECT count(*) FROM broken WHERE idx >= %s", start)[0])

    def public(self, digest: bytes) -> int | None:
        return self._index("SELECT idx FROM published WHERE digest = %s", digest)

    def head_below(self, index: int) -> int | None:
        return self._index(
            "SELECT idx FROM entries WHERE octet_length(entry) = 73 AND idx < %s ORDER BY idx DESC LIMIT 1",
            index,
        )

    def head_from(self, index: int) -> int | None:
        return self._index(
            "SELECT idx FROM entries WHERE octet_length(entry) = 73 AND idx >= %s ORDER BY idx LIMIT 1", index
        )

    def tile(self, level: int, index: int) -> Tile | None:
        question = "SELECT root, hashes FROM tiles WHERE level = %s AND idx = %s"
        found = self.session.one(question, level, index)
        return Tile(level, index, *found) if found else None

    def tile_roots(self, level: int, start: int, stop: int) -> list[bytes]:
        question = "SELECT root FROM tiles WHERE level = %s AND idx >= %s AND idx < %s ORDER BY idx"
        return [root for (root,) in self.session.all(question, level, start, stop)]

    def tile_count(self) -> int:
        return int(self.session.one("SELECT count(*) FROM tiles")[0])

    def checkpoint(self) -> tuple[int, str] | None:
        newest: tuple[int, str] | None = self.session.one(
            "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1"
        )
        return newest

    def checkpoints(self, start: int) -> list[tuple[int, str]]:
        return self.session.all("SELECT size, note FROM checkpoints WHERE size >= %s ORDER BY size", start)

    def cosigned(self) -> str | None:
        """Return the newest note with cosignatures that was kept."""
        found: tuple[str] | None = self.session.one("SELECT note FROM cosigned")
        return found and found[0]

    def keep_cosigned(self, size: int, note: str) -> None:
        """Keep a published checkpoint with its cosignatures, unless a newer one was kept."""
        self.session.change(
            "INSERT INTO cosigned (size, note) VALUES (%s, %s) ON CONFLICT (one)"
            " DO UPDATE SET size = excluded.size, note = excluded.note WHERE cosigned.size <= excluded.size",
            *(size, note),
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Enter the one place where something can be added; a step inside a step is part of it."""
        self._depth += 1
        try:
            if self._depth > 1:
                yield
                return
            with self.session.step():
                base = self._base()
                self._coming = Frontier(base.size, base.nodes)
                yield
                if self._coming.size == base.size:
                    self._move(base, self._coming)
            self.certain = self._coming
        except BaseException:
            self._room = 0  # the partitions that it made are gone with it
            raise
        finally:
            self._depth -= 1

    def add_entries(self, entries: Sequence[bytes]) -> None:
        before = Frontier(self._coming.size, self._coming.nodes)
        self._coming.extend(leaf_hash(entry) for entry in entries)
        self._make_room(before.size, self._coming.size)
        self._move(before, self._coming)
        self.session.copy("entries (idx, entry)", render_pairs(enumerate(entries, before.size)))
        public = [(e[1:], i) for i, e in enumerate(entries, before.size) if len(e) == PUBLIC_LEAF_SIZE]
        if public:
            self.session.copy("published (digest, idx)", render_copy(public))

    def add_rows(self, rows: Sequence[Row]) -> None:
        if rows:  # in their order they touch each page of the index once
            pairs = render_pairs((index, seal) for seal, index in sorted(rows))
            self.session.copy("broken (idx, seal)", pairs)

    def add_tiles(self, tiles: Sequence[Tile]) -> None:
        if tiles:
            self.session.many(
                "INSERT INTO tiles (level, idx, root, hashes) VALUES (%s, %s, %s, %s)",
                [(tile.level, tile.index, tile.root, tile.hashes) for tile in tiles],
            )

    def add_checkpoint(self, size: int, note: str) -> None:
        self.session.change("INSERT INTO checkpoints VALUES (%s, %s) ON CONFLICT DO NOTHING", size, note)

    def confirm(self) -> None:
        """Tell everybody how far the log is certain: as far as the last step that ended well."""
        size = self.certain.size if self.certain else 0
        self.session.at_leisure(f"UPDATE head SET confirmed = {size} WHERE confirmed < {size}")  # noqa: S608 (a number)

    def close(self) -> None:
        """Let go of the connection."""
        self.session.close()

    def _base(self) -> Frontier:
        """Return the frontier of what is there when a step begins."""
        size, root = self.session.one("SELECT size, root FROM head")
        for known in (self.certain, self._coming):
            if known and (known.size, known.root()) == (size, root):
                return known
        if self.certain and self.session.role != "writer":
            if size < self.certain.size:
                raise Damaged("registry.rolled_back", size=size, remembered=self.certain.size)
            raise Conflict("postgres.second_sequencer", size=size, expected=self.certain.size)
        found = Frontier.at(size, nodes_of(self))
        if found.root() != root:
            raise Damaged("registry.fork", size=size)
        return found

    def _move(self, old: Frontier, new: Frontier) -> None:
        moved = self.session.change(
            "UPDATE head SET size = %s, root = %s WHERE size = %s AND root = %s",
            *(new.size, new.root(), old.size, old.root()),
        )
        if not moved:
            raise Conflict("postgres.second_sequencer", size=self._size_there(), expected=old.size)

    def _size_there(self) -> int:
        return int(self.session.one("SELECT size FROM head")[0])

    def _make_room(self, start: int, stop: int) -> None:
        """Keep one partition more than is needed, so that it is made long before its first entry."""
        width = self._per_partition
        self._room = max(self._room, start // width * width)
        while self._room < stop + width:
            self.session.one("SELECT make_partition(%s)", self._room // width)
            self._room += width

    def _index(self, question: str, value: object) -> int | None:
        found: tuple[int] | None = self.session.one(question, value)
        return found and found[0]
