"""The home: one folder in which a customer or a company keeps everything.

`KONSENS_HOME` or `--home` names it; else it is where the system keeps a program's data. It is made with mode
0700, and a folder that holds something else is never taken over.

>>> home = Home(Path("shop"))
>>> str(home.file("book.sqlite"))
'shop/book.sqlite'
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from konsens.durable import sync
from konsens.encoding import jcs
from konsens.errors import Conflict, NotFound, RefusedByPolicy
from konsens.strict_json import decode

from .files import read_input, write_new

__all__ = ["Home", "Kind", "RegistryPlace", "Settings"]

Kind = Literal["customer", "company", "operator"]
SETTINGS = "konsens.json"
DRAFT = ".new"
TRUST = "trust.json"  # a list of whom to trust may be there before the home is


class RegistryPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A registry as this home knows it: a folder, or the `url` where it is served.

    Inode and birth of its `log.sqlite` tell a folder from a copy; `operator` says that this home holds the
    key. Of a served one, `folder` is the home's own mirror, and `policy` the tlog-policy whose quorum must
    have cosigned lately; without one the operator's word is enough.
    """

    origin: str
    vkey: str
    folder: str  # absolute
    device: int
    inode: int
    born: int = 0
    operator: bool = False
    url: str = ""
    policy: str = ""

    @property
    def where(self) -> str:
        """The place as one would type it."""
        return self.url or self.folder


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a home remembers in the clear: no secret, nobody's data."""

    kind: Kind
    name: str | None = None
    did: str | None = None  # a company's
    registries: tuple[RegistryPlace, ...] = ()  # the first is home
    v: Literal[1] = 1


class Home:
    """One folder.

    - Making it never touches a folder that is not empty, unless it is already a home (`home.taken`).
    - A home of another user is not opened (`home.other_owner`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def default(cls) -> Home:
        """Return the home of this user: `KONSENS_HOME`, else the system's place for a program's data."""
        if named := os.environ.get("KONSENS_HOME"):
            return cls(Path(named))
        from platformdirs import user_data_path

        return cls(user_data_path("konsens", appauthor=False))

    def file(self, name: str) -> Path:
        """Return the path of one of the home's files."""
        return self.folder / name

    @property
    def exists(self) -> bool:
        """True if this folder is a home."""
        return self.file(SETTINGS).is_file()

    def create(self, settings: Settings) -> None:
        """Make the folder (0700) and its settings; `home.exists` or `home.taken` if something is there."""
        self.check_new()
        self._make_folder()
        self.save(settings)

    @contextmanager
    def assemble(self, *, keep: str = "") -> Iterator[Home]:
        """Make a home of several files: give a draft to fill, which becomes this home when the block ends.

        - A draft is no home, so whatever stops the block leaves none.
        - The settings are the last to be written and to come into their place. A draft that has them is
          whole: if its run was killed, the next one takes it in (`home.finished`).
        - Of a draft that is not whole, the next run gets the file `keep` and nothing else.
        """
        self.check_new()
        there = self.folder.exists()
        self._make_folder()
        draft = Home(self.file(DRAFT))
        kept = draft.file(keep).is_file() if keep else False
        try:
            draft.folder.mkdir(mode=0o700, exist_ok=True)
            for path in draft.folder.iterdir():
                if path.name != keep:
                    path.unlink()
            yield draft
        except BaseException:
            if not kept:  # something may have been made with it that outlives this run
                shutil.rmtree(draft.folder if there else self.folder, ignore_errors=True)
            raise
        self._take_in(draft)

    def check_new(self) -> None:
        """Raise `home.exists` if this is a home; `home.finished` if it is one now: a killed run made it."""
        if self.exists:
            raise Conflict("home.exists", path=self.folder)
        draft = Home(self.file(DRAFT))
        if draft.exists:
            self._check_owner()
            self._take_in(draft)
            raise Conflict("home.finished", path=self.folder)

    def _take_in(self, draft: Home) -> None:
        for path in sorted(draft.folder.iterdir(), key=lambda path: path.name == SETTINGS):
            path.rename(self.file(path.name))
        sync(self.folder)
        draft.folder.rmdir()

    def settings(self, kind: Kind | None = None) -> Settings:
        """Return what the home remembers; `home.missing`, `home.other_kind` or `home.other_owner`."""
        if not self.exists:
            raise NotFound("home.missing", path=self.folder)
        self._check_owner()
        settings = decode(read_input(self.file(SETTINGS), max_bytes=1 << 20), Settings)
        if kind is not None and settings.kind != kind:
            raise NotFound("home.other_kind", path=self.folder, kind=kind)
        return settings

    def save(self, settings: Settings) -> None:
        """Replace what the home remembers, whole or not at all."""
        write_new(self.file(SETTINGS), jcs(msgspec.to_builtins(settings)), force=True)

    def trust(self) -> bytes | None:
        """Return the list of whom this folder trusts, or None; the folder need not be a home."""
        path = self.file(TRUST)
        return read_input(path, max_bytes=16 << 20) if path.is_file() else None

    def save_trust(self, data: bytes) -> None:
        """Replace the list of whom this folder trusts; the folder is made if need be."""
        if not self.exists:
            self._make_folder()
        write_new(self.file(TRUST), data, force=True)

    def _make_folder(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise Conflict("home.taken", path=self.folder)
        if self.folder.is_dir():
            self._check_owner()
            if any(path.name not in (DRAFT, TRUST) for path in self.folder.iterdir()):
                raise Conflict("home.taken", path=self.folder)
            self.folder.chmod(0o700)
        else:
            self.folder.mkdir(mode=0o700, parents=True)

    def _check_owner(self) -> None:
        if hasattr(os, "geteuid") and self.folder.stat().st_uid != os.geteuid():
            raise RefusedByPolicy("home.other_owner", path=self.folder)
