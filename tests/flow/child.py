"""One line of konsens in a process of its own, forked where everything is imported already."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext

from konsens.cli.app import run
from konsens.wallet import Cost

KILLED = 137
COMMANDS = (
    *("customer", "cards", "wallet", "company", "company_credentials", "notices", "desk"),
    *("bulk", "trail", "registry"),
)
PACKAGES = ("consent", "wallet", "trail", "registry.folder", "records")


def server() -> ForkServerContext:
    """Return what forks: a process without threads, with all of konsens in it."""
    context = multiprocessing.get_context("forkserver")
    modules = [*(f"konsens.cli.{name}" for name in COMMANDS), *(f"konsens.{name}" for name in PACKAGES)]
    context.set_forkserver_preload(modules)
    return context


def konsens(words: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Run a line and end with its exit code; what it prints goes nowhere."""
    os.environ.update(environ)
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    sys.exit(run(words))


def konsens_until(step: int, words: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Run a line and die without warning before its change number `step` to the names of files."""
    changes = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}
    done = 0

    def hook(event: str, _: object) -> None:
        nonlocal done
        if event in changes:
            done += 1
            if done == step:
                os._exit(KILLED)

    vault = importlib.import_module("konsens.wallet.vault")
    vault.__dict__["Cost"] = lambda: Cost(memory_kib=64, iterations=1, lanes=1)  # in this process only
    sys.addaudithook(hook)
    konsens(words, environ)
