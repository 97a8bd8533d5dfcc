"""A mirror that is pushed to (C2SP tlog-mirror): first a pending checkpoint, then the entries, then its word.

It knows no HTTP and no clock, like `Witness`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256

from ...errors import InputError, KonsensError, VerificationError
from ..checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from ..cosignature import Cosigner, MlDsaCosigner
from ..tree import EMPTY_ROOT, check_subtree_consistency, leaf_hash, root_of
from ..witness.admit import Refused, Response, Seen, Submitted, check_follows, read
from .cosign import cosign_copy
from .evidence import accuse_fork
from .follow import Mirror
from .packages import Info, Package, Span, Upload, parse_package, parse_upload, render_info

__all__ = ["Receiver"]

INFO = "text/x.tlog.mirror-info"
MOST_EXCESS = 8192  # entries that are here already and are sent again


class Receiver:
    """Takes checkpoints and entries of several logs, and cosigns what is here in full.

    - Entries are kept only once they are proven to lie below a checkpoint that was taken before, so whoever
      sends them need not be trusted, and may stop anywhere.
    - Only the newest checkpoint that was taken is cosigned: a cosignature says that it is "the largest size
      the cosigner has observed" at its time (tlog-cosignature). What is uploaded up to an older one is kept,
      and answered with 409 and the size of the newest.
    - Entries keep all rules of a log, too, as in `Mirror.follow`; else 422, and `problem` is told why.
    - It belongs to the thread that opened the mirrors.
    """

    def __init__(
        self,
        mirrors: Iterable[Mirror],
        cosigners: Iterable[Cosigner | MlDsaCosigner],
        *,
        problem: Callable[[str, KonsensError], None] | None = None,
    ) -> None:
        """Take for `mirrors`; each of `cosigners` signs, be it as mirror or as map cosigner.

        `problem` is called with the origin and the error where a log was found out.
        """
        self._mirrors = {mirror.vkey.name: mirror for mirror in mirrors}
        self._keys = {origin: [mirror.vkey] for origin, mirror in self._mirrors.items()}
        self._cosigners = list(cosigners)
        self._tell = problem

    def add_checkpoint(self, body: bytes) -> Response:
        """Answer `POST <submission prefix>/add-checkpoint`: as a witness does, but without a cosignature."""
        try:
            submitted = read(body, self._keys)
            self._pend(self._mirrors[submitted.checkpoint.origin], submitted)
        except Refused as refused:
            return refused.response
        return Response(200)

    def add_entries(self, body: bytes, *, at: datetime) -> Response:
        """Answer `POST <submission prefix>/add-entries`; `body` may be cut off after any package.

        Raises what keeps it from answering: `registry.busy`, `registry.cannot_write` (503).
        """
        try:
            upload, packages = parse_upload(body)
            mirror = self._mirrors.get(upload.origin)
            if mirror is None:
                return Response(404)
            with mirror.locked():
                return self._receive(mirror, upload, packages, at)
        except Refused as refused:
            return refused.response
        except InputError:
            return Response(400)

    def checkpoint(self, origin_hash: str) -> Response:
        """Answer `GET <monitoring prefix>/<origin hash>/checkpoint`: what is here, with the cosignatures."""
        for origin, mirror in self._mirrors.items():
            if sha256(origin.encode()).hexdigest() == origin_hash and (note := mirror.cosigned()):
                return Response(200, note.encode())
        return Response(404)

    def _problem(self, origin: str, error: KonsensError) -> None:
        if self._tell is not None:
            self._tell(origin, error)

    def _pend(self, mirror: Mirror, submitted: Submitted) -> None:
        with mirror.locked():
            newest = mirror.newest()
            before = Seen(newest.checkpoint.size, newest.checkpoint.root) if newest else Seen(0, EMPTY_ROOT)
            signed = SignedCheckpoint(submitted.checkpoint, submitted.note)
            try:
                check_follows(submitted, before)
            except Refused:
                if newest and (fork := accuse_fork(newest.note, signed.note, None, vkey=mirror.vkey)):
                    self._problem(mirror.vkey.name, mirror.convict(fork, signed.checkpoint))
                raise
            mirror.pend(signed)

    def _receive(self, mirror: Mirror, upload: Upload, packages: bytes, at: datetime) -> Response:
        signed = self._admitted(mirror, upload)
        taken, refusal = self._take(mirror, signed, upload, packages)
        if refusal is not None:
            return refusal
        if mirror.size < upload.end:
            if taken:
                return self._info(202, mirror, upload.end)
            return Response(400)
        newest = mirror.newest()
        if newest and newest.checkpoint.size > upload.end:  # no longer the largest that was observed
            return self._info(409, mirror, None)
        try:
            mirror.finish(signed, at=at, node=mirror.node)
        except VerificationError as error:
            self._problem(upload.origin, error)
            return Response(422)
        try:
            return Response(200, cosign_copy(mirror, self._cosigners, at=at).encode())
        except VerificationError as error:  # this log was found out before
            self._problem(upload.origin, error)
            return Response(422)

    def _admitted(self, mirror: Mirror, upload: Upload) -> SignedCheckpoint:
        """Return the pending checkpoint of an upload, or raise `Refused` ("Processing")."""
        newest, copied = mirror.newest(), mirror.checkpoint()
        if newest is None:
            raise Refused(422)
        known = [parse_signed_checkpoint(note) for note in mirror.state().pending]
        known += [copied] if copied else []
        signed = next((one for one in known if one.checkpoint.size == upload.end), None)
        here = mirror.size
        if (
            signed is None
            or (copied and upload.end < copied.checkpoint.size)
            or upload.start > here
            or min(upload.end, here) - upload.start > MOST_EXCESS
        ):
            info = self._info(409, mirror, upload.end if signed else None)
            raise Refused(409, info.body, info.content_type)
        return signed

    def _take(
        self, mirror: Mirror, signed: SignedCheckpoint, upload: Upload, packages: bytes
    ) -> tuple[int, Response | None]:
        """Add what is proven, in one step, and return how many packages that was, and a refusal or None."""
        count, here, rest, refusal = 0, mirror.size, packages, None
        fresh: list[bytes] = []
        for span in upload.packages():
            try:
                found = parse_package(rest, span)
                if found is None:
                    break
                package, rest = found
                _check_package(mirror, signed.checkpoint, span, package)
            except InputError:
                break
            except VerificationError:
                refusal = Response(422)
                break
            count += 1
            fresh += package.entries[max(0, here + len(fresh) - span.start) :]
        try:
            if fresh:
                mirror.add(signed, here, fresh, None)
        except VerificationError as error:
            self._problem(upload.origin, error)
            return 0, Response(422)
        return count, refusal

    def _info(self, status: int, mirror: Mirror, size: int | None) -> Response:
        newest = mirror.newest()
        pending = newest.checkpoint.size if newest else 0
        info = Info(pending if size is None else size, mirror.size)
        return Response(status, render_info(info), INFO)


def _check_package(mirror: Mirror, checkpoint: Checkpoint, span: Span, package: Package) -> None:
    """Raise unless the entries of a package are those of the log of `checkpoint`.

    What its block holds before them is here: only the first package begins within a block.
    """
    block = [*mirror.entries(span.base, span.start), *package.entries]
    root = root_of(map(leaf_hash, block))
    check_subtree_consistency(span.base, span.end, checkpoint.size, package.proof, root, checkpoint.root)
