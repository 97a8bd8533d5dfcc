"""Publishing: what the holder of the log key does before, and after, putting its name under the log.

The order of steps is the safety. Whatever stops it between two of them, the next call finds out how far it
came and goes on; and nothing was signed that a second signature could contradict.

1. What was signed last is still there, entry by entry (`SignerHead`, which lies outside the folder).
2. Every entry since then keeps the rules (`Walk`), whoever put it there.
3. The head leaf is announced in the operator's file, then written to the log.
4. Size and root go to the operator's file, and only then is the checkpoint signed and stored.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime

from ..errors import Damaged, Unavailable, VerificationError
from .append import add
from .checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint, sign_checkpoint
from .leaf import HeadLeaf
from .note import NoteSigner
from .seal_map import SealMap
from .signer_head import LastSigned, SignerHead
from .store import Store
from .tiles import nodes_of
from .tree import EMPTY_ROOT, Frontier, check_inclusion, inclusion_path, leaf_hash
from .walk import NO_HEAD, Head, Walk

__all__ = ["publish"]

ENTRIES_AT_ONCE = 4096
LEEWAY_SECONDS = 60  # a clock that was set back by more is not believed


def publish(
    store: Store,
    *,
    signer: NoteSigner,
    at: datetime,
    remembered: SignerHead,
    head_of: Callable[[int], HeadLeaf],
    seals_at: Callable[[int], SealMap],
    checked: Container[bytes],
    show: Callable[[str], None],
) -> SignedCheckpoint:
    """Return a checkpoint over all that is in the log: the newest if it says all, else a new one.

    `head_of` and `seals_at` give head leaf and map of a size that was signed; `checked` holds entries whose
    signature this process has checked already; `show` puts a note where people look for it.

    Raises `registry.rolled_back` or `registry.fork` if the log is not the one that was signed last,
    `registry.recheck` or `registry.foreign_head` if something may not be in it, `registry.clock_back` if
    `at` lies before the last head leaf.
    """
    origin = signer.name
    with remembered.locked():
        last = remembered.load(origin) or _first(store, origin)
        walk = _resume(store, last, head_of, seals_at, checked)
        _go_on(walk, store)  # the bulk of the work, while others can append
        with store.writing():
            _go_on(walk, store)
            _check_what_surrounds(walk, store, signer, last)
            newest = store.checkpoint()
            complete = newest is not None and newest[0] == walk.size
            if not complete and (walk.head is None or walk.head.index != walk.size - 1):
                head = _next_head(walk, at)
                # A head leaf that a crash left without its checkpoint was found to be ours. The file now says
                # so by its size and root: there is room for one announcement only.
                size, root = max(walk.roots.items(), default=(0, EMPTY_ROOT))
                remembered.store(LastSigned(origin, size, root.hex(), leaf_hash(head.entry).hex()))
                add(store, [(leaf_hash(head.entry), head.entry)], {})
                walk.feed([head.entry])
        # From here on the head leaf is durable. Others may append behind it: the size is fixed.
        now = LastSigned(origin, walk.size, walk.frontier.root().hex())
        if now != last:
            remembered.store(now)
        if newest is not None:
            show(newest[1])  # a crash may have come between it and this
            if complete:
                return parse_signed_checkpoint(newest[1])
        signed = sign_checkpoint(Checkpoint(origin, walk.size, walk.frontier.root()), signer)
        with store.writing():
            store.add_checkpoint(walk.size, signed.note)
        show(signed.note)
        return signed


def _first(store: Store, origin: str) -> LastSigned:
    """Return the beginning of a log that this home has not signed yet."""
    if store.checkpoint() is not None:
        # The home lost its memory: nothing here could tell whether this folder was restored from a backup.
        raise Damaged("registry.signer_head_lost")
    return LastSigned(origin, 0, EMPTY_ROOT.hex())


def _resume(
    store: Store,
    last: LastSigned,
    head_of: Callable[[int], HeadLeaf],
    seals_at: Callable[[int], SealMap],
    checked: Container[bytes],
) -> Walk:
    """Stand behind the entries that were signed last, once they are the same as then."""
    size, root = last.size, bytes.fromhex(last.root)
    if store.size() < size:
        raise Damaged("registry.rolled_back", size=store.size(), remembered=size)
    node = nodes_of(store)
    frontier = Frontier.at(size, node)
    if frontier.root() != root:
        raise Damaged("registry.fork", size=size)
    begin = None
    if size:
        head = head_of(size)
        hashed = leaf_hash(head.entry)
        try:
            check_inclusion(size - 1, size, hashed, inclusion_path(size - 1, size, node), root)
        except VerificationError as error:
            raise Damaged("registry.fork", size=size) from error
        begin = (frontier, Head(size - 1, head, hashed))
    return Walk(store, seals_at(size), origin=last.origin, problem=_refuse, begin=begin, checked=checked)


def _refuse(check: str, index: int) -> None:
    raise Damaged("registry.recheck", check=check, index=index)


def _go_on(walk: Walk, store: Store) -> None:
    while entries := store.entries(walk.size, walk.size + ENTRIES_AT_ONCE):
        walk.feed(entries)


def _check_what_surrounds(walk: Walk, store: Store, signer: NoteSigner, last: LastSigned) -> None:
    """Check what is no entry: no gap, no row too many, no head leaf or checkpoint that is not ours."""
    if walk.size != store.size():
        _refuse("fsck.sequence", walk.size)
    if store.row_count(last.size) != walk.seal_count:
        _refuse("fsck.seals", walk.size)
    published = store.checkpoints(last.size)
    for size, note in published:
        walk.check_published(size, note, signer.vkey)
    ours = {size for size, _ in published}
    for head in walk.new_heads:
        if head.index + 1 not in ours and head.hash.hex() != last.intent:
            raise Damaged("registry.foreign_head", index=head.index)


def _next_head(walk: Walk, at: datetime) -> HeadLeaf:
    seconds, before = int(at.timestamp()), walk.head
    if before and seconds < before.leaf.seconds - LEEWAY_SECONDS:
        raise Unavailable("registry.clock_back", last=before.leaf.at.isoformat())
    return HeadLeaf(
        walk.map_root(),
        before.hash if before else NO_HEAD,
        max(seconds, before.leaf.seconds if before else 0),
    )
