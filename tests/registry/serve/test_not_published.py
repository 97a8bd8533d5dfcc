"""When the public files cannot be written: who is told, and that nobody takes the old state for now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from konsens.errors import Unavailable
from konsens.registry import Registry
from konsens.registry.serve import AppendPolicy, LogService, MemoryVouchers
from konsens.registry.serve.log_app import log_app
from konsens.registry.serve.publication import Publication
from konsens.registry.serve.wire import raise_problem
from konsens.registry.static import FolderObjects

from .test_group_commit import wait_for
from .writers import SIGNER, seal_leaf, writing


class Volume(FolderObjects):
    """A folder that can become full."""

    full = False

    def put(self, *args: Any, **named: Any) -> Any:
        if self.full:
            raise Unavailable("static.storage", problem="No space left on device")
        return super().put(*args, **named)


class Clock:
    """A clock that can be set forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextmanager
def asked(home: Path, volume: Volume, clock: Clock) -> Iterator[TestClient[Litestar]]:
    with (
        writing(home) as (intake, folder),
        Publication(lambda: Registry.open(folder), volume, intake, pause=0.02) as publication,
    ):
        service = LogService(
            signer=SIGNER,
            open_log=lambda: Registry.open(folder),
            intake=intake,
            objects=volume,
            policy=AppendPolicy(v=1),
            vouchers=MemoryVouchers(),
            now=clock.now,
        )
        with TestClient(log_app(service, published=lambda: publication.state)) as http:
            wait_for(lambda: 0 < publication.state.size == intake.state.size)
            yield http


def test_files_that_cannot_be_written_are_told_and_after_a_minute_nothing_old_is_shown(
    tmp_path: Path,
) -> None:
    clock, volume = Clock(), Volume(tmp_path / "static")
    with asked(tmp_path, volume, clock) as http:
        assert http.get("/health/ready").text == "ready\n"
        shown = http.get("/checkpoint")
        clock.ahead = timedelta(days=1)  # an idle log is never behind
        assert http.get("/checkpoint").content == shown.content
        clock.ahead = timedelta()
        volume.full = True
        (index,) = http.app.state.service.intake.append([seal_leaf(1)]).result(timeout=10)
        wait_for(lambda: "publication static.storage" in http.get("/health/ready").text)
        figures = http.get("/metrics").text
        assert "konsens_log_publication_failed 1.0" in figures
        assert f"konsens_log_published_entries {float(index)}" in figures
        assert http.get("/checkpoint").content == shown.content  # a short trouble is none
        clock.ahead = timedelta(seconds=62)
        for path in ("/checkpoint", "/health/ready"):
            late = http.get(path)
            assert (late.status_code, late.json()["code"]) == (503, "serve.behind")
            assert 61 <= late.json()["facts"]["seconds"] < 90
        with pytest.raises(Unavailable) as told:
            raise_problem(late.status_code, late.content)
        assert told.value.code == "serve.behind"
        assert http.get("/tile/entries/000.p/1").status_code == 200  # what never changes stays readable
        volume.full = False
        wait_for(lambda: http.get("/checkpoint").status_code == 200)
        assert http.get("/checkpoint").content != shown.content
        wait_for(lambda: http.get("/health/ready").text == "ready\n")
