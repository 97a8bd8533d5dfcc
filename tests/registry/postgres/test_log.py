"""All that is true of a log in memory and on SQLite is true of one in PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from konsens.errors import Conflict
from konsens.registry import MemoryStore, PublicLeaf, SealLeaf, SealLog, SignerHead, Store, render_vkey
from konsens.registry.postgres import PostgresStore
from tests.registry.logs import SIGNER, VKEY, later, leaf, public
from tests.registry.test_log import *  # noqa: F403 (the tests themselves; only their store is another)
from tests.registry.test_sqlite_store import (
    test_a_published_checkpoint_stays_as_it_is as test_a_published_checkpoint_stays_as_it_is,
)
from tests.registry.test_sqlite_store import (
    test_a_step_that_ends_in_an_error_leaves_no_trace as test_a_step_that_ends_in_an_error_leaves_no_trace,
)

from .nodes import Node


@pytest.fixture  # type: ignore[no-redef]  # the tests above ask for it by this name
def store(server: Node, schema: str) -> Iterator[Store]:
    made = PostgresStore.create(server.dsn, schema=schema, vkey=render_vkey(VKEY), entries_per_partition=100)
    yield made
    made.close()


KEYS = st.integers(0, 30)
seal_leaves = st.builds(leaf, KEYS, says=st.sampled_from(["", "", " and more"]))
batches = st.lists(seal_leaves | st.builds(public, KEYS), max_size=12)
bulk = st.integers(0, 9).map(lambda n: [leaf(1000 + 90 * n + place) for place in range(90)])
PUBLISH, REOPEN = "publish", "reopen"


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(batches | bulk | st.sampled_from([PUBLISH, REOPEN]), min_size=3, max_size=12))
def test_it_is_told_apart_from_a_log_in_memory_by_nothing(
    server: Node, acts: list[list[SealLeaf | PublicLeaf] | str]
) -> None:
    server.do("DROP SCHEMA IF EXISTS twin CASCADE")
    vkey = render_vkey(VKEY)
    home = Path(tempfile.mkdtemp())
    ours = SealLog(PostgresStore.create(server.dsn, schema="twin", vkey=vkey, entries_per_partition=64), VKEY)
    twin = SealLog(MemoryStore(), VKEY)
    for minutes, act in enumerate(acts):
        if act == PUBLISH:
            made = [
                log.publish(SIGNER, at=later(minutes), remembered=SignerHead(home / name))
                for log, name in ((ours, "ours"), (twin, "twin"))
            ]
            assert made[0] == made[1]
        elif act == REOPEN:
            ours.close()
            ours = SealLog(PostgresStore(server.dsn, schema="twin"), VKEY)
        else:
            assert isinstance(act, list)
            try:
                indices = twin.append(act)
            except Conflict:
                with pytest.raises(Conflict):
                    ours.append(act)
            else:
                assert ours.append(act) == indices
        assert list(ours.events_since(0)) == list(twin.events_since(0))
        seals = [leaf(number).seal for number in range(31)]
        assert ours.broken_many(seals) == twin.broken_many(seals)
        digests = [public(number).digest for number in range(31)]
        assert [ours.find_public(one) for one in digests] == [twin.find_public(one) for one in digests]
    if newest := twin.checkpoint():
        for index in {0, newest.checkpoint.size // 2, newest.checkpoint.size - 1}:
            assert ours.prove_holds(index, leaf(3).seal) == twin.prove_holds(index, leaf(3).seal)
    ours.close()
