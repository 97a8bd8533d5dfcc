"""The client of a served log: what it says is checked here, before anybody relies on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic, sleep

from ...did import Signer
from ...errors import InputError, Unavailable, VerificationError
from ...fetch import Fetcher, check_url
from ..ack import check_ack
from ..leaf import PublicLeaf, SealLeaf
from ..note import VerifierKey, parse_vkey
from ..serve.membership import sign_request
from ..serve.wire import MOST_LEAVES, parse_appended, raise_problem, render_append, render_vouchers
from ..tree import leaf_hash

__all__ = ["LogClient", "first_contact"]

AT_ONCE = 8
LONGEST_VKEY = 1024
LONGEST_FILE = 1 << 20
READ_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
TOO_MANY_REQUESTS = 429  # RFC 6585, section 4
APPEND_SECONDS = 30.0  # a log takes a step a second, and waits for whoever came before


class LogClient:
    """One log under one key, behind one URL.

    - An acknowledgement counts only under the log's key and for the leaf that was sent.
    - Nothing that is fetched here is checked yet: `static.StaticLog` and a mirror do that.
    """

    def __init__(
        self,
        url: str,
        vkey: VerifierKey,
        *,
        fetcher: Fetcher | None = None,
        member: Callable[[], Signer] | None = None,
        loopback: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Speak to the log of `vkey` at `url`; what `member` returns signs what is appended, if given.

        It is asked only then: reading needs no key. `loopback` allows a log on this machine
        (`fetch.check_url`).
        """
        check_url(url, loopback=loopback)
        self.url = url.rstrip("/")
        self.vkey = vkey
        self._reader = fetcher or Fetcher(loopback=loopback, seconds=READ_SECONDS)
        self._writer = fetcher or Fetcher(loopback=loopback, seconds=APPEND_SECONDS)
        self._member, self._now = member, now

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> list[int]:
        """Append all leaves or none, and return the index of each, as the log's key has acknowledged it.

        Sending the same again is no error. Raises what the log answers (`append.limit`,
        `seal.already_broken`, …), `remote.answer` for an answer that is none, `ack.other_leaf` and what
        `check_note` raises for an acknowledgement that does not hold, `fetch.…` if the log is not reached.
        """
        if len(leaves) > MOST_LEAVES:
            raise InputError("remote.too_many", limit=MOST_LEAVES)
        if not leaves:
            return []
        appended = parse_appended(self._post("/append", render_append(leaves, vouchers)))
        if not len(leaves) == len(appended.indices) == len(appended.acknowledgements):
            raise VerificationError("ack.other_leaf")
        for leaf, index, note in zip(leaves, appended.indices, appended.acknowledgements, strict=True):
            if check_ack(note, leaf_hash=leaf_hash(leaf.entry), vkey=self.vkey) != index:
                raise VerificationError("ack.other_leaf")
        return list(appended.indices)

    def register_vouchers(self, hashes: Sequence[bytes]) -> None:
        """Register vouchers by their hashes, as a member; see `serve.vouchers`."""
        self._post("/vouchers", render_vouchers(hashes))

    def fetch(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of every path, None for each that is not there; it is a `static.Fetch`."""
        if len(paths) == 1:
            return [self._get(paths[0])]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._get, paths))

    def _get(self, path: str) -> bytes | None:
        until = monotonic() + PATIENCE_SECONDS
        answer = self._reader.get(f"{self.url}/{path}", most=LONGEST_FILE)
        while answer.status == TOO_MANY_REQUESTS and monotonic() < until:
            sleep(1)  # who looks for all his seals at once asks for many buckets
            answer = self._reader.get(f"{self.url}/{path}", most=LONGEST_FILE)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise_problem(answer.status, answer.body)
        return answer.body

    def _post(self, path: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if self._member is not None:
            headers["Authorization"] = sign_request(
                body, origin=self.vkey.name, at=self._now(), signer=self._member()
            )
        answer = self._writer.post(self.url + path, body, headers=headers)
        if answer.status not in {200, 204}:
            raise_problem(answer.status, answer.body)
        return answer.body


def first_contact(url: str, *, loopback: bool = False) -> VerifierKey:
    """Return the key that a log shows of itself, to be pinned; TLS alone vouches for it.

    Raises `remote.answer` if there is no log at `url`, and what `Fetcher.get` raises.
    """
    check_url(url, loopback=loopback)
    answer = Fetcher(loopback=loopback).get(f"{url.rstrip('/')}/vkey", most=LONGEST_VKEY)
    try:
        if answer.status != 200:
            raise InputError("note.vkey")
        return parse_vkey(answer.body.decode("utf-8", "replace").removesuffix("\n"))
    except (InputError, VerificationError) as error:
        raise Unavailable("remote.answer", status=answer.status) from error
