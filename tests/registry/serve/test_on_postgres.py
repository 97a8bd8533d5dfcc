"""A served log in PostgreSQL: two nodes over HTTP, one sequencer, and what is left when that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from litestar.types import Receive, Scope, Send

from konsens.did import did_key
from konsens.errors import Conflict, Damaged, NotTrusted, RefusedByPolicy
from konsens.fetch import Fetcher
from konsens.registry import NoteSigner, SealLeaf, SignerHead, check_ack, leaf_hash, parse_policy, render_vkey
from konsens.registry.postgres import create_postgres, open_postgres
from konsens.registry.serve import hash_of, parse_append_policy
from konsens.registry.serve.on_postgres import Place, sequence, served_node
from konsens.registry.serve.postgres_vouchers import PostgresVouchers
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.wire import parse_appended, render_append, render_vouchers
from konsens.registry.serve.witness_app import witness_app
from konsens.registry.static import FolderObjects, StaticLog
from tests.registry.postgres.nodes import Node

from .test_log_app import MEMBER, SHOP, Asked, code
from .test_restored import remembering
from .test_vouchers import check_reserving
from .test_witness_app import policy_of
from .writers import SIGNER, public_leaf, seal_leaf

FETCHER = Fetcher(loopback=True, seconds=20)
RULES = parse_append_policy(
    f'v = 1\n[open]\nper_minute = 10000\n[[member]]\ndid = "{did_key(SHOP.public)}"\nvouchers = 3\n'
)


class Cluster:
    """A log in a schema, the home of its operator, and where it is published."""

    def __init__(self, dsn: str, schema: str, home: Path) -> None:
        self.dsn, self.schema, self.home = dsn, schema, home
        create_postgres(dsn, schema=schema, signer=SIGNER).close()

    def sequence(self, stop: Event) -> None:
        place = Place(self.dsn, self.schema, SIGNER, SignerHead(self.home / "signed"), single_node=True)
        sequence(place, FolderObjects(self.home / "static"), stop, pause=0.05)

    def sequence_for_ever(self) -> None:
        self.sequence(Event())

    @contextmanager
    def sequencing(self) -> Iterator[None]:
        stop = Event()
        thread = Thread(target=self.sequence, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    @contextmanager
    def node(self, wait: float = 30.0) -> Iterator[Asked]:
        """Yield a node over HTTP."""
        objects = FolderObjects(self.home / "static")
        with (
            served_node(
                self.dsn,
                schema=self.schema,
                signer=SIGNER,
                objects=objects,
                rules=RULES,
                pause=0.05,
                wait=wait,
            ) as app,
            serving(app, listen("127.0.0.1", 0)) as url,
        ):
            yield Asked(url)


@pytest.fixture
def cluster(server: Node, schema: str, tmp_path: Path) -> Cluster:
    return Cluster(server.dsn, schema, tmp_path)


def test_two_nodes_take_leaves_in_and_both_show_what_the_sequencer_publishes(cluster: Cluster) -> None:
    leaves = [seal_leaf(number) for number in range(6)]
    with cluster.node() as one, cluster.node() as two, cluster.sequencing():
        indices = {}
        for node, some in ((one, leaves[:3]), (two, leaves[3:])):
            answer = node.post("/append", render_append(some))
            assert answer.status == 200, answer.body
            appended = parse_appended(answer.body)
            for leaf, index, ack in zip(some, appended.indices, appended.acknowledgements, strict=True):
                assert check_ack(ack, leaf_hash=leaf_hash(leaf.entry), vkey=SIGNER.vkey) == index
                indices[leaf.entry] = index
        # What one node has taken, the other one knows, and it costs nothing there.
        answer = two.post("/append", render_append(leaves[:3]))
        assert list(parse_appended(answer.body).indices) == [indices[leaf.entry] for leaf in leaves[:3]]
        for node in (one, two):
            node.wait_published(max(indices.values()) + 1)
            assert node.get("/health/ready").status == 200
            assert b"konsens_log_entries" in node.get("/metrics").body

            def fetch(paths: object, node: Asked = node) -> list[bytes | None]:
                answers = [node.get(f"/{path}") for path in paths]  # type: ignore[attr-defined]  # a sequence of paths
                return [answer.body if answer.status == 200 else None for answer in answers]

            policy = parse_policy(f"log {render_vkey(SIGNER.vkey)}\nquorum none\n")
            copy = StaticLog(fetch, policy, origin=SIGNER.name)
            copy.checkpoint()
            for entry, index in indices.items():
                assert copy.entries(index, index + 1) == [entry]


def test_each_refusal_reaches_the_one_who_asked(cluster: Cluster) -> None:
    forged = SealLeaf(seal_leaf(1).key, bytes(31) + b"\x01", seal_leaf(1).signature)
    with cluster.node() as node, cluster.sequencing():
        assert node.post("/append", render_append([seal_leaf(0)])).status == 200
        answer = node.post("/append", render_append([forged]))
        assert (answer.status, code(answer)) == (422, "leaf.signature")
        answer = node.post("/append", render_append([seal_leaf(0, commitment=bytes([7] * 32))]))
        assert (answer.status, code(answer)) == (409, "seal.already_broken")
        answer = node.post("/append", render_append([public_leaf(0)]))
        assert (answer.status, code(answer)) == (403, "append.members_only")
        assert node.post("/append", render_append([public_leaf(0)]), MEMBER).status == 200


def test_without_a_sequencer_nothing_is_acknowledged(cluster: Cluster) -> None:
    with cluster.node(wait=0.5) as node:
        answer = node.post("/append", render_append([seal_leaf(0)]))
        assert (answer.status, code(answer)) == (503, "postgres.not_sequenced")


def test_a_voucher_registered_at_one_node_is_honoured_and_spent_once_at_all(cluster: Cluster) -> None:
    vouchers = [bytes([number] * 32) for number in range(4)]
    with cluster.node() as one, cluster.node() as two, cluster.sequencing():
        hashes = [hash_of(voucher) for voucher in vouchers]
        answer = one.post("/vouchers", render_vouchers(hashes), MEMBER)
        assert (answer.status, code(answer)) == (403, "append.vouchers")
        assert one.post("/vouchers", render_vouchers(hashes[:3]), MEMBER).status == 204
        with closing(PostgresVouchers(cluster.dsn, schema=cluster.schema)) as store:
            assert store.unspent(vouchers) == set(vouchers[:3])
            answer = two.post("/append", render_append([seal_leaf(0)], vouchers[:1]))
            (index,) = parse_appended(answer.body).indices
            assert store.unspent(vouchers) == set(vouchers[1:3])
            store.spend({vouchers[0]: index + 1})
            store.register(hashes[:3], member="did:example:other", most=0)  # what is there stays as it is
            store.register(hashes[3:], member=did_key(SHOP.public), most=3)
            with pytest.raises(RefusedByPolicy):
                store.register([bytes(32)], member=did_key(SHOP.public), most=3)


def test_a_voucher_that_two_nodes_reserve_at_once_is_one_nodes(cluster: Cluster) -> None:
    vouchers = [bytes([number] * 32) for number in range(3)]
    with ExitStack() as stack:
        stores = [
            stack.enter_context(closing(PostgresVouchers(cluster.dsn, schema=cluster.schema)))
            for _ in range(4)
        ]
        check_reserving(stores, vouchers)


def test_a_sequencer_does_not_go_on_from_what_a_witness_contradicts(cluster: Cluster, tmp_path: Path) -> None:
    with serving(witness_app(remembering(tmp_path, 50)), listen("127.0.0.1", 0)) as url:
        place = Place(cluster.dsn, cluster.schema, SIGNER, SignerHead(tmp_path / "signed"), single_node=True)
        objects = FolderObjects(tmp_path / "static")
        policy = parse_policy(policy_of({1: url}, quorum=1))
        with pytest.raises(Damaged) as found:
            sequence(place, objects, Event(), witnesses=policy, pause=0.05, loopback=True)
        assert found.value.code == "registry.rolled_back"
    with closing(open_postgres(cluster.dsn, schema=cluster.schema)) as log:
        assert log.checkpoint() is None


def test_a_witness_that_shows_nothing_ends_the_sequencer_when_it_contradicts(
    cluster: Cluster, tmp_path: Path
) -> None:
    app = witness_app(remembering(tmp_path, 1))

    async def mute(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path", "").endswith("/checkpoint"):
            scope["path"] = "/nowhere"
        await app(scope, receive, send)

    with serving(mute, listen("127.0.0.1", 0)) as url:
        place = Place(cluster.dsn, cluster.schema, SIGNER, SignerHead(tmp_path / "signed"), single_node=True)
        objects = FolderObjects(tmp_path / "static")
        policy = parse_policy(policy_of({1: url}, quorum=1))
        with closing(open_postgres(cluster.dsn, schema=cluster.schema)) as log:
            log.append([seal_leaf(1)])
        with pytest.raises(Conflict) as found:
            sequence(place, objects, Event(), witnesses=policy, pause=0.05, loopback=True)
        assert found.value.code == "witness.inconsistent"
    assert objects.get("checkpoint") is None


def test_a_node_with_another_key_does_not_start(cluster: Cluster) -> None:
    other = NoteSigner(SIGNER.name, bytes([9] * 32))
    objects = FolderObjects(cluster.home / "static")
    with (
        pytest.raises(NotTrusted) as refused,
        served_node(cluster.dsn, schema=cluster.schema, signer=other, objects=objects, rules=RULES),
    ):
        pass
    assert refused.value.code == "registry.other_key"


def test_a_killed_sequencer_is_taken_over_and_nothing_acknowledged_is_lost(cluster: Cluster) -> None:
    context = multiprocessing.get_context("spawn")
    first, second = (context.Process(target=cluster.sequence_for_ever) for _ in range(2))
    acknowledged: dict[bytes, int] = {}
    refused: list[int] = []
    end = Event()

    def append(node: Asked, start: int) -> None:
        for number in range(start, start + 10_000):
            leaf = seal_leaf(number)
            answer = node.post("/append", render_append([leaf]))
            if answer.status == 200:
                (acknowledged[leaf.entry],) = parse_appended(answer.body).indices
            else:
                refused.append(answer.status)
            if end.is_set():
                return

    def until(count: int) -> None:
        limit = monotonic() + 30
        while len(acknowledged) < count:
            assert monotonic() < limit, (len(acknowledged), refused)
            sleep(0.01)

    with ExitStack() as stack:
        nodes = [stack.enter_context(cluster.node()) for _ in range(2)]
        first.start()
        pool = stack.enter_context(ThreadPoolExecutor(4))
        asked = [pool.submit(append, nodes[n % 2], n * 10_000) for n in range(4)]
        stack.callback(end.set)
        until(40)
        second.start()  # it waits
        sleep(0.5)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        first.join()
        until(len(acknowledged) + 40)
        end.set()
        for one in asked:
            one.result(timeout=30)
        nodes[0].wait_published(max(acknowledged.values()) + 1)
    second.kill()
    second.join()
    assert not refused
    with open_postgres(cluster.dsn, schema=cluster.schema) as log:
        lost = [index for entry, index in acknowledged.items() if log.entry(index) != entry]
    assert lost == []
