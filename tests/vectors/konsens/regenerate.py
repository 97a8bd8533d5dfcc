"""Write our own test values anew: `python tests/vectors/konsens/regenerate.py`.

The inputs are the 24 words of the official BIP-39 test vector for 32 zero bytes and fixed times, so the files
never change unless a format does. `tests/records/test_vectors.py` compares them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from konsens.did import LocalSigner, PrivateKey, did_key, kid_of, public_from_seed
from konsens.encoding import b64u_encode, format_time
from konsens.records import (
    Batch,
    Empty,
    Event,
    Matter,
    Seal,
    Seed,
    bare_label,
    claim_key,
    commitment,
    company_record_label,
    company_seal_label,
    did_label,
    event_salt,
    prepare,
    prepare_break,
    record_label,
    render_anchored,
    render_event,
    row_entry,
    seal_label,
    sign_event,
    sign_label,
    target_label,
)
from konsens.registry import leaf_hash, seal_of

FOLDER = Path(__file__).parent
WORDS = "abandon " * 23 + "art"
ORIGIN = "log.muster.example"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def vectors() -> dict[str, Any]:
    """Return what every file holds, by its name."""
    seed = Seed.from_words(WORDS)
    return {
        "seed.json": _keys(seed),
        "opened.json": _opened(seed),
        "break.json": _break(seed),
        "matter.json": _matters(),
        "batch.json": _batch(),
    }


def render(content: Any) -> str:
    """Return the text of a file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _seal(key: bytes) -> Seal:
    return Seal(seal_of(public_from_seed(key)).hex())


def _did(seed: Seed, company: int) -> str:
    return did_key(PrivateKey.ed25519(seed.derive(did_label(company))).public)


def _keys(seed: Seed) -> dict[str, Any]:
    labels = [
        did_label(0),
        did_label(1),
        seal_label(0, 0, 0),
        seal_label(0, 0, 1),
        seal_label(12, 3, 19),
        record_label(0, 0),
        bare_label(0, 0, 1),
        target_label(0, 1),
        sign_label(0),
        "log",
        company_seal_label(0, 0),
        company_record_label(0),
    ]
    code = bytes(range(16))
    return {
        "words": WORDS,
        "seed": seed.raw.hex(),
        "keys": {label: seed.derive(label).hex() for label in labels},
        "dids": {did_label(company): _did(seed, company) for company in (0, 1)},
        "seals": {label: _seal(seed.derive(label)) for label in labels if label.startswith("seal/")},
        "claim": {"code": code.hex(), "key": claim_key(code).hex(), "seal": _seal(claim_key(code))},
    }


def _opened(seed: Seed) -> dict[str, Any]:
    me = _did(seed, 0)
    keys = [seed.derive(seal_label(0, 0, seq)) for seq in (0, 1)]
    event = Event(
        type="opened",
        matter=Matter(customer=me, controller=me),
        seq=0,
        prev=None,
        seal=_seal(keys[0]),
        next=_seal(keys[1]),
        logs=(ORIGIN,),
        at=AT,
        target=None,
        content=Empty(),
    )
    signer = LocalSigner(PrivateKey.ed25519(seed.derive(did_label(0))), kid_of(me))
    signed = sign_event(event, signer=signer)
    salt = event_salt(seed.derive(record_label(0, 0)), 0, signed.event_hash)
    outgoing = prepare(signed, salt=salt, seal_key=keys[0])
    return {
        "at": format_time(AT),
        "payload": render_event(event).decode(),
        "bytes": len(signed.text),
        "event": signed.event_hash,
        "salt": b64u_encode(salt),
        "commitment": commitment(salt, signed.text).hex(),
        "leaf_hash": leaf_hash(outgoing.leaf).hex(),
        "message": render_anchored(outgoing.anchored_at(0)),
    }


def _break(seed: Seed) -> dict[str, Any]:
    label = bare_label(0, 0, 1)
    committed = seed.derive(label)
    broken = prepare_break(committed, seal_key=seed.derive(seal_label(0, 0, 1)), origin=ORIGIN)
    return {
        "origin": ORIGIN,
        "key": seal_label(0, 0, 1),
        "commitment": committed.hex(),
        "leaf": b64u_encode(broken.leaf),
        "leaf_hash": leaf_hash(broken.leaf).hex(),
    }


def _matters() -> list[dict[str, Any]]:
    shop = "did:web:muster.example"
    me = "did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU"
    matters = [
        Matter(customer=me, controller=shop, purpose="newsletter", channel="email"),
        Matter(customer="ref:Kundin Nº 7", controller=shop, purpose="newsletter", channel="post"),
        Matter(customer=me, controller=shop),
        Matter(controller=shop),
    ]
    return [{"matter": msgspec.to_builtins(matter), "record": matter.record_id} for matter in matters]


def _batch() -> dict[str, Any]:
    rows = [
        {
            "ref": f"C-{1000 + number}",
            "purpose": "newsletter",
            "channel": "email",
            "state": "given",
            "since": format_time(AT),
            "target": None,
            "next": _seal(claim_key(bytes([number]) * 16)),
        }
        for number in range(5)
    ]
    salts = [bytes([number]) * 32 for number in range(5)]
    batch = Batch(row_entry(salt, row) for salt, row in zip(salts, rows, strict=True))
    return {
        "count": batch.count,
        "root": batch.root.hex(),
        "rows": [
            {
                "row": row,
                "salt": b64u_encode(salt),
                "index": index,
                "path": [node.hex() for node in batch.path(index)],
            }
            for index, (row, salt) in enumerate(zip(rows, salts, strict=True))
        ],
    }


if __name__ == "__main__":
    for name, content in vectors().items():
        (FOLDER / name).write_text(render(content), encoding="utf-8")
