"""The wallet: an open vault, the seed in it, and the logs it knows. The verbs lie beside it, a file each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from ..consent.introduction import Pinned
from ..consent.notice import Notice, parse_notice
from ..did import (
    KeyHistory,
    LocalSigner,
    OfflineResolver,
    PinnedResolver,
    PrivateKey,
    PublicKey,
    Resolver,
    did_key,
    kid_of,
    parse_document,
    parse_jws,
)
from ..encoding import format_time, jcs
from ..errors import Conflict, Damaged, InputError, KonsensError, NotFound, NotTrusted
from ..records import GAP_LIMIT, Seed, did_label
from ..registry import parse_vkey
from ..registry.folder import Remembered, check_holds_all
from ..registry.log_place import LogPlace
from .header import Cost, Random
from .kinds import (
    ACT,
    COMPANY,
    IDENTITY,
    LOG,
    NOTICE,
    PROFILE,
    SEED,
    Act,
    Company,
    Identity,
    KnownLog,
    Profile,
    StoredSeed,
)
from .lanes import Lane, lanes_of
from .logs import Log, Logs, OpenLog, first_contact, open_folder
from .scan import Found, scan, scan_company, seal_at
from .vault import Vault

__all__ = ["Wallet"]


class Wallet:
    """What belongs to one person.

    - Nothing here asks or prints; a verb first plans (it writes and sends nothing), then is carried out.
    - A leaf is stored before it leaves, and every act first sends what an earlier one left behind.
    - A restored wallet may only read until it has been compared with the logs (`rescan`).
    """

    def __init__(
        self, vault: Vault, *, folders: Sequence[LogPlace] = (), open_log: OpenLog | None = None
    ) -> None:
        self.vault = vault
        stored = vault.get(SEED, "seed")
        profile = vault.get(PROFILE, "profile")
        if stored is None or profile is None:
            raise Damaged("wallet.no_seed")
        self.seed: Seed = stored.seed
        self.profile: Profile = profile
        known = vault.list(LOG)
        at = first_contact(folders, known) if folders else known.values()
        self.logs = Logs(at, open_log=open_log or self._open_log)

    # --- making and opening

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        seed: Seed,
        at: datetime,
        folders: Sequence[LogPlace] = (),
        numbers: Iterable[int] = (0,),
        name: str | None = None,
        unscanned: bool = False,
        entropy: Random = os.urandom,
        cost: Cost | None = None,
    ) -> Wallet:
        """Create a wallet of `seed` with the pairwise DIDs `numbers`.

        It knows the logs in `folders`, or at these URLs, the first of which is its home. `unscanned` says
        that the seed may have been used before. The file appears whole or not at all.
        """
        stamp = format_time(at)
        records = [
            SEED.row("seed", StoredSeed(seed.raw)),
            PROFILE.row("profile", Profile(name=name, created_at=stamp, unscanned=unscanned)),
            *(LOG.row(log.origin, log) for log in first_contact(folders)),
        ]
        for number in numbers:
            identity = Identity(number, did_of_number(seed, number), None, stamp)
            records.append(IDENTITY.row(str(number), identity))
        return cls(Vault.create(path, passphrase, records=records, entropy=entropy, cost=cost))

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: str,
        *,
        folders: Sequence[LogPlace] = (),
        open_log: OpenLog | None = None,
        entropy: Random = os.urandom,
    ) -> Wallet:
        """Open the wallet at `path`; `folders` stand for this time in the place of those that it recorded.

        A URL may stand where a folder does.
        """
        vault = Vault.open(path, passphrase, entropy=entropy)
        try:
            return cls(vault, folders=folders, open_log=open_log)
        except BaseException:
            vault.close()
            raise

    def __enter__(self) -> Wallet:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the vault and the logs."""
        self.logs.close()
        self.vault.close()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Be the only one who acts for this wallet; a restored one is compared with the logs first."""
        with self.vault.lock():
            if self.profile.unscanned:
                self.rescan()
            yield

    def rescan(self) -> dict[int, dict[int, Found]]:
        """Look for everything that the seed has done, and keep the identities that were not known here.

        Returns the lanes in the logs by company and number. Raises `wallet.log_unreachable` if there is no
        log to ask; a restored wallet then stays one that may only read.
        """
        found = scan(self.seed, self.logs) if self.logs.origins else {}
        with self.vault.write():
            known = {identity.number for identity in self.identities()}
            for number in found.keys() - known:
                identity = Identity(number, did_of_number(self.seed, number), None, self.profile.created_at)
                self.vault.put(IDENTITY, str(number), identity)
            self.profile = msgspec.structs.replace(self.profile, unscanned=False)
            self.vault.put(PROFILE, "profile", self.profile)
        return found

    # --- identities and companies

    def identities(self) -> list[Identity]:
        """Return every pairwise DID, in the order of their numbers."""
        return sorted(self.vault.list(IDENTITY).values(), key=lambda identity: identity.number)

    def identity_for(self, company: str) -> Identity | None:
        """Return the pairwise DID for the company with this DID, or None; the newest, if it had several."""
        return next((one for one in reversed(self.identities()) if one.company == company), None)

    def identity_of(self, did: str) -> Identity | None:
        """Return which of ours a DID is, or None."""
        return next((one for one in self.identities() if one.did == did), None)

    def next_identity(self, company: str | None, *, at: datetime) -> Identity:
        """Return a pairwise DID that was never used, neither here nor, as the logs tell, elsewhere."""
        used = max((act.company for act in self.acts()), default=-1)
        number = max((identity.number for identity in self.identities()), default=-1) + 1
        while self.logs.origins and scan_company(self.seed, number, self.logs):
            used, number = number, number + 1
        if number > used + GAP_LIMIT:
            # A recovery from the words would not look further than this.
            raise Conflict("wallet.too_many_unused", limit=GAP_LIMIT)
        return Identity(number, did_of_number(self.seed, number), company, format_time(at))

    def new_identity(self, company: str | None = None, *, at: datetime) -> Identity:
        """Make a pairwise DID and keep it, so that it can be handed to a company before the first request."""
        with self.acting():
            if company is not None and (known := self.identity_for(company)):
                return known
            identity = self.next_identity(company, at=at)
            self.vault.put(IDENTITY, str(identity.number), identity)
        return identity

    def companies(self) -> list[Company]:
        """Return every company that this wallet has dealt with, by name."""
        return sorted(self.vault.list(COMPANY).values(), key=lambda company: (company.name, company.did))

    def find_company(self, name: str) -> Company:
        """Return the company with this DID or name; `wallet.company_unknown`, `wallet.company_ambiguous`."""
        known = self.companies()
        found = [one for one in known if one.did == name] or [one for one in known if one.name == name]
        if not found:
            raise NotFound("wallet.company_unknown", company=name)
        if len(found) > 1:
            raise InputError("wallet.company_ambiguous", company=name, count=len(found))
        return found[0]

    def pinned(self, company: str) -> Pinned | None:
        """Return what was pinned of a company at first contact."""
        known = self.vault.get(COMPANY, company)
        if known is None:
            return None
        history = None if known.key_history is None else KeyHistory.parse(jcs(known.key_history))
        return Pinned(parse_document(jcs(known.document)), history)

    def notice(self, digest: str) -> Notice | None:
        """Return a notice that was answered, by its hash; its signature was checked then."""
        known = self.vault.get(NOTICE, digest)
        if known is None:
            return None
        return parse_notice(parse_jws(known.jws, typ="konsens-notice+jws").unverified_payload)

    @property
    def resolver(self) -> Resolver:
        """Resolve the companies that were pinned, and DIDs that speak for themselves."""
        documents = [parse_document(jcs(company.document)) for company in self.companies()]
        return PinnedResolver(documents, then=OfflineResolver())

    # --- keys and lanes

    def signer(self, identity: Identity) -> LocalSigner:
        """Return the signing key of a pairwise DID."""
        return LocalSigner(
            PrivateKey.ed25519(self.seed.derive(did_label(identity.number))), kid_of(identity.did)
        )

    def public_key(self, identity: Identity) -> PublicKey:
        """Return the public key of a pairwise DID."""
        return PrivateKey.ed25519(self.seed.derive(did_label(identity.number))).public

    def acts(self, company: int | None = None) -> list[Act]:
        """Return the leaves of this wallet, in the order in which they were made."""
        acts = [act for act in self.vault.list(ACT).values() if company in (None, act.company)]
        return sorted(acts, key=lambda act: act.order)

    def lanes(self, identity: Identity) -> dict[int, Lane]:
        """Return the lanes with one company by number, compared with the logs."""
        acts = self.acts(identity.number)
        known = max((act.lane + 1 for act in acts), default=0)
        found = scan_company(self.seed, identity.number, self.logs, lanes=known)
        return lanes_of(filter(None, (self._in_log(act, found) for act in acts)), found)

    def _in_log(self, act: Act, found: dict[int, Found]) -> Act | None:
        """Return an act as the log has it, though its answer got lost; None if another leaf was faster."""
        where = found[act.lane].broken.get(act.seq) if act.lane in found else None
        if act.leaf_index is not None or where is None:
            return act
        if where[0] != act.origin or self.logs.entry(where) != act.leaf:
            return None
        return msgspec.structs.replace(act, leaf_index=where[1])

    def lost(self, company: int | None = None) -> list[Act]:
        """Return the leaves that a log had taken and holds no longer, in the order in which they were made.

        A log that cannot be read, or is a copy, says nothing here; nor does a key under which it has a leaf.
        """
        acts = [act for act in self.acts(company) if act.leaf_index is not None]
        gone: set[str] = set()
        for origin in dict.fromkeys(act.origin for act in acts):
            seals = {seal_at(self.seed, a.company, a.lane, a.seq): a.key for a in acts if a.origin == origin}
            try:
                log = self.logs.named(origin)
                if not log.is_copy:
                    gone |= {seals[seal] for seal in seals.keys() - log.broken_many([*seals]).keys()}
            except KonsensError:
                continue
        return [act for act in acts if act.key in gone]

    # --- logs

    def use_log(self, place: LogPlace) -> KnownLog:
        """Remember a log and its place, or the new place of one that was moved.

        Raises `registry.other_key` for another key, and `registry.missing_leaf` when the log there lacks a
        leaf that this wallet put into it.
        """
        logs = self.vault.list(LOG)
        [found] = first_contact([place])
        known = logs.get(found.origin)
        leaves = [
            (act.leaf_index, act.leaf)
            for act in self.acts()
            if act.origin == found.origin and act.leaf_index is not None
        ]
        if known is not None and known.vkey != found.vkey:
            raise NotTrusted("registry.other_key", origin=found.origin)
        if isinstance(place, Path):
            check_holds_all(place, Remembered(parse_vkey(found.vkey), leaves=leaves))
        else:
            from .served import check_shows_all

            with closing(self._open_log(found)) as log:
                check_shows_all(log, leaves)
        found = msgspec.structs.replace(found, rank=known.rank if known else len(logs))
        self.vault.put(LOG, found.origin, found)
        self.logs = Logs([*logs.values(), found], open_log=self.logs.open_log)
        return found

    def _open_log(self, known: KnownLog) -> Log:
        if not known.url:
            return open_folder(known)
        from .served import ServedLog  # who has folders only does without the extra

        return ServedLog(known, self.vault)


def did_of_number(seed: Seed, number: int) -> str:
    """Return the pairwise DID number `number` of a seed."""
    return did_key(PrivateKey.ed25519(seed.derive(did_label(number))).public)
