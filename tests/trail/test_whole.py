"""Export and verify, over a company with everything in its book."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from konsens.registry import render_vkey
from konsens.trail.bundle import make_bundle
from konsens.trail.check import check_bundle
from konsens.trail.container import read_container, write_container
from konsens.trail.query import Query

from .town import full

def test_x(tmp_path):
    town = full(tmp_path)
    desk = town.desk
    view = desk.settled(Query(), now=town.world.now)
    for f in view.findings: print(f)
    for r in view.records: print(r.ref, r.customer[:20], r.state, r.decision.code, r.assurance, [e.type for e in r.events])
    files = make_bundle(desk.ledger, view, log=desk.log, vkey=render_vkey(desk.log.vkey), checkpoint=desk.log.checkpoint().note, identity=desk.identity)
    out = io.BytesIO(); write_container(files, out)
    (tmp_path.parent/"b.zip").write_bytes(out.getvalue())
    report = check_bundle(read_container(out.getvalue()), town.trust)
    for c in report.checks: print(c)
    print(report.warnings, report.counts, report.checkpoint)
    for e in report.errors: print(e.code, e.facts)
    assert report.ok
    town.close()
