"""Both stores, and a naive model of a log, are told apart by nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from konsens.errors import Conflict
from konsens.registry import (
    Checkpoint,
    HeadLeaf,
    MemoryStore,
    PublicLeaf,
    Registry,
    SealLeaf,
    SealLog,
    SignerHead,
    check_checkpoint,
    check_consistency_proof,
    check_holds_proof,
    check_inclusion_proof,
    fsck,
    leaf_hash,
    map_root,
    parse_consistency_proof,
    parse_proof,
    root_of,
)

from .logs import ORIGIN, POLICY, SIGNER, VKEY, later, leaf, memory_of, public

KEYS = st.integers(0, 30)
seal_leaves = st.builds(leaf, KEYS, says=st.sampled_from(["", "", "", " and more"]))
batches = st.lists(seal_leaves | st.builds(public, KEYS), max_size=12)
bulk = st.integers(0, 9).map(lambda n: [leaf(1000 + 90 * n + place) for place in range(90)])


class LogMachine(RuleBasedStateMachine):
    """Append, publish, reopen and ask in any order; the model is a list of entries and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.folder = self.home / "registry"
        self.registry = Registry.create(self.folder, origin=ORIGIN, signer=SIGNER)
        self.memory = SealLog(MemoryStore(), VKEY)
        self.entries: list[bytes] = []
        self.published: list[Checkpoint] = []
        self.minutes = 0

    def teardown(self) -> None:
        self.registry.close()
        older = self.published[len(self.published) // 2] if self.published else None
        note = self.registry_note(older) if older else None
        assert fsck(self.folder, against=note, vkey=VKEY).failed == ()
        shutil.rmtree(self.home)

    def registry_note(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of a checkpoint that was published."""
        with Registry.open(self.folder) as registry:
            for size, note in registry._store.checkpoints(checkpoint.size):
                if size == checkpoint.size:
                    return note
        raise AssertionError(checkpoint)

    @rule(batch=batches | bulk)
    def append(self, batch: list[SealLeaf | PublicLeaf]) -> None:
        used = {entry[:33]: entry for entry in self.entries}
        refused = False
        for one in batch:
            refused |= isinstance(one, SealLeaf) and used.setdefault(one.entry[:33], one.entry) != one.entry
        if refused:
            for log in (self.registry, self.memory):
                with pytest.raises(Conflict):
                    log.append(batch)
            return
        indices = self.registry.append(batch)
        assert self.memory.append(batch) == indices
        new = {one.entry for one in batch} - set(self.entries)
        self.entries += sorted(new, key=leaf_hash)
        assert [self.entries[index] for index in indices] == [one.entry for one in batch]

    @rule(minutes=st.integers(0, 3))
    def publish(self, minutes: int) -> None:
        self.minutes += minutes
        at = later(self.minutes)
        newest = self.registry.publish(SIGNER, at=at, remembered=memory_of(self.folder))
        in_memory = self.memory.publish(SIGNER, at=at, remembered=SignerHead(self.home / "in-memory"))
        assert in_memory == newest
        checkpoint = check_checkpoint(newest.note, VKEY)
        if self.published and len(self.entries) == self.published[-1].size:
            assert checkpoint == self.published[-1]
            return
        rows = list(self.broken().items())
        heads = [entry for entry in self.entries if len(entry) == 73]
        previous = leaf_hash(heads[-1]) if heads else bytes(32)
        self.entries.append(HeadLeaf(map_root(rows), previous, int(at.timestamp())).entry)
        assert checkpoint == Checkpoint(ORIGIN, len(self.entries), root_of(map(leaf_hash, self.entries)))
        self.published.append(checkpoint)

    @rule()
    def reopen(self) -> None:
        place = self.registry.place
        self.registry.close()
        self.registry = Registry.open(self.folder, place=place)
        self.memory = SealLog(self.memory._store, VKEY)

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        size = self.published[-1].size
        index, number = data.draw(st.integers(0, size - 1)), data.draw(KEYS)
        hashed = leaf_hash(self.entries[index])
        for log in (self.registry, self.memory):
            inclusion = parse_proof(log.prove_inclusion(index))
            assert check_inclusion_proof(inclusion, leaf_hash=hashed, policy=POLICY).size == size
            proof = parse_proof(log.prove_holds(index, leaf(number).seal))
            holds = check_holds_proof(proof, leaf_hash=hashed, next_seal=leaf(number).seal, policy=POLICY)
            at = self.broken().get(leaf(number).seal)
            assert holds.broken_at == (at if at is not None and at < size else None)
        old = data.draw(st.sampled_from(self.published))
        consistency = parse_consistency_proof(self.registry.prove_consistency(old.size))
        check_consistency_proof(consistency, old=old, policy=POLICY)

    @invariant()
    def both_hold_what_the_model_holds(self) -> None:
        for log in (self.registry, self.memory):
            assert log.size() == len(self.entries)
            assert [entry for _, entry in log.events_since(0)] == self.entries
            asked = [leaf(number).seal for number in range(31)]
            assert log.broken_many(asked) == {
                seal: index for seal, index in self.broken().items() if seal in asked
            }
            documents = {entry[1:]: index for index, entry in enumerate(self.entries) if len(entry) == 33}
            for number in range(31):
                assert log.find_public(public(number).digest) == documents.get(public(number).digest)
                assert log.find(leaf(number).seal) == self.broken().get(leaf(number).seal)

    def seals(self) -> dict[int, SealLeaf]:
        found = enumerate(self.entries)
        return {i: SealLeaf(e[1:33], e[33:65], e[65:]) for i, e in found if len(e) == 129}

    def broken(self) -> dict[bytes, int]:
        return {one.seal: index for index, one in self.seals().items()}


LogMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestBothStoresAgreeWithTheModel = LogMachine.TestCase
