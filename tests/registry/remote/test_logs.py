"""A served log as a wallet and as a company see it: same answers as the folder, and nothing believed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konsens.errors import (
    Conflict,
    KonsensError,
    NotFound,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from konsens.registry import NoteSigner, Registry, SealLeaf
from konsens.registry.remote import LogClient, MirroredLog, SmallLog, first_contact

from ..serve.test_log_app import RULES, Served, served
from ..serve.writers import SIGNER, seal_leaf


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "operator", RULES.replace("per_minute = 20", "per_minute = 5000")) as log:
        log.wait_published(1)
        yield log


def client(log: Served) -> LogClient:
    return LogClient(log.url, SIGNER.vkey, loopback=True)


def test_first_contact_shows_the_key_of_the_log(log: Served) -> None:
    assert first_contact(log.url, loopback=True) == SIGNER.vkey
    with pytest.raises(Unavailable) as refused:
        first_contact(f"{log.url}/tile", loopback=True)
    assert refused.value.code == "remote.answer"


def test_a_wallet_and_a_company_see_what_is_in_the_folder(log: Served, tmp_path: Path) -> None:
    leaves = [seal_leaf(number) for number in range(700)]
    indices = client(log).append(leaves)
    log.wait_published(max(indices) + 1)
    absent = [seal_leaf(number).seal for number in range(1000, 1020)]
    seals = [leaf.seal for leaf in leaves]
    with (
        SmallLog(client(log)) as small,
        MirroredLog.follow(tmp_path / "copy", client(log)) as mirrored,
        Registry.open(log.folder) as folder,
    ):
        both: tuple[SmallLog | MirroredLog, ...] = (small, mirrored)
        for one in both:
            assert one.broken_many(seals + absent) == folder.broken_many(seals + absent)
            assert [one.find(seal) for seal in (seals[3], absent[3])] == [indices[3], None]
            assert [one.entry(index) for index in indices[:5]] == [leaf.entry for leaf in leaves[:5]]
            assert one.head_before(indices[-1]) == folder.head_before(indices[-1])
            newest, published = one.checkpoint(), folder.checkpoint()
            assert newest is not None
            assert published is not None
            assert newest.checkpoint == published.checkpoint
            with pytest.raises(NotFound):
                one.entry(10**6)
        assert small.head_before(0) is None
        mirrored.check_own()


def test_what_was_appended_through_it_counts_at_once(log: Served, tmp_path: Path) -> None:
    with (
        SmallLog(client(log), wait=0) as small,
        MirroredLog.follow(tmp_path / "copy", client(log), wait=0) as mirrored,
    ):
        both: tuple[SmallLog | MirroredLog, ...] = (small, mirrored)
        for number, one in enumerate(both):
            leaf = seal_leaf(number)
            assert one.find(leaf.seal) is None
            (index,) = one.append([leaf])
            assert one.find(leaf.seal) == index
            assert one.broken_many([leaf.seal]) == {leaf.seal: index}
            assert one.entry(index) == leaf.entry
            assert one.append([leaf]) == [index]
            with pytest.raises(Conflict) as refused:
                one.append([seal_leaf(number, commitment=bytes([5] * 32))])
            assert refused.value.code == "seal.already_broken"


def test_a_copy_that_is_too_old_says_nothing_about_now(log: Served, tmp_path: Path) -> None:
    later = [datetime.now(UTC)]
    with MirroredLog.follow(tmp_path / "copy", client(log), now=lambda: later[0]) as mirrored:
        mirrored.check_own()
        later[0] += timedelta(minutes=16)
        with pytest.raises(Unavailable) as refused:
            mirrored.check_own()
        assert refused.value.code == "checkpoint.stale"
        mirrored.sync()
        mirrored.check_own()


def test_a_log_that_cannot_be_reached_is_unknown_after_a_while_and_the_past_stays(tmp_path: Path) -> None:
    moment = [datetime.now(UTC)]
    with served(tmp_path / "operator") as log:
        log.wait_published(1)
        (index,) = client(log).append([seal_leaf(1)])
        log.wait_published(index + 1)
        gone = client(log)
        MirroredLog.follow(tmp_path / "copy", gone).close()
    with MirroredLog.follow(tmp_path / "copy", gone, now=lambda: moment[0]) as mirrored:
        assert mirrored.find(seal_leaf(1).seal) == index
        assert mirrored.prove_inclusion(index)
        mirrored.check_own()
        moment[0] += timedelta(minutes=16)
        with pytest.raises(Unavailable) as refused:
            mirrored.check_own()
        assert refused.value.code == "fetch.unreachable"
        with pytest.raises(Unavailable):
            mirrored.append([seal_leaf(2)])
    with SmallLog(gone) as small, pytest.raises(Unavailable):
        small.find(seal_leaf(1).seal)


def test_an_operator_who_goes_back_is_found_by_both(tmp_path: Path) -> None:
    moment = [datetime.now(UTC)]
    with served(tmp_path / "operator") as log:
        log.wait_published(1)
        shutil.copytree(tmp_path / "operator", tmp_path / "older")
        (index,) = client(log).append([seal_leaf(1)])
        log.wait_published(index + 1)
        MirroredLog.follow(tmp_path / "copy", client(log)).close()
        with SmallLog(client(log)) as small:
            signed = small.checkpoint()
    assert signed is not None
    with served(tmp_path / "older") as log:
        log.wait_published(1)
        with MirroredLog.follow(tmp_path / "copy", client(log), now=lambda: moment[0]) as mirrored:
            mirrored.check_own()  # a cache may show an older checkpoint for a while
            moment[0] += timedelta(minutes=16)
            with pytest.raises(KonsensError) as found:
                mirrored.check_own()
            assert found.value.code == "mirror.rolled_back"
        with SmallLog(client(log), known=signed.note) as small, pytest.raises(Unavailable) as older:
            small.find(seal_leaf(1).seal)
        assert older.value.code == "static.older"


def test_an_operator_who_shows_two_pasts_is_caught_and_nothing_is_appended(tmp_path: Path) -> None:
    with served(tmp_path / "one") as log:
        (index,) = client(log).append([seal_leaf(1)])
        log.wait_published(index + 1)
        MirroredLog.follow(tmp_path / "copy", client(log)).close()
    with served(tmp_path / "two") as log:
        for number in range(2, 5):
            (index,) = client(log).append([seal_leaf(number)])
            log.wait_published(index + 1)
        with MirroredLog.follow(tmp_path / "copy", client(log)) as mirrored:
            for act in (mirrored.check_own, lambda: mirrored.append([seal_leaf(9)])):
                with pytest.raises(VerificationError) as found:
                    act()
                assert found.value.code == "mirror.fork"
            assert Path(str(found.value.facts["evidence"])).is_file()


def test_another_logs_key_is_no_key_of_this_one(log: Served, tmp_path: Path) -> None:
    other = NoteSigner(SIGNER.name, bytes([7] * 32)).vkey
    wrong = LogClient(log.url, other, loopback=True)
    with pytest.raises(NotTrusted):
        wrong.append([seal_leaf(1)])
    with (
        MirroredLog.follow(tmp_path / "copy", wrong) as mirrored,
        pytest.raises((NotTrusted, VerificationError)),
    ):
        mirrored.check_own()
    with SmallLog(wrong) as small, pytest.raises((NotTrusted, VerificationError)):
        small.checkpoint()


def test_a_leaf_that_is_not_signed_for_this_log_is_refused_there(log: Served) -> None:
    leaf = seal_leaf(1)
    with pytest.raises(VerificationError) as refused:
        client(log).append([SealLeaf(leaf.key, bytes([1] * 32), leaf.signature)])
    assert refused.value.code == "leaf.signature"


def test_nobody_signs_in_somebody_elses_log(log: Served, tmp_path: Path) -> None:
    from konsens.registry import SignerHead

    with MirroredLog.follow(tmp_path / "copy", client(log)) as mirrored, pytest.raises(RefusedByPolicy):
        mirrored.publish(SIGNER, at=datetime.now(UTC), remembered=SignerHead(tmp_path / "signed"))
