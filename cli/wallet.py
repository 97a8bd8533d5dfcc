"""`init`, `backup …` and `recover`: how a wallet begins, is kept safe, and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .answers import Backup, Check, Init, Recovered, RegistryUsed
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .wallet_home import making_home, open_wallet
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konsens.wallet import Summary, Wallet

__all__ = ["backup_create", "backup_restore", "backup_verify", "init", "recover"]

BackupFile = Annotated[Path, Argument(metavar="FILE", help="A backup.")]


@command(unlocks=True, logs=True, writes=True)
def init(
    frame: Frame,
    name: Annotated[str | None, Option("--name", metavar="NAME", help="What you call this wallet.")] = None,
    words_file: Annotated[
        Path | None, Option("--words-file", metavar="FILE", help="Write the 24 words there, not here.")
    ] = None,
) -> Outcome:
    """Make a wallet: keys of your own, and 24 words that bring them back."""
    from konsens.errors import InputError
    from konsens.records import Seed
    from konsens.wallet import Wallet, words_of

    if words_file is None and not frame.terminal.present:
        raise InputError("input.needed", option="--words-file")
    frame.home.check_new()
    _check_words_file(frame, words_file)
    words = words_of(frame.entropy(32))
    with making_home(frame.home) as path:
        with Wallet.create(
            path,
            frame.passphrase(new=True),
            seed=Seed.from_words(" ".join(words)),
            at=frame.now(),
            folders=frame.registries,
            name=name,
            entropy=frame.entropy,
        ) as wallet:
            did = wallet.identities()[0].did
            registry = _registry(wallet)
        if words_file is not None:
            frame.write(words_file, _lines(words).encode())
        else:
            _show_words(frame, words)
    data = Init(
        home=str(frame.home.folder.absolute()),
        did=did,
        registry=registry,
        words_file=str(words_file) if words_file else None,
    )

    fields = {
        frame.pick(de="Brieftasche", en="Wallet"): data.home,
        frame.pick(de="Kennung", en="DID"): data.did,
        frame.pick(de="Register", en="Registry"): registry.origin if registry else None,
    }
    done = ""
    if words_file is not None:
        done = frame.pick(
            de=f"Die 24 Wörter stehen in {words_file}.\nSchreiben Sie sie auf Papier und löschen Sie dann "
            "die Datei: Wer sie hat,\nkann in Ihrem Namen alles widerrufen.",
            en=f"The 24 words are in {words_file}.\nWrite them on paper, then delete the file: whoever has "
            "them\ncan withdraw everything in your name.",
        )
    return Outcome(data, show=lambda screen: screen.fields(fields), done=done)


@command(unlocks=True, logs=True)
def recover(
    frame: Frame,
    words_file: Annotated[
        Path | None, Option("--words-file", metavar="FILE", help="Where the 24 words are.")
    ] = None,
) -> Outcome:
    """Make a wallet from the 24 words alone; it can then withdraw everything."""
    from konsens.records import Seed
    from konsens.wallet import parse_words
    from konsens.wallet import recover as recover_wallet

    if words_file is not None:
        typed = frame.read(words_file, max_bytes=4096).decode("utf-8", "replace")
    else:
        question = frame.pick(de="Die 24 Wörter:", en="The 24 words:")
        typed = frame.ask(question, option="--words-file")
    seed = Seed.from_words(" ".join(parse_words(typed)))
    with making_home(frame.home) as path:
        wallet, found = recover_wallet(
            path,
            frame.passphrase(new=True),
            seed,
            folders=frame.registries,
            at=frame.now(),
            entropy=frame.entropy,
        )
        wallet.close()
    data = Recovered(
        dids=list(found.dids),
        seals_found=found.seals_found,
        records_without_text=found.records_without_text,
    )
    fields = {
        frame.pick(de="Kennungen", en="Identities"): len(found.dids),
        frame.pick(de="Einträge im Register", en="Entries in the registry"): found.seals_found,
        frame.pick(de="Vorgänge ohne Text", en="Matters without text"): found.records_without_text,
    }
    done = frame.pick(
        de="`konsens withdraw --all` widerruft jetzt alles.\n"
        "Die Texte kommen aus einer Sicherung oder vom Unternehmen (Art. 15 DSGVO).",
        en="`konsens withdraw --all` now withdraws everything.\n"
        "The texts come from a backup or from the company (Art. 15 GDPR).",
    )
    return Outcome(data, show=lambda screen: screen.fields(fields), done=done)


@command(unlocks=True, writes=True)
def backup_create(frame: Frame, file: Annotated[Path, Argument(metavar="FILE", help="Where to.")]) -> Outcome:
    """Write the whole wallet to one sealed file, under the same passphrase."""
    from konsens.wallet import render_backup, verify_backup

    frame.check_out(file)
    with open_wallet(frame) as wallet:
        data, _ = render_backup(wallet.vault, at=frame.now(), entropy=frame.entropy)
    summary = verify_backup(data, frame.passphrase())
    frame.write(file, data)
    done = frame.pick(de=f"Geprüft und gesichert in {file}.", en=f"Checked, and saved in {file}.")
    return _outcome(frame, file, summary, done)


@command(unlocks=True)
def backup_verify(frame: Frame, file: BackupFile) -> Outcome:
    """Check that a backup opens and that every record in it is whole; nothing is written."""
    from konsens.wallet import verify_backup

    summary = verify_backup(_source(frame, file), frame.passphrase())
    done = frame.pick(de="Die Sicherung ist ganz und lesbar.", en="The backup is whole and readable.")
    return _outcome(frame, file, summary, done)


@command(unlocks=True)
def backup_restore(frame: Frame, file: BackupFile) -> Outcome:
    """Make a wallet from a backup, in a home that is empty; it keeps the backup's passphrase."""
    from konsens.wallet import restore

    source = _source(frame, file)
    with making_home(frame.home) as path:
        summary = restore(source, frame.passphrase(), path=path, entropy=frame.entropy)
    done = frame.pick(
        de="Wiederhergestellt. Bevor sie handelt, gleicht sich die Brieftasche mit dem Register ab.",
        en="Restored. Before it acts, the wallet compares itself with the registry.",
    )
    return _outcome(frame, file, summary, done)


def _check_words_file(frame: Frame, path: Path | None) -> None:
    """Raise unless the words can be written there: words that are there may be somebody's only ones.

    The words come before the wallet, so that no wallet is without them. So a run that was killed may leave
    words without a wallet, and the person may have noted them.
    """
    from konsens.errors import Conflict, KonsensError
    from konsens.wallet import parse_words

    try:
        frame.check_out(path)
    except Conflict as error:
        try:
            parse_words(frame.read(str(path), max_bytes=4096).decode("utf-8", "replace"))
        except KonsensError:
            raise error from None
        raise Conflict("words.there", path=path) from error


def _source(frame: Frame, file: Path) -> Path | bytes:
    return frame.read(file, max_bytes=1 << 30) if str(file) == "-" else file


def _registry(wallet: Wallet) -> RegistryUsed | None:
    from konsens.wallet.kinds import LOG

    known = sorted(wallet.vault.list(LOG).values(), key=lambda log: log.rank)
    return RegistryUsed(origin=known[0].origin, vkey=known[0].vkey, folder=known[0].where) if known else None


def _outcome(frame: Frame, file: Path, summary: Summary, done: str) -> Outcome:
    records, cards = summary.counts.get("act", 0), summary.counts.get("card", 0)
    data = Backup(
        file=str(file),
        created_at=summary.created_at,
        records=records,
        cards=cards,
        checks=[
            Check(name="backup.opens", ok=True, detail=""),
            Check(name="backup.records", ok=True, detail=str(sum(summary.counts.values()))),
        ],
    )
    fields = {
        frame.pick(de="Vom", en="Made"): moment(summary.created_at),
        frame.pick(de="Handlungen", en="Acts"): records,
        frame.pick(de="Nachweise", en="Credentials"): cards,
    }
    return Outcome(data, show=lambda screen: screen.fields(fields), done=done)


def _lines(words: Sequence[str]) -> str:
    return "".join(" ".join(words[at : at + 6]) + "\n" for at in range(0, len(words), 6))


def _show_words(frame: Frame, words: Sequence[str]) -> None:
    numbered = "\n".join(
        "  ".join(f"{at + n + 1:2}. {words[at + n]:<9}" for n in range(4)) for at in range(0, len(words), 4)
    )
    intro = frame.pick(
        de="Schreiben Sie diese 24 Wörter auf Papier. Sie werden nie wieder gezeigt.\nWer sie hat, kann in "
        "Ihrem Namen alles widerrufen;\nohne sie und ohne Sicherung kann Ihnen niemand helfen.",
        en="Write these 24 words on paper. They are never shown again.\nWhoever has them can withdraw "
        "everything in your name;\nwithout them and without a backup nobody can help you.",
    )
    frame.terminal.show(f"{intro}\n\n{numbered}\n")
