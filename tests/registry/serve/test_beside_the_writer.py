"""What happens to a served log beside its writer: other processes that write, others who know of a fork."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from konsens.errors import Conflict, Unavailable
from konsens.registry import Checkpoint, Registry, SignerHead
from konsens.registry.serve import GroupCommit

from .test_group_commit import wait_for
from .writers import SIGNER, seal_leaf, writing


def signed_by(intake: GroupCommit) -> Checkpoint:
    signed = intake.state.checkpoint
    assert signed is not None
    return signed.checkpoint


def test_an_idle_writer_covers_and_shows_what_another_process_wrote(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, folder):
        wait_for(lambda: intake.state.checkpoint is not None and intake.state.behind_since is None)
        with Registry.open(folder) as other:
            (index,) = other.append([seal_leaf(1)])
            wait_for(lambda: signed_by(intake).size > index)
            other.append([seal_leaf(2)])
            remembered = SignerHead(tmp_path / "signed.json")
            signed = other.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)
        wait_for(lambda: signed_by(intake) == signed.checkpoint)
        wait_for(lambda: intake.state.behind_since is None)
        assert intake.state.size == signed.checkpoint.size  # and it writes no head leaf of its own


def test_one_who_knows_of_a_fork_stops_the_writer_for_good(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, folder):
        wait_for(lambda: intake.state.checkpoint is not None and intake.state.behind_since is None)
        intake.stop(Conflict("witness.ahead", name="w", size=99))
        with pytest.raises(Unavailable) as refused:
            intake.append([seal_leaf(1)])
        assert (refused.value.code, refused.value.facts["problem"]) == ("append.stopped", "witness.ahead")
        with Registry.open(folder) as other:
            other.append([seal_leaf(2)])
            size = other.size()
    with Registry.open(folder) as log:
        assert log.size() == size  # nothing was signed over it, not even at the end


def test_the_operators_memory_is_the_same_as_with_the_command(tmp_path: Path) -> None:
    """A served log and `konsens registry checkpoint` share one file, and one lock, so they cannot fork."""
    with writing(tmp_path) as (intake, folder):
        intake.append([seal_leaf(1)]).result(timeout=10)
        wait_for(lambda: intake.state.behind_since is None)
        with Registry.open(folder) as log:
            log.append([seal_leaf(2)])
            log.publish(SIGNER, at=datetime.now(UTC), remembered=SignerHead(tmp_path / "signed.json"))
        intake.append([seal_leaf(3)]).result(timeout=10)
        wait_for(lambda: intake.state.behind_since is None)
        assert not intake.state.stopped
    with Registry.open(folder) as log:
        newest = log.checkpoint()
        assert newest is not None
        assert newest.checkpoint.size == log.size()
