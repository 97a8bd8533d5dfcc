"""A log that came back from a backup together with its home: only witnesses know, and they are asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient

from konsens.errors import Damaged, Unavailable
from konsens.registry import Checkpoint, Policy, Registry, SignerHead, parse_policy, sign_checkpoint
from konsens.registry.policy import Witness as Asked
from konsens.registry.serve import AppendPolicy, GroupCommit, Open
from konsens.registry.serve.publication import Publication
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.seen import check_witnesses
from konsens.registry.serve.server import served_log
from konsens.registry.serve.wire import render_append
from konsens.registry.static import FolderObjects
from konsens.registry.witness import AddCheckpoint, Witness, WitnessState, parse_logs, render_add_checkpoint

from .test_group_commit import wait_for
from .test_witness_app import cosigner, policy_of, witnessing
from .writers import SIGNER, seal_leaf, writing

RULES = AppendPolicy(v=1, open=Open())


@contextmanager
def service(home: Path, policy: Policy) -> Iterator[TestClient]:  # type: ignore[type-arg]  # of any app
    registry = home / "registry"
    if not registry.exists():
        home.mkdir()
        Registry.create(registry, origin=SIGNER.name, signer=SIGNER).close()
    with (
        served_log(
            registry,
            signer=SIGNER,
            remembered=SignerHead(home / "signed"),
            static=home / "static",
            rules=RULES,
            witnesses=policy,
            pause=0.05,
            loopback=True,
        ) as app,
        TestClient(app) as http,
    ):
        yield http


def append(http: TestClient, number: int) -> int:  # type: ignore[type-arg]  # of any app
    status: int = http.post("/append", content=render_append([seal_leaf(number)])).status_code
    return status


def witnessed(http: TestClient) -> bool:  # type: ignore[type-arg]  # of any app
    state, shown = http.app.state.service.intake.state, http.app.state.published()
    return bool(state.behind_since is None and shown.quorum and shown.size == state.size)


def test_a_snapshot_of_folder_and_home_is_not_gone_on_from_while_a_witness_remembers(tmp_path: Path) -> None:
    live, snapshot = tmp_path / "live", tmp_path / "snapshot"
    with witnessing(tmp_path, 1) as url:
        policy = parse_policy(policy_of({1: url}, quorum=1))
        with service(live, policy) as http:
            assert append(http, 1) == 200
            wait_for(lambda: witnessed(http))
        shutil.copytree(live, snapshot)
        with service(live, policy) as http:
            assert append(http, 2) == append(http, 3) == 200
            wait_for(lambda: witnessed(http))
        shutil.rmtree(live)
        shutil.copytree(snapshot, live)
        with service(live, policy) as http:
            writer = http.app.state.service.intake
            wait_for(lambda: writer.state.stopped)
            assert isinstance(writer.state.problem, Damaged)
            assert append(http, 4) == 503
            ready = http.get("/health/ready")
            assert (ready.status_code, ready.json()["facts"]["problem"]) == (503, "registry.rolled_back")
            assert http.get("/checkpoint").status_code == 200
    with Registry.open(live / "registry") as here, Registry.open(snapshot / "registry") as before:
        assert (here.size(), here.checkpoint()) == (before.size(), before.checkpoint())


def remembering(folder: Path, size: int) -> Witness:
    """Return a witness that has seen a checkpoint of another past of this log."""
    logs = parse_logs(policy_of({}, quorum=0).partition("group")[0] + "quorum none\n")
    witness = Witness(cosigner(1), logs, WitnessState(folder / "witness.sqlite"))
    note = sign_checkpoint(Checkpoint(SIGNER.name, size, bytes(32)), SIGNER).note
    asked = render_add_checkpoint(AddCheckpoint(0, (), note))
    assert witness.add_checkpoint(asked, at=datetime.now(UTC)).status == 200
    return witness


@pytest.mark.parametrize(("size", "code"), [(50, "witness.ahead"), (1, "witness.inconsistent")])
def test_a_witness_that_shows_nothing_and_contradicts_stops_the_writer(
    tmp_path: Path, size: int, code: str
) -> None:
    seer = remembering(tmp_path, size)
    objects = FolderObjects(tmp_path / "static")
    policy = parse_policy(policy_of({1: "https://witness1.example"}, quorum=1))
    asked = list[tuple[str, float]]()

    def transport(witness: Asked, body: bytes, *, timeout: float) -> tuple[int, bytes]:
        asked.append((witness.name, timeout))
        answer = seer.add_checkpoint(body, at=datetime.now(UTC))
        return answer.status, answer.body

    with ExitStack() as stack:
        intake, folder = stack.enter_context(writing(tmp_path))
        intake.append([seal_leaf(1)]).result(timeout=10)
        wait_for(lambda: intake.state.behind_since is None)
        publication = stack.enter_context(
            Publication(
                lambda: Registry.open(folder),
                objects,
                intake,
                policy=policy,
                transport=transport,
                pause=0.01,
                alarm=intake.stop,
            )
        )
        wait_for(lambda: intake.state.stopped)
        with pytest.raises(Unavailable) as refused:
            intake.append([seal_leaf(2)])
        assert (refused.value.code, refused.value.facts["problem"]) == ("append.stopped", code)
        wait_for(lambda: publication.state.problem)
        times = len(asked)
    assert len(asked) == times  # it asks no more
    assert objects.get("checkpoint") is None  # nothing of the second past is shown


@pytest.mark.parametrize("size", [50, 2])
def test_what_a_witness_shows_is_compared_by_the_logs_own_signature(tmp_path: Path, size: int) -> None:
    from konsens.registry.serve.witness_app import witness_app

    witness = remembering(tmp_path, size)
    with ExitStack() as stack:
        intake, folder = stack.enter_context(writing(tmp_path))
        intake.append([seal_leaf(1)]).result(timeout=10)
        url = stack.enter_context(serving(witness_app(witness), listen("127.0.0.1", 0)))
        log = stack.enter_context(closing(Registry.open(folder)))
        with pytest.raises(Damaged) as found:
            check_witnesses(log, parse_policy(policy_of({1: url}, quorum=1)), loopback=True)
        assert found.value.code == ("registry.rolled_back" if size == 50 else "registry.fork")


def test_a_witness_that_is_down_or_talks_nonsense_stops_nobody(tmp_path: Path) -> None:
    async def nonsense(scope: object, receive: object, send: object) -> None:
        if scope["type"] == "http":  # type: ignore[index]  # an ASGI scope
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]  # ASGI
            await send({"type": "http.response.body", "body": b"log.muster.example\n999\n"})  # type: ignore[operator]  # ASGI

    gone = listen("127.0.0.1", 0)
    down = f"http://127.0.0.1:{gone.getsockname()[1]}"
    gone.close()
    with ExitStack() as stack:
        url = stack.enter_context(serving(nonsense, listen("127.0.0.1", 0)))
        fresh = stack.enter_context(witnessing(tmp_path, 3))
        policy = parse_policy(policy_of({1: url, 2: down, 3: fresh}, quorum=1))
        intake, folder = stack.enter_context(writing(tmp_path))
        assert isinstance(intake, GroupCommit)
        log = stack.enter_context(closing(Registry.open(folder)))
        check_witnesses(log, policy, loopback=True)
        check_witnesses(log, None)
