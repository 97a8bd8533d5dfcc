"""A customer's home: `konsens.json`, which says only that it is one, and the encrypted `wallet.sqlite`.

Whatever means a person or a company (names, DIDs, logs) lies in the vault, not in the settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .answers import Checkpoint, Record
from .frame import Frame
from .home import Home, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from konsens.records import SignedEvent
    from konsens.wallet import Act, Wallet
    from konsens.wallet import Record as WalletRecord

    from .screen import Screen

__all__ = [
    "WALLET",
    "checkpoint_of",
    "making_home",
    "open_wallet",
    "planned_records",
    "record_data",
    "show_records",
    "write_events",
]

WALLET = "wallet.sqlite"
_MARKS = {"given": "✔", "renewed": "✔", "pending": "⏳", "requested": "⏳", "deferred": "⏳"}


@contextmanager
def open_wallet(frame: Frame) -> Iterator[Wallet]:
    """Open the wallet of this run; `--registry` stands for this time in the place of its logs."""
    from konsens.wallet import Wallet

    frame.home.settings("customer")
    with Wallet.open(
        frame.home.file(WALLET), frame.passphrase(), folders=frame.registries, entropy=frame.entropy
    ) as wallet:
        yield wallet


@contextmanager
def making_home(home: Home) -> Iterator[Path]:
    """Yield the path of the vault to be made; the home appears when the block ends, or not at all."""
    with home.assemble() as draft:
        yield draft.file(WALLET)
        draft.save(Settings(kind="customer"))


def write_events(frame: Frame, wallet: Wallet, acts: Iterable[Act], out: Path | None) -> None:
    """Write the file that takes these acts to the company."""
    if out is None:
        return
    from konsens.consent import render_message
    from konsens.wallet import events_message

    frame.write(out, render_message(events_message(wallet, acts)))


def record_data(record: WalletRecord) -> Record:
    """Return a record as answers show it."""
    return Record(
        record=record.record,
        company=record.company,
        purpose=record.purpose,
        channel=record.channel,
        state=record.state,  # type: ignore[arg-type]  # the wallet names states as the answers do
        since=record.since,
        until=record.until,
        event=record.event,
        seal=record.seal,
        next=record.next,
        leaf_index=record.leaf_index,
    )


def planned_records(events: Iterable[SignedEvent], state: str | None = None) -> list[Record]:
    """Return the records as they would be if these events were sent: the answer of a dry run."""
    from konsens.encoding import format_time

    found = []
    for signed in events:
        event = signed.event
        until = getattr(event.content, "until", None)
        if event.matter.kind == "consent":
            found.append(
                Record(
                    record=event.matter.record_id,
                    company=event.matter.controller,
                    purpose=event.matter.purpose,
                    channel=event.matter.channel,
                    state=state or event.type,  # type: ignore[arg-type]  # a type that makes a state names it
                    since=format_time(event.at),
                    until=format_time(until) if until else None,
                    event=signed.event_hash,
                    seal=event.seal,
                    next=event.next,
                    leaf_index=None,
                )
            )
    return found


def checkpoint_of(wallet: Wallet) -> Checkpoint | None:
    """Return the newest checkpoint of the home log; what this wallet just wrote there is sequenced."""
    from konsens.errors import KonsensError

    if not wallet.logs.origins:
        return None
    origin = wallet.logs.origins[0]
    none = Checkpoint(origin=origin, size=None, root=None, map_root=None, at=None, acknowledged="sequenced")
    try:
        log = wallet.logs.named(origin)
        signed = log.checkpoint()
    except KonsensError:
        return none
    if signed is None:
        return none
    from konsens.encoding import format_time
    from konsens.registry import HeadLeaf, parse_leaf

    head = parse_leaf(log.entry(signed.checkpoint.size - 1))
    at = log.head_before(signed.checkpoint.size)
    return Checkpoint(
        origin=origin,
        size=signed.checkpoint.size,
        root=signed.checkpoint.root.hex(),
        map_root=head.map_root.hex() if isinstance(head, HeadLeaf) else None,
        at=format_time(at) if at else None,
        acknowledged="sequenced",
    )


def show_records(frame: Frame, names: Mapping[str, str], records: Iterable[Record], screen: Screen) -> None:
    """Write where consents stand, the company by its name."""
    headers = frame.pick(
        de="Stand|Unternehmen|Zweck|Kanal|Seit|Bis|Nr.", en="State|Company|Purpose|Channel|Since|Until|Id"
    )
    screen.table(
        headers.split("|"),
        [
            (
                state_of(frame, record.state),
                names.get(record.company or "", record.company),
                record.purpose,
                record.channel,
                record.since,
                record.until,
                (record.record or "")[:8],
            )
            for record in records
        ],
    )


def state_of(frame: Frame, state: str) -> str:
    """Return a state with its mark, in the person's language."""
    words = {
        "requested": "erbeten",
        "deferred": "vertagt",
        "refused": "abgelehnt",
        "pending": "wartet auf Bestätigung",
        "given": "erteilt",
        "renewed": "erneuert",
        "withdrawn": "widerrufen",
        "expired": "abgelaufen",
        "lapsed": "verfallen",
        "revoked": "aufgehoben",
        "superseded": "ersetzt",
        "invalidated": "ungültig",
    }
    return f"{_MARKS.get(state, '✖')} {frame.pick(de=words.get(state, state), en=state)}"
