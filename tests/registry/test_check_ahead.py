"""Signatures that are checked ahead: the same answers, whoever gives them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from konsens.errors import VerificationError
from konsens.registry import Registry, SealLeaf
from konsens.registry.check_ahead import LeafChecker

from .logs import ORIGIN, SIGNER, later, leaf, leaves, memory_of, public


@pytest.fixture(scope="module")
def checker() -> Iterator[LeafChecker]:
    with LeafChecker(origin=ORIGIN) as checker:
        yield checker


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.create(tmp_path / "registry", origin=ORIGIN, signer=SIGNER) as registry:
        yield registry


def unsigned(number: int) -> SealLeaf:
    return SealLeaf(leaf(number).key, bytes(32), leaf(number).signature)


def test_what_was_checked_ahead_is_appended_and_signed_over(
    checker: LeafChecker, registry: Registry, tmp_path: Path
) -> None:
    coming = [checker.start([*leaves(start, start + 600), public(start)]) for start in (0, 600)]
    for some in coming:
        assert sorted(registry.append(some)) == list(range(registry.size() - 601, registry.size()))
    signed = registry.publish(SIGNER, at=later(1), remembered=memory_of(tmp_path / "registry"))
    assert signed.checkpoint.size == 1203


@pytest.mark.parametrize("place", [0, 249, 250, 599])
def test_a_leaf_that_is_not_signed_keeps_all_out(
    checker: LeafChecker, registry: Registry, place: int
) -> None:
    some = [*leaves(0, place), unsigned(place), *leaves(place + 1, 600)]
    with pytest.raises(VerificationError) as refused:
        registry.append(checker.start(some))
    assert refused.value.code == "leaf.signature"
    assert registry.size() == 0


def test_what_was_checked_for_another_log_is_checked_again(registry: Registry) -> None:
    with LeafChecker(origin="log.other.example", processes=1) as other:
        registry.append(other.start(leaves(0, 3)))
        with pytest.raises(VerificationError):
            registry.append(other.start([unsigned(3)]))


def test_a_copy_of_the_leaves_is_checked_like_any_other(checker: LeafChecker, registry: Registry) -> None:
    coming = checker.start([*leaves(0, 2), unsigned(2)])
    assert (len(coming), coming[1]) == (3, leaf(1))
    registry.append(coming[:2])
    assert registry.size() == 2
    with pytest.raises(VerificationError):
        registry.append(list(coming))


def test_when_its_processes_are_gone_the_leaves_are_checked_here(registry: Registry) -> None:
    with LeafChecker(origin=ORIGIN, processes=1) as checker:
        registry.append(checker.start([leaf(0)]))
        for process in checker._pool._processes:
            os.kill(process, signal.SIGKILL)
        for number in range(1, 40):  # before and after it is noticed
            registry.append(checker.start([leaf(number)]))
            sleep(0.005)
        with pytest.raises(VerificationError):
            registry.append(checker.start([unsigned(40)]))
    assert registry.size() == 40
