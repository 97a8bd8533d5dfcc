"""Before anything is signed: has a witness seen more of this log than is here, or another one?

A home and a folder that come back from one backup agree with each other. Witnesses remember.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from ...errors import KonsensError, Unavailable
from ...fetch import Fetcher
from ..checkpoint import check_checkpoint
from ..log import SealLog
from ..note import VerifierKey
from ..policy import Policy, Witness
from ..witness import check_seen

__all__ = ["check_witnesses"]

_LOG = logging.getLogger(__name__)

LONGEST_NOTE = 1 << 16


def check_witnesses(
    log: SealLog, policy: Policy | None, *, loopback: bool = False, seconds: float = 5.0
) -> None:
    """Raise `registry.rolled_back` or `registry.fork` if a witness shows a checkpoint that `log` contradicts.

    Each witness is asked for the newest checkpoint that it has of this log (C2SP tlog-witness, "Monitor
    Retrieval Mechanism"), all at once and for `seconds` at most. What counts is the log's own signature under
    it: a witness that cannot be reached, knows nothing or shows what the log never signed keeps nobody from
    going on, and is named in the service's log.
    """
    asked = [witness for witness in policy.witnesses if witness.url] if policy else []
    if not asked:
        return
    fetcher = Fetcher(loopback=loopback, seconds=seconds)
    with ThreadPoolExecutor(len(asked)) as pool:
        shown = list(pool.map(lambda witness: _shown_by(witness, fetcher, log.vkey), asked))
    check_seen(log, [note for note in shown if note is not None])


def _shown_by(witness: Witness, fetcher: Fetcher, vkey: VerifierKey) -> str | None:
    origin_hash = sha256(vkey.name.encode()).hexdigest()
    try:
        answer = fetcher.get(f"{(witness.url or '').rstrip('/')}/{origin_hash}/checkpoint", most=LONGEST_NOTE)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unavailable("witness.refused", name=witness.name, status=answer.status)
        note = answer.body.decode("utf-8", "replace")
        check_checkpoint(note, vkey)
    except KonsensError as error:
        _LOG.warning("a witness does not show", extra={"witness": witness.name, "code": error.code})
        return None
    return note
