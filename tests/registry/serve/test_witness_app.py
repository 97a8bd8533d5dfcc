"""Witnesses over HTTP: asked by a served log, and when they are down, slow or lying."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest

from konsens.fetch import Fetcher
from konsens.registry import Cosigner, Policy, Registry, parse_policy, render_vkey
from konsens.registry.serve import AppendPolicy, GroupCommit, LogService, MemoryVouchers
from konsens.registry.serve.log_app import log_app
from konsens.registry.serve.metrics import Metrics
from konsens.registry.serve.publication import Publication
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.witness_app import witness_app
from konsens.registry.static import MemoryObjects
from konsens.registry.witness import Witness, WitnessState, parse_logs, witness_transport

from .writers import SIGNER, seal_leaf, writing

FETCHER = Fetcher(loopback=True, seconds=20)


def cosigner(number: int) -> Cosigner:
    return Cosigner(f"witness{number}.example", bytes([number] * 32))


@contextmanager
def witnessing(folder: Path, number: int) -> Iterator[str]:
    logs = parse_logs(f"log {render_vkey(SIGNER.vkey)}\nquorum none\n")
    with closing(WitnessState(folder / f"witness{number}.sqlite")) as state:
        witness = Witness(cosigner(number), logs, state)
        with serving(witness_app(witness), listen("127.0.0.1", 0)) as url:
            yield url


def policy_of(urls: dict[int, str], *, quorum: int) -> str:
    lines = [f"log {render_vkey(SIGNER.vkey)}"]
    lines += [f"witness w{n} {render_vkey(cosigner(n).vkey)} {url}" for n, url in urls.items()]
    names = " ".join(f"w{n}" for n in urls)
    return "\n".join([*lines, f"group all {quorum} {names}", "quorum all", ""])


def publishing(
    folder: Path, objects: MemoryObjects, intake: GroupCommit, policy: Policy, *, renew: float = 300.0
) -> Publication:
    """Return what publishes the log in `folder`, asking the witnesses of `policy` on this machine."""
    return Publication(
        lambda: Registry.open(folder),
        objects,
        intake,
        policy=policy,
        transport=witness_transport(loopback=True),
        pause=0.05,
        renew=renew,
    )


def wait_until(condition: object) -> None:
    for _ in range(1000):
        if condition():  # type: ignore[operator]  # any callable
            return
        sleep(0.01)
    raise AssertionError("it never came")


def test_a_checkpoint_is_published_with_the_cosignatures_of_its_witnesses(tmp_path: Path) -> None:
    objects = MemoryObjects()
    with ExitStack() as stack:
        urls = {number: stack.enter_context(witnessing(tmp_path, number)) for number in (1, 2)}
        policy = parse_policy(policy_of(urls, quorum=2))
        intake, folder = stack.enter_context(writing(tmp_path, pause=0.02))
        stack.enter_context(publishing(folder, objects, intake, policy))
        (index,) = intake.append([seal_leaf(1)]).result(timeout=10)

        def published() -> bool:
            note = objects.get("checkpoint")
            return note is not None and policy.check(note).size > index

        wait_until(published)
        with Registry.open(folder) as log:
            newest = log.checkpoint()
            assert newest is not None
            assert not policy.check(newest.note).unwitnessed
            assert policy.check(newest.note).witnesses == ("w1", "w2")
        # Whoever follows the log sees at the witness what the witness has seen.
        origin_hash = sha256(SIGNER.name.encode()).hexdigest()
        shown = FETCHER.get(f"{urls[1]}/{origin_hash}/checkpoint")
        assert shown.status == 200
        assert f"\n{newest.checkpoint.size}\n".encode() in shown.body
        assert FETCHER.get(f"{urls[1]}/{'0' * 64}/checkpoint").status == 404


def test_witnesses_that_are_gone_or_lie_are_named_and_the_rest_count(tmp_path: Path) -> None:
    objects = MemoryObjects()
    with ExitStack() as stack:
        good = stack.enter_context(witnessing(tmp_path, 1))
        other = stack.enter_context(witnessing(tmp_path, 2))
        gone = listen("127.0.0.1", 0)
        down = f"http://127.0.0.1:{gone.getsockname()[1]}"
        gone.close()
        # The third key is shown with the second witness's URL: what comes back is of another key.
        policy = parse_policy(policy_of({1: good, 3: other, 4: down}, quorum=2))
        intake, folder = stack.enter_context(writing(tmp_path, pause=0.02))
        publication = stack.enter_context(publishing(folder, objects, intake, policy))
        wait_until(lambda: publication.state.answers and publication.state.size)
        codes = {one.witness: one.error and one.error.code for one in publication.state.answers}
        assert codes == {"w1": None, "w3": "witness.other_key", "w4": "witness.down"}
        assert not publication.state.quorum
        # It is published all the same, with the one cosignature that came.
        note = objects.get("checkpoint")
        assert note is not None
        assert b"witness1.example" in note
        assert b"witness2.example" not in note
        figures = Metrics(intake, lambda: publication.state).render()
        assert b'konsens_log_witness_up{witness="w1"} 1.0' in figures
        assert b'konsens_log_witness_up{witness="w4"} 0.0' in figures
        assert b"konsens_log_publication_lag_seconds 0.0" in figures
        assert b"konsens_log_publication_failed 0.0" in figures
        assert b"konsens_log_quorum 0.0" in figures
        service = LogService(
            signer=SIGNER,
            open_log=lambda: Registry.open(folder),
            intake=intake,
            objects=objects,
            policy=AppendPolicy(v=1),
            vouchers=MemoryVouchers(),
        )
        app = log_app(service, published=lambda: publication.state)
        with serving(app, listen("127.0.0.1", 0)) as url:
            ready = FETCHER.get(f"{url}/health/ready")
        assert ready.status == 200  # leaves are taken and signed all the same
        assert ready.body.decode().splitlines() == [
            "ready",
            "witness w1 up",
            "witness w3 witness.other_key",
            "witness w4 witness.down",
            "quorum missing",
        ]


def test_an_idle_log_gets_cosignatures_of_a_new_time_and_writes_nothing(tmp_path: Path) -> None:
    objects = MemoryObjects()
    with ExitStack() as stack:
        policy = parse_policy(policy_of({1: stack.enter_context(witnessing(tmp_path, 1))}, quorum=1))
        intake, folder = stack.enter_context(writing(tmp_path, pause=0.02))
        stack.enter_context(publishing(folder, objects, intake, policy, renew=0.2))
        wait_until(lambda: objects.get("checkpoint"))
        first = policy.check(objects.get("checkpoint") or b"")
        sleep(1.1)
        wait_until(lambda: policy.check(objects.get("checkpoint") or b"").cosigned_at != first.cosigned_at)
        later = policy.check(objects.get("checkpoint") or b"")
        assert (later.size, later.root) == (first.size, first.root)
        assert intake.state.size == first.size


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"old 0\n\nno checkpoint\n", 400), (b"x" * (1 << 20), 413)]
)
def test_a_witness_answers_nonsense_by_the_protocol(tmp_path: Path, body: bytes, status: int) -> None:
    with witnessing(tmp_path, 1) as url:
        assert FETCHER.post(f"{url}/add-checkpoint", body).status == status


def test_a_log_that_the_witness_does_not_know_is_404(tmp_path: Path) -> None:
    from konsens.registry import Checkpoint, NoteSigner, sign_checkpoint
    from konsens.registry.tree import EMPTY_ROOT
    from konsens.registry.witness import AddCheckpoint, render_add_checkpoint

    stranger = NoteSigner("other.example", bytes([8] * 32))
    signed = sign_checkpoint(Checkpoint(stranger.name, 0, EMPTY_ROOT), stranger)
    with witnessing(tmp_path, 1) as url:
        body = render_add_checkpoint(AddCheckpoint(0, (), signed.note))
        assert FETCHER.post(f"{url}/add-checkpoint", body).status == 404
