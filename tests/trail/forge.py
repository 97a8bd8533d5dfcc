"""What a dishonest company can do to its own bundle: change it, and sign the changed manifest again."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from konsens.consent import Decision
from konsens.did import Signer, sign_jws
from konsens.encoding import jcs, sha256
from konsens.trail.container import read_container, write_container
from konsens.trail.manifest import MANIFEST, MANIFEST_TYP, SIGNATURE

Files = dict[str, bytes]


def unpack(bundle: bytes) -> Files:
    with read_container(bundle) as container:
        return {name: container.read(name) for name in container.names}


def pack(files: Files) -> bytes:
    out = io.BytesIO()
    write_container(files, out)
    return out.getvalue()


def resign(files: Files, signer: Signer, **changes: Any) -> bytes:
    """Return a bundle whose manifest fits again, signed by `signer`."""
    manifest = json.loads(files[MANIFEST]) | changes
    manifest["files"] = {
        name: sha256(data).hex() for name, data in files.items() if name not in (MANIFEST, SIGNATURE)
    }
    manifest["signer"] = changes.get("signer", signer.kid)
    text = jcs(manifest)
    signature = sign_jws(text, typ=MANIFEST_TYP, signer=signer).encode()
    return pack(files | {MANIFEST: text, SIGNATURE: signature})


def edit(files: Files, name: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON file in place."""
    value = json.loads(files[name])
    changed = change(value)
    files[name] = jcs(value if changed is None else changed)


def tell(files: Files, named: str, **members: Any) -> None:
    """Say something else of the place of the event that is named."""
    edit(files, "events.json", lambda entries: _place_of(entries, named).update(members))


def say(files: Files, did: str, *, code: str = "ok", basis: str | None = "consent", **members: Any) -> None:
    """Decide otherwise about a person, with the sentences and checks of the code that is told."""

    evidence, decision = members.pop("evidence", {}), members.pop("decision", {})
    now = datetime.fromtimestamp(0, UTC)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in (entry for entry in entries if entry["own"] == did):
            told = entry["decision"]
            question = {name: told[name] for name in ("customer", "purpose", "channel")}
            words = Decision(code=code, as_of=now, known_at=now, **question).as_data()
            told |= {name: words[name] for name in ("allowed", "code", "reason", "checks")}
            told |= {"basis": basis, **decision}
            told["evidence"] |= evidence
            entry |= members

    edit(files, "decisions.json", change)


def _place_of(entries: list[dict[str, Any]], event: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["event"] == event)


def event_of(files: Files, kind: str, *, customer: str | None = None, last: bool = False) -> str:
    """Return the hash of the first (or last) event of a type, of a customer if one is named."""
    found = []
    for entry in json.loads(files["events.json"]):
        payload = payload_of(files[f"events/{entry['event']}.jws"])
        about = payload["matter"].get("customer")
        if payload["type"] == kind and customer in (None, about):
            found.append(entry["event"])
    return str(found[-1 if last else 0])


def payload_of(jws: bytes) -> dict[str, Any]:
    middle = jws.split(b".")[1]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + b"=" * (-len(middle) % 4)))
    return value


def entry_of(files: Files, event: str) -> dict[str, Any]:
    return _place_of(json.loads(files["events.json"]), event)


def replace_event(files: Files, event: str, forged: str) -> None:
    """Put another event in the place of one, with its proof."""
    name = sha256(forged.encode()).hex()
    files.pop(f"events/{event}.jws")
    files[f"events/{name}.jws"] = forged.encode()
    files[f"proofs/{name}.tlog-proof"] = files.pop(f"proofs/{event}.tlog-proof")
    tell(files, event, event=name)


def drop_event(files: Files, event: str, *, seals: bool = True) -> str:
    """Take out an event with all that belongs to it; return the seal that it had left open."""
    payload = payload_of(files.pop(f"events/{event}.jws"))
    files.pop(f"proofs/{event}.tlog-proof")
    edit(files, "events.json", lambda entries: [e for e in entries if e["event"] != event])
    if seals:
        files.pop(f"seals/{payload['next']}.tlog-proof", None)
    return str(payload["seal"])
