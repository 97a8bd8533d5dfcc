"""A served log as a wallet and as a company see it: same answers as the folder, and nothing believed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konsens.did import LocalSigner
from konsens.errors import (
    Conflict,
    KonsensError,
    NotFound,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from konsens.registry import NoteSigner, PublicLeaf, Registry, SealLeaf
from konsens.registry.remote import LogClient, MirroredLog, SmallLog, first_contact
from konsens.registry.serve import hash_of

from ..serve.test_log_app import MEMBER, RULES, Served, served
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
    later, seldom = [datetime.now(UTC)], timedelta(hours=1)
    with MirroredLog.follow(tmp_path / "copy", client(log), now=lambda: later[0], every=seldom) as mirrored:
        mirrored.check_own()
        later[0] += timedelta(minutes=16)
        with pytest.raises(Unavailable) as refused:
            mirrored.check_own()
        assert refused.value.code == "checkpoint.stale"
        mirrored.sync()
        mirrored.check_own()


def test_a_copy_that_a_clock_that_was_ahead_made_says_nothing_about_now(tmp_path: Path) -> None:
    ahead, moment = datetime.now(UTC) + timedelta(days=900), [datetime.now(UTC)]
    with served(tmp_path / "operator", RULES) as log:
        log.wait_published(1)
        gone = client(log)
        MirroredLog.follow(tmp_path / "copy", gone, now=lambda: ahead).close()
        shutil.copytree(tmp_path / "copy", tmp_path / "other")
        with MirroredLog.follow(tmp_path / "other", gone, now=lambda: moment[0]) as mirrored:
            mirrored.check_own()  # the log is there, so all is put right
    with MirroredLog.follow(tmp_path / "copy", gone, now=lambda: moment[0]) as mirrored:
        with pytest.raises(Unavailable) as refused:
            mirrored.check_own()
        assert refused.value.code == "checkpoint.future"
        moment[0] = ahead - timedelta(seconds=59)  # as much as clocks may differ
        mirrored.check_own()


def test_the_log_is_asked_what_is_new_but_not_more_often_than_every_few_seconds(
    log: Served, tmp_path: Path
) -> None:
    class Counting(LogClient):
        asked = 0

        def fetch(self, paths: Sequence[str]) -> list[bytes | None]:
            Counting.asked += "checkpoint" in paths
            return super().fetch(paths)

    counting, moment = Counting(log.url, SIGNER.vkey, loopback=True), [datetime.now(UTC)]
    for _ in range(3):  # as many programs, one after another
        with MirroredLog.follow(tmp_path / "copy", counting, now=lambda: moment[0]) as mirrored:
            for _ in range(3):
                mirrored.look([seal_leaf(1).seal])
    assert Counting.asked == 1
    (index,) = client(log).append([seal_leaf(1)])
    log.wait_published(index + 1)
    with MirroredLog.follow(tmp_path / "copy", counting, now=lambda: moment[0]) as mirrored:
        assert mirrored.look([seal_leaf(1).seal]) == {}
        moment[0] += timedelta(seconds=5)
        assert mirrored.look([seal_leaf(1).seal]) == {seal_leaf(1).seal: index}
        moment[0] -= timedelta(days=1)  # a clock that is set right does not stop it
        mirrored.look([])
    assert Counting.asked == 3


def test_what_a_small_party_asks_for_are_parts_once_each_and_nothing_about_its_own_leaf(log: Served) -> None:
    """What those parts tell together: docs/registry.md, "What the files that are fetched tell"."""
    asked: list[str] = []

    class Recording(LogClient):
        def fetch(self, paths: Sequence[str]) -> list[bytes | None]:
            asked.extend(path for path in paths if path != "checkpoint")
            return super().fetch(paths)

    (index,) = client(log).append([seal_leaf(1)])
    log.wait_published(index + 1)
    with SmallLog(Recording(log.url, SIGNER.vkey, loopback=True), wait=0) as small:
        for _ in range(2):
            assert small.find(seal_leaf(1).seal) == index
            assert small.entry(index) == seal_leaf(1).entry
            small.head_before(index)
        assert len(asked) == len(set(asked))
        assert {path.split("/")[0] for path in asked} == {"map", "tile"}
        assert not [path for path in asked if seal_leaf(1).seal.hex()[:4] in path]
        (own,) = small.append([seal_leaf(2)])
        asked.clear()
        assert small.find(seal_leaf(2).seal) == own
        assert small.entry(own) == seal_leaf(2).entry
        assert asked == []


def test_what_is_known_to_be_there_and_is_not_shown_yet_is_unknown(log: Served, tmp_path: Path) -> None:
    with MirroredLog.follow(tmp_path / "copy", client(log)) as mirrored:
        size = mirrored.size()
        mirrored.check_own(size=size)
        with pytest.raises(Unavailable) as refused:
            mirrored.look([], size=size + 5)
        assert refused.value.code == "registry.not_yet_checkpointed"


def test_a_log_that_was_found_out_stays_so(tmp_path: Path) -> None:
    with served(tmp_path / "one") as log:
        (index,) = client(log).append([seal_leaf(1)])
        log.wait_published(index + 1)
        MirroredLog.follow(tmp_path / "copy", client(log)).close()
    with served(tmp_path / "two") as log:
        (index,) = client(log).append([seal_leaf(2), seal_leaf(3)])[:1]
        log.wait_published(index + 1)
        MirroredLog.follow(tmp_path / "copy", client(log), every=timedelta(0)).close()
        with (
            MirroredLog.follow(tmp_path / "copy", client(log)) as mirrored,
            pytest.raises(VerificationError) as found,
        ):
            mirrored.check_own()
        assert found.value.code == "registry.convicted"


def test_a_member_signs_what_it_appends_and_is_asked_only_then(log: Served, tmp_path: Path) -> None:
    asked = []

    def member() -> LocalSigner:
        asked.append(True)
        return MEMBER

    signing = LogClient(log.url, SIGNER.vkey, member=member, loopback=True)
    voucher = bytes([9] * 32)
    with MirroredLog.follow(tmp_path / "copy", signing, wait=0) as mirrored:
        mirrored.check_own()
        assert not asked
        mirrored.register_vouchers([hash_of(voucher)])
        mirrored.append([PublicLeaf(bytes([8] * 32))])
        assert asked
    with SmallLog(client(log)) as small:
        with pytest.raises(RefusedByPolicy) as refused:
            small.append([PublicLeaf(bytes([7] * 32))])
        assert refused.value.code == "append.members_only"
        assert small.append([seal_leaf(1)], [voucher])


def test_a_public_leaf_is_found_by_a_small_party_too(log: Served, tmp_path: Path) -> None:
    member = LogClient(log.url, SIGNER.vkey, member=lambda: MEMBER, loopback=True)
    with SmallLog(member) as small:
        assert small.find_public(bytes([8] * 32)) is None
        (index,) = small.append([PublicLeaf(bytes([8] * 32))])
        assert small.find_public(bytes([8] * 32)) == index
        newest = small.checkpoint()
        assert newest is not None
        assert small.seen == newest
        assert small.head_of(newest.checkpoint.size).at <= datetime.now(UTC) + timedelta(seconds=1)


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
    with served(tmp_path / "operator") as log:
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
        with MirroredLog.follow(tmp_path / "copy", client(log), every=timedelta(0)) as mirrored:
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
